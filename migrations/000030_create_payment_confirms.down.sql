DROP TABLE payment_confirms;
