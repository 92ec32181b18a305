-- A user's next events are found without reading a row of those that are over: which events are theirs by the one index,
-- which of these are still to come by the other. With the order of event_id, a page of unread ends where it is full.
DROP INDEX idx_participants_user;
CREATE INDEX idx_participants_user ON event_participants (user_id, event_id);
CREATE INDEX idx_events_upcoming ON events (id, start_time) WHERE status IN ('PROPOSED', 'CONFIRMED');
