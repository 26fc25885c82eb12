-- +goose Up
-- The leaderboard: who has played a rated match, the best first.
CREATE INDEX users_leaderboard ON users (rating DESC, id) WHERE wins + losses > 0 AND delete_at IS NULL;

-- +goose Down
DROP INDEX users_leaderboard;
