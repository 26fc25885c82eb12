package store

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"rally"
)

const (
	// typedMax is more than any name has, in characters.
	typedMax = 2 * rally.NameMax
	// typed is what was typed, $5, as names are compared: worked out once, not
	// for every name.
	typed = `(SELECT lower(normalize($5::text, NFKC)))`
	// foundFilter says that user u may be found by $1. Who has blocked them may
	// be, as on the leaderboard: it would tell them so.
	foundFilter = `u.id <> $1 AND u.delete_at IS NULL`
	// afterTyped is behind every name that begins with what was typed: no name
	// has the last of all characters.
	afterTyped = typed + ` || chr(1114111)`
)

// The names that begin with what was typed, in order; their rank is 0.
const searchBeginnings = `
	SELECT ` + personColumns + `, 0::bigint AS rank
	FROM users u` + relationJoins + `
	WHERE ` + nameKey + ` >= ` + typed + ` AND ` + nameKey + ` < ` + afterTyped + `
	  AND $2::bigint <= 0 AND ` + nameKey + ` > CASE $2 WHEN 0 THEN $3::text ELSE '' END
	  AND ` + foundFilter + `
	ORDER BY ` + nameKey + `
	LIMIT $4`

// The other names that are like it as a whole, or have something like it in
// them, the likest first, and of those the first few: what comes after is like
// it by chance. Their rank is from 1 on.
const searchLike = `
	SELECT ` + personColumns + `, l.rank
	FROM (SELECT u.id, ` + nameKey + ` AS key,
	             1 + round(1000 * (1 - greatest(similarity(lower(normalize(u.name, NFKC)), ` + typed + `),
	                                            word_similarity(` + typed + `, lower(normalize(u.name, NFKC))))))::bigint AS rank
	      FROM users u
	      WHERE (lower(normalize(u.name, NFKC)) % ` + typed + ` OR ` + typed + ` <% lower(normalize(u.name, NFKC)))
	        AND NOT (` + nameKey + ` >= ` + typed + ` AND ` + nameKey + ` < ` + afterTyped + `)
	        AND ` + foundFilter + `
	      ORDER BY rank, key
	      LIMIT 50) l
	JOIN users u ON u.id = l.id` + relationJoins + `
	WHERE (l.rank, l.key) > ($2, $3)
	ORDER BY l.rank, l.key
	LIMIT $4`

// SearchPeople gives the people whose name begins with text, without regard to
// case, in order; then those whose name, or a part of it, is much like it, as a
// mistyped one is, the likest first. Pages are as ListFriends has them; a text
// without letters finds nobody.
//
// The viewer is not found, nor whose account is to be deleted.
func (s *Store) SearchPeople(
	ctx context.Context, viewer rally.UserID, text, cursor string, limit int,
) (people []rally.Person, next string, err error) {
	ctx, done := s.begin(ctx, "SearchPeople", &err)
	defer done()
	after, err := parseBookmark(cursor, firstPlace)
	if err != nil {
		return nil, "", err
	}
	text = strings.Join(strings.Fields(text), " ")
	if text == "" || utf8.RuneCountInString(text) > typedMax || !storable(text) {
		return nil, "", nil
	}
	limit = min(max(limit, 1), peopleMax)
	var found []personRow
	for _, sql := range []string{searchBeginnings, searchLike} {
		// One more than asked for tells whether there are more.
		rows, _ := s.pool.Query(ctx, sql, int64(viewer), after.rank, after.key, limit+1-len(found), text)
		more, err := pgx.CollectRows(rows, pgx.RowToStructByName[personRow])
		if err != nil {
			return nil, "", err
		}
		if found = append(found, more...); len(found) > limit {
			break
		}
	}
	people, next = personsOf(found, limit)
	return people, next, nil
}
