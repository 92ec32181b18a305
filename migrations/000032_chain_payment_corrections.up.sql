-- What a provider took back: a late success after a failure, a refund that failed after all.
ALTER TABLE event_history_outbox
    DROP CONSTRAINT event_history_outbox_type_check,
    ADD CONSTRAINT event_history_outbox_type_check CHECK (change_type IN ('CREATED', 'UPDATED', 'CONFIRMED', 'CANCELED',
        'DONE', 'PARTICIPANT_ADDED', 'PARTICIPANT_REMOVED', 'PARTICIPANT_CONFIRMED', 'PARTICIPANT_UNCONFIRMED',
        'PAYMENT_CREATED', 'PAYMENT_CHANGED', 'PAYMENT_CORRECTED'));
