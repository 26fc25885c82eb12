-- +goose Up
CREATE TABLE matches (
    id          text        PRIMARY KEY,
    kind        text        NOT NULL,
    -- Practice is kept but not listed; match_players repeats this.
    practice    boolean     NOT NULL GENERATED ALWAYS AS (kind = 'practice') STORED,
    points      integer     NOT NULL,
    outcome     text        NOT NULL,
    -- The winning side; -1 for none.
    winner      smallint    NOT NULL,
    started_at  timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    ticks       bigint      NOT NULL,
    -- hash and seed are unsigned 64-bit numbers, kept by their bits.
    hash        bigint      NOT NULL,
    seed        bigint      NOT NULL,
    rules       bytea       NOT NULL,

    CONSTRAINT matches_id_form CHECK (id ~ '^[a-z2-7]{12}$'),
    CONSTRAINT matches_kind_known CHECK (kind IN ('rated', 'casual', 'practice')),
    CONSTRAINT matches_points_range CHECK (points BETWEEN 1 AND 255),
    CONSTRAINT matches_outcome_known
        CHECK (outcome IN ('won', 'forfeited', 'no_show', 'abandoned', 'interrupted')),
    CONSTRAINT matches_winner_side CHECK (winner IN (-1, 0, 1)),
    CONSTRAINT matches_winner_if_decided
        CHECK ((winner >= 0) = (outcome IN ('won', 'forfeited'))),
    CONSTRAINT matches_times_ordered CHECK (finished_at >= started_at),
    CONSTRAINT matches_ticks_count CHECK (ticks >= 0),
    -- What match_players repeats, so that the two cannot differ.
    CONSTRAINT matches_listing UNIQUE (id, practice, finished_at)
);

CREATE TABLE match_players (
    match_id          text        NOT NULL,
    side              smallint    NOT NULL,
    practice          boolean     NOT NULL,
    finished_at       timestamptz NOT NULL,
    -- NULL for the house bot, and once the account is deleted.
    user_id           bigint      REFERENCES users (id) ON DELETE SET NULL,
    -- 0 for a person.
    bot               smallint    NOT NULL,
    score             integer     NOT NULL,
    -- NULL for the house bot.
    rating_before     double precision,
    deviation_before  double precision,
    volatility_before double precision,
    -- NULL unless the match changed ratings.
    rating_after      double precision,
    deviation_after   double precision,
    volatility_after  double precision,

    PRIMARY KEY (match_id, side),
    CONSTRAINT match_players_match FOREIGN KEY (match_id, practice, finished_at)
        REFERENCES matches (id, practice, finished_at) ON DELETE CASCADE,
    CONSTRAINT match_players_side_known CHECK (side IN (0, 1)),
    CONSTRAINT match_players_bot_known CHECK (bot BETWEEN 0 AND 3),
    CONSTRAINT match_players_bot_is_nobody CHECK (bot = 0 OR user_id IS NULL),
    CONSTRAINT match_players_score_range CHECK (score BETWEEN 0 AND 255),
    CONSTRAINT match_players_before_whole
        CHECK (num_nulls(rating_before, deviation_before, volatility_before) IN (0, 3)),
    CONSTRAINT match_players_after_whole
        CHECK (num_nulls(rating_after, deviation_after, volatility_after) IN (0, 3))
);

-- Someone's matches, newest first, one page of it in one scan. Also what a
-- deleted account's rows are found by.
CREATE INDEX match_players_history
    ON match_players (user_id, practice, finished_at DESC, match_id DESC);

CREATE TABLE recordings (
    match_id text  PRIMARY KEY REFERENCES matches (id) ON DELETE CASCADE,
    bytes    bytea NOT NULL
);

-- +goose Down
DROP TABLE recordings;
DROP TABLE match_players;
DROP TABLE matches;
