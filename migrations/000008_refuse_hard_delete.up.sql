-- The CASCADEs would take evidence with them, so whoever tries is refused. A participant is removed row by row.
CREATE FUNCTION refuse_hard_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation',
              HINT = 'A user is deleted by deleted_at, an event is canceled, a payment stays.';
END;
$$;
CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_hard_delete();
CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_hard_delete();
CREATE TRIGGER refuse_hard_delete BEFORE DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_hard_delete();
CREATE TRIGGER refuse_hard_delete BEFORE TRUNCATE ON event_participants
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_hard_delete();
