-- +goose Up
CREATE TABLE sessions (
    -- The public half of the cookie; 22 characters of base64url.
    id          text        PRIMARY KEY,
    -- SHA-256 of the cookie's secret half, which is kept nowhere.
    secret_hash bytea       NOT NULL,
    user_id     bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    stage       text        NOT NULL,
    created_at  timestamptz NOT NULL,
    -- Exact to a minute, and not indexed: a touch then stays within its page.
    seen_at     timestamptz NOT NULL,
    user_agent  text        NOT NULL DEFAULT '',
    address     text        NOT NULL DEFAULT '',

    CONSTRAINT sessions_id_form CHECK (id ~ '^[A-Za-z0-9_-]{22}$'),
    CONSTRAINT sessions_secret_hash_length CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT sessions_stage_known CHECK (stage IN ('otp', 'full')),
    CONSTRAINT sessions_user_agent_length CHECK (char_length(user_agent) <= 200),
    CONSTRAINT sessions_address_length CHECK (char_length(address) <= 100)
)
WITH (fillfactor = 85);

CREATE INDEX sessions_user ON sessions (user_id);

-- +goose Down
DROP TABLE sessions;
