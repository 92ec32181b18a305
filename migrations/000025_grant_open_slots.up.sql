-- What ingest may do with open slots: a slot stays its business's own.
GRANT SELECT ON open_slots TO timingle_api;
GRANT INSERT (business_user_id, service_type, title, description, start_time, duration_minutes, price, region)
    ON open_slots TO timingle_api;
GRANT UPDATE (service_type, title, description, start_time, duration_minutes, price, region, is_available)
    ON open_slots TO timingle_api;
GRANT USAGE ON SEQUENCE open_slots_id_seq TO timingle_api;
