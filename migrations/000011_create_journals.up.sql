-- A journal is one Redis; its id is its place in TIMINGLE_JOURNAL_URLS. clock is the last version (microseconds)
-- that the sweep noted, the seed of a journal that has lost its own.
CREATE TABLE journals (
    id SMALLINT PRIMARY KEY,
    clock BIGINT NOT NULL DEFAULT 0,
    noted_at TIMESTAMPTZ,
    CONSTRAINT journals_id_check CHECK (id >= 0)
);
INSERT INTO journals (id) VALUES (0);
