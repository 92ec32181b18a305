-- Operations that cannot be applied. version names the operation in its journal; payload is encrypted.
CREATE TABLE dead_letters (
    id BIGSERIAL PRIMARY KEY,
    journal SMALLINT NOT NULL REFERENCES journals (id),
    version BIGINT NOT NULL,
    entry_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    event_id BIGINT,
    message_id UUID,
    seq BIGINT,
    actor_id BIGINT,
    cause_class TEXT NOT NULL,
    cause_code TEXT NOT NULL,
    payload BYTEA NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    resolved_at TIMESTAMPTZ,
    CONSTRAINT idx_dead_letters_version UNIQUE (journal, version),
    CONSTRAINT dead_letters_kind_check CHECK (kind IN ('create', 'edit', 'delete', 'react', 'read', 'unreadable')),
    CONSTRAINT dead_letters_state_check CHECK (state IN ('open', 'replayed', 'discarded'))
);
CREATE INDEX idx_dead_letters_event ON dead_letters (event_id, seq);
