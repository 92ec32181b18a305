-- What the app asks to have confirmed, as jobs. key is the provider's Idempotency-Key; a payment_key is what Toss calls
-- an attempt to pay, and for Stripe a PaymentIntent. held_until and next_try_at as of payment_webhooks.
CREATE TABLE payment_confirms (
    id BIGSERIAL PRIMARY KEY,
    payment_id BIGINT NOT NULL REFERENCES payments (id),
    payment_key VARCHAR(200) NOT NULL,
    key UUID NOT NULL DEFAULT gen_random_uuid(),
    state TEXT NOT NULL DEFAULT 'waiting',
    cause TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT now() + INTERVAL '5 seconds',
    held_until TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ended_at TIMESTAMPTZ,
    CONSTRAINT idx_confirms_payment UNIQUE (payment_id, payment_key),
    CONSTRAINT payment_confirms_state_check CHECK (state IN ('waiting', 'done', 'failed')),
    CONSTRAINT payment_confirms_cause_check CHECK ((cause IS NOT NULL) = (state = 'failed')),
    CONSTRAINT payment_confirms_ended_check CHECK ((ended_at IS NULL) = (state = 'waiting'))
);
CREATE INDEX idx_confirms_waiting ON payment_confirms (next_try_at, id) WHERE state = 'waiting';
