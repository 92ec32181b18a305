DROP FUNCTION audit_report_exists(BIGINT);
DROP POLICY audit_reports_update ON audit_reports;
DROP POLICY audit_reports_insert ON audit_reports;
DROP POLICY audit_reports_select ON audit_reports;
ALTER TABLE audit_reports DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON SEQUENCE audit_reports_id_seq FROM timingle_api;
REVOKE ALL ON audit_reports FROM timingle_api;
