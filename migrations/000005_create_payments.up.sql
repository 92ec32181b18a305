-- transaction_id has 200 characters because Toss's paymentKey may. What metadata says of a card or an account is
-- encrypted before it comes here.
CREATE TABLE payments (
    id BIGSERIAL PRIMARY KEY,
    event_id BIGINT REFERENCES events (id) ON DELETE SET NULL,
    payer_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    receiver_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    amount DECIMAL(10, 2) NOT NULL,
    currency VARCHAR(3) NOT NULL DEFAULT 'KRW',
    status VARCHAR(20) NOT NULL,
    payment_method VARCHAR(50),
    transaction_id VARCHAR(200),
    metadata JSONB,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT idx_payments_transaction UNIQUE (transaction_id),
    CONSTRAINT payments_amount_check CHECK (amount > 0),
    CONSTRAINT payments_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT payments_status_check CHECK (status IN ('PENDING', 'COMPLETED', 'REFUNDED', 'FAILED'))
);
CREATE INDEX idx_payments_event ON payments (event_id);
CREATE INDEX idx_payments_payer ON payments (payer_id);
CREATE INDEX idx_payments_status ON payments (status);
