DROP FUNCTION reports_lag();
DROP INDEX idx_audit_reports_failed;
