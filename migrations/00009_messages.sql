-- +goose Up
-- Whether somebody chats; false for those who want quiet.
ALTER TABLE users ADD COLUMN chat boolean NOT NULL DEFAULT false;

CREATE TABLE messages (
    id        bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    from_user bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    to_user   bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    at        timestamptz NOT NULL,
    text      text        NOT NULL,
    read      boolean     NOT NULL DEFAULT false,

    CONSTRAINT messages_to_another CHECK (from_user <> to_user),
    CONSTRAINT messages_text_length CHECK (char_length(text) BETWEEN 1 AND 500)
);
-- What two people have said, each half newest first.
CREATE INDEX messages_between ON messages (from_user, to_user, id DESC);
CREATE INDEX messages_unread ON messages (to_user, from_user) WHERE NOT read;
CREATE INDEX messages_to ON messages (to_user);
CREATE INDEX messages_at ON messages (at);

-- +goose Down
DROP TABLE messages;
ALTER TABLE users DROP COLUMN chat;
