-- +goose Up
CREATE TABLE challenges (
    id         text        PRIMARY KEY,
    from_user  bigint      NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    -- NULL for a link that nobody has taken.
    to_user    bigint      REFERENCES users (id) ON DELETE CASCADE,
    link       boolean     NOT NULL,
    points     integer     NOT NULL,
    rated      boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    state      text        NOT NULL DEFAULT 'open',
    -- Where it led; '' until then.
    match_id   text        NOT NULL DEFAULT '',
    -- From nobody's friend, or somebody who is blocked: to_user never sees it.
    hidden     boolean     NOT NULL DEFAULT false,

    CONSTRAINT challenges_id_form CHECK (id ~ '^[a-z2-7]{12}$'),
    CONSTRAINT challenges_match_form CHECK (match_id ~ '^([a-z2-7]{12})?$'),
    CONSTRAINT challenges_to_another CHECK (from_user <> to_user),
    CONSTRAINT challenges_points_range CHECK (points BETWEEN 1 AND 255),
    CONSTRAINT challenges_times_ordered CHECK (expires_at >= created_at),
    CONSTRAINT challenges_state_known CHECK (state IN ('open', 'accepted', 'declined', 'withdrawn')),
    CONSTRAINT challenges_to_somebody CHECK (to_user IS NOT NULL OR link AND state IN ('open', 'withdrawn')),
    CONSTRAINT challenges_match_accepted CHECK (match_id = '' OR state = 'accepted'),
    CONSTRAINT challenges_hidden_open CHECK (NOT hidden OR state IN ('open', 'withdrawn'))
);
-- One at a time from one person to another.
CREATE UNIQUE INDEX challenges_open ON challenges (from_user, to_user) WHERE state = 'open';
CREATE INDEX challenges_from ON challenges (from_user);
CREATE INDEX challenges_to ON challenges (to_user);
CREATE INDEX challenges_expire ON challenges (expires_at);

-- +goose Down
DROP TABLE challenges;
