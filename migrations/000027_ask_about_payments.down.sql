ALTER TABLE payments
    DROP COLUMN deposit_secret_hash,
    DROP COLUMN next_ask_at,
    DROP COLUMN asks;
