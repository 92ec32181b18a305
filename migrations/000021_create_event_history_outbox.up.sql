-- The hash chain of each event, as it is made: kept for 35 days and relayed meanwhile to ScyllaDB's event_history, whose
-- columns these are. hashed_bytes are stored and hashed as they were made once, and never made again to verify. What is
-- personal or free text enters them as a commitment, sha256(salt || value) in hex: erasing a person takes value and
-- salt away, and the chain stays whole. metadata holds the committed values that have no column of their own.
CREATE TABLE event_history_outbox (
    event_id BIGINT NOT NULL,
    changed_at TIMESTAMPTZ NOT NULL,
    change_id UUID NOT NULL,
    actor_id BIGINT,
    actor_name TEXT,
    change_type TEXT NOT NULL,
    field_name TEXT,
    old_value TEXT,
    new_value TEXT,
    ip_address TEXT,
    user_agent TEXT,
    metadata JSONB NOT NULL,
    chain_seq BIGINT NOT NULL,
    prev_hash BYTEA NOT NULL,
    entry_hash BYTEA NOT NULL,
    hashed_bytes BYTEA NOT NULL,
    salts JSONB NOT NULL,
    relayed_at TIMESTAMPTZ,
    CONSTRAINT idx_history_event PRIMARY KEY (event_id, chain_seq),
    CONSTRAINT event_history_outbox_chain_seq_check CHECK (chain_seq > 0),
    CONSTRAINT event_history_outbox_hash_check CHECK (entry_hash = sha256(prev_hash || hashed_bytes)),
    CONSTRAINT event_history_outbox_type_check CHECK (change_type IN ('CREATED', 'UPDATED', 'CONFIRMED', 'CANCELED',
        'DONE', 'PARTICIPANT_ADDED', 'PARTICIPANT_REMOVED', 'PARTICIPANT_CONFIRMED', 'PARTICIPANT_UNCONFIRMED',
        'PAYMENT_CREATED', 'PAYMENT_CHANGED'))
);
-- What the relay's sweep pages by; and, for the day that rows are 35 days old, where they lie.
CREATE INDEX idx_history_unrelayed ON event_history_outbox (event_id, chain_seq) WHERE relayed_at IS NULL;
CREATE INDEX idx_history_changed ON event_history_outbox USING brin (changed_at);
-- What an event's history last said of a user: the guard of event_participants asks for each row that changes. Not by
-- event_id as it is: the primary key's index would serve that as well, reading the whole history each time.
CREATE INDEX idx_history_participant ON event_history_outbox
    ((event_id::TEXT), (coalesce(new_value, old_value)::JSONB ->> 'user_id'), chain_seq)
    WHERE field_name = 'participants';

-- When the last entry was made: the next one is later, whatever the clock says.
ALTER TABLE events ADD COLUMN history_at TIMESTAMPTZ;

-- A change that is to be chained, with the end of its event's chain as the locked row has it. old_value and new_value
-- go into the bytes as they are; texts are committed to, {"old_value": …} and {"new_value": …} among them.
CREATE TYPE history_change AS (
    event_id BIGINT,
    history_length BIGINT,
    history_head BYTEA,
    history_at TIMESTAMPTZ,
    change_type TEXT,
    field_name TEXT,
    old_value JSON,
    new_value JSON,
    texts JSONB
);

-- entry_hash = sha256(prev_hash || hashed_bytes), all along a chain: as a window function over the bytes of its entries.
CREATE FUNCTION chain_next(hash BYTEA, head BYTEA, bytes BYTEA) RETURNS BYTEA LANGUAGE sql IMMUTABLE
    RETURN sha256(coalesce(hash, head) || bytes);
CREATE AGGREGATE chain_hash(head BYTEA, bytes BYTEA) (SFUNC = chain_next, STYPE = BYTEA);

-- A UUIDv7 of the time, the place in the chain (32 bits) and 30 random bits: in the order of keys as in the chain.
CREATE FUNCTION make_change_id(changed_at TIMESTAMPTZ, chain_seq BIGINT) RETURNS UUID LANGUAGE sql VOLATILE
    RETURN (lpad(to_hex((extract(epoch FROM changed_at) * 1000)::BIGINT), 12, '0') || '7000'
        || to_hex((1::BIGINT << 63) | (chain_seq << 30) | random(0, 1073741823)))::UUID;

-- The entries of these changes, in their order and not stored yet: the only place where an entry's bytes are made. The
-- events must be locked. actor_texts are committed to in every entry: actor_name, ip_address, user_agent.
CREATE FUNCTION chain_history(changes history_change[], actor_id BIGINT, actor_texts JSONB)
    RETURNS SETOF event_history_outbox
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
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
$$;

-- A moment as it stands in the bytes.
CREATE FUNCTION moment(at TIMESTAMPTZ) RETURNS TEXT LANGUAGE sql STABLE
    RETURN to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

REVOKE ALL ON FUNCTION chain_next(BYTEA, BYTEA, BYTEA), chain_hash(BYTEA, BYTEA),
    make_change_id(TIMESTAMPTZ, BIGINT), chain_history(history_change[], BIGINT, JSONB), moment(TIMESTAMPTZ) FROM PUBLIC;

-- Events that are there already begin their history as they are now.
WITH entries AS MATERIALIZED (
    SELECT h.* FROM chain_history(ARRAY(
        SELECT (e.id, 0, NULL, NULL, said.change_type, said.field_name, NULL, said.new_value, said.texts)::history_change
        FROM events AS e
        CROSS JOIN LATERAL (
            SELECT 0 AS place, 'CREATED' AS change_type, NULL AS field_name,
                json_build_object('creator_id', e.creator_id, 'start_time', moment(e.start_time),
                    'end_time', moment(e.end_time), 'status', e.status, 'open_slot_id', e.open_slot_id) AS new_value,
                jsonb_strip_nulls(jsonb_build_object('title', e.title, 'description', e.description,
                    'location', e.location, 'canceled_reason', e.canceled_reason)) AS texts
            UNION ALL
            SELECT p.user_id, 'PARTICIPANT_ADDED', 'participants',
                json_build_object('user_id', p.user_id, 'confirmed', p.confirmed, 'joined_seq', p.joined_seq),
                jsonb_strip_nulls(jsonb_build_object('name', nullif(coalesce(u.display_name, u.name), '')))
            FROM event_participants AS p JOIN users AS u ON u.id = p.user_id WHERE p.event_id = e.id
        ) AS said
        ORDER BY e.id, said.place
    ), NULL, NULL) AS h
), stored AS (
    INSERT INTO event_history_outbox SELECT * FROM entries
)
UPDATE events SET history_length = last.chain_seq, history_head = last.entry_hash, history_at = last.changed_at
FROM (SELECT DISTINCT ON (event_id) * FROM entries ORDER BY event_id, chain_seq DESC) AS last
WHERE events.id = last.event_id;
