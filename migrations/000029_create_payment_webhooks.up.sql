-- The inbox: what came from a provider, each body once. An id alone would not do: Toss's come unsigned, and a forged
-- one must not shut the real one out. order_id, transaction_id and claims are hints, never believed before the provider
-- was asked. secret_hash is the SHA-256 of a DEPOSIT_CALLBACK's secret. Who works on a row holds it until held_until;
-- the sweep rings for it at next_try_at. looks counts the answers that did not yet show what the row claims.
CREATE TABLE payment_webhooks (
    id BIGSERIAL PRIMARY KEY,
    provider TEXT NOT NULL,
    body_hash BYTEA NOT NULL,
    provider_event_id TEXT,
    event_type TEXT NOT NULL,
    order_id TEXT,
    transaction_id TEXT,
    claims JSONB NOT NULL DEFAULT '{}',
    secret_hash BYTEA,
    headers JSONB NOT NULL,
    payload_encrypted BYTEA NOT NULL,
    is_verified BOOLEAN NOT NULL,
    received_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    payment_id BIGINT REFERENCES payments (id),
    state TEXT NOT NULL DEFAULT 'waiting',
    outcome TEXT,
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    looks INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT now() + INTERVAL '5 seconds',
    held_until TIMESTAMPTZ NOT NULL DEFAULT now(),
    processed_at TIMESTAMPTZ,
    CONSTRAINT idx_webhooks_body UNIQUE (provider, body_hash),
    CONSTRAINT payment_webhooks_provider_check CHECK (provider IN ('TOSS', 'STRIPE')),
    CONSTRAINT payment_webhooks_state_check CHECK (state IN ('waiting', 'done', 'quarantined')),
    CONSTRAINT payment_webhooks_outcome_check CHECK ((outcome IS NOT NULL) = (state = 'done')
        AND outcome IN ('confirmed', 'not-confirmed', 'not-about-a-payment', 'resolved')),
    CONSTRAINT payment_webhooks_reason_check CHECK ((state <> 'quarantined' OR reason IS NOT NULL)
        AND reason IN ('amount', 'currency', 'order', 'receiver', 'status', 'unknown-payment', 'secret')),
    CONSTRAINT payment_webhooks_processed_check CHECK ((processed_at IS NULL) = (state = 'waiting'))
);
CREATE INDEX idx_webhooks_waiting ON payment_webhooks (next_try_at, id) WHERE state = 'waiting';
CREATE INDEX idx_webhooks_payment ON payment_webhooks (payment_id) WHERE state = 'waiting';
CREATE INDEX idx_webhooks_quarantined ON payment_webhooks (id) WHERE state = 'quarantined';
-- For the day that rows are 400 days old.
CREATE INDEX idx_webhooks_received ON payment_webhooks USING brin (received_at);
