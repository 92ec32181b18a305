-- What ingest may do: put into the inbox, and ask for confirms and refunds of payments that the acting user sees.
-- What becomes of them is written by workers. What a payment's metadata hides is bound to its id, which comes first.
GRANT INSERT (id) ON payments TO timingle_api;
GRANT INSERT (provider, body_hash, provider_event_id, event_type, order_id, transaction_id, claims, secret_hash,
    headers, payload_encrypted, is_verified, payment_id) ON payment_webhooks TO timingle_api;
GRANT SELECT (id, provider, body_hash) ON payment_webhooks TO timingle_api;
GRANT USAGE ON SEQUENCE payment_webhooks_id_seq TO timingle_api;
GRANT SELECT, INSERT (payment_id, payment_key) ON payment_confirms TO timingle_api;
GRANT USAGE ON SEQUENCE payment_confirms_id_seq TO timingle_api;
GRANT SELECT, INSERT (payment_id, key, actor_id, amount, reason_encrypted) ON payment_refunds TO timingle_api;
GRANT USAGE ON SEQUENCE payment_refunds_id_seq TO timingle_api;

-- A payment that its policy hides is not there for these either.
ALTER TABLE payment_confirms ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_confirms_select ON payment_confirms FOR SELECT TO timingle_api
    USING (EXISTS (SELECT FROM payments AS p WHERE p.id = payment_id));
CREATE POLICY payment_confirms_insert ON payment_confirms FOR INSERT TO timingle_api
    WITH CHECK (EXISTS (SELECT FROM payments AS p WHERE p.id = payment_id));
ALTER TABLE payment_refunds ENABLE ROW LEVEL SECURITY;
CREATE POLICY payment_refunds_select ON payment_refunds FOR SELECT TO timingle_api
    USING (EXISTS (SELECT FROM payments AS p WHERE p.id = payment_id));
CREATE POLICY payment_refunds_insert ON payment_refunds FOR INSERT TO timingle_api
    WITH CHECK (
        actor_id = current_user_id()
        AND EXISTS (SELECT FROM payments AS p WHERE p.id = payment_id AND p.receiver_id = current_user_id())
    );

-- A webhook acts for nobody, so no policy shows it a payment: this tells which one an order is of, and what the secret
-- of a DEPOSIT_CALLBACK must hash to, once that is known.
CREATE FUNCTION payment_of_order(order_id TEXT) RETURNS TABLE (payment_id BIGINT, deposit_secret_hash BYTEA)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT p.id, p.deposit_secret_hash FROM public.payments AS p WHERE p.order_id = $1
$$;

-- For /metrics: what waits and since when, and what was quarantined why. Figures of all payments, as of events_lag.
CREATE FUNCTION payments_lag()
    RETURNS TABLE (kind TEXT, state TEXT, reason TEXT, count BIGINT, oldest_s DOUBLE PRECISION)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT found.kind, found.state, found.reason, count(*), greatest(extract(epoch FROM now() - min(found.since)), 0)
    FROM (
        SELECT 'webhook' AS kind, w.state, NULL AS reason, w.received_at AS since
        FROM public.payment_webhooks AS w WHERE w.state = 'waiting'
        UNION ALL
        SELECT 'webhook', w.state, w.reason, w.received_at
        FROM public.payment_webhooks AS w WHERE w.state = 'quarantined'
        UNION ALL
        SELECT 'confirm', c.state, NULL, c.created_at FROM public.payment_confirms AS c WHERE c.state = 'waiting'
        UNION ALL
        SELECT 'refund', r.state, NULL, r.created_at FROM public.payment_refunds AS r WHERE r.state = 'waiting'
    ) AS found
    GROUP BY found.kind, found.state, found.reason
$$;
REVOKE ALL ON FUNCTION payment_of_order(TEXT), payments_lag() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION payment_of_order(TEXT), payments_lag() TO timingle_api;
