DROP FUNCTION payments_lag();
DROP FUNCTION payment_of_order(TEXT);
DROP POLICY payment_refunds_insert ON payment_refunds;
DROP POLICY payment_refunds_select ON payment_refunds;
ALTER TABLE payment_refunds DISABLE ROW LEVEL SECURITY;
DROP POLICY payment_confirms_insert ON payment_confirms;
DROP POLICY payment_confirms_select ON payment_confirms;
ALTER TABLE payment_confirms DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON SEQUENCE payment_refunds_id_seq, payment_confirms_id_seq, payment_webhooks_id_seq FROM timingle_api;
REVOKE ALL ON payment_refunds, payment_confirms, payment_webhooks FROM timingle_api;
REVOKE ALL (id, provider, body_hash, provider_event_id, event_type, order_id, transaction_id, claims, secret_hash,
    headers, payload_encrypted, is_verified, payment_id) ON payment_webhooks FROM timingle_api;
REVOKE ALL (payment_id, payment_key) ON payment_confirms FROM timingle_api;
REVOKE ALL (payment_id, key, actor_id, amount, reason_encrypted) ON payment_refunds FROM timingle_api;
REVOKE INSERT (id) ON payments FROM timingle_api;
