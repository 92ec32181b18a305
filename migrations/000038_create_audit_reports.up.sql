-- A row is the job that makes an audit PDF of an event's history as far as the row says: entries and hash are pinned.
CREATE TABLE audit_reports (
    id BIGSERIAL PRIMARY KEY,
    event_id BIGINT NOT NULL REFERENCES events (id),
    requested_by BIGINT NOT NULL REFERENCES users (id),
    language VARCHAR(2) NOT NULL,
    history_length BIGINT NOT NULL,
    history_head BYTEA NOT NULL,
    status VARCHAR(20) NOT NULL DEFAULT 'queued',
    progress REAL NOT NULL DEFAULT 0,
    step TEXT NOT NULL DEFAULT '',
    -- Why it failed: a class and a code.
    cause TEXT,
    -- How often a worker has begun, but for those times when a store was away.
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- Where the file is to be, from before it is put there until after it is gone.
    object_key TEXT,
    sha256 BYTEA,
    size_bytes BIGINT,
    expires_at TIMESTAMPTZ,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT audit_reports_language_check CHECK (language IN ('ko', 'en')),
    CONSTRAINT audit_reports_history_check CHECK (history_length >= 0 AND length(history_head) = 32),
    CONSTRAINT audit_reports_status_check
        CHECK (status IN ('queued', 'running', 'ready', 'failed', 'canceled', 'expired')),
    CONSTRAINT audit_reports_progress_check CHECK (progress BETWEEN 0 AND 1),
    CONSTRAINT audit_reports_file_check
        CHECK (status <> 'ready' OR num_nulls(object_key, sha256, size_bytes, expires_at) = 0)
);
-- Who asks again while nothing has changed gets the same report.
CREATE UNIQUE INDEX idx_audit_reports_live ON audit_reports (event_id, requested_by, language, history_head)
    WHERE status IN ('queued', 'running', 'ready');
CREATE INDEX idx_audit_reports_waiting ON audit_reports (id) WHERE status IN ('queued', 'running');
CREATE INDEX idx_audit_reports_expiry ON audit_reports (expires_at) WHERE status = 'ready';
CREATE INDEX idx_audit_reports_leftovers ON audit_reports (id)
    WHERE status IN ('failed', 'canceled', 'expired') AND object_key IS NOT NULL;

CREATE TRIGGER keep_updated_at BEFORE UPDATE ON audit_reports FOR EACH ROW EXECUTE FUNCTION keep_updated_at();

CREATE FUNCTION guard_audit_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.event_id, OLD.requested_by, OLD.language, OLD.history_length, OLD.history_head)
        IS DISTINCT FROM (NEW.event_id, NEW.requested_by, NEW.language, NEW.history_length, NEW.history_head) THEN
        RAISE EXCEPTION 'What an audit report is about stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_reports_pinned', TABLE = 'audit_reports';
    END IF;
    IF OLD.status <> NEW.status AND (OLD.status, NEW.status) NOT IN (
        ('queued', 'running'),
        ('queued', 'canceled'),
        ('running', 'queued'),
        ('running', 'ready'),
        ('running', 'failed'),
        ('running', 'canceled'),
        ('ready', 'canceled'),
        ('ready', 'expired')
    ) THEN
        RAISE EXCEPTION 'An audit report does not go from % to %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_reports_status_transition', TABLE = 'audit_reports';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER guard_audit_report BEFORE UPDATE ON audit_reports FOR EACH ROW EXECUTE FUNCTION guard_audit_report();
