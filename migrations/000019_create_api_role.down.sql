-- The role stays: it belongs to the whole server, other databases may grant to it, and the one who set its password
-- made it. REVOKE and not DROP OWNED, which would also take grants on other databases with it.
REVOKE ALL ON users, events, event_participants, payments, journals, api_clients, idempotency_keys, dead_letters
    FROM timingle_api;
REVOKE ALL ON SEQUENCE users_id_seq, events_id_seq, payments_id_seq FROM timingle_api;
REVOKE ALL ON SCHEMA public FROM timingle_api;
