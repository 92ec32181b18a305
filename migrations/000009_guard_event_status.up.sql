CREATE FUNCTION guard_event_status() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status, NEW.status) NOT IN (
        ('PROPOSED', 'CONFIRMED'),
        ('PROPOSED', 'CANCELED'),
        ('CONFIRMED', 'DONE'),
        ('CONFIRMED', 'CANCELED')
    ) THEN
        RAISE EXCEPTION 'An event does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'events_status_transition', TABLE = 'events';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER guard_event_status BEFORE UPDATE ON events
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION guard_event_status();
