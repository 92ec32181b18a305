-- Refused while a history tells of a correction: what is chained stays.
ALTER TABLE event_history_outbox
    DROP CONSTRAINT event_history_outbox_type_check,
    ADD CONSTRAINT event_history_outbox_type_check CHECK (change_type IN ('CREATED', 'UPDATED', 'CONFIRMED', 'CANCELED',
        'DONE', 'PARTICIPANT_ADDED', 'PARTICIPANT_REMOVED', 'PARTICIPANT_CONFIRMED', 'PARTICIPANT_UNCONFIRMED',
        'PAYMENT_CREATED', 'PAYMENT_CHANGED'));
