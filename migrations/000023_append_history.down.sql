GRANT UPDATE (history_length, history_head) ON events TO timingle_api;
DROP FUNCTION complete_if_due(BIGINT);
DROP FUNCTION complete_events(history_change[]);
DROP FUNCTION done_change(events);
DROP FUNCTION append_history(BIGINT, JSONB, TEXT, TEXT);
DROP FUNCTION append_changes(BIGINT, JSONB, BIGINT, JSONB);
