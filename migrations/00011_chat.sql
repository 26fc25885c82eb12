-- +goose Up
-- People chat unless they want quiet. Until now nobody was asked.
ALTER TABLE users ALTER COLUMN chat SET DEFAULT true;
UPDATE users SET chat = true WHERE NOT chat;

-- Whose messages somebody wants to hear nothing of. They are kept all the same,
-- and whoever sends them is not told.
CREATE TABLE mutes (
    user_id bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    muted   bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    since   timestamptz NOT NULL,

    PRIMARY KEY (user_id, muted),
    CONSTRAINT mutes_another CHECK (user_id <> muted)
);
CREATE INDEX mutes_muted ON mutes (muted);

-- +goose Down
DROP TABLE mutes;
ALTER TABLE users ALTER COLUMN chat SET DEFAULT false;
