DROP TABLE audit_reports;
DROP FUNCTION guard_audit_report();
