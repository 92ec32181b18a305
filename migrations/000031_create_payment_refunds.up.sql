-- Refunds that receivers ask for, as jobs. key goes to the provider as Idempotency-Key and in what it keeps of the
-- refund, so that an unknown outcome can be looked up. held_until and next_try_at as of payment_webhooks.
CREATE TABLE payment_refunds (
    id BIGSERIAL PRIMARY KEY,
    payment_id BIGINT NOT NULL REFERENCES payments (id),
    key UUID NOT NULL DEFAULT gen_random_uuid(),
    actor_id BIGINT NOT NULL REFERENCES users (id),
    amount DECIMAL(10, 2) NOT NULL,
    reason_encrypted BYTEA,
    state TEXT NOT NULL DEFAULT 'waiting',
    cause TEXT,
    provider_refund_id TEXT,
    first_sent_at TIMESTAMPTZ,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT now() + INTERVAL '5 seconds',
    held_until TIMESTAMPTZ NOT NULL DEFAULT now(),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    ended_at TIMESTAMPTZ,
    CONSTRAINT idx_refunds_key UNIQUE (key),
    CONSTRAINT payment_refunds_amount_check CHECK (amount > 0),
    CONSTRAINT payment_refunds_state_check CHECK (state IN ('waiting', 'done', 'failed')),
    CONSTRAINT payment_refunds_cause_check CHECK ((cause IS NOT NULL) = (state = 'failed')),
    CONSTRAINT payment_refunds_ended_check CHECK ((ended_at IS NULL) = (state = 'waiting'))
);
CREATE INDEX idx_refunds_payment ON payment_refunds (payment_id);
CREATE INDEX idx_refunds_waiting ON payment_refunds (next_try_at, id) WHERE state = 'waiting';

-- Two refunds at once must not come to more than was paid: whoever asks for one holds the payment's row. Read past the
-- policies: a refund that the acting user does not see counts as well. What becomes of one is the provider's word.
CREATE FUNCTION guard_refund_sum() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    paid NUMERIC;
BEGIN
    SELECT p.amount INTO paid FROM public.payments AS p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
    IF NEW.amount > paid - (
        SELECT coalesce(sum(r.amount), 0) FROM public.payment_refunds AS r
        WHERE r.payment_id = NEW.payment_id AND r.state <> 'failed' AND r.id <> NEW.id
    ) THEN
        RAISE EXCEPTION 'The refunds of a payment are more than was paid'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_refunds_sum', TABLE = 'payment_refunds';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER guard_refund_sum BEFORE INSERT OR UPDATE OF payment_id, amount ON payment_refunds
    FOR EACH ROW EXECUTE FUNCTION guard_refund_sum();
REVOKE ALL ON FUNCTION guard_refund_sum() FROM PUBLIC;
