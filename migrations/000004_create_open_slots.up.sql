CREATE TABLE open_slots (
    id BIGSERIAL PRIMARY KEY,
    business_user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    service_type VARCHAR(100) NOT NULL,
    title VARCHAR(200),
    description TEXT,
    start_time TIMESTAMPTZ NOT NULL,
    duration_minutes INTEGER NOT NULL DEFAULT 60,
    price DECIMAL(10, 2),
    region VARCHAR(50),
    is_available BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    CONSTRAINT open_slots_duration_check CHECK (duration_minutes > 0),
    CONSTRAINT open_slots_price_check CHECK (price >= 0)
);
CREATE INDEX idx_slots_business_user ON open_slots (business_user_id);
CREATE INDEX idx_slots_region ON open_slots (region);
CREATE INDEX idx_slots_start_time ON open_slots (start_time);
CREATE INDEX idx_slots_available ON open_slots (is_available);
CREATE INDEX idx_slots_region_time ON open_slots (region, start_time) WHERE is_available;
