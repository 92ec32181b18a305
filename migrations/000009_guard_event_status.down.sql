DROP TRIGGER guard_event_status ON events;
DROP FUNCTION guard_event_status();
