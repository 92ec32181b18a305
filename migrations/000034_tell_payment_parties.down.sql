DROP FUNCTION payment_parties(BIGINT);
