ALTER POLICY event_participants_select ON event_participants
    USING (user_id = current_user_id() OR takes_part(event_id, current_user_id()));
ALTER POLICY events_select ON events
    USING (creator_id = current_user_id() OR takes_part(id, current_user_id()));
DROP VIEW my_events;
