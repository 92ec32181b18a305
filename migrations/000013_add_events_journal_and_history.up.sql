-- journal is fixed when the event is made. history_length and history_head are the end of its hash chain.
ALTER TABLE events
    ADD COLUMN journal SMALLINT NOT NULL DEFAULT 0 REFERENCES journals (id),
    ADD COLUMN history_length BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN history_head BYTEA,
    ADD COLUMN canceled_reason TEXT,
    ADD COLUMN open_slot_id BIGINT REFERENCES open_slots (id) ON DELETE SET NULL,
    ADD CONSTRAINT events_history_check CHECK (history_length >= 0);
