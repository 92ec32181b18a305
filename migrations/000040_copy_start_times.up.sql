-- A user's next events are found in their order, and none that is over is looked at: each participant's row has a copy of
-- its event's start. Whoever writes it, it is the event's. The lock lets nobody move the event meanwhile.
CREATE FUNCTION keep_start_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    SELECT e.start_time INTO NEW.start_time FROM public.events AS e WHERE e.id = NEW.event_id FOR SHARE;
    RETURN NEW;
END;
$$;
CREATE FUNCTION copy_start_time() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.event_participants AS p SET start_time = NEW.start_time WHERE p.event_id = NEW.id;
    RETURN NULL;
END;
$$;
REVOKE ALL ON FUNCTION keep_start_time(), copy_start_time() FROM PUBLIC;

-- The history says when an event begins, and not of each participant: so this copy is nothing that it has to lead to.
DROP TRIGGER guard_participant_history ON event_participants;
ALTER TABLE event_participants ADD COLUMN start_time TIMESTAMPTZ;
UPDATE event_participants AS p SET start_time = e.start_time FROM events AS e WHERE e.id = p.event_id;
ALTER TABLE event_participants ALTER COLUMN start_time SET NOT NULL;
CREATE CONSTRAINT TRIGGER guard_participant_history
    AFTER INSERT OR DELETE OR UPDATE OF event_id, user_id, confirmed, joined_seq ON event_participants
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION guard_participant_history();
ALTER TABLE event_participants ENABLE ALWAYS TRIGGER guard_participant_history;
CREATE TRIGGER keep_start_time BEFORE INSERT OR UPDATE OF event_id, start_time ON event_participants
    FOR EACH ROW EXECUTE FUNCTION keep_start_time();
CREATE TRIGGER copy_start_time AFTER UPDATE OF start_time ON events
    FOR EACH ROW WHEN (NEW.start_time <> OLD.start_time) EXECUTE FUNCTION copy_start_time();

CREATE INDEX idx_participants_upcoming ON event_participants (user_id, start_time, event_id);
DROP INDEX idx_events_upcoming;
