DROP TABLE payment_refunds;
DROP FUNCTION guard_refund_sum();
