REVOKE ALL ON SEQUENCE open_slots_id_seq FROM timingle_api;
REVOKE ALL ON open_slots FROM timingle_api;
