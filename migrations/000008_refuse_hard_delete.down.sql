DROP TRIGGER refuse_hard_delete ON event_participants;
DROP TRIGGER refuse_hard_delete ON payments;
DROP TRIGGER refuse_hard_delete ON events;
DROP TRIGGER refuse_hard_delete ON users;
DROP FUNCTION refuse_hard_delete();
