-- For ingest: whose a payment is, whoever asks. Tells "not yours" from "not there", and who confirms it if nobody else
-- is named.
CREATE FUNCTION payment_parties(payment_id BIGINT) RETURNS TABLE (payer_id BIGINT, receiver_id BIGINT)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.payer_id, p.receiver_id FROM public.payments AS p WHERE p.id = $1
$$;
REVOKE ALL ON FUNCTION payment_parties(BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payment_parties(BIGINT) TO timingle_api;
