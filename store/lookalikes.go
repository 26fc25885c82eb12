package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/pressly/goose/v3"
)

// lookAlikes is the migration after 00004_identity.sql: it gives the names from
// before the skeleton that SQL could only guess at.
func lookAlikes() *goose.Migration {
	m := goose.NewGoMigration(5, &goose.GoFunc{RunTx: writeSkeletons}, nil)
	m.Source = "00005_look_alikes.go"
	return m
}

// writeSkeletons writes the skeletons of all names, the oldest account first. A
// name that looks like an older one keeps the guess: both are in use, and a
// third is refused that looks like them.
func writeSkeletons(ctx context.Context, tx *sql.Tx) error {
	const all = `SELECT id, name, name_skeleton FROM users ORDER BY id`
	const write = `
		UPDATE users SET name_skeleton = $2
		WHERE id = $1 AND NOT EXISTS (SELECT FROM users WHERE name_skeleton = $2)`
	type user struct {
		id             int64
		name, skeleton string
	}
	rows, err := tx.QueryContext(ctx, all)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	var users []user
	for rows.Next() {
		var u user
		if err := rows.Scan(&u.id, &u.name, &u.skeleton); err != nil {
			return err
		}
		users = append(users, u)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, u := range users {
		if skeleton := nameSkeleton(u.name); skeleton != u.skeleton {
			if _, err := tx.ExecContext(ctx, write, u.id, skeleton); err != nil {
				return fmt.Errorf("user %d: %w", u.id, err)
			}
		}
	}
	return nil
}
