CREATE INDEX idx_events_upcoming ON events (id, start_time) WHERE status IN ('PROPOSED', 'CONFIRMED');
DROP INDEX idx_participants_upcoming;
DROP TRIGGER copy_start_time ON events;
DROP TRIGGER keep_start_time ON event_participants;
DROP TRIGGER guard_participant_history ON event_participants;
ALTER TABLE event_participants DROP COLUMN start_time;
CREATE CONSTRAINT TRIGGER guard_participant_history AFTER INSERT OR UPDATE OR DELETE ON event_participants
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_participant_history();
ALTER TABLE event_participants ENABLE ALWAYS TRIGGER guard_participant_history;
DROP FUNCTION copy_start_time();
DROP FUNCTION keep_start_time();
