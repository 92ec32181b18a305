CREATE OR REPLACE FUNCTION guard_payment_history() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    present JSONB;
    told JSONB;
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.event_id IS DISTINCT FROM OLD.event_id THEN
        PERFORM public.refuse_unchained('payments', coalesce(OLD.event_id, NEW.event_id));
    END IF;
    IF NEW.event_id IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT jsonb_build_object('payment_id', p.id, 'payer_id', p.payer_id, 'receiver_id', p.receiver_id,
        'amount', p.amount::TEXT, 'currency', p.currency, 'refunded_amount', p.refunded_amount::TEXT,
        'status', p.status) INTO present
    FROM public.payments AS p WHERE p.id = NEW.id;
    SELECT h.new_value::JSONB INTO told
    FROM public.event_history_outbox AS h
    WHERE h.event_id = NEW.event_id AND h.field_name = 'payments'
        AND h.new_value::JSONB ->> 'payment_id' = NEW.id::TEXT
    ORDER BY h.chain_seq DESC LIMIT 1;
    IF NOT FOUND OR told IS DISTINCT FROM present THEN
        PERFORM public.refuse_unchained('payments', NEW.event_id);
    END IF;
    RETURN NULL;
END;
$$;
