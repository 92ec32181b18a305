DROP FUNCTION open_slot_is_booked(BIGINT);
DROP INDEX idx_events_open_slot;
