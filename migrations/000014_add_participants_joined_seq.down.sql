ALTER TABLE event_participants DROP COLUMN joined_seq;
