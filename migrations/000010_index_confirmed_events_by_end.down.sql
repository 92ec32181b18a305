DROP INDEX idx_events_confirmed_end;
