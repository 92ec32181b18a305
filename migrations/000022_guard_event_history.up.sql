-- What is chained stays as it is, whoever tries. Erasing a person may take away committed values with their salts, and
-- rows may go when they are relayed and older than 35 days: until then a restored ScyllaDB can be filled again.
CREATE FUNCTION guard_history_rows() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
CREATE TRIGGER guard_history_rows BEFORE UPDATE OR DELETE ON event_history_outbox
    FOR EACH ROW EXECUTE FUNCTION guard_history_rows();
CREATE TRIGGER guard_history_truncate BEFORE TRUNCATE ON event_history_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION guard_history_rows();

-- An entry that its event's length does not count would belong to no chain.
CREATE FUNCTION guard_history_length() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
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
CREATE TRIGGER guard_history_length AFTER INSERT ON event_history_outbox REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION guard_history_length();

CREATE FUNCTION refuse_unchained(what TEXT, event_id BIGINT) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RAISE EXCEPTION '% of event % changed, and its history does not say so', what, event_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'event_history_chain', TABLE = 'events';
END;
$$;

-- At the end of the transaction: the entries since OLD lead from its head to NEW's, and whatever differs between the
-- two rows is what one of them says. Read past the policies: the API's role does not read history. A plan is kept for as
-- long as a connection lives: one that was made for a small table must not scan a large one, row by row.
CREATE FUNCTION guard_event_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
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
CREATE CONSTRAINT TRIGGER guard_event_history AFTER INSERT OR UPDATE ON events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_event_history();

-- At the end of the transaction: a participant, or that he is none, is what the history last said of him.
CREATE FUNCTION guard_participant_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
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
CREATE CONSTRAINT TRIGGER guard_participant_history AFTER INSERT OR UPDATE OR DELETE ON event_participants
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_participant_history();

-- When somebody confirmed follows from that they did, so nobody else can set it.
CREATE FUNCTION keep_confirmed_at() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER keep_confirmed_at BEFORE INSERT OR UPDATE ON event_participants
    FOR EACH ROW EXECUTE FUNCTION keep_confirmed_at();

-- The same for a payment's state, where it is of an event. Locks: the event first, then the payment.
CREATE FUNCTION guard_payment_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    present JSONB;
    told JSONB;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.event_id IS DISTINCT FROM OLD.event_id THEN
        PERFORM public.refuse_unchained('payments', coalesce(OLD.event_id, NEW.event_id));
    END IF;
    IF NEW.event_id IS NULL THEN
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
CREATE CONSTRAINT TRIGGER guard_payment_history
    AFTER INSERT OR UPDATE OF event_id, payer_id, receiver_id, amount, currency, refunded_amount, status ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_payment_history();

-- Also where session_replication_role says that triggers do not count.
ALTER TABLE event_history_outbox ENABLE ALWAYS TRIGGER guard_history_rows,
    ENABLE ALWAYS TRIGGER guard_history_truncate, ENABLE ALWAYS TRIGGER guard_history_length;
ALTER TABLE events ENABLE ALWAYS TRIGGER guard_event_history, ENABLE ALWAYS TRIGGER guard_event_status;
ALTER TABLE event_participants ENABLE ALWAYS TRIGGER guard_participant_history;
ALTER TABLE payments ENABLE ALWAYS TRIGGER guard_payment_history;

REVOKE ALL ON FUNCTION guard_event_history(), guard_participant_history(), guard_payment_history(),
    refuse_unchained(TEXT, BIGINT) FROM PUBLIC;
