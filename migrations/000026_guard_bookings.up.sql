-- A slot is had by one event at a time, whoever writes; and its business must know, though it may have left that event.
CREATE UNIQUE INDEX idx_events_open_slot ON events (open_slot_id) WHERE status IN ('PROPOSED', 'CONFIRMED');

CREATE FUNCTION open_slot_is_booked(slot_id BIGINT) RETURNS BOOLEAN
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (
        SELECT FROM public.events AS e WHERE e.open_slot_id = $1 AND e.status IN ('PROPOSED', 'CONFIRMED')
    );
REVOKE ALL ON FUNCTION open_slot_is_booked(BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION open_slot_is_booked(BIGINT) TO timingle_api;
