-- The apps that call the API. key_hash is the SHA-256 of a key that nobody keeps.
CREATE TABLE api_clients (
    id BIGSERIAL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    key_hash BYTEA NOT NULL UNIQUE,
    scopes TEXT[] NOT NULL,
    rate_per_s INTEGER NOT NULL DEFAULT 50000,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    revoked_at TIMESTAMPTZ,
    CONSTRAINT api_clients_rate_check CHECK (rate_per_s > 0)
);
