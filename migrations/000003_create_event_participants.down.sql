DROP TABLE event_participants;
