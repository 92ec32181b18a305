CREATE TYPE public.history_change AS (
	event_id bigint,
	history_length bigint,
	history_head bytea,
	history_at timestamp with time zone,
	change_type text,
	field_name text,
	old_value json,
	new_value json,
	texts jsonb
);

CREATE FUNCTION public.add_first_participants(event_id bigint, user_ids bigint[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

CREATE FUNCTION public.append_changes(event_id bigint, changes jsonb, actor_id bigint, actor_texts jsonb) RETURNS TABLE(length bigint, head bytea, updated_at timestamp with time zone)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

CREATE FUNCTION public.append_history(event_id bigint, changes jsonb, ip_address text, user_agent text) RETURNS TABLE(length bigint, head bytea, updated_at timestamp with time zone)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
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
$_$;

CREATE TABLE public.audit_reports (
    id bigint NOT NULL,
    event_id bigint NOT NULL,
    requested_by bigint NOT NULL,
    language character varying(2) NOT NULL,
    history_length bigint NOT NULL,
    history_head bytea NOT NULL,
    status character varying(20) DEFAULT 'queued'::character varying NOT NULL,
    progress real DEFAULT 0 NOT NULL,
    step text DEFAULT ''::text NOT NULL,
    cause text,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT now() NOT NULL,
    object_key text,
    sha256 bytea,
    size_bytes bigint,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT audit_reports_file_check CHECK ((((status)::text <> 'ready'::text) OR (num_nulls(object_key, sha256, size_bytes, expires_at) = 0))),
    CONSTRAINT audit_reports_history_check CHECK (((history_length >= 0) AND (length(history_head) = 32))),
    CONSTRAINT audit_reports_language_check CHECK (((language)::text = ANY ((ARRAY['ko'::character varying, 'en'::character varying])::text[]))),
    CONSTRAINT audit_reports_progress_check CHECK (((progress >= (0)::double precision) AND (progress <= (1)::double precision))),
    CONSTRAINT audit_reports_status_check CHECK (((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'ready'::character varying, 'failed'::character varying, 'canceled'::character varying, 'expired'::character varying])::text[])))
);

CREATE FUNCTION public.audit_report_exists(report_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (EXISTS (SELECT FROM public.audit_reports r WHERE (r.id = audit_report_exists.report_id)));

CREATE TABLE public.event_history_outbox (
    event_id bigint NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    change_id uuid NOT NULL,
    actor_id bigint,
    actor_name text,
    change_type text NOT NULL,
    field_name text,
    old_value text,
    new_value text,
    ip_address text,
    user_agent text,
    metadata jsonb NOT NULL,
    chain_seq bigint NOT NULL,
    prev_hash bytea NOT NULL,
    entry_hash bytea NOT NULL,
    hashed_bytes bytea NOT NULL,
    salts jsonb NOT NULL,
    relayed_at timestamp with time zone,
    CONSTRAINT event_history_outbox_chain_seq_check CHECK ((chain_seq > 0)),
    CONSTRAINT event_history_outbox_hash_check CHECK ((entry_hash = sha256((prev_hash || hashed_bytes)))),
    CONSTRAINT event_history_outbox_type_check CHECK ((change_type = ANY (ARRAY['CREATED'::text, 'UPDATED'::text, 'CONFIRMED'::text, 'CANCELED'::text, 'DONE'::text, 'PARTICIPANT_ADDED'::text, 'PARTICIPANT_REMOVED'::text, 'PARTICIPANT_CONFIRMED'::text, 'PARTICIPANT_UNCONFIRMED'::text, 'PAYMENT_CREATED'::text, 'PAYMENT_CHANGED'::text, 'PAYMENT_CORRECTED'::text])))
);

CREATE FUNCTION public.chain_history(changes public.history_change[], actor_id bigint, actor_texts jsonb) RETURNS SETOF public.event_history_outbox
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT e.event_id, e.changed_at, e.change_id, $2, e.texts ->> 'actor_name', e.change_type, e.field_name,
        coalesce(e.old_value::TEXT, to_json(e.texts ->> 'old_value')::TEXT),
        coalesce(e.new_value::TEXT, to_json(e.texts ->> 'new_value')::TEXT),
        e.texts ->> 'ip_address', e.texts ->> 'user_agent',
        e.texts - ARRAY['actor_name', 'old_value', 'new_value', 'ip_address', 'user_agent'],
        e.chain_seq, coalesce(lag(e.entry_hash) OVER chain, e.head), e.entry_hash, e.bytes, e.salts, NULL::TIMESTAMPTZ
    FROM (
        SELECT made.*,
            public.chain_hash(made.head, made.bytes) OVER (PARTITION BY made.event_id ORDER BY made.chain_seq)
                AS entry_hash
        FROM (
            SELECT named.*, coalesce(committed.salts, '{}') AS salts,
                convert_to(json_build_object(
                    'event_id', named.event_id, 'chain_seq', named.chain_seq, 'change_id', named.change_id,
                    'changed_at', to_char(named.changed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
                    'type', named.change_type, 'field', named.field_name, 'old', named.old_value,
                    'new', named.new_value, 'actor_id', $2, 'commitments', coalesce(committed.commitments, '{}')
                )::TEXT, 'UTF8') AS bytes
            FROM (
                SELECT placed.*, public.make_change_id(placed.changed_at, placed.chain_seq) AS change_id
                FROM (
                    SELECT c.event_id, coalesce(c.history_head, decode(repeat('00', 32), 'hex')) AS head,
                        c.history_length + row_number() OVER (PARTITION BY c.event_id ORDER BY c.place) AS chain_seq,
                        date_trunc('milliseconds', greatest((SELECT clock_timestamp()),
                            c.history_at + INTERVAL '1 millisecond')) AS changed_at,
                        c.change_type, c.field_name, c.old_value, c.new_value,
                        coalesce(c.texts, '{}') || coalesce($3, '{}') AS texts
                    FROM unnest($1) WITH ORDINALITY AS c (event_id, history_length, history_head, history_at,
                        change_type, field_name, old_value, new_value, texts, place)
                ) AS placed
            ) AS named
            CROSS JOIN LATERAL (
                SELECT jsonb_object_agg(s.name, encode(s.salt, 'hex')) AS salts,
                    json_object_agg(s.name, encode(sha256(s.salt || convert_to(s.value, 'UTF8')), 'hex'))
                        AS commitments
                FROM (
                    SELECT t.key AS name, t.value,
                        uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) AS salt
                    FROM jsonb_each_text(named.texts) AS t WHERE named.texts <> '{}'
                ) AS s
            ) AS committed
            OFFSET 0 -- or the bytes would be made twice: to be hashed, and to be stored
        ) AS made
    ) AS e
    WINDOW chain AS (PARTITION BY e.event_id ORDER BY e.chain_seq)
    ORDER BY e.event_id, e.chain_seq
$_$;

CREATE FUNCTION public.chain_next(hash bytea, head bytea, bytes bytea) RETURNS bytea
    LANGUAGE sql IMMUTABLE
    RETURN sha256((COALESCE(hash, head) || bytes));

CREATE FUNCTION public.complete_events(due public.history_change[]) RETURNS TABLE(event_id bigint, changed_at timestamp with time zone)
    LANGUAGE sql
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $_$
    WITH entries AS MATERIALIZED (
        SELECT * FROM public.chain_history($1, NULL, NULL)
    ), stored AS (
        INSERT INTO public.event_history_outbox SELECT * FROM entries
    )
    UPDATE public.events AS e SET status = 'DONE', history_length = n.chain_seq, history_head = n.entry_hash,
        history_at = n.changed_at
    FROM entries AS n WHERE e.id = n.event_id RETURNING e.id, e.history_at
$_$;

CREATE FUNCTION public.complete_if_due(event_id bigint) RETURNS boolean
    LANGUAGE sql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT count(*) > 0 FROM public.complete_events(ARRAY(
        SELECT public.done_change(e) FROM public.events AS e
        WHERE e.id = $1 AND e.status = 'CONFIRMED' AND e.end_time <= clock_timestamp() FOR NO KEY UPDATE))
$_$;

CREATE FUNCTION public.copy_start_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    UPDATE public.event_participants AS p SET start_time = NEW.start_time WHERE p.event_id = NEW.id;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.current_user_id() RETURNS bigint
    LANGUAGE sql STABLE
    RETURN (NULLIF(current_setting('timingle.user_id'::text, true), ''::text))::bigint;

CREATE TABLE public.events (
    id bigint NOT NULL,
    title character varying(200) NOT NULL,
    description text,
    start_time timestamp with time zone NOT NULL,
    end_time timestamp with time zone NOT NULL,
    location character varying(200),
    creator_id bigint NOT NULL,
    status character varying(20) DEFAULT 'PROPOSED'::character varying NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    journal smallint DEFAULT 0 NOT NULL,
    history_length bigint DEFAULT 0 NOT NULL,
    history_head bytea,
    canceled_reason text,
    open_slot_id bigint,
    history_at timestamp with time zone,
    CONSTRAINT events_history_check CHECK ((history_length >= 0)),
    CONSTRAINT events_status_check CHECK (((status)::text = ANY ((ARRAY['PROPOSED'::character varying, 'CONFIRMED'::character varying, 'CANCELED'::character varying, 'DONE'::character varying])::text[]))),
    CONSTRAINT events_time_check CHECK ((end_time > start_time))
);

CREATE FUNCTION public.done_change(event public.events) RETURNS public.history_change
    LANGUAGE sql IMMUTABLE
    RETURN ROW((event).id, (event).history_length, (event).history_head, (event).history_at, 'DONE'::text, 'status'::text, '"CONFIRMED"'::json, '"DONE"'::json, NULL::jsonb)::public.history_change;

CREATE FUNCTION public.events_lag() RETURNS TABLE(overdue_s double precision, unrelayed bigint, unrelayed_s double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT coalesce((
            SELECT greatest(extract(epoch FROM now() - e.end_time), 0)
            FROM public.events AS e WHERE e.status = 'CONFIRMED' ORDER BY e.end_time, e.id LIMIT 1
        ), 0),
        count(*), coalesce(greatest(extract(epoch FROM now() - min(h.changed_at)), 0), 0)
    FROM public.event_history_outbox AS h WHERE h.relayed_at IS NULL
$$;

CREATE FUNCTION public.guard_audit_report() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (OLD.event_id, OLD.requested_by, OLD.language, OLD.history_length, OLD.history_head)
        IS DISTINCT FROM (NEW.event_id, NEW.requested_by, NEW.language, NEW.history_length, NEW.history_head) THEN
        RAISE EXCEPTION 'What an audit report is about stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_reports_pinned', TABLE = 'audit_reports';
    END IF;
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('queued', 'running'),
        ('queued', 'canceled'),
        ('running', 'queued'),
        ('running', 'ready'),
        ('running', 'failed'),
        ('running', 'canceled'),
        ('ready', 'canceled'),
        ('ready', 'expired')
    ) THEN
        RAISE EXCEPTION 'An audit report does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_reports_status_transition', TABLE = 'audit_reports';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.guard_event_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
    length BIGINT := 0;
    head BYTEA := decode(repeat('00', 32), 'hex');
    claims JSONB := '{}';
    entry RECORD;
    unchained TEXT;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        length := OLD.history_length;
        head := coalesce(OLD.history_head, head);
    ELSIF NEW.status <> 'PROPOSED' THEN
        PERFORM public.refuse_unchained('status', NEW.id);
    END IF;
    FOR entry IN
        SELECT h.chain_seq, h.prev_hash, h.entry_hash, h.field_name, h.new_value, h.metadata
        FROM public.event_history_outbox AS h WHERE h.event_id = NEW.id AND h.chain_seq > length ORDER BY h.chain_seq
    LOOP
        IF entry.chain_seq = length + 1 AND entry.chain_seq <= NEW.history_length AND entry.prev_hash = head THEN
            length := entry.chain_seq;
            head := entry.entry_hash;
        END IF;
        IF entry.field_name IS NULL THEN
            claims := claims || entry.new_value::JSONB || entry.metadata;
        ELSIF entry.field_name NOT IN ('participants', 'payments') THEN
            claims := claims || jsonb_build_object(entry.field_name, entry.new_value::JSONB);
        END IF;
    END LOOP;
    IF length <> NEW.history_length OR head <> coalesce(NEW.history_head, decode(repeat('00', 32), 'hex')) THEN
        PERFORM public.refuse_unchained('history', NEW.id);
    END IF;
    IF OLD.status IS DISTINCT FROM NEW.status AND claims ->> 'status' IS DISTINCT FROM NEW.status THEN
        PERFORM public.refuse_unchained('status', NEW.id);
    END IF;
    IF (OLD.title, OLD.description, OLD.location, OLD.start_time, OLD.end_time, OLD.canceled_reason, OLD.creator_id,
            OLD.open_slot_id)
        IS DISTINCT FROM (NEW.title, NEW.description, NEW.location, NEW.start_time, NEW.end_time, NEW.canceled_reason,
            NEW.creator_id, NEW.open_slot_id)
    THEN
        SELECT string_agg(c.field, ', ') INTO unchained
        FROM (VALUES ('title', OLD.title, NEW.title), ('description', OLD.description, NEW.description),
                ('location', OLD.location, NEW.location),
                ('start_time', public.moment(OLD.start_time), public.moment(NEW.start_time)),
                ('end_time', public.moment(OLD.end_time), public.moment(NEW.end_time)),
                ('canceled_reason', OLD.canceled_reason, NEW.canceled_reason),
                ('creator_id', OLD.creator_id::TEXT, NEW.creator_id::TEXT),
                ('open_slot_id', OLD.open_slot_id::TEXT, NEW.open_slot_id::TEXT)) AS c (field, before, after)
        WHERE c.before IS DISTINCT FROM c.after
            AND (NOT claims ? c.field OR claims ->> c.field IS DISTINCT FROM c.after);
        IF unchained IS NOT NULL THEN
            PERFORM public.refuse_unchained(unchained, NEW.id);
        END IF;
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.guard_event_status() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('PROPOSED', 'CONFIRMED'),
        ('PROPOSED', 'CANCELED'),
        ('CONFIRMED', 'DONE'),
        ('CONFIRMED', 'CANCELED')
    ) THEN
        RAISE EXCEPTION 'An event does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'events_status_transition', TABLE = 'events';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.guard_history_length() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF EXISTS (
        SELECT FROM new_rows AS n LEFT JOIN public.events AS e ON e.id = n.event_id
        WHERE e.id IS NULL OR n.chain_seq > e.history_length
    ) THEN
        RAISE EXCEPTION 'An entry is beyond the end of its event''s history'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'event_history_chain', TABLE = 'event_history_outbox';
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.guard_history_rows() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.event_id, NEW.changed_at, NEW.change_id, NEW.actor_id, NEW.change_type, NEW.field_name, NEW.chain_seq,
                NEW.prev_hash, NEW.entry_hash, NEW.hashed_bytes)
            IS NOT DISTINCT FROM (OLD.event_id, OLD.changed_at, OLD.change_id, OLD.actor_id, OLD.change_type,
                OLD.field_name, OLD.chain_seq, OLD.prev_hash, OLD.entry_hash, OLD.hashed_bytes)
            AND OLD.metadata @> NEW.metadata AND OLD.salts @> NEW.salts
            AND (NEW.actor_name IS NOT DISTINCT FROM OLD.actor_name OR NEW.actor_name IS NULL)
            AND (NEW.ip_address IS NOT DISTINCT FROM OLD.ip_address OR NEW.ip_address IS NULL)
            AND (NEW.user_agent IS NOT DISTINCT FROM OLD.user_agent OR NEW.user_agent IS NULL)
            AND (NEW.old_value IS NOT DISTINCT FROM OLD.old_value OR NEW.old_value IS NULL AND OLD.salts ? 'old_value')
            AND (NEW.new_value IS NOT DISTINCT FROM OLD.new_value OR NEW.new_value IS NULL AND OLD.salts ? 'new_value')
        THEN
            RETURN NEW;
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        IF OLD.relayed_at IS NOT NULL AND OLD.changed_at < now() - INTERVAL '35 days' THEN
            RETURN OLD;
        END IF;
    END IF;
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'History stays as it was chained; rows go when they are relayed and older than 35 days.';
END;
$$;

CREATE FUNCTION public.guard_participant_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    who public.event_participants;
    present JSONB;
    told JSONB;
BEGIN
    IF TG_OP = 'UPDATE' AND (NEW.event_id, NEW.user_id) <> (OLD.event_id, OLD.user_id) THEN
        PERFORM public.refuse_unchained('participants', OLD.event_id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        who := OLD;
    ELSE
        who := NEW;
    END IF;
    SELECT jsonb_build_object('user_id', p.user_id, 'confirmed', p.confirmed, 'joined_seq', p.joined_seq) INTO present
    FROM public.event_participants AS p WHERE p.event_id = who.event_id AND p.user_id = who.user_id;
    SELECT h.new_value::JSONB INTO told
    FROM public.event_history_outbox AS h
    WHERE h.event_id::TEXT = who.event_id::TEXT AND h.field_name = 'participants'
        AND coalesce(h.new_value, h.old_value)::JSONB ->> 'user_id' = who.user_id::TEXT
    ORDER BY h.chain_seq DESC LIMIT 1;
    IF NOT FOUND OR told IS DISTINCT FROM present THEN
        PERFORM public.refuse_unchained('participants', who.event_id);
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.guard_payment_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    SET enable_seqscan TO 'off'
    AS $$
DECLARE
    present JSONB;
    told JSONB;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.event_id IS DISTINCT FROM OLD.event_id THEN
        PERFORM public.refuse_unchained('payments', coalesce(OLD.event_id, NEW.event_id));
    END IF;
    IF NEW.event_id IS NULL OR TG_OP = 'UPDATE' AND (NEW.payer_id, NEW.receiver_id, NEW.amount, NEW.currency,
            NEW.refunded_amount, NEW.status)
        IS NOT DISTINCT FROM (OLD.payer_id, OLD.receiver_id, OLD.amount, OLD.currency, OLD.refunded_amount, OLD.status)
    THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_build_object('payment_id', p.id, 'payer_id', p.payer_id, 'receiver_id', p.receiver_id,
        'amount', p.amount::TEXT, 'currency', p.currency, 'refunded_amount', p.refunded_amount::TEXT,
        'status', p.status) INTO present
    FROM public.payments AS p WHERE p.id = NEW.id;
    SELECT h.new_value::JSONB INTO told
    FROM public.event_history_outbox AS h
    WHERE h.event_id = NEW.event_id AND h.field_name = 'payments'
        AND h.new_value::JSONB ->> 'payment_id' = NEW.id::TEXT
    ORDER BY h.chain_seq DESC LIMIT 1;
    IF NOT FOUND OR told IS DISTINCT FROM present THEN
        PERFORM public.refuse_unchained('payments', NEW.event_id);
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION public.guard_payment_state() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status = 'PENDING' AND NEW.refunded_amount = 0 THEN
            RETURN NEW;
        END IF;
    ELSIF (NEW.status, NEW.refunded_amount) IS NOT DISTINCT FROM (OLD.status, OLD.refunded_amount)
        AND NEW.applied_ticket >= OLD.applied_ticket OR NEW.applied_ticket > OLD.applied_ticket
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The state of a payment changes by a newer ticket only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_fetched', TABLE = 'payments';
END;
$$;

CREATE FUNCTION public.guard_refund_sum() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    paid NUMERIC;
BEGIN
    SELECT p.amount INTO paid FROM public.payments AS p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
    IF NEW.amount > paid - (
        SELECT coalesce(sum(r.amount), 0) FROM public.payment_refunds AS r
        WHERE r.payment_id = NEW.payment_id AND r.state <> 'failed' AND r.id <> NEW.id
    ) THEN
        RAISE EXCEPTION 'The refunds of a payment are more than was paid'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_refunds_sum', TABLE = 'payment_refunds';
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.keep_confirmed_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    IF NOT NEW.confirmed THEN
        NEW.confirmed_at := NULL;
    ELSIF TG_OP = 'UPDATE' AND OLD.confirmed THEN
        NEW.confirmed_at := OLD.confirmed_at;
    ELSE
        NEW.confirmed_at := now();
    END IF;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.keep_start_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    SELECT e.start_time INTO NEW.start_time FROM public.events AS e WHERE e.id = NEW.event_id FOR SHARE;
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.keep_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
$$;

CREATE FUNCTION public.make_change_id(changed_at timestamp with time zone, chain_seq bigint) RETURNS uuid
    LANGUAGE sql
    RETURN (((lpad(to_hex(((EXTRACT(epoch FROM changed_at) * (1000)::numeric))::bigint), 12, '0'::text) || '7000'::text) || to_hex(((((1)::bigint << 63) | (chain_seq << 30)) | (random(0, 1073741823))::bigint))))::uuid;

CREATE FUNCTION public.moment(at timestamp with time zone) RETURNS text
    LANGUAGE sql STABLE
    RETURN to_char((at AT TIME ZONE 'UTC'::text), 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'::text);

CREATE FUNCTION public.open_slot_is_booked(slot_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (EXISTS (SELECT FROM public.events e WHERE ((e.open_slot_id = open_slot_is_booked.slot_id) AND ((e.status)::text = ANY ((ARRAY['PROPOSED'::character varying, 'CONFIRMED'::character varying])::text[])))));

CREATE FUNCTION public.payment_of_order(order_id text) RETURNS TABLE(payment_id bigint, deposit_secret_hash bytea)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT p.id, p.deposit_secret_hash FROM public.payments AS p WHERE p.order_id = $1
$_$;

CREATE FUNCTION public.payment_parties(payment_id bigint) RETURNS TABLE(payer_id bigint, receiver_id bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $_$
    SELECT p.payer_id, p.receiver_id FROM public.payments AS p WHERE p.id = $1
$_$;

CREATE FUNCTION public.payments_lag() RETURNS TABLE(kind text, state text, reason text, count bigint, oldest_s double precision)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT found.kind, found.state, found.reason, count(*), greatest(extract(epoch FROM now() - min(found.since)), 0)
    FROM (
        SELECT 'webhook' AS kind, w.state, NULL AS reason, w.received_at AS since
        FROM public.payment_webhooks AS w WHERE w.state = 'waiting'
        UNION ALL
        SELECT 'webhook', w.state, w.reason, w.received_at
        FROM public.payment_webhooks AS w WHERE w.state = 'quarantined'
        UNION ALL
        SELECT 'confirm', c.state, NULL, c.created_at FROM public.payment_confirms AS c WHERE c.state = 'waiting'
        UNION ALL
        SELECT 'refund', r.state, NULL, r.created_at FROM public.payment_refunds AS r WHERE r.state = 'waiting'
    ) AS found
    GROUP BY found.kind, found.state, found.reason
$$;

CREATE FUNCTION public.refuse_hard_delete() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'A user is deleted by deleted_at, an event is canceled, a payment stays.';
END;
$$;

CREATE FUNCTION public.refuse_unchained(what text, event_id bigint) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
BEGIN
    RAISE EXCEPTION '% of event % changed, and its history does not say so', what, event_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'event_history_chain', TABLE = 'events';
END;
$$;

CREATE FUNCTION public.reports_lag() RETURNS TABLE(waiting bigint, oldest_s double precision, failed bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT count(*), coalesce(greatest(extract(epoch FROM now() - min(r.created_at)), 0), 0), (
            SELECT count(*) FROM public.audit_reports AS f
            WHERE f.status = 'failed' AND f.updated_at > now() - INTERVAL '1 day'
        )
    FROM public.audit_reports AS r WHERE r.status IN ('queued', 'running')
$$;

CREATE TABLE public.event_participants (
    event_id bigint NOT NULL,
    user_id bigint NOT NULL,
    confirmed boolean DEFAULT false NOT NULL,
    confirmed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    joined_seq bigint DEFAULT 0 NOT NULL,
    start_time timestamp with time zone NOT NULL,
    CONSTRAINT event_participants_joined_seq_check CHECK ((joined_seq >= 0))
);

CREATE FUNCTION public.takes_part(event_id bigint, user_id bigint) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    RETURN (EXISTS (SELECT FROM public.event_participants p WHERE ((p.event_id = takes_part.event_id) AND (p.user_id = takes_part.user_id))));

CREATE FUNCTION public.taking_part(event_ids bigint[], user_ids bigint[]) RETURNS TABLE(event_id bigint, user_id bigint, event_exists boolean, takes_part boolean, is_active boolean, name text, picture text, journal smallint, joined_seq bigint)
    LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
    SELECT pair.event_id, pair.user_id, e.id IS NOT NULL, p.user_id IS NOT NULL,
        coalesce(u.is_active AND u.deleted_at IS NULL, FALSE),
        coalesce(u.display_name, u.name, ''), u.profile_image_url, e.journal, p.joined_seq
    FROM unnest(event_ids, user_ids) WITH ORDINALITY AS pair (event_id, user_id, place)
    LEFT JOIN public.events AS e ON e.id = pair.event_id
    LEFT JOIN public.event_participants AS p ON p.event_id = pair.event_id AND p.user_id = pair.user_id
    LEFT JOIN public.users AS u ON u.id = pair.user_id
    ORDER BY pair.place
$$;

CREATE AGGREGATE public.chain_hash(head bytea, bytes bytea) (
    SFUNC = public.chain_next,
    STYPE = bytea
);

CREATE TABLE public.api_clients (
    id bigint NOT NULL,
    name text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL,
    rate_per_s integer DEFAULT 50000 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    revoked_at timestamp with time zone,
    CONSTRAINT api_clients_rate_check CHECK ((rate_per_s > 0))
);

CREATE SEQUENCE public.api_clients_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.api_clients_id_seq OWNED BY public.api_clients.id;

CREATE SEQUENCE public.audit_reports_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.audit_reports_id_seq OWNED BY public.audit_reports.id;

CREATE TABLE public.dead_letters (
    id bigint NOT NULL,
    journal smallint NOT NULL,
    version bigint NOT NULL,
    entry_id text NOT NULL,
    kind text NOT NULL,
    event_id bigint,
    message_id uuid,
    seq bigint,
    actor_id bigint,
    cause_class text NOT NULL,
    cause_code text NOT NULL,
    payload bytea NOT NULL,
    state text DEFAULT 'open'::text NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    resolved_at timestamp with time zone,
    CONSTRAINT dead_letters_kind_check CHECK ((kind = ANY (ARRAY['create'::text, 'edit'::text, 'delete'::text, 'react'::text, 'read'::text, 'unreadable'::text]))),
    CONSTRAINT dead_letters_state_check CHECK ((state = ANY (ARRAY['open'::text, 'replayed'::text, 'discarded'::text])))
);

CREATE SEQUENCE public.dead_letters_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.dead_letters_id_seq OWNED BY public.dead_letters.id;

CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;

CREATE TABLE public.history_relay (
    id smallint NOT NULL,
    generations text NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    CONSTRAINT history_relay_one_row CHECK ((id = 0))
);

CREATE TABLE public.idempotency_keys (
    client_id bigint NOT NULL,
    key text NOT NULL,
    body_hash bytea NOT NULL,
    status smallint,
    answer bytea,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.journals (
    id smallint NOT NULL,
    clock bigint DEFAULT 0 NOT NULL,
    noted_at timestamp with time zone,
    CONSTRAINT journals_id_check CHECK ((id >= 0))
);

CREATE VIEW public.my_events WITH (security_barrier='true') AS
 SELECT event_id
   FROM public.event_participants
  WHERE (user_id = public.current_user_id());

CREATE TABLE public.oauth_tokens (
    id bigint NOT NULL,
    user_id bigint NOT NULL,
    provider character varying(50) NOT NULL,
    access_token bytea NOT NULL,
    refresh_token bytea,
    expires_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE SEQUENCE public.oauth_tokens_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.oauth_tokens_id_seq OWNED BY public.oauth_tokens.id;

CREATE TABLE public.open_slots (
    id bigint NOT NULL,
    business_user_id bigint NOT NULL,
    service_type character varying(100) NOT NULL,
    title character varying(200),
    description text,
    start_time timestamp with time zone NOT NULL,
    duration_minutes integer DEFAULT 60 NOT NULL,
    price numeric(10,2),
    region character varying(50),
    is_available boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT open_slots_duration_check CHECK ((duration_minutes > 0)),
    CONSTRAINT open_slots_price_check CHECK ((price >= (0)::numeric))
);

CREATE SEQUENCE public.open_slots_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.open_slots_id_seq OWNED BY public.open_slots.id;

CREATE TABLE public.payment_confirms (
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    payment_key character varying(200) NOT NULL,
    key uuid DEFAULT gen_random_uuid() NOT NULL,
    state text DEFAULT 'waiting'::text NOT NULL,
    cause text,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT (now() + '00:00:05'::interval) NOT NULL,
    held_until timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT payment_confirms_cause_check CHECK (((cause IS NOT NULL) = (state = 'failed'::text))),
    CONSTRAINT payment_confirms_ended_check CHECK (((ended_at IS NULL) = (state = 'waiting'::text))),
    CONSTRAINT payment_confirms_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'failed'::text])))
);

CREATE SEQUENCE public.payment_confirms_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.payment_confirms_id_seq OWNED BY public.payment_confirms.id;

CREATE TABLE public.payment_refunds (
    id bigint NOT NULL,
    payment_id bigint NOT NULL,
    key uuid DEFAULT gen_random_uuid() NOT NULL,
    actor_id bigint NOT NULL,
    amount numeric(10,2) NOT NULL,
    reason_encrypted bytea,
    state text DEFAULT 'waiting'::text NOT NULL,
    cause text,
    provider_refund_id text,
    first_sent_at timestamp with time zone,
    attempts integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT (now() + '00:00:05'::interval) NOT NULL,
    held_until timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    ended_at timestamp with time zone,
    CONSTRAINT payment_refunds_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT payment_refunds_cause_check CHECK (((cause IS NOT NULL) = (state = 'failed'::text))),
    CONSTRAINT payment_refunds_ended_check CHECK (((ended_at IS NULL) = (state = 'waiting'::text))),
    CONSTRAINT payment_refunds_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'failed'::text])))
);

CREATE SEQUENCE public.payment_refunds_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.payment_refunds_id_seq OWNED BY public.payment_refunds.id;

CREATE TABLE public.payment_webhooks (
    id bigint NOT NULL,
    provider text NOT NULL,
    body_hash bytea NOT NULL,
    provider_event_id text,
    event_type text NOT NULL,
    order_id text,
    transaction_id text,
    claims jsonb DEFAULT '{}'::jsonb NOT NULL,
    secret_hash bytea,
    headers jsonb NOT NULL,
    payload_encrypted bytea NOT NULL,
    is_verified boolean NOT NULL,
    received_at timestamp with time zone DEFAULT now() NOT NULL,
    payment_id bigint,
    state text DEFAULT 'waiting'::text NOT NULL,
    outcome text,
    reason text,
    attempts integer DEFAULT 0 NOT NULL,
    looks integer DEFAULT 0 NOT NULL,
    next_try_at timestamp with time zone DEFAULT (now() + '00:00:05'::interval) NOT NULL,
    held_until timestamp with time zone DEFAULT now() NOT NULL,
    processed_at timestamp with time zone,
    CONSTRAINT payment_webhooks_outcome_check CHECK ((((outcome IS NOT NULL) = (state = 'done'::text)) AND (outcome = ANY (ARRAY['confirmed'::text, 'not-confirmed'::text, 'not-about-a-payment'::text, 'resolved'::text])))),
    CONSTRAINT payment_webhooks_processed_check CHECK (((processed_at IS NULL) = (state = 'waiting'::text))),
    CONSTRAINT payment_webhooks_provider_check CHECK ((provider = ANY (ARRAY['TOSS'::text, 'STRIPE'::text]))),
    CONSTRAINT payment_webhooks_reason_check CHECK ((((state <> 'quarantined'::text) OR (reason IS NOT NULL)) AND (reason = ANY (ARRAY['amount'::text, 'currency'::text, 'order'::text, 'receiver'::text, 'status'::text, 'unknown-payment'::text, 'secret'::text])))),
    CONSTRAINT payment_webhooks_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'done'::text, 'quarantined'::text])))
);

CREATE SEQUENCE public.payment_webhooks_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.payment_webhooks_id_seq OWNED BY public.payment_webhooks.id;

CREATE TABLE public.payments (
    id bigint NOT NULL,
    event_id bigint,
    payer_id bigint NOT NULL,
    receiver_id bigint NOT NULL,
    amount numeric(10,2) NOT NULL,
    currency character varying(3) DEFAULT 'KRW'::character varying NOT NULL,
    status character varying(20) NOT NULL,
    payment_method character varying(50),
    transaction_id character varying(200),
    metadata jsonb,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    order_id character varying(64) DEFAULT (gen_random_uuid())::text NOT NULL,
    refunded_amount numeric(10,2) DEFAULT 0 NOT NULL,
    issued_ticket bigint DEFAULT 0 NOT NULL,
    applied_ticket bigint DEFAULT 0 NOT NULL,
    asks integer DEFAULT 0 NOT NULL,
    next_ask_at timestamp with time zone DEFAULT (now() + '00:10:00'::interval),
    deposit_secret_hash bytea,
    CONSTRAINT payments_amount_check CHECK ((amount > (0)::numeric)),
    CONSTRAINT payments_currency_check CHECK (((currency)::text ~ '^[A-Z]{3}$'::text)),
    CONSTRAINT payments_order_id_check CHECK (((order_id)::text ~ '^[A-Za-z0-9_-]{6,64}$'::text)),
    CONSTRAINT payments_refunded_amount_check CHECK (((refunded_amount >= (0)::numeric) AND (refunded_amount <= amount))),
    CONSTRAINT payments_status_check CHECK (((status)::text = ANY ((ARRAY['PENDING'::character varying, 'COMPLETED'::character varying, 'REFUNDED'::character varying, 'FAILED'::character varying])::text[]))),
    CONSTRAINT payments_ticket_check CHECK (((applied_ticket >= 0) AND (applied_ticket <= issued_ticket)))
);

CREATE SEQUENCE public.payments_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.payments_id_seq OWNED BY public.payments.id;

CREATE TABLE public.users (
    id bigint NOT NULL,
    phone_encrypted bytea NOT NULL,
    phone_hash bytea NOT NULL,
    email character varying(255),
    name character varying(100),
    display_name character varying(100),
    profile_image_url text,
    region character varying(50),
    interests text[],
    role character varying(20) DEFAULT 'USER'::character varying NOT NULL,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deleted_at timestamp with time zone,
    plan character varying(20) DEFAULT 'FREE'::character varying NOT NULL,
    CONSTRAINT users_plan_check CHECK (((plan)::text = ANY ((ARRAY['FREE'::character varying, 'PRO'::character varying])::text[]))),
    CONSTRAINT users_role_check CHECK (((role)::text = ANY ((ARRAY['USER'::character varying, 'BUSINESS'::character varying])::text[])))
);

CREATE SEQUENCE public.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;

ALTER TABLE ONLY public.api_clients ALTER COLUMN id SET DEFAULT nextval('public.api_clients_id_seq'::regclass);

ALTER TABLE ONLY public.audit_reports ALTER COLUMN id SET DEFAULT nextval('public.audit_reports_id_seq'::regclass);

ALTER TABLE ONLY public.dead_letters ALTER COLUMN id SET DEFAULT nextval('public.dead_letters_id_seq'::regclass);

ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);

ALTER TABLE ONLY public.oauth_tokens ALTER COLUMN id SET DEFAULT nextval('public.oauth_tokens_id_seq'::regclass);

ALTER TABLE ONLY public.open_slots ALTER COLUMN id SET DEFAULT nextval('public.open_slots_id_seq'::regclass);

ALTER TABLE ONLY public.payment_confirms ALTER COLUMN id SET DEFAULT nextval('public.payment_confirms_id_seq'::regclass);

ALTER TABLE ONLY public.payment_refunds ALTER COLUMN id SET DEFAULT nextval('public.payment_refunds_id_seq'::regclass);

ALTER TABLE ONLY public.payment_webhooks ALTER COLUMN id SET DEFAULT nextval('public.payment_webhooks_id_seq'::regclass);

ALTER TABLE ONLY public.payments ALTER COLUMN id SET DEFAULT nextval('public.payments_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_name_key UNIQUE (name);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_reports
    ADD CONSTRAINT audit_reports_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.history_relay
    ADD CONSTRAINT history_relay_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (client_id, key);

ALTER TABLE ONLY public.payment_confirms
    ADD CONSTRAINT idx_confirms_payment UNIQUE (payment_id, payment_key);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT idx_dead_letters_version UNIQUE (journal, version);

ALTER TABLE ONLY public.event_history_outbox
    ADD CONSTRAINT idx_history_event PRIMARY KEY (event_id, chain_seq);

ALTER TABLE ONLY public.oauth_tokens
    ADD CONSTRAINT idx_oauth_user UNIQUE (user_id, provider);

ALTER TABLE ONLY public.event_participants
    ADD CONSTRAINT idx_participants_event PRIMARY KEY (event_id, user_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT idx_payments_order UNIQUE (order_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT idx_payments_transaction UNIQUE (transaction_id);

ALTER TABLE ONLY public.payment_refunds
    ADD CONSTRAINT idx_refunds_key UNIQUE (key);

ALTER TABLE ONLY public.payment_webhooks
    ADD CONSTRAINT idx_webhooks_body UNIQUE (provider, body_hash);

ALTER TABLE ONLY public.journals
    ADD CONSTRAINT journals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.oauth_tokens
    ADD CONSTRAINT oauth_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.open_slots
    ADD CONSTRAINT open_slots_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payment_confirms
    ADD CONSTRAINT payment_confirms_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payment_refunds
    ADD CONSTRAINT payment_refunds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payment_webhooks
    ADD CONSTRAINT payment_webhooks_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX idx_audit_reports_expiry ON public.audit_reports USING btree (expires_at) WHERE ((status)::text = 'ready'::text);

CREATE INDEX idx_audit_reports_failed ON public.audit_reports USING btree (updated_at) WHERE ((status)::text = 'failed'::text);

CREATE INDEX idx_audit_reports_leftovers ON public.audit_reports USING btree (id) WHERE (((status)::text = ANY ((ARRAY['failed'::character varying, 'canceled'::character varying, 'expired'::character varying])::text[])) AND (object_key IS NOT NULL));

CREATE UNIQUE INDEX idx_audit_reports_live ON public.audit_reports USING btree (event_id, requested_by, language, history_head) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying, 'ready'::character varying])::text[]));

CREATE INDEX idx_audit_reports_waiting ON public.audit_reports USING btree (id) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'running'::character varying])::text[]));

CREATE INDEX idx_confirms_waiting ON public.payment_confirms USING btree (next_try_at, id) WHERE (state = 'waiting'::text);

CREATE INDEX idx_dead_letters_event ON public.dead_letters USING btree (event_id, seq);

CREATE INDEX idx_events_confirmed_end ON public.events USING btree (end_time, id) WHERE ((status)::text = 'CONFIRMED'::text);

CREATE INDEX idx_events_creator ON public.events USING btree (creator_id);

CREATE INDEX idx_events_creator_status ON public.events USING btree (creator_id, status);

CREATE UNIQUE INDEX idx_events_open_slot ON public.events USING btree (open_slot_id) WHERE ((status)::text = ANY ((ARRAY['PROPOSED'::character varying, 'CONFIRMED'::character varying])::text[]));

CREATE INDEX idx_events_start_time ON public.events USING btree (start_time);

CREATE INDEX idx_events_status ON public.events USING btree (status);

CREATE INDEX idx_history_changed ON public.event_history_outbox USING brin (changed_at);

CREATE INDEX idx_history_participant ON public.event_history_outbox USING btree (((event_id)::text), (((COALESCE(new_value, old_value))::jsonb ->> 'user_id'::text)), chain_seq) WHERE (field_name = 'participants'::text);

CREATE INDEX idx_history_relayed ON public.event_history_outbox USING btree (relayed_at) WHERE (relayed_at IS NOT NULL);

CREATE INDEX idx_history_unrelayed ON public.event_history_outbox USING btree (event_id, chain_seq) WHERE (relayed_at IS NULL);

CREATE INDEX idx_idempotency_keys_created ON public.idempotency_keys USING btree (created_at);

CREATE INDEX idx_participants_upcoming ON public.event_participants USING btree (user_id, start_time, event_id);

CREATE INDEX idx_participants_user ON public.event_participants USING btree (user_id, event_id);

CREATE INDEX idx_payments_asked ON public.payments USING btree (next_ask_at, id) WHERE ((status)::text = 'PENDING'::text);

CREATE INDEX idx_payments_event ON public.payments USING btree (event_id);

CREATE INDEX idx_payments_payer ON public.payments USING btree (payer_id);

CREATE INDEX idx_payments_status ON public.payments USING btree (status);

CREATE INDEX idx_refunds_payment ON public.payment_refunds USING btree (payment_id);

CREATE INDEX idx_refunds_waiting ON public.payment_refunds USING btree (next_try_at, id) WHERE (state = 'waiting'::text);

CREATE INDEX idx_slots_available ON public.open_slots USING btree (is_available);

CREATE INDEX idx_slots_business_user ON public.open_slots USING btree (business_user_id);

CREATE INDEX idx_slots_region ON public.open_slots USING btree (region);

CREATE INDEX idx_slots_region_time ON public.open_slots USING btree (region, start_time) WHERE is_available;

CREATE INDEX idx_slots_start_time ON public.open_slots USING btree (start_time);

CREATE INDEX idx_users_deleted ON public.users USING btree (deleted_at);

CREATE UNIQUE INDEX idx_users_email ON public.users USING btree (email) WHERE (deleted_at IS NULL);

CREATE UNIQUE INDEX idx_users_phone ON public.users USING btree (phone_hash) WHERE (deleted_at IS NULL);

CREATE INDEX idx_users_region ON public.users USING btree (region);

CREATE INDEX idx_users_role ON public.users USING btree (role);

CREATE INDEX idx_webhooks_payment ON public.payment_webhooks USING btree (payment_id) WHERE (state = 'waiting'::text);

CREATE INDEX idx_webhooks_quarantined ON public.payment_webhooks USING btree (id) WHERE (state = 'quarantined'::text);

CREATE INDEX idx_webhooks_received ON public.payment_webhooks USING brin (received_at);

CREATE INDEX idx_webhooks_waiting ON public.payment_webhooks USING btree (next_try_at, id) WHERE (state = 'waiting'::text);

CREATE TRIGGER copy_start_time AFTER UPDATE OF start_time ON public.events FOR EACH ROW WHEN ((new.start_time <> old.start_time)) EXECUTE FUNCTION public.copy_start_time();

CREATE TRIGGER guard_audit_report BEFORE UPDATE ON public.audit_reports FOR EACH ROW EXECUTE FUNCTION public.guard_audit_report();

CREATE CONSTRAINT TRIGGER guard_event_history AFTER INSERT OR UPDATE ON public.events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_event_history();

ALTER TABLE public.events ENABLE ALWAYS TRIGGER guard_event_history;

CREATE TRIGGER guard_event_status BEFORE UPDATE ON public.events FOR EACH ROW WHEN (((old.status)::text <> (new.status)::text)) EXECUTE FUNCTION public.guard_event_status();

ALTER TABLE public.events ENABLE ALWAYS TRIGGER guard_event_status;

CREATE TRIGGER guard_history_length AFTER INSERT ON public.event_history_outbox REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.guard_history_length();

ALTER TABLE public.event_history_outbox ENABLE ALWAYS TRIGGER guard_history_length;

CREATE TRIGGER guard_history_rows BEFORE DELETE OR UPDATE ON public.event_history_outbox FOR EACH ROW EXECUTE FUNCTION public.guard_history_rows();

ALTER TABLE public.event_history_outbox ENABLE ALWAYS TRIGGER guard_history_rows;

CREATE TRIGGER guard_history_truncate BEFORE TRUNCATE ON public.event_history_outbox FOR EACH STATEMENT EXECUTE FUNCTION public.guard_history_rows();

ALTER TABLE public.event_history_outbox ENABLE ALWAYS TRIGGER guard_history_truncate;

CREATE CONSTRAINT TRIGGER guard_participant_history AFTER INSERT OR DELETE OR UPDATE OF event_id, user_id, confirmed, joined_seq ON public.event_participants DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_participant_history();

ALTER TABLE public.event_participants ENABLE ALWAYS TRIGGER guard_participant_history;

CREATE CONSTRAINT TRIGGER guard_payment_history AFTER INSERT OR UPDATE OF event_id, payer_id, receiver_id, amount, currency, refunded_amount, status ON public.payments DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.guard_payment_history();

ALTER TABLE public.payments ENABLE ALWAYS TRIGGER guard_payment_history;

CREATE TRIGGER guard_payment_state BEFORE INSERT OR UPDATE OF status, refunded_amount, applied_ticket ON public.payments FOR EACH ROW EXECUTE FUNCTION public.guard_payment_state();

ALTER TABLE public.payments ENABLE ALWAYS TRIGGER guard_payment_state;

CREATE TRIGGER guard_refund_sum BEFORE INSERT OR UPDATE OF payment_id, amount ON public.payment_refunds FOR EACH ROW EXECUTE FUNCTION public.guard_refund_sum();

CREATE TRIGGER keep_confirmed_at BEFORE INSERT OR UPDATE ON public.event_participants FOR EACH ROW EXECUTE FUNCTION public.keep_confirmed_at();

CREATE TRIGGER keep_start_time BEFORE INSERT OR UPDATE OF event_id, start_time ON public.event_participants FOR EACH ROW EXECUTE FUNCTION public.keep_start_time();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.audit_reports FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.oauth_tokens FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.open_slots FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.payments FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER refuse_hard_delete BEFORE TRUNCATE ON public.event_participants FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.payments FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

ALTER TABLE ONLY public.audit_reports
    ADD CONSTRAINT audit_reports_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id);

ALTER TABLE ONLY public.audit_reports
    ADD CONSTRAINT audit_reports_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_journal_fkey FOREIGN KEY (journal) REFERENCES public.journals(id);

ALTER TABLE ONLY public.event_participants
    ADD CONSTRAINT event_participants_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.event_participants
    ADD CONSTRAINT event_participants_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_creator_id_fkey FOREIGN KEY (creator_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_journal_fkey FOREIGN KEY (journal) REFERENCES public.journals(id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_open_slot_id_fkey FOREIGN KEY (open_slot_id) REFERENCES public.open_slots(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_client_id_fkey FOREIGN KEY (client_id) REFERENCES public.api_clients(id);

ALTER TABLE ONLY public.oauth_tokens
    ADD CONSTRAINT oauth_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.open_slots
    ADD CONSTRAINT open_slots_business_user_id_fkey FOREIGN KEY (business_user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.payment_confirms
    ADD CONSTRAINT payment_confirms_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.payment_refunds
    ADD CONSTRAINT payment_refunds_actor_id_fkey FOREIGN KEY (actor_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.payment_refunds
    ADD CONSTRAINT payment_refunds_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.payment_webhooks
    ADD CONSTRAINT payment_webhooks_payment_id_fkey FOREIGN KEY (payment_id) REFERENCES public.payments(id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_payer_id_fkey FOREIGN KEY (payer_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE public.audit_reports ENABLE ROW LEVEL SECURITY;

CREATE POLICY audit_reports_insert ON public.audit_reports FOR INSERT TO timingle_api WITH CHECK (((requested_by = public.current_user_id()) AND public.takes_part(event_id, public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.users u
  WHERE ((u.id = audit_reports.requested_by) AND ((u.plan)::text = 'PRO'::text))))));

CREATE POLICY audit_reports_select ON public.audit_reports FOR SELECT TO timingle_api USING (((requested_by = public.current_user_id()) AND public.takes_part(event_id, public.current_user_id())));

CREATE POLICY audit_reports_update ON public.audit_reports FOR UPDATE TO timingle_api USING (((requested_by = public.current_user_id()) AND public.takes_part(event_id, public.current_user_id()))) WITH CHECK (((status)::text = 'canceled'::text));

ALTER TABLE public.event_participants ENABLE ROW LEVEL SECURITY;

CREATE POLICY event_participants_delete ON public.event_participants FOR DELETE TO timingle_api USING (((user_id = public.current_user_id()) OR (public.takes_part(event_id, public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.events e
  WHERE ((e.id = event_participants.event_id) AND (e.creator_id = public.current_user_id())))))));

CREATE POLICY event_participants_insert ON public.event_participants FOR INSERT TO timingle_api WITH CHECK ((public.takes_part(event_id, public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.events e
  WHERE ((e.id = event_participants.event_id) AND (e.creator_id = public.current_user_id()))))));

CREATE POLICY event_participants_select ON public.event_participants FOR SELECT TO timingle_api USING (((user_id = public.current_user_id()) OR (EXISTS ( SELECT
   FROM public.my_events mine
  WHERE (mine.event_id = event_participants.event_id)))));

CREATE POLICY event_participants_update ON public.event_participants FOR UPDATE TO timingle_api USING (public.takes_part(event_id, public.current_user_id())) WITH CHECK ((public.takes_part(event_id, public.current_user_id()) AND ((user_id = public.current_user_id()) OR (NOT confirmed))));

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

CREATE POLICY events_insert ON public.events FOR INSERT TO timingle_api WITH CHECK ((creator_id = public.current_user_id()));

CREATE POLICY events_select ON public.events FOR SELECT TO timingle_api USING (((creator_id = public.current_user_id()) OR (EXISTS ( SELECT
   FROM public.my_events mine
  WHERE (mine.event_id = events.id)))));

CREATE POLICY events_update ON public.events FOR UPDATE TO timingle_api USING (public.takes_part(id, public.current_user_id()));

ALTER TABLE public.payment_confirms ENABLE ROW LEVEL SECURITY;

CREATE POLICY payment_confirms_insert ON public.payment_confirms FOR INSERT TO timingle_api WITH CHECK ((EXISTS ( SELECT
   FROM public.payments p
  WHERE (p.id = payment_confirms.payment_id))));

CREATE POLICY payment_confirms_select ON public.payment_confirms FOR SELECT TO timingle_api USING ((EXISTS ( SELECT
   FROM public.payments p
  WHERE (p.id = payment_confirms.payment_id))));

ALTER TABLE public.payment_refunds ENABLE ROW LEVEL SECURITY;

CREATE POLICY payment_refunds_insert ON public.payment_refunds FOR INSERT TO timingle_api WITH CHECK (((actor_id = public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.payments p
  WHERE ((p.id = payment_refunds.payment_id) AND (p.receiver_id = public.current_user_id()))))));

CREATE POLICY payment_refunds_select ON public.payment_refunds FOR SELECT TO timingle_api USING ((EXISTS ( SELECT
   FROM public.payments p
  WHERE (p.id = payment_refunds.payment_id))));

ALTER TABLE public.payments ENABLE ROW LEVEL SECURITY;

CREATE POLICY payments_insert ON public.payments FOR INSERT TO timingle_api WITH CHECK ((((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)) AND ((event_id IS NULL) OR public.takes_part(event_id, public.current_user_id()))));

CREATE POLICY payments_select ON public.payments FOR SELECT TO timingle_api USING (((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)));

CREATE POLICY payments_update ON public.payments FOR UPDATE TO timingle_api USING (((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)));

GRANT USAGE ON SCHEMA public TO timingle_api;

REVOKE ALL ON FUNCTION public.add_first_participants(event_id bigint, user_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_first_participants(event_id bigint, user_ids bigint[]) TO timingle_api;

REVOKE ALL ON FUNCTION public.append_changes(event_id bigint, changes jsonb, actor_id bigint, actor_texts jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.append_history(event_id bigint, changes jsonb, ip_address text, user_agent text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.append_history(event_id bigint, changes jsonb, ip_address text, user_agent text) TO timingle_api;

GRANT SELECT ON TABLE public.audit_reports TO timingle_api;

GRANT INSERT(event_id) ON TABLE public.audit_reports TO timingle_api;

GRANT INSERT(requested_by) ON TABLE public.audit_reports TO timingle_api;

GRANT INSERT(language) ON TABLE public.audit_reports TO timingle_api;

GRANT INSERT(history_length) ON TABLE public.audit_reports TO timingle_api;

GRANT INSERT(history_head) ON TABLE public.audit_reports TO timingle_api;

GRANT UPDATE(status) ON TABLE public.audit_reports TO timingle_api;

REVOKE ALL ON FUNCTION public.audit_report_exists(report_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.audit_report_exists(report_id bigint) TO timingle_api;

REVOKE ALL ON FUNCTION public.chain_history(changes public.history_change[], actor_id bigint, actor_texts jsonb) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.chain_next(hash bytea, head bytea, bytes bytea) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.complete_events(due public.history_change[]) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.complete_if_due(event_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.complete_if_due(event_id bigint) TO timingle_api;

REVOKE ALL ON FUNCTION public.copy_start_time() FROM PUBLIC;

GRANT SELECT ON TABLE public.events TO timingle_api;

GRANT INSERT(id) ON TABLE public.events TO timingle_api;

GRANT INSERT(title),UPDATE(title) ON TABLE public.events TO timingle_api;

GRANT INSERT(description),UPDATE(description) ON TABLE public.events TO timingle_api;

GRANT INSERT(start_time),UPDATE(start_time) ON TABLE public.events TO timingle_api;

GRANT INSERT(end_time),UPDATE(end_time) ON TABLE public.events TO timingle_api;

GRANT INSERT(location),UPDATE(location) ON TABLE public.events TO timingle_api;

GRANT INSERT(creator_id) ON TABLE public.events TO timingle_api;

GRANT UPDATE(status) ON TABLE public.events TO timingle_api;

GRANT INSERT(journal) ON TABLE public.events TO timingle_api;

GRANT UPDATE(canceled_reason) ON TABLE public.events TO timingle_api;

GRANT INSERT(open_slot_id),UPDATE(open_slot_id) ON TABLE public.events TO timingle_api;

REVOKE ALL ON FUNCTION public.done_change(event public.events) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.events_lag() FROM PUBLIC;
GRANT ALL ON FUNCTION public.events_lag() TO timingle_api;

REVOKE ALL ON FUNCTION public.guard_event_history() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.guard_participant_history() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.guard_payment_history() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.guard_refund_sum() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.keep_start_time() FROM PUBLIC;

REVOKE ALL ON FUNCTION public.make_change_id(changed_at timestamp with time zone, chain_seq bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.moment(at timestamp with time zone) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.open_slot_is_booked(slot_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.open_slot_is_booked(slot_id bigint) TO timingle_api;

REVOKE ALL ON FUNCTION public.payment_of_order(order_id text) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_of_order(order_id text) TO timingle_api;

REVOKE ALL ON FUNCTION public.payment_parties(payment_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.payment_parties(payment_id bigint) TO timingle_api;

REVOKE ALL ON FUNCTION public.payments_lag() FROM PUBLIC;
GRANT ALL ON FUNCTION public.payments_lag() TO timingle_api;

REVOKE ALL ON FUNCTION public.refuse_unchained(what text, event_id bigint) FROM PUBLIC;

REVOKE ALL ON FUNCTION public.reports_lag() FROM PUBLIC;
GRANT ALL ON FUNCTION public.reports_lag() TO timingle_api;

GRANT SELECT,DELETE ON TABLE public.event_participants TO timingle_api;

GRANT INSERT(event_id) ON TABLE public.event_participants TO timingle_api;

GRANT INSERT(user_id) ON TABLE public.event_participants TO timingle_api;

GRANT UPDATE(confirmed) ON TABLE public.event_participants TO timingle_api;

GRANT UPDATE(confirmed_at) ON TABLE public.event_participants TO timingle_api;

GRANT INSERT(joined_seq) ON TABLE public.event_participants TO timingle_api;

REVOKE ALL ON FUNCTION public.takes_part(event_id bigint, user_id bigint) FROM PUBLIC;
GRANT ALL ON FUNCTION public.takes_part(event_id bigint, user_id bigint) TO timingle_api;

REVOKE ALL ON FUNCTION public.taking_part(event_ids bigint[], user_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.taking_part(event_ids bigint[], user_ids bigint[]) TO timingle_api;

REVOKE ALL ON FUNCTION public.chain_hash(bytea, bytea) FROM PUBLIC;

GRANT SELECT ON TABLE public.api_clients TO timingle_api;

GRANT USAGE ON SEQUENCE public.audit_reports_id_seq TO timingle_api;

GRANT SELECT(event_id) ON TABLE public.dead_letters TO timingle_api;

GRANT SELECT(seq) ON TABLE public.dead_letters TO timingle_api;

GRANT SELECT(state) ON TABLE public.dead_letters TO timingle_api;

GRANT USAGE ON SEQUENCE public.events_id_seq TO timingle_api;

GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency_keys TO timingle_api;

GRANT SELECT ON TABLE public.journals TO timingle_api;

GRANT INSERT(id) ON TABLE public.journals TO timingle_api;

GRANT SELECT ON TABLE public.my_events TO timingle_api;

GRANT SELECT ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(business_user_id) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(service_type),UPDATE(service_type) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(title),UPDATE(title) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(description),UPDATE(description) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(start_time),UPDATE(start_time) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(duration_minutes),UPDATE(duration_minutes) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(price),UPDATE(price) ON TABLE public.open_slots TO timingle_api;

GRANT INSERT(region),UPDATE(region) ON TABLE public.open_slots TO timingle_api;

GRANT UPDATE(is_available) ON TABLE public.open_slots TO timingle_api;

GRANT USAGE ON SEQUENCE public.open_slots_id_seq TO timingle_api;

GRANT SELECT ON TABLE public.payment_confirms TO timingle_api;

GRANT INSERT(payment_id) ON TABLE public.payment_confirms TO timingle_api;

GRANT INSERT(payment_key) ON TABLE public.payment_confirms TO timingle_api;

GRANT USAGE ON SEQUENCE public.payment_confirms_id_seq TO timingle_api;

GRANT SELECT ON TABLE public.payment_refunds TO timingle_api;

GRANT INSERT(payment_id) ON TABLE public.payment_refunds TO timingle_api;

GRANT INSERT(key) ON TABLE public.payment_refunds TO timingle_api;

GRANT INSERT(actor_id) ON TABLE public.payment_refunds TO timingle_api;

GRANT INSERT(amount) ON TABLE public.payment_refunds TO timingle_api;

GRANT INSERT(reason_encrypted) ON TABLE public.payment_refunds TO timingle_api;

GRANT USAGE ON SEQUENCE public.payment_refunds_id_seq TO timingle_api;

GRANT SELECT(id) ON TABLE public.payment_webhooks TO timingle_api;

GRANT SELECT(provider),INSERT(provider) ON TABLE public.payment_webhooks TO timingle_api;

GRANT SELECT(body_hash),INSERT(body_hash) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(provider_event_id) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(event_type) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(order_id) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(transaction_id) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(claims) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(secret_hash) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(headers) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(payload_encrypted) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(is_verified) ON TABLE public.payment_webhooks TO timingle_api;

GRANT INSERT(payment_id) ON TABLE public.payment_webhooks TO timingle_api;

GRANT USAGE ON SEQUENCE public.payment_webhooks_id_seq TO timingle_api;

GRANT SELECT ON TABLE public.payments TO timingle_api;

GRANT INSERT(id) ON TABLE public.payments TO timingle_api;

GRANT INSERT(event_id) ON TABLE public.payments TO timingle_api;

GRANT INSERT(payer_id) ON TABLE public.payments TO timingle_api;

GRANT INSERT(receiver_id) ON TABLE public.payments TO timingle_api;

GRANT INSERT(amount) ON TABLE public.payments TO timingle_api;

GRANT INSERT(currency) ON TABLE public.payments TO timingle_api;

GRANT INSERT(status) ON TABLE public.payments TO timingle_api;

GRANT INSERT(payment_method),UPDATE(payment_method) ON TABLE public.payments TO timingle_api;

GRANT INSERT(transaction_id),UPDATE(transaction_id) ON TABLE public.payments TO timingle_api;

GRANT INSERT(metadata),UPDATE(metadata) ON TABLE public.payments TO timingle_api;

GRANT INSERT(order_id) ON TABLE public.payments TO timingle_api;

GRANT USAGE ON SEQUENCE public.payments_id_seq TO timingle_api;

GRANT SELECT,INSERT ON TABLE public.users TO timingle_api;

GRANT UPDATE(phone_encrypted) ON TABLE public.users TO timingle_api;

GRANT UPDATE(phone_hash) ON TABLE public.users TO timingle_api;

GRANT UPDATE(email) ON TABLE public.users TO timingle_api;

GRANT UPDATE(name) ON TABLE public.users TO timingle_api;

GRANT UPDATE(display_name) ON TABLE public.users TO timingle_api;

GRANT UPDATE(profile_image_url) ON TABLE public.users TO timingle_api;

GRANT UPDATE(region) ON TABLE public.users TO timingle_api;

GRANT UPDATE(interests) ON TABLE public.users TO timingle_api;

GRANT UPDATE(role) ON TABLE public.users TO timingle_api;

GRANT UPDATE(is_active) ON TABLE public.users TO timingle_api;

GRANT UPDATE(deleted_at) ON TABLE public.users TO timingle_api;

GRANT UPDATE(plan) ON TABLE public.users TO timingle_api;

GRANT USAGE ON SEQUENCE public.users_id_seq TO timingle_api;
