-- The first answer to each Idempotency-Key, for 24 hours.
CREATE TABLE idempotency_keys (
    client_id BIGINT NOT NULL REFERENCES api_clients (id),
    key TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    status SMALLINT,
    answer BYTEA,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (client_id, key)
);
CREATE INDEX idx_idempotency_keys_created ON idempotency_keys (created_at);
