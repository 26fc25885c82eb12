package store

import (
	"context"

	"rally"
)

// mutedMax is how many people one person may have muted.
const mutedMax = 1000

// SetMute says whether a user wants to hear nothing of what somebody says to
// them: neither counted nor shown until they look. Who is muted is not told. It
// publishes MessagesRead, since what the user has not read counts differently
// then. ECONFLICT "chat.muted_too_many" with 1000 of them; ENOTFOUND when there
// is no such account; EINVALID "friends.self" for oneself.
func (s *Store) SetMute(ctx context.Context, user, other rally.UserID, on bool) (err error) {
	ctx, done := s.begin(ctx, "SetMute", &err)
	defer done()
	// Muting again changes nothing, but counts as done.
	const mute = `
		INSERT INTO mutes (user_id, muted, since)
		SELECT $1, $2, $3
		WHERE (SELECT count(*) FROM mutes WHERE user_id = $1 AND muted <> $2) < $4
		ON CONFLICT (user_id, muted) DO UPDATE SET since = mutes.since`
	const unmute = `DELETE FROM mutes WHERE user_id = $1 AND muted = $2`
	switch {
	case user == other:
		return rally.Errorf(rally.EInvalid, "friends.self", "user %d with themselves", user)
	case !on:
		_, err = s.pool.Exec(ctx, unmute, int64(user), int64(other))
	default:
		tag, failed := s.pool.Exec(ctx, mute, int64(user), int64(other), s.time(), mutedMax)
		switch {
		case violates(failed, "mutes_user_id_fkey", "mutes_muted_fkey"):
			return rally.Errorf(rally.ENotFound, "error.not_found", "no user %d or %d", user, other)
		case failed == nil && tag.RowsAffected() == 0:
			return rally.Errorf(rally.EConflict, "chat.muted_too_many", "user %d mutes %d", user, mutedMax)
		}
		err = failed
	}
	if err != nil {
		return err
	}
	s.publish(rally.Event{Kind: rally.MessagesRead, Users: []rally.UserID{user}})
	return nil
}

// Muted says whether a user has muted somebody.
func (s *Store) Muted(ctx context.Context, user, other rally.UserID) (muted bool, err error) {
	ctx, done := s.begin(ctx, "Muted", &err)
	defer done()
	const sql = `SELECT EXISTS (SELECT FROM mutes WHERE user_id = $1 AND muted = $2)`
	err = s.pool.QueryRow(ctx, sql, int64(user), int64(other)).Scan(&muted)
	return muted, err
}
