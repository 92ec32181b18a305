-- What ingest may touch, and nothing more. A role belongs to the whole server: it may be there already, with LOGIN and
-- a password, and another database may make it at this very moment.
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'timingle_api') THEN
        CREATE ROLE timingle_api NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END;
$$;
GRANT USAGE ON SCHEMA public TO timingle_api;

GRANT SELECT, INSERT ON users TO timingle_api;
GRANT UPDATE (phone_encrypted, phone_hash, email, name, display_name, profile_image_url, region, interests, role, plan,
    is_active, deleted_at) ON users TO timingle_api;
GRANT USAGE ON SEQUENCE users_id_seq TO timingle_api;

-- An event begins as PROPOSED, and its creator and journal stay.
GRANT SELECT ON events TO timingle_api;
GRANT INSERT (id, title, description, start_time, end_time, location, creator_id, journal, open_slot_id)
    ON events TO timingle_api;
GRANT UPDATE (title, description, start_time, end_time, location, status, canceled_reason, open_slot_id,
    history_length, history_head) ON events TO timingle_api;
GRANT USAGE ON SEQUENCE events_id_seq TO timingle_api;

GRANT SELECT, DELETE ON event_participants TO timingle_api;
GRANT INSERT (event_id, user_id, joined_seq) ON event_participants TO timingle_api;
GRANT UPDATE (confirmed, confirmed_at) ON event_participants TO timingle_api;

-- What a payment has come to is written by workers, from what the provider says.
GRANT SELECT ON payments TO timingle_api;
GRANT INSERT (event_id, payer_id, receiver_id, amount, currency, status, payment_method, transaction_id, metadata,
    order_id) ON payments TO timingle_api;
GRANT UPDATE (payment_method, transaction_id, metadata) ON payments TO timingle_api;
GRANT USAGE ON SEQUENCE payments_id_seq TO timingle_api;

GRANT SELECT, INSERT (id) ON journals TO timingle_api;
GRANT SELECT ON api_clients TO timingle_api;
GRANT SELECT, INSERT, UPDATE ON idempotency_keys TO timingle_api;
-- A lost register of an event is seeded past its dead letters; their payload is not for ingest.
GRANT SELECT (event_id, seq, state) ON dead_letters TO timingle_api;
