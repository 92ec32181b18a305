-- The event's last seq when the user was let in: what was said before does not count as unread.
ALTER TABLE event_participants
    ADD COLUMN joined_seq BIGINT NOT NULL DEFAULT 0,
    ADD CONSTRAINT event_participants_joined_seq_check CHECK (joined_seq >= 0);
