DROP INDEX idx_events_upcoming;
DROP INDEX idx_participants_user;
CREATE INDEX idx_participants_user ON event_participants (user_id);
