-- +goose Up
-- For searches that forgive a mistyped name. Whoever owns the database may do
-- this; store.Migrate says what to do where that is somebody else.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Who is friends, and who has asked whom. There is one row for two people,
-- whichever of them asked, so that nobody is a friend twice, one-sidedly or of
-- themselves.
CREATE TABLE friendships (
    low           bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    high          bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    asked_by      bigint      NOT NULL,
    asked_at      timestamptz NOT NULL,
    -- NULL while it is a request.
    friends_since timestamptz,
    -- A request to somebody who had blocked the one who asks: they never see it.
    hidden        boolean     NOT NULL DEFAULT false,

    PRIMARY KEY (low, high),
    CONSTRAINT friendships_ordered CHECK (low < high),
    CONSTRAINT friendships_asked_by_one CHECK (asked_by IN (low, high)),
    CONSTRAINT friendships_hidden_request CHECK (NOT hidden OR friends_since IS NULL)
);
CREATE INDEX friendships_high ON friendships (high, low);
CREATE INDEX friendships_asked ON friendships (asked_by) WHERE friends_since IS NULL;

CREATE TABLE blocks (
    blocker bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since   timestamptz NOT NULL,

    PRIMARY KEY (blocker, blocked),
    CONSTRAINT blocks_another CHECK (blocker <> blocked)
);
CREATE INDEX blocks_blocked ON blocks (blocked);

-- When somebody was last online; NULL for never. Not indexed, so that setting
-- it stays cheap.
ALTER TABLE users ADD COLUMN seen_at timestamptz;

-- Names by how they begin, in an order that no system's locale changes, and by
-- what is in them.
CREATE INDEX users_name_order ON users ((lower(normalize(name, NFKC)) COLLATE "C"));
CREATE INDEX users_name_trigrams ON users USING gin (lower(normalize(name, NFKC)) gin_trgm_ops);

-- +goose Down
-- The extension stays: others may use it.
DROP INDEX users_name_trigrams;
DROP INDEX users_name_order;
ALTER TABLE users DROP COLUMN seen_at;
DROP TABLE blocks;
DROP TABLE friendships;
