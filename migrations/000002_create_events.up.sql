CREATE TABLE events (
    id BIGSERIAL PRIMARY KEY,
    title VARCHAR(200) NOT NULL,
    description TEXT,
    start_time TIMESTAMPTZ NOT NULL,
    end_time TIMESTAMPTZ NOT NULL,
    location VARCHAR(200),
    creator_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status VARCHAR(20) NOT NULL DEFAULT 'PROPOSED',
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT events_status_check CHECK (status IN ('PROPOSED', 'CONFIRMED', 'CANCELED', 'DONE')),
    CONSTRAINT events_time_check CHECK (end_time > start_time)
);
CREATE INDEX idx_events_creator ON events (creator_id);
CREATE INDEX idx_events_start_time ON events (start_time);
CREATE INDEX idx_events_status ON events (status);
CREATE INDEX idx_events_creator_status ON events (creator_id, status);
