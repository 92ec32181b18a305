-- What a payment has come to is what a provider said when it was asked: a newer ticket than any before. Nothing else
-- changes it, whoever writes; and it begins as PENDING.
CREATE FUNCTION guard_payment_state() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NEW.status = 'PENDING' AND NEW.refunded_amount = 0 THEN
            RETURN NEW;
        END IF;
    ELSIF (NEW.status, NEW.refunded_amount) IS NOT DISTINCT FROM (OLD.status, OLD.refunded_amount)
        AND NEW.applied_ticket >= OLD.applied_ticket OR NEW.applied_ticket > OLD.applied_ticket
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'The state of a payment changes by a newer ticket only'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_fetched', TABLE = 'payments';
END;
$$;
CREATE TRIGGER guard_payment_state BEFORE INSERT OR UPDATE OF status, refunded_amount, applied_ticket ON payments
    FOR EACH ROW EXECUTE FUNCTION guard_payment_state();
ALTER TABLE payments ENABLE ALWAYS TRIGGER guard_payment_state;
