-- Row-level security for ingest (timingle_api), which names the acting user with SET LOCAL timingle.user_id in each
-- transaction. The owner of the tables, as whom workers come, is not bound by it.

CREATE FUNCTION current_user_id() RETURNS BIGINT LANGUAGE sql STABLE
    RETURN nullif(current_setting('timingle.user_id', true), '')::BIGINT;

-- Two policies that read each other's tables would recurse without end; this function reads past them.
CREATE FUNCTION takes_part(event_id BIGINT, user_id BIGINT) RETURNS BOOLEAN
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (
        SELECT FROM public.event_participants AS p WHERE p.event_id = $1 AND p.user_id = $2
    );

-- An event cannot yet be seen by its participants while it has none, so its first ones are let in here: once, by its
-- creator, who is one of them and agrees from the start.
CREATE FUNCTION add_first_participants(event_id BIGINT, user_ids BIGINT[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    creator BIGINT;
BEGIN
    SELECT e.creator_id INTO creator FROM public.events AS e WHERE e.id = $1 FOR UPDATE;
    IF creator IS DISTINCT FROM public.current_user_id() OR creator IS NULL THEN
        RAISE EXCEPTION 'Only its creator lets the first participants into an event'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT FROM public.event_participants AS p WHERE p.event_id = $1) THEN
        RAISE EXCEPTION 'The event has participants already' USING ERRCODE = 'insufficient_privilege';
    END IF;
    INSERT INTO public.event_participants (event_id, user_id, confirmed, confirmed_at)
    SELECT $1, first.id, first.id = creator, CASE WHEN first.id = creator THEN now() END
    FROM (SELECT creator AS id UNION SELECT unnest($2)) AS first;
END;
$$;

-- For each pair, in order: whether there is such an event, whether the user takes part in it, and what a message of
-- his shows of him. Tells "not yours" from "not there", in one statement for a whole bulk.
CREATE FUNCTION taking_part(event_ids BIGINT[], user_ids BIGINT[])
    RETURNS TABLE (event_id BIGINT, user_id BIGINT, event_exists BOOLEAN, takes_part BOOLEAN, is_active BOOLEAN,
        name TEXT, picture TEXT, journal SMALLINT, joined_seq BIGINT)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pair.event_id, pair.user_id, e.id IS NOT NULL, p.user_id IS NOT NULL,
        coalesce(u.is_active AND u.deleted_at IS NULL, FALSE),
        coalesce(u.display_name, u.name, ''), u.profile_image_url, e.journal, p.joined_seq
    FROM unnest(event_ids, user_ids) WITH ORDINALITY AS pair (event_id, user_id, place)
    LEFT JOIN public.events AS e ON e.id = pair.event_id
    LEFT JOIN public.event_participants AS p ON p.event_id = pair.event_id AND p.user_id = pair.user_id
    LEFT JOIN public.users AS u ON u.id = pair.user_id
    ORDER BY pair.place
$$;

REVOKE ALL ON FUNCTION takes_part(BIGINT, BIGINT), add_first_participants(BIGINT, BIGINT[]),
    taking_part(BIGINT[], BIGINT[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION takes_part(BIGINT, BIGINT), add_first_participants(BIGINT, BIGINT[]),
    taking_part(BIGINT[], BIGINT[]) TO timingle_api;

-- INSERT … RETURNING needs a SELECT policy that sees the row before anybody takes part: hence creator_id.
ALTER TABLE events ENABLE ROW LEVEL SECURITY;
CREATE POLICY events_select ON events FOR SELECT TO timingle_api
    USING (creator_id = current_user_id() OR takes_part(id, current_user_id()));
CREATE POLICY events_insert ON events FOR INSERT TO timingle_api
    WITH CHECK (creator_id = current_user_id());
CREATE POLICY events_update ON events FOR UPDATE TO timingle_api
    USING (takes_part(id, current_user_id()));

-- The creator adds and removes others and anybody removes himself. One agrees for himself only, but a moved time
-- takes back what others agreed to. `user_id = current_user_id()` for INSERT would let any outsider join.
ALTER TABLE event_participants ENABLE ROW LEVEL SECURITY;
CREATE POLICY event_participants_select ON event_participants FOR SELECT TO timingle_api
    USING (user_id = current_user_id() OR takes_part(event_id, current_user_id()));
CREATE POLICY event_participants_insert ON event_participants FOR INSERT TO timingle_api
    WITH CHECK (
        takes_part(event_id, current_user_id())
        AND EXISTS (
            SELECT FROM events AS e
            WHERE e.id = event_participants.event_id AND e.creator_id = current_user_id()
        )
    );
CREATE POLICY event_participants_update ON event_participants FOR UPDATE TO timingle_api
    USING (takes_part(event_id, current_user_id()))
    WITH CHECK (takes_part(event_id, current_user_id()) AND (user_id = current_user_id() OR NOT confirmed));
CREATE POLICY event_participants_delete ON event_participants FOR DELETE TO timingle_api
    USING (
        user_id = current_user_id()
        OR takes_part(event_id, current_user_id())
        AND EXISTS (
            SELECT FROM events AS e
            WHERE e.id = event_participants.event_id AND e.creator_id = current_user_id()
        )
    );

ALTER TABLE payments ENABLE ROW LEVEL SECURITY;
CREATE POLICY payments_select ON payments FOR SELECT TO timingle_api
    USING (current_user_id() IN (payer_id, receiver_id));
CREATE POLICY payments_insert ON payments FOR INSERT TO timingle_api
    WITH CHECK (
        current_user_id() IN (payer_id, receiver_id)
        AND (event_id IS NULL OR takes_part(event_id, current_user_id()))
    );
CREATE POLICY payments_update ON payments FOR UPDATE TO timingle_api
    USING (current_user_id() IN (payer_id, receiver_id));
