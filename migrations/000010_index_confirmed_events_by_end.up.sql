-- What the sweep that makes events DONE pages by.
CREATE INDEX idx_events_confirmed_end ON events (end_time, id) WHERE status = 'CONFIRMED';
