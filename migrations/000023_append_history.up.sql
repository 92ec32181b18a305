-- Chain changes of one event, [{"change_type", "field_name", "old_value", "new_value", "texts"}, …], and answer the
-- chain's new end. The rows themselves are changed by the same transaction, before or after, under the event's lock.
-- Who is let in is named as he is called then.
CREATE FUNCTION append_changes(event_id BIGINT, changes JSONB, actor_id BIGINT, actor_texts JSONB)
    RETURNS TABLE (length BIGINT, head BYTEA, updated_at TIMESTAMPTZ)
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
    WITH entries AS MATERIALIZED (
        SELECT h.* FROM public.chain_history(ARRAY(
            SELECT (e.id, e.history_length, e.history_head, e.history_at, c.change_type, c.field_name, c.old_value,
                c.new_value, coalesce(c.texts, '{}') || jsonb_strip_nulls(jsonb_build_object('name',
                    nullif(coalesce(u.display_name, u.name), ''))))::public.history_change
            FROM (SELECT * FROM public.events WHERE id = $1 FOR NO KEY UPDATE) AS e
            CROSS JOIN ROWS FROM (jsonb_to_recordset($2) AS (change_type TEXT, field_name TEXT, old_value JSON,
                new_value JSON, texts JSONB)) WITH ORDINALITY AS c (change_type, field_name, old_value, new_value,
                texts, place)
            LEFT JOIN public.users AS u
                ON c.change_type = 'PARTICIPANT_ADDED' AND u.id = (c.new_value ->> 'user_id')::BIGINT
            ORDER BY c.place
        ), $3, $4) AS h
    ), stored AS (
        INSERT INTO public.event_history_outbox SELECT * FROM entries
    )
    UPDATE public.events AS e
    SET history_length = last.chain_seq, history_head = last.entry_hash, history_at = last.changed_at
    FROM (SELECT * FROM entries ORDER BY chain_seq DESC LIMIT 1) AS last WHERE e.id = $1
    RETURNING e.history_length, e.history_head, e.updated_at
$$;

-- The same for ingest: the actor is whoever acts, by the name he has now, and must take part.
CREATE FUNCTION append_history(event_id BIGINT, changes JSONB, ip_address TEXT, user_agent TEXT)
    RETURNS TABLE (length BIGINT, head BYTEA, updated_at TIMESTAMPTZ)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    actor BIGINT := public.current_user_id();
BEGIN
    IF actor IS NULL OR NOT public.takes_part($1, actor) THEN
        RAISE EXCEPTION 'Only who takes part in an event extends its history'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY SELECT a.length, a.head, a.updated_at FROM public.append_changes($1, $2, actor, (
        SELECT jsonb_strip_nulls(jsonb_build_object('actor_name', nullif(coalesce(u.display_name, u.name), ''),
            'ip_address', $3, 'user_agent', $4))
        FROM public.users AS u WHERE u.id = actor)) AS a;
END;
$$;

-- What the clock does to an event, as a change to be chained.
CREATE FUNCTION done_change(event events) RETURNS history_change LANGUAGE sql IMMUTABLE
    RETURN ((event).id, (event).history_length, (event).history_head, (event).history_at, 'DONE', 'status',
        '"CONFIRMED"', '"DONE"', NULL)::history_change;

-- Make events DONE that are locked and due, all in one statement; their entries. The clock is nobody: no actor.
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

-- For ingest: let a due DONE happen before anything else does; whether it did. Whoever asks, it is only what is due.
CREATE FUNCTION complete_if_due(event_id BIGINT) RETURNS BOOLEAN
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*) > 0 FROM public.complete_events(ARRAY(
        SELECT public.done_change(e) FROM public.events AS e
        WHERE e.id = $1 AND e.status = 'CONFIRMED' AND e.end_time <= clock_timestamp() FOR NO KEY UPDATE))
$$;

REVOKE ALL ON FUNCTION append_changes(BIGINT, JSONB, BIGINT, JSONB), append_history(BIGINT, JSONB, TEXT, TEXT),
    done_change(events), complete_events(history_change[]), complete_if_due(BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION append_history(BIGINT, JSONB, TEXT, TEXT), complete_if_due(BIGINT) TO timingle_api;
REVOKE UPDATE (history_length, history_head) ON events FROM timingle_api;
