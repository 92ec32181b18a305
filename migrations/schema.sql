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

CREATE FUNCTION public.current_user_id() RETURNS bigint
    LANGUAGE sql STABLE
    RETURN (NULLIF(current_setting('timingle.user_id'::text, true), ''::text))::bigint;

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

CREATE FUNCTION public.keep_updated_at() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END;
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

CREATE TABLE public.event_participants (
    event_id bigint NOT NULL,
    user_id bigint NOT NULL,
    confirmed boolean DEFAULT false NOT NULL,
    confirmed_at timestamp with time zone,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    joined_seq bigint DEFAULT 0 NOT NULL,
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
    CONSTRAINT events_history_check CHECK ((history_length >= 0)),
    CONSTRAINT events_status_check CHECK (((status)::text = ANY ((ARRAY['PROPOSED'::character varying, 'CONFIRMED'::character varying, 'CANCELED'::character varying, 'DONE'::character varying])::text[]))),
    CONSTRAINT events_time_check CHECK ((end_time > start_time))
);

CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;

ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;

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

ALTER TABLE ONLY public.dead_letters ALTER COLUMN id SET DEFAULT nextval('public.dead_letters_id_seq'::regclass);

ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);

ALTER TABLE ONLY public.oauth_tokens ALTER COLUMN id SET DEFAULT nextval('public.oauth_tokens_id_seq'::regclass);

ALTER TABLE ONLY public.open_slots ALTER COLUMN id SET DEFAULT nextval('public.open_slots_id_seq'::regclass);

ALTER TABLE ONLY public.payments ALTER COLUMN id SET DEFAULT nextval('public.payments_id_seq'::regclass);

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_key_hash_key UNIQUE (key_hash);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_name_key UNIQUE (name);

ALTER TABLE ONLY public.api_clients
    ADD CONSTRAINT api_clients_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.idempotency_keys
    ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (client_id, key);

ALTER TABLE ONLY public.dead_letters
    ADD CONSTRAINT idx_dead_letters_version UNIQUE (journal, version);

ALTER TABLE ONLY public.oauth_tokens
    ADD CONSTRAINT idx_oauth_user UNIQUE (user_id, provider);

ALTER TABLE ONLY public.event_participants
    ADD CONSTRAINT idx_participants_event PRIMARY KEY (event_id, user_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT idx_payments_order UNIQUE (order_id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT idx_payments_transaction UNIQUE (transaction_id);

ALTER TABLE ONLY public.journals
    ADD CONSTRAINT journals_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.oauth_tokens
    ADD CONSTRAINT oauth_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.open_slots
    ADD CONSTRAINT open_slots_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX idx_dead_letters_event ON public.dead_letters USING btree (event_id, seq);

CREATE INDEX idx_events_confirmed_end ON public.events USING btree (end_time, id) WHERE ((status)::text = 'CONFIRMED'::text);

CREATE INDEX idx_events_creator ON public.events USING btree (creator_id);

CREATE INDEX idx_events_creator_status ON public.events USING btree (creator_id, status);

CREATE INDEX idx_events_start_time ON public.events USING btree (start_time);

CREATE INDEX idx_events_status ON public.events USING btree (status);

CREATE INDEX idx_idempotency_keys_created ON public.idempotency_keys USING btree (created_at);

CREATE INDEX idx_participants_user ON public.event_participants USING btree (user_id);

CREATE INDEX idx_payments_event ON public.payments USING btree (event_id);

CREATE INDEX idx_payments_payer ON public.payments USING btree (payer_id);

CREATE INDEX idx_payments_status ON public.payments USING btree (status);

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

CREATE TRIGGER guard_event_status BEFORE UPDATE ON public.events FOR EACH ROW WHEN (((old.status)::text <> (new.status)::text)) EXECUTE FUNCTION public.guard_event_status();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.events FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.oauth_tokens FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.open_slots FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.payments FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.keep_updated_at();

CREATE TRIGGER refuse_hard_delete BEFORE TRUNCATE ON public.event_participants FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.events FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.payments FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_hard_delete();

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

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_event_id_fkey FOREIGN KEY (event_id) REFERENCES public.events(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_payer_id_fkey FOREIGN KEY (payer_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.payments
    ADD CONSTRAINT payments_receiver_id_fkey FOREIGN KEY (receiver_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE public.event_participants ENABLE ROW LEVEL SECURITY;

CREATE POLICY event_participants_delete ON public.event_participants FOR DELETE TO timingle_api USING (((user_id = public.current_user_id()) OR (public.takes_part(event_id, public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.events e
  WHERE ((e.id = event_participants.event_id) AND (e.creator_id = public.current_user_id())))))));

CREATE POLICY event_participants_insert ON public.event_participants FOR INSERT TO timingle_api WITH CHECK ((public.takes_part(event_id, public.current_user_id()) AND (EXISTS ( SELECT
   FROM public.events e
  WHERE ((e.id = event_participants.event_id) AND (e.creator_id = public.current_user_id()))))));

CREATE POLICY event_participants_select ON public.event_participants FOR SELECT TO timingle_api USING (((user_id = public.current_user_id()) OR public.takes_part(event_id, public.current_user_id())));

CREATE POLICY event_participants_update ON public.event_participants FOR UPDATE TO timingle_api USING (public.takes_part(event_id, public.current_user_id())) WITH CHECK ((public.takes_part(event_id, public.current_user_id()) AND ((user_id = public.current_user_id()) OR (NOT confirmed))));

ALTER TABLE public.events ENABLE ROW LEVEL SECURITY;

CREATE POLICY events_insert ON public.events FOR INSERT TO timingle_api WITH CHECK ((creator_id = public.current_user_id()));

CREATE POLICY events_select ON public.events FOR SELECT TO timingle_api USING (((creator_id = public.current_user_id()) OR public.takes_part(id, public.current_user_id())));

CREATE POLICY events_update ON public.events FOR UPDATE TO timingle_api USING (public.takes_part(id, public.current_user_id()));

ALTER TABLE public.payments ENABLE ROW LEVEL SECURITY;

CREATE POLICY payments_insert ON public.payments FOR INSERT TO timingle_api WITH CHECK ((((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)) AND ((event_id IS NULL) OR public.takes_part(event_id, public.current_user_id()))));

CREATE POLICY payments_select ON public.payments FOR SELECT TO timingle_api USING (((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)));

CREATE POLICY payments_update ON public.payments FOR UPDATE TO timingle_api USING (((public.current_user_id() = payer_id) OR (public.current_user_id() = receiver_id)));

GRANT USAGE ON SCHEMA public TO timingle_api;

REVOKE ALL ON FUNCTION public.add_first_participants(event_id bigint, user_ids bigint[]) FROM PUBLIC;
GRANT ALL ON FUNCTION public.add_first_participants(event_id bigint, user_ids bigint[]) TO timingle_api;

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

GRANT SELECT ON TABLE public.api_clients TO timingle_api;

GRANT SELECT(event_id) ON TABLE public.dead_letters TO timingle_api;

GRANT SELECT(seq) ON TABLE public.dead_letters TO timingle_api;

GRANT SELECT(state) ON TABLE public.dead_letters TO timingle_api;

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

GRANT UPDATE(history_length) ON TABLE public.events TO timingle_api;

GRANT UPDATE(history_head) ON TABLE public.events TO timingle_api;

GRANT UPDATE(canceled_reason) ON TABLE public.events TO timingle_api;

GRANT INSERT(open_slot_id),UPDATE(open_slot_id) ON TABLE public.events TO timingle_api;

GRANT USAGE ON SEQUENCE public.events_id_seq TO timingle_api;

GRANT SELECT,INSERT,UPDATE ON TABLE public.idempotency_keys TO timingle_api;

GRANT SELECT ON TABLE public.journals TO timingle_api;

GRANT INSERT(id) ON TABLE public.journals TO timingle_api;

GRANT SELECT ON TABLE public.payments TO timingle_api;

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
