-- +goose Up
CREATE TABLE users (
    id            bigint           GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name          text             NOT NULL,
    email         text             NOT NULL,
    -- NULL for an account that signs in without a password.
    password_hash text,
    locale        text             NOT NULL DEFAULT '',
    theme         text             NOT NULL DEFAULT '',
    rating        double precision NOT NULL,
    deviation     double precision NOT NULL,
    volatility    double precision NOT NULL,
    wins          integer          NOT NULL DEFAULT 0,
    losses        integer          NOT NULL DEFAULT 0,
    created_at    timestamptz      NOT NULL,

    CONSTRAINT users_name_length CHECK (char_length(name) BETWEEN 2 AND 20),
    CONSTRAINT users_email_length CHECK (octet_length(email) BETWEEN 3 AND 254),
    CONSTRAINT users_password_hash_set CHECK (password_hash <> ''),
    CONSTRAINT users_locale_known CHECK (locale IN ('', 'en', 'ko')),
    CONSTRAINT users_theme_known CHECK (theme IN ('', 'light', 'dark')),
    -- NaN is greater than every number here, so these refuse it as well.
    CONSTRAINT users_rating_sane CHECK (rating BETWEEN -100000 AND 100000),
    CONSTRAINT users_deviation_sane CHECK (deviation > 0 AND deviation <= 350),
    CONSTRAINT users_volatility_sane CHECK (volatility > 0 AND volatility <= 10),
    CONSTRAINT users_record_counts CHECK (wins >= 0 AND losses >= 0)
)
-- Ratings change often: leave room to change a row within its page.
WITH (fillfactor = 85);

-- One name, however it is cased, composed or widened: "ANNA", "anna" and
-- fullwidth "anna" are the same person to a reader.
CREATE UNIQUE INDEX users_name_key ON users (lower(normalize(name, NFKC)));
CREATE UNIQUE INDEX users_email_key ON users (lower(email));

-- +goose Down
DROP TABLE users;
