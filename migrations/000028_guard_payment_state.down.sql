DROP TRIGGER guard_payment_state ON payments;
DROP FUNCTION guard_payment_state();
