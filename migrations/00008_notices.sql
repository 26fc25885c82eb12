-- +goose Up
-- What somebody is to be told, on whatever page they are.
CREATE TABLE notices (
    id           bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id      bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind         text        NOT NULL,
    -- Who has caused it; NULL for nobody.
    from_user    bigint      REFERENCES users (id) ON DELETE CASCADE,
    -- '' where it is about none.
    match_id     text        NOT NULL DEFAULT '',
    challenge_id text        NOT NULL DEFAULT '',
    at           timestamptz NOT NULL,
    read         boolean     NOT NULL DEFAULT false,

    CONSTRAINT notices_kind_known CHECK (kind IN ('friend_asked', 'friend_accepted', 'challenged', 'tournament_call')),
    CONSTRAINT notices_from_another CHECK (from_user <> user_id)
);
CREATE INDEX notices_user ON notices (user_id, id DESC);
CREATE INDEX notices_unread ON notices (user_id) WHERE NOT read;
CREATE INDEX notices_from ON notices (from_user, user_id);
CREATE INDEX notices_at ON notices (at);

-- +goose Down
DROP TABLE notices;
