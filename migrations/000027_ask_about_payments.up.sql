-- A payment that stays PENDING is asked about, less and less often; next_ask_at is NULL once it is not any more.
-- deposit_secret_hash is the SHA-256 of the secret that Toss puts into each DEPOSIT_CALLBACK of a virtual account.
ALTER TABLE payments
    ADD COLUMN asks INTEGER NOT NULL DEFAULT 0,
    ADD COLUMN next_ask_at TIMESTAMPTZ DEFAULT now() + INTERVAL '10 minutes',
    ADD COLUMN deposit_secret_hash BYTEA;
CREATE INDEX idx_payments_asked ON payments (next_ask_at, id) WHERE status = 'PENDING';
