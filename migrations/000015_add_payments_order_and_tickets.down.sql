ALTER TABLE payments
    DROP COLUMN applied_ticket,
    DROP COLUMN issued_ticket,
    DROP COLUMN refunded_amount,
    DROP COLUMN order_id;
