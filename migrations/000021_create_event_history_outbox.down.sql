UPDATE events SET history_length = 0, history_head = NULL;
DROP FUNCTION moment(TIMESTAMPTZ);
DROP FUNCTION chain_history(history_change[], BIGINT, JSONB);
DROP FUNCTION make_change_id(TIMESTAMPTZ, BIGINT);
DROP AGGREGATE chain_hash(BYTEA, BYTEA);
DROP FUNCTION chain_next(BYTEA, BYTEA, BYTEA);
DROP TYPE history_change;
ALTER TABLE events DROP COLUMN history_at;
DROP TABLE event_history_outbox;
