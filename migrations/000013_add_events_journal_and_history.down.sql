ALTER TABLE events
    DROP COLUMN open_slot_id,
    DROP COLUMN canceled_reason,
    DROP COLUMN history_head,
    DROP COLUMN history_length,
    DROP COLUMN journal;
