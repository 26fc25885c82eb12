package store

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"rally"
)

// nodeLives says whether node n counts as alive: it has given a beat within the
// last 10 seconds, by the database's own clock, which all nodes share. It is
// asked at that moment, not as of the transaction's begin.
const nodeLives = `n.beat_at > clock_timestamp() - interval '10 seconds'`

// sessionLives says whether session s has a place on a node that is alive.
const sessionLives = `EXISTS (
	SELECT FROM places p JOIN nodes n ON n.id = p.node
	WHERE p.user_id = s.user_id AND p.session_id = s.id AND ` + nodeLives + `)`

// Places holds one node's places: for each user the session that is live there,
// by its sockets. Of a user's sessions only one is live at a time, on however
// many nodes.
//
// A place counts while its node is alive, for which Beat must be called every
// few seconds. The places of a node that is not go to whoever claims them. When
// Beat says that this has happened to this node, its places may be others' by
// now: every session with sockets here has to Claim again, and its sockets have
// to close when it is refused. So two sessions of a user are live together for
// a few seconds at most, and only after a node was taken for dead.
type Places struct {
	s     *Store
	node  string
	begun atomic.Bool // it has been alive
	lost  atomic.Bool // it has been dead since, which Beat is yet to say
}

// Places gives the places of the node with this id, which no other process has
// or has had.
func (s *Store) Places(node string) *Places { return &Places{s: s, node: node} }

// errDead says that the node does not count as alive.
var errDead = errors.New("the node counts as dead")

// Claim makes the session the one that is live, on this node: ok is false when
// another session of the user is, on any node that is alive, or when this one
// is not the user's, not full or over. To claim what it has already changes
// nothing. A claim that takes the place of another session, whose node is dead,
// publishes PlaceTaken.
//
// A node without a recent Beat gives one first.
func (p *Places) Claim(ctx context.Context, user rally.UserID, session rally.SessionID) (ok bool, err error) {
	ctx, done := p.s.begin(ctx, "Places.Claim", &err)
	defer done()
	if !storable(string(session)) {
		return false, nil
	}
	ok, displaced, err := p.claim(ctx, user, session)
	if errors.Is(err, errDead) {
		if err := p.beat(ctx); err != nil {
			return false, err
		}
		ok, displaced, err = p.claim(ctx, user, session)
	}
	if err == nil && displaced {
		p.s.publish(rally.Event{Kind: rally.PlaceTaken, Users: []rally.UserID{user}, Session: session})
	}
	return ok && err == nil, err
}

// claim is Claim for a node that is alive, else errDead.
func (p *Places) claim(ctx context.Context, user rally.UserID, session rally.SessionID) (ok, displaced bool, err error) {
	// The user is held, so that claims come one after the other, and the
	// session, so that it does not end meanwhile.
	const lockUser = `SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE`
	const lockSession = `
		SELECT FROM sessions
		WHERE id = $1 AND user_id = $2 AND stage = 'full' AND seen_at > $3 AND created_at > $4
		FOR KEY SHARE`
	const self = `SELECT FROM nodes n WHERE n.id = $1 AND ` + nodeLives
	// The nodes of other sessions are held as well: one that is dead gives its
	// next beat when its place is gone, and learns from it that it was dead.
	const others = `
		SELECT ` + nodeLives + ` AS alive
		FROM places p
		JOIN nodes n ON n.id = p.node
		WHERE p.user_id = $1 AND p.session_id <> $2
		ORDER BY n.id
		FOR SHARE OF n`
	const displace = `DELETE FROM places WHERE user_id = $1 AND session_id <> $2`
	const take = `
		INSERT INTO places (user_id, node, session_id)
		VALUES ($1, $2, $3)
		ON CONFLICT (user_id, node) DO NOTHING`

	now := p.s.time()
	err = p.s.inTx(ctx, func(tx pgx.Tx) error {
		var isOpen, isAlive bool
		var rivals []bool // alive or not
		var look pgx.Batch
		look.Queue(lockUser, int64(user))
		look.Queue(lockSession, string(session), int64(user), now.Add(-rally.SessionIdle), now.Add(-rally.SessionAbsolute)).
			Query(func(rows pgx.Rows) error { isOpen = rows.Next(); rows.Close(); return rows.Err() })
		look.Queue(self, p.node).
			Query(func(rows pgx.Rows) error { isAlive = rows.Next(); rows.Close(); return rows.Err() })
		look.Queue(others, int64(user), string(session)).
			Query(func(rows pgx.Rows) (err error) { rivals, err = pgx.CollectRows(rows, pgx.RowTo[bool]); return err })
		if err := tx.SendBatch(ctx, &look).Close(); err != nil {
			return err
		}
		switch {
		case !isOpen:
			return nil
		case !isAlive:
			return errDead
		}
		for _, alive := range rivals {
			if alive {
				return nil
			}
		}
		if len(rivals) > 0 {
			if _, err := tx.Exec(ctx, displace, int64(user), string(session)); err != nil {
				return err
			}
		}
		ok, displaced = true, len(rivals) > 0
		_, err := tx.Exec(ctx, take, int64(user), p.node, string(session))
		if violates(err, "places_node_fkey") { // it was cleared away just now
			return errDead
		}
		return err
	})
	return ok, displaced, err
}

// Release gives back the user's place on this node, if it is this session's.
func (p *Places) Release(ctx context.Context, user rally.UserID, session rally.SessionID) (err error) {
	ctx, done := p.s.begin(ctx, "Places.Release", &err)
	defer done()
	const sql = `DELETE FROM places WHERE user_id = $1 AND node = $2 AND session_id = $3`
	if !storable(string(session)) {
		return nil
	}
	_, err = p.s.pool.Exec(ctx, sql, int64(user), p.node, string(session))
	return err
}

// Beat says that this node is alive, and clears away what nodes that have been
// dead for a minute have left. lost says that this node counted as dead since
// the last Beat, or may have, so that its places may be lost.
func (p *Places) Beat(ctx context.Context) (lost bool, err error) {
	ctx, done := p.s.begin(ctx, "Places.Beat", &err)
	defer done()
	if err := p.beat(ctx); err != nil {
		return false, err
	}
	// What another clears away at this moment is left to it.
	const sweep = `
		DELETE FROM nodes
		WHERE id IN (SELECT id FROM nodes
		             WHERE beat_at < clock_timestamp() - interval '1 minute'
		             ORDER BY id
		             FOR UPDATE SKIP LOCKED)`
	if _, err := p.s.pool.Exec(ctx, sweep); err != nil {
		p.s.log.WarnContext(ctx, "dead nodes not cleared away", "error", err)
	}
	return p.lost.Swap(false), nil
}

// beat gives a beat, and notes whether the node counted as dead before.
func (p *Places) beat(ctx context.Context) error {
	// Whoever takes a place from this node holds its row. So what was before is
	// read once that is ours, and both agree whether the node was dead.
	const lock = `SELECT FROM nodes WHERE id = $1 FOR NO KEY UPDATE`
	const again = `
		UPDATE nodes
		SET beat_at = clock_timestamp()
		FROM nodes n
		WHERE nodes.id = $1 AND n.id = nodes.id
		RETURNING ` + nodeLives
	const first = `
		INSERT INTO nodes (id, beat_at)
		VALUES ($1, clock_timestamp())
		ON CONFLICT (id) DO UPDATE SET beat_at = clock_timestamp()`
	var alive bool
	err := p.s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, lock, p.node); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, again, p.node).Scan(&alive)
		if isNoRows(err) {
			_, err = tx.Exec(ctx, first, p.node)
		}
		return err
	})
	if err != nil {
		// It may have been given all the same, and nobody has heard the answer.
		p.lost.Store(true)
		return err
	}
	if p.begun.Swap(true) && !alive {
		p.lost.Store(true)
	}
	return nil
}

// Alone says that no other node runs. What others have left is nobody's from
// now on: a process that was killed a moment ago, say, could still count as
// alive, and those who come back by a new session would be refused.
func (p *Places) Alone(ctx context.Context) (err error) {
	ctx, done := p.s.begin(ctx, "Places.Alone", &err)
	defer done()
	const sql = `DELETE FROM nodes WHERE id <> $1`
	_, err = p.s.pool.Exec(ctx, sql, p.node)
	return err
}

// Leave gives back all places of this node. It counts as dead from now on.
func (p *Places) Leave(ctx context.Context) (err error) {
	ctx, done := p.s.begin(ctx, "Places.Leave", &err)
	defer done()
	const sql = `DELETE FROM nodes WHERE id = $1`
	_, err = p.s.pool.Exec(ctx, sql, p.node)
	return err
}
