ALTER FUNCTION guard_event_history() RESET plan_cache_mode;
DROP FUNCTION complete_events(history_change[]);
CREATE FUNCTION complete_events(due history_change[]) RETURNS SETOF event_history_outbox
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH entries AS MATERIALIZED (
        SELECT * FROM public.chain_history($1, NULL, NULL)
    ), done AS (
        UPDATE public.events AS e SET status = 'DONE', history_length = n.chain_seq, history_head = n.entry_hash,
            history_at = n.changed_at
        FROM entries AS n WHERE e.id = n.event_id
    )
    INSERT INTO public.event_history_outbox SELECT * FROM entries RETURNING *
$$;
REVOKE ALL ON FUNCTION complete_events(history_change[]) FROM PUBLIC;
