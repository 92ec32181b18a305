DROP FUNCTION events_lag();
DROP INDEX idx_history_relayed;
DROP TABLE history_relay;
