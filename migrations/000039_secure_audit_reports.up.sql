-- A report is for whoever asked for it, as long as they take part. Ingest asks for one, and cancels; all else of a row
-- is written by workers.
GRANT SELECT ON audit_reports TO timingle_api;
GRANT INSERT (event_id, requested_by, language, history_length, history_head) ON audit_reports TO timingle_api;
GRANT UPDATE (status) ON audit_reports TO timingle_api;
GRANT USAGE ON SEQUENCE audit_reports_id_seq TO timingle_api;

ALTER TABLE audit_reports ENABLE ROW LEVEL SECURITY;
CREATE POLICY audit_reports_select ON audit_reports FOR SELECT TO timingle_api
    USING (requested_by = current_user_id() AND takes_part(event_id, current_user_id()));
CREATE POLICY audit_reports_insert ON audit_reports FOR INSERT TO timingle_api
    WITH CHECK (
        requested_by = current_user_id() AND takes_part(event_id, current_user_id())
        AND EXISTS (SELECT FROM users AS u WHERE u.id = requested_by AND u.plan = 'PRO')
    );
CREATE POLICY audit_reports_update ON audit_reports FOR UPDATE TO timingle_api
    USING (requested_by = current_user_id() AND takes_part(event_id, current_user_id()))
    WITH CHECK (status = 'canceled');

-- Tells "not yours" from "not there".
CREATE FUNCTION audit_report_exists(report_id BIGINT) RETURNS BOOLEAN
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
    RETURN EXISTS (SELECT FROM public.audit_reports AS r WHERE r.id = $1);
REVOKE ALL ON FUNCTION audit_report_exists(BIGINT) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_report_exists(BIGINT) TO timingle_api;
