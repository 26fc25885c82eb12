-- +goose Up
ALTER TABLE users
    -- When a letter to the address was answered; NULL until then.
    ADD COLUMN email_verified_at timestamptz,
    -- When one-time codes were turned on; NULL while they are off.
    ADD COLUMN codes_since timestamptz,
    -- Names the picture's content; '' for none.
    ADD COLUMN avatar text NOT NULL DEFAULT '',
    -- When the account goes, as its owner asked; NULL for never.
    ADD COLUMN delete_at timestamptz,
    -- What the name looks like: store.nameSkeleton. Names from before get the
    -- nearest that SQL can say, and with the next migration the same as others.
    ADD COLUMN name_skeleton text;

UPDATE users SET name_skeleton = lower(normalize(name, NFKC));

ALTER TABLE users
    ALTER COLUMN name_skeleton SET NOT NULL,
    ADD CONSTRAINT users_avatar_form CHECK (avatar ~ '^([0-9a-f]{32})?$'),
    DROP CONSTRAINT users_email_length,
    -- '' for an account that came from a provider which vouched for none.
    ADD CONSTRAINT users_email_length CHECK (email = '' OR octet_length(email) BETWEEN 3 AND 254),
    ADD CONSTRAINT users_email_verified_known CHECK (email <> '' OR email_verified_at IS NULL);

-- Two names that look the same are one name to a reader.
CREATE UNIQUE INDEX users_skeleton_key ON users (name_skeleton);

-- An address is somebody's own only once they have shown that it is. Until then
-- anybody may claim it, and sign-up need not tell who is here.
DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (lower(email)) WHERE email_verified_at IS NOT NULL;
CREATE INDEX users_email ON users (lower(email), created_at DESC) WHERE email <> '';
CREATE INDEX users_delete_at ON users (delete_at) WHERE delete_at IS NOT NULL;

ALTER TABLE sessions
    -- When its owner last proved again to be who they are.
    ADD COLUMN proved_at timestamptz,
    -- Until when the newest token beside it opens anything; NULL before the
    -- first one.
    ADD COLUMN token_until timestamptz;

-- Pictures, apart from users: a page needs only their names.
CREATE TABLE avatars (
    user_id bigint PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    png     bytea  NOT NULL,

    CONSTRAINT avatars_png_size CHECK (octet_length(png) BETWEEN 1 AND 1048576)
);

CREATE TABLE identities (
    issuer    text        NOT NULL,
    subject   text        NOT NULL,
    user_id   bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    provider  text        NOT NULL,
    label     text        NOT NULL DEFAULT '',
    linked_at timestamptz NOT NULL,
    used_at   timestamptz,

    PRIMARY KEY (issuer, subject),
    CONSTRAINT identities_issuer_length CHECK (char_length(issuer) BETWEEN 1 AND 500),
    CONSTRAINT identities_subject_length CHECK (char_length(subject) BETWEEN 1 AND 255),
    CONSTRAINT identities_label_length CHECK (char_length(label) <= 254)
);
CREATE INDEX identities_user ON identities (user_id);

-- The states of sign-ins at providers that have come back: each comes once.
CREATE TABLE oauth_spent (
    state_hash bytea       PRIMARY KEY,
    spent_at   timestamptz NOT NULL,

    CONSTRAINT oauth_spent_hash_length CHECK (octet_length(state_hash) = 32)
);

CREATE TABLE factors (
    user_id    bigint      PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    -- The secret, sealed with a key that is not in the database.
    sealed     bytea       NOT NULL,
    created_at timestamptz NOT NULL,
    -- The newest time step whose code was accepted: a code works once.
    last_step  bigint      NOT NULL DEFAULT 0
);

CREATE TABLE recovery_codes (
    user_id bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash    bytea  NOT NULL,
    used_at timestamptz,

    PRIMARY KEY (user_id, hash),
    CONSTRAINT recovery_codes_hash_length CHECK (octet_length(hash) = 32)
);

-- Links in letters.
CREATE TABLE links (
    -- SHA-256 of the token, which only the letter holds.
    hash       bytea       PRIMARY KEY,
    user_id    bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind       text        NOT NULL,
    email      text        NOT NULL,
    expires_at timestamptz NOT NULL,

    CONSTRAINT links_hash_length CHECK (octet_length(hash) = 32),
    CONSTRAINT links_kind_known CHECK (kind IN ('reset', 'email')),
    -- A newer one takes the place of an older one.
    CONSTRAINT links_user_kind UNIQUE (user_id, kind)
);

-- Attempts at what may not be tried without end.
CREATE TABLE throttles (
    kind          text        NOT NULL,
    -- A hash of whom it counts against.
    key           bytea       NOT NULL,
    attempts      integer     NOT NULL,
    last_at       timestamptz NOT NULL,
    blocked_until timestamptz NOT NULL,
    -- When the slate is wiped.
    forgotten_at  timestamptz NOT NULL,

    PRIMARY KEY (kind, key),
    CONSTRAINT throttles_key_length CHECK (octet_length(key) = 32)
);
CREATE INDEX throttles_forgotten ON throttles (forgotten_at);

CREATE TABLE security_events (
    id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind    text        NOT NULL,
    at      timestamptz NOT NULL,
    address text        NOT NULL DEFAULT '',
    agent   text        NOT NULL DEFAULT '',
    detail  text        NOT NULL DEFAULT '',

    CONSTRAINT security_events_address_length CHECK (char_length(address) <= 100),
    CONSTRAINT security_events_agent_length CHECK (char_length(agent) <= 200),
    CONSTRAINT security_events_detail_length CHECK (char_length(detail) <= 300)
);
CREATE INDEX security_events_user ON security_events (user_id, id DESC);
CREATE INDEX security_events_at ON security_events (at);
-- Where somebody has signed in from.
CREATE INDEX security_events_known ON security_events (user_id, address, at) WHERE kind IN ('sign_in', 'sign_up');

-- The running processes, each alive as long as its beat is fresh, by the
-- database's clock. These two need not survive a crash of the database: sockets
-- claim their places again.
CREATE UNLOGGED TABLE nodes (
    id      text        PRIMARY KEY,
    beat_at timestamptz NOT NULL
);

-- Where a person is live: the session whose sockets a node holds. All rows of
-- a user that count, those of live nodes, have the same session.
CREATE UNLOGGED TABLE places (
    user_id    bigint NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    node       text   NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
    session_id text   NOT NULL REFERENCES sessions (id) ON UPDATE CASCADE ON DELETE CASCADE,

    PRIMARY KEY (user_id, node)
);
CREATE INDEX places_session ON places (session_id);
CREATE INDEX places_node ON places (node);

-- +goose Down
DROP TABLE places;
DROP TABLE nodes;
DROP TABLE security_events;
DROP TABLE throttles;
DROP TABLE links;
DROP TABLE recovery_codes;
DROP TABLE factors;
DROP TABLE oauth_spent;
DROP TABLE identities;
DROP TABLE avatars;
ALTER TABLE sessions DROP COLUMN token_until, DROP COLUMN proved_at;
DROP INDEX users_delete_at;
DROP INDEX users_email;
DROP INDEX users_email_key;
CREATE UNIQUE INDEX users_email_key ON users (lower(email));
DROP INDEX users_skeleton_key;
ALTER TABLE users
    DROP CONSTRAINT users_email_verified_known,
    DROP CONSTRAINT users_email_length,
    ADD CONSTRAINT users_email_length CHECK (octet_length(email) BETWEEN 3 AND 254),
    DROP COLUMN name_skeleton,
    DROP COLUMN delete_at,
    DROP COLUMN avatar,
    DROP COLUMN codes_since,
    DROP COLUMN email_verified_at;
