DROP TRIGGER keep_updated_at ON oauth_tokens;
DROP TRIGGER keep_updated_at ON payments;
DROP TRIGGER keep_updated_at ON open_slots;
DROP TRIGGER keep_updated_at ON events;
DROP TRIGGER keep_updated_at ON users;
DROP FUNCTION keep_updated_at();
