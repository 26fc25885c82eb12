-- +goose Up
-- What the name looks like in capitals: store.nameCapitals. The next migration
-- gives it to the names from before; NULL for one that looks like an older one.
ALTER TABLE users ADD COLUMN name_capitals text;
CREATE UNIQUE INDEX users_capitals_key ON users (name_capitals);

-- +goose Down
ALTER TABLE users DROP COLUMN name_capitals;
