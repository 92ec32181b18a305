-- order_id is what a provider knows the payment by. A fetch takes a ticket, so that an older answer that comes late
-- is not applied over a newer one.
ALTER TABLE payments
    ADD COLUMN order_id VARCHAR(64) NOT NULL DEFAULT gen_random_uuid()::TEXT,
    ADD COLUMN refunded_amount DECIMAL(10, 2) NOT NULL DEFAULT 0,
    ADD COLUMN issued_ticket BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN applied_ticket BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT idx_payments_order UNIQUE (order_id),
    ADD CONSTRAINT payments_order_id_check CHECK (order_id ~ '^[A-Za-z0-9_-]{6,64}$'),
    ADD CONSTRAINT payments_refunded_amount_check CHECK (refunded_amount BETWEEN 0 AND amount),
    ADD CONSTRAINT payments_ticket_check CHECK (applied_ticket BETWEEN 0 AND issued_ticket);
