package store

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"
	"github.com/jackc/pgx/v5"

	"rally"
)

// SessionStore keeps signed-in browsers' sessions: the cookie holds an id and a
// secret, the database the id and a hash of the secret. A browser that is not
// signed in has no session, and nothing is written for it.
//
// It is a sessions.Store of gorilla/sessions, through which it caches a
// request's session, so that it is looked up once. Of what such a session can
// hold, only who and how far signed in is kept; Load, Open, Renew and End say
// it in Rally's own words.
type SessionStore struct {
	s *Store
}

var _ sessions.Store = (*SessionStore)(nil)

// Sessions gives the sessions that s keeps.
func (s *Store) Sessions() *SessionStore { return &SessionStore{s: s} }

// ticketKey is where a gorilla session's Values hold its ticket.
type ticketKey struct{}

// ticket is a session as it is kept, and what Save shall make of it. For an
// anonymous browser both are zero.
type ticket struct {
	kept  rally.Session // ID "" when none is
	user  rally.User    // of kept
	owner rally.UserID  // wanted
	stage rally.Stage   // wanted; StageAnonymous: none shall be kept
	fresh bool          // a new one is wanted in place of kept
	why   string        // kept ends, told in the event
}

// ticketOf gives what session holds.
func ticketOf(session *sessions.Session) *ticket {
	t, ok := session.Values[ticketKey{}].(*ticket)
	if !ok {
		t = &ticket{}
		session.Values[ticketKey{}] = t
	}
	return t
}

// hold makes row what session holds, as it is kept.
func hold(session *sessions.Session, row sessionRow) {
	v := row.session()
	session.ID, session.IsNew = string(v.ID), false
	session.Values[ticketKey{}] = &ticket{kept: v, user: row.user(), owner: v.UserID, stage: v.Stage}
}

// Load gives the session that the request's cookie opens, and its user; nil
// when it opens none: there is no cookie, it is garbage, forged or expired.
// That takes one query, once a request, and none without a cookie of the right
// form; once a minute one more notes that the session is in use. The response
// is left alone: to take a cookie away that opens nothing could take away the
// one that another request has just been given.
//
// When the database is away the error is EUnavailable: who is looking is then
// not known, which is not the same as nobody.
func (ss *SessionStore) Load(_ http.ResponseWriter, r *http.Request) (*rally.Session, rally.User, error) {
	session, err := ss.Get(r, SessionCookie)
	if err != nil {
		return nil, rally.User{}, err
	}
	t := ticketOf(session)
	if t.kept.ID == "" {
		return nil, rally.User{}, nil
	}
	kept := t.kept
	return &kept, t.user, nil
}

// Open gives the browser a new session of this user, with a new id and secret.
// One that it had ends, whoever's it was. ENOTFOUND when there is no such user.
func (ss *SessionStore) Open(w http.ResponseWriter, r *http.Request, user rally.UserID, stage rally.Stage) (rally.Session, error) {
	if stage == rally.StageAnonymous {
		return rally.Session{}, errors.New("store: SessionStore.Open: an anonymous browser has no session")
	}
	session, err := ss.Get(r, SessionCookie)
	if err != nil {
		return rally.Session{}, err
	}
	t := ticketOf(session)
	t.owner, t.stage, t.fresh, t.why = user, stage, true, reasonReplaced
	if err := ss.Save(r, w, session); err != nil {
		return rally.Session{}, err
	}
	return ticketOf(session).kept, nil
}

// Renew puts the request's session at a stage, perhaps the one it has, under a
// new id and secret: the old ones are dead, and so are tokens that name them.
// What its owner has proved stays proved. EUnauthorized when the request has no
// session, or it has just ended.
func (ss *SessionStore) Renew(w http.ResponseWriter, r *http.Request, stage rally.Stage) (rally.Session, error) {
	session, err := ss.Get(r, SessionCookie)
	if err != nil {
		return rally.Session{}, err
	}
	t := ticketOf(session)
	if t.kept.ID == "" {
		return rally.Session{}, noSession()
	}
	if err := ss.rotate(r.Context(), w, session, stage); err != nil {
		return rally.Session{}, err
	}
	return ticketOf(session).kept, nil
}

// End ends a session and takes the browser's cookie away; a SessionEnded with
// this reason follows. It is no error when the session is over already.
func (ss *SessionStore) End(w http.ResponseWriter, r *http.Request, id rally.SessionID, reason string) error {
	if err := ss.EndID(r.Context(), id, reason); err != nil {
		return err
	}
	session, err := ss.Get(r, SessionCookie)
	if err != nil {
		return err
	}
	ss.forget(w, session)
	return nil
}

// Get gives the request's session, looking it up the first time it is asked
// for. It is part of sessions.Store.
func (ss *SessionStore) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(ss, name)
}

// New looks the session up that the request's cookie opens; it is a new one,
// IsNew, when the cookie opens none. It is part of sessions.Store.
func (ss *SessionStore) New(r *http.Request, name string) (*sessions.Session, error) {
	session := sessions.NewSession(ss, name)
	session.IsNew = true
	session.Options = cookieOptions(rally.SessionAbsolute)
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil //nolint:nilerr // it says that there is no cookie
	}
	id, hash, ok := parseCookie(cookie.Value)
	if !ok {
		return session, nil
	}
	row, ok, err := ss.find(r, id, hash)
	if err == nil && ok {
		hold(session, row)
	}
	return session, err
}

// find gives the session with this id, provided that hash is that of its
// secret; ok is false when there is none.
func (ss *SessionStore) find(r *http.Request, id rally.SessionID, hash secretHash) (row sessionRow, ok bool, err error) {
	ctx, done := ss.s.begin(r.Context(), "SessionStore.Load", &err)
	defer done()
	now := ss.s.time()
	row, err = findSession(ctx, ss.s.pool, id, now)
	switch {
	case isNoRows(err):
		return sessionRow{}, false, nil
	case err != nil:
		return sessionRow{}, false, err
	case subtle.ConstantTimeCompare(row.SecretHash, hash[:]) != 1:
		ss.s.log.WarnContext(ctx, "security", "event", "session_forged", "session", id,
			"address", clip(ss.s.address(r), addressMax), "agent", clip(r.UserAgent(), userAgentMax))
		return sessionRow{}, false, nil
	}
	if now.Sub(row.SeenAt) >= touchEvery {
		row.SeenAt = now
		if err := touchSession(ctx, ss.s.pool, id, now); err != nil {
			// The session is good all the same.
			ss.s.log.WarnContext(ctx, "a session could not be marked as seen", "session", id, "error", err)
		}
	}
	return row, true, nil
}

// Save makes what is kept what session says: by Options.MaxAge below 0 that it
// ends. An anonymous session is not written, nor one that has not changed. It
// is part of sessions.Store.
func (ss *SessionStore) Save(r *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	t := ticketOf(session)
	switch {
	case session.Options.MaxAge < 0 || t.stage == rally.StageAnonymous:
		if t.kept.ID == "" {
			return nil
		}
		if err := ss.EndID(r.Context(), t.kept.ID, t.why); err != nil {
			return err
		}
		ss.forget(w, session)
		return nil
	case t.fresh || t.kept.ID == "" || t.owner != t.kept.UserID:
		return ss.open(r, w, session)
	case t.stage != t.kept.Stage:
		return ss.rotate(r.Context(), w, session, t.stage)
	}
	return nil
}

// open writes a new session in place of the one that is kept, if one is.
func (ss *SessionStore) open(r *http.Request, w http.ResponseWriter, session *sessions.Session) (err error) {
	ctx, done := ss.s.begin(r.Context(), "SessionStore.Open", &err)
	defer done()
	t := ticketOf(session)
	id, secret, hash := newSecret()
	now := ss.s.time()
	v := rally.Session{
		ID: id, UserID: t.owner, Stage: t.stage, CreatedAt: now, SeenAt: now,
		UserAgent: clip(r.UserAgent(), userAgentMax), Address: clip(ss.s.address(r), addressMax),
	}
	var row sessionRow
	var ended []endedSession
	err = ss.s.inTx(ctx, func(tx pgx.Tx) (err error) {
		if t.kept.ID != "" {
			if ended, err = deleteSession(ctx, tx, t.kept.ID); err != nil {
				return fmt.Errorf("end the one before: %w", err)
			}
		}
		row, err = insertSession(ctx, tx, v, hash)
		return err
	})
	if isNoRows(err) {
		return noUser(t.owner)
	}
	if err != nil {
		return err
	}
	ss.s.publishEnded(ended, t.why)
	hold(session, row)
	ss.setCookie(w, session, secret)
	return nil
}

// rotate gives the session that is kept another id, secret and stage.
func (ss *SessionStore) rotate(ctx context.Context, w http.ResponseWriter, session *sessions.Session, stage rally.Stage) (err error) {
	ctx, done := ss.s.begin(ctx, "SessionStore.Renew", &err)
	defer done()
	old := ticketOf(session).kept
	if stage == rally.StageAnonymous {
		return errors.New("an anonymous browser has no session: end it")
	}
	id, secret, hash := newSecret()
	var row sessionRow
	err = ss.s.inTx(ctx, func(tx pgx.Tx) error {
		row, err = rotateSession(ctx, tx, old.ID, id, hash, stage, ss.s.time())
		return err
	})
	if isNoRows(err) {
		return noSession()
	}
	if err != nil {
		return err
	}
	ss.s.publishEnded([]endedSession{{ID: string(old.ID), UserID: int64(old.UserID)}}, reasonRenewed)
	hold(session, row)
	ss.setCookie(w, session, secret)
	return nil
}

// forget makes session an anonymous one and takes the browser's cookie away.
func (ss *SessionStore) forget(w http.ResponseWriter, session *sessions.Session) {
	session.ID, session.IsNew = "", true
	delete(session.Values, ticketKey{})
	http.SetCookie(w, sessions.NewCookie(session.Name(), "", cookieOptions(-time.Second)))
}

// setCookie gives the browser the session's id and secret, for as long as the
// session can live.
func (ss *SessionStore) setCookie(w http.ResponseWriter, session *sessions.Session, secret string) {
	kept := ticketOf(session).kept // as of this moment
	session.Options = cookieOptions(rally.SessionAbsolute - kept.SeenAt.Sub(kept.CreatedAt))
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID+"."+secret, session.Options))
}

// noSession is the error for a request without a session.
func noSession() error {
	return rally.Errorf(rally.EUnauthorized, "error.forbidden", "the session is over")
}
