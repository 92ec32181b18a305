-- Who relays histories to ScyllaDB holds this one row, so that relays take turns. It notes what was seen of ScyllaDB last,
-- every node with the generation that changes when it restarts, and when. A node acknowledges rows before they are on its
-- disk: after a restart, what was relayed since shortly before seen_at is relayed once more.
CREATE TABLE history_relay (
    id SMALLINT PRIMARY KEY,
    generations TEXT NOT NULL,
    seen_at TIMESTAMPTZ NOT NULL,
    CONSTRAINT history_relay_one_row CHECK (id = 0)
);
INSERT INTO history_relay (id, generations, seen_at) VALUES (0, '', now());
-- What is to be relayed once more, and what has been kept for 35 days.
CREATE INDEX idx_history_relayed ON event_history_outbox (relayed_at) WHERE relayed_at IS NOT NULL;

-- For /metrics: seconds since the oldest event ended that is still CONFIRMED, entries that are not relayed, seconds that
-- the oldest of these waits. Figures of all events, which the API's role does not see: so by this function only.
CREATE FUNCTION events_lag() RETURNS TABLE (overdue_s DOUBLE PRECISION, unrelayed BIGINT, unrelayed_s DOUBLE PRECISION)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((
            SELECT greatest(extract(epoch FROM now() - e.end_time), 0)
            FROM public.events AS e WHERE e.status = 'CONFIRMED' ORDER BY e.end_time, e.id LIMIT 1
        ), 0),
        count(*), coalesce(greatest(extract(epoch FROM now() - min(h.changed_at)), 0), 0)
    FROM public.event_history_outbox AS h WHERE h.relayed_at IS NULL
$$;
REVOKE ALL ON FUNCTION events_lag() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION events_lag() TO timingle_api;
