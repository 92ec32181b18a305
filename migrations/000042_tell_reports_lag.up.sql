-- For /metrics and `timingle health`: how many audit reports are not made yet, since when the oldest waits, and how many were
-- given up within a day.
CREATE INDEX idx_audit_reports_failed ON audit_reports (updated_at) WHERE status = 'failed';
CREATE FUNCTION reports_lag() RETURNS TABLE (waiting BIGINT, oldest_s FLOAT8, failed BIGINT)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT count(*), coalesce(greatest(extract(epoch FROM now() - min(r.created_at)), 0), 0), (
            SELECT count(*) FROM public.audit_reports AS f
            WHERE f.status = 'failed' AND f.updated_at > now() - INTERVAL '1 day'
        )
    FROM public.audit_reports AS r WHERE r.status IN ('queued', 'running')
$$;
REVOKE ALL ON FUNCTION reports_lag() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION reports_lag() TO timingle_api;
