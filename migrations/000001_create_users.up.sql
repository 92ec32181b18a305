-- phone is encrypted in Python (AES-GCM; row id and key id are its associated data), found by phone_hash, an HMAC
-- under a key of its own. A number and an address are unique among users that are not deleted, so that both can be
-- used again.
CREATE TABLE users (
    id BIGSERIAL PRIMARY KEY,
    phone_encrypted BYTEA NOT NULL,
    phone_hash BYTEA NOT NULL,
    email VARCHAR(255),
    name VARCHAR(100),
    display_name VARCHAR(100),
    profile_image_url TEXT,
    region VARCHAR(50),
    interests TEXT[],
    role VARCHAR(20) NOT NULL DEFAULT 'USER',
    is_active BOOLEAN NOT NULL DEFAULT TRUE,
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    deleted_at TIMESTAMPTZ,
    CONSTRAINT users_role_check CHECK (role IN ('USER', 'BUSINESS'))
);
CREATE UNIQUE INDEX idx_users_phone ON users (phone_hash) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX idx_users_email ON users (email) WHERE deleted_at IS NULL;
CREATE INDEX idx_users_region ON users (region);
CREATE INDEX idx_users_role ON users (role);
CREATE INDEX idx_users_deleted ON users (deleted_at);
