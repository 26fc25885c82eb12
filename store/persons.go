package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rally"
)

// peopleMax is the most people that a list gives at once.
const peopleMax = 100

// publicColumns are the columns of a publicRow, of users named u.
const publicColumns = `u.id, u.name, u.avatar, u.rating, u.deviation, u.volatility, u.wins, u.losses, u.created_at`

// publicRow is what everybody may see of a user.
type publicRow struct {
	ID         int64
	Name       string
	Avatar     string
	Rating     float64
	Deviation  float64
	Volatility float64
	Wins       int
	Losses     int
	CreatedAt  time.Time
}

// user gives the row as everybody else sees it.
func (r publicRow) user() rally.User {
	return rally.User{
		ID: rally.UserID(r.ID), Name: r.Name, Avatar: r.Avatar, Wins: r.Wins, Losses: r.Losses,
		Rating:    rally.Rating{Value: r.Rating, Deviation: r.Deviation, Volatility: r.Volatility},
		CreatedAt: r.CreatedAt.UTC(),
	}
}

// nameKey is what the name of user u is compared and put in order by. No two
// users have the same.
const nameKey = `lower(normalize(u.name, NFKC)) COLLATE "C"`

// FindUsers gives those of users who have an account, as everybody may see them.
func (s *Store) FindUsers(ctx context.Context, users []rally.UserID) (_ map[rally.UserID]rally.User, err error) {
	ctx, done := s.begin(ctx, "FindUsers", &err)
	defer done()
	const sql = `SELECT ` + publicColumns + ` FROM users u WHERE u.id = ANY ($1::bigint[])`
	rows, _ := s.pool.Query(ctx, sql, users)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[publicRow])
	if err != nil {
		return nil, err
	}
	found := make(map[rally.UserID]rally.User, len(list))
	for _, row := range list {
		found[rally.UserID(row.ID)] = row.user()
	}
	return found, nil
}

// personColumns are the columns of a personRow but rank, of users named u whom
// relationJoins joins to their viewer, $1.
const personColumns = publicColumns + `,
	` + friendSeenAt + ` AS seen_at,
	` + nameKey + ` AS key,
	` + relation + ` AS relation`

// friendSeenAt is when user u was last online, if $1 may know.
const friendSeenAt = `CASE WHEN f.friends_since IS NOT NULL THEN u.seen_at END`

// relation is how $1 stands to user u.
const relation = `
	CASE WHEN b.blocker IS NOT NULL THEN 'blocked'
	     WHEN f.friends_since IS NOT NULL THEN 'friends'
	     WHEN f.asked_by = $1 THEN 'asked'
	     WHEN NOT f.hidden THEN 'asked_by'
	     ELSE '' END`

// relationJoins joins what there is between $1 and user u. It is looked up for
// each user, which the OFFSET makes sure of: left to itself the planner may read
// all friendships there are.
const relationJoins = `
	LEFT JOIN LATERAL (
	    SELECT asked_by, asked_at, friends_since, hidden
	    FROM friendships
	    WHERE low = least($1::bigint, u.id) AND high = greatest($1::bigint, u.id)
	    OFFSET 0) f ON true
	LEFT JOIN blocks b ON b.blocker = $1 AND b.blocked = u.id`

// personRow is a person in a list, and their place in it.
type personRow struct {
	publicRow
	SeenAt   *time.Time
	Key      string
	Relation string
	Rank     int64
}

// person gives the row as everybody else sees it.
func (r personRow) person() rally.Person {
	return rally.Person{User: r.user(), Relation: rally.Relation(r.Relation), SeenAt: timeOf(r.SeenAt)}
}

// listPeople gives a page of a list of people: sql is all of it, as personRows.
// cursor is "" for the first page, or what the page before gave as next, which
// is "" on the last page.
func (s *Store) listPeople(
	ctx context.Context, sql string, viewer rally.UserID, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	after, err := parseBookmark(cursor, firstPlace)
	if err != nil {
		return nil, "", err
	}
	limit = min(max(limit, 1), peopleMax)
	// One more than asked for tells whether there are more.
	// The OFFSET has the whole list made first: it is short, and the planner would
	// else go through everybody by name to save putting it in order.
	sql = `SELECT * FROM (` + sql + ` OFFSET 0) l WHERE (rank, key) > ($2, $3) ORDER BY rank, key LIMIT $4`
	rows, _ := s.pool.Query(ctx, sql, int64(viewer), after.rank, after.key, limit+1)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByName[personRow])
	if err != nil {
		return nil, "", err
	}
	people, next = personsOf(found, limit)
	return people, next, nil
}

// firstPlace is before everybody in a list.
var firstPlace = bookmark{rank: -1 << 63}

// personsOf gives a page's rows, of which there may be one too many, as everybody
// else sees them, and the place of the last one when there are more.
func personsOf(found []personRow, limit int) (people []rally.Person, next string) {
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		next = bookmark{rank: last.Rank, key: last.Key}.String()
	}
	people = make([]rally.Person, len(found))
	for i, row := range found {
		people[i] = row.person()
	}
	return people, next
}
