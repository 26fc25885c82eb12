package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// lookAlikes are the migrations that give the names from before what they look
// like, which SQL could not say: after 00004_identity.sql, where it guessed, and
// after 00012_name_capitals.sql.
func lookAlikes() []*goose.Migration {
	const writeSkeleton = `
		UPDATE users SET name_skeleton = $2
		WHERE id = $1 AND NOT EXISTS (SELECT FROM users WHERE name_skeleton = $2)`
	const writeCapitals = `
		UPDATE users SET name_capitals = $2
		WHERE id = $1 AND NOT EXISTS (SELECT FROM users WHERE name_capitals = $2)`
	skeletons := goose.NewGoMigration(5, &goose.GoFunc{RunTx: writeKeys(writeSkeleton, nameSkeleton)}, nil)
	skeletons.Source = "00005_look_alikes.go"
	capitals := goose.NewGoMigration(13, &goose.GoFunc{RunTx: writeKeys(writeCapitals, nameCapitals)}, nil)
	capitals.Source = "00013_look_alikes.go"
	return []*goose.Migration{skeletons, capitals}
}

// writeKeys gives what writes what each name looks like, the oldest account
// first. A name that looks like an older one keeps what it has: both are in use,
// and a third is refused that looks like them.
func writeKeys(write string, key func(name string) string) func(context.Context, *sql.Tx) error {
	const all = `SELECT id, name FROM users ORDER BY id`
	type user struct {
		id   int64
		name string
	}
	return func(ctx context.Context, tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, all)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		var users []user
		for rows.Next() {
			var u user
			if err := rows.Scan(&u.id, &u.name); err != nil {
				return err
			}
			users = append(users, u)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		for _, u := range users {
			if _, err := tx.ExecContext(ctx, write, u.id, key(u.name)); err != nil {
				return fmt.Errorf("user %d: %w", u.id, err)
			}
		}
		return nil
	}
}
