package store_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rally"
	"rally/store"
)

// newLink draws a link's token.
func newLink(t *testing.T, s *store.Store, user rally.UserID, kind rally.LinkKind, email string) string {
	t.Helper()
	token, err := s.NewLink(t.Context(), user, kind, email)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// dead checks that a token opens nothing.
func dead(t *testing.T, s *store.Store, token string) {
	t.Helper()
	_, err := s.FindLink(t.Context(), token)
	isError(t, err, rally.ENotFound, "error.not_found")
	_, err = s.UseResetLink(t.Context(), token, "a hash")
	isError(t, err, rally.ENotFound, "error.not_found")
	_, _, err = s.UseEmailLink(t.Context(), token)
	isError(t, err, rally.ENotFound, "error.not_found")
}

func TestLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	begin := time.Now()
	reset := newLink(t, s, anna.ID, rally.LinkReset, anna.Email)
	email := newLink(t, s, anna.ID, rally.LinkEmail, "new@example.com")
	bertas := newLink(t, s, berta.ID, rally.LinkReset, berta.Email)
	if len(reset) != 43 || strings.Trim(reset, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
		t.Errorf("the token is %q", reset)
	}
	for token, want := range map[string]rally.Link{
		reset:  {Kind: rally.LinkReset, User: anna.ID, Email: anna.Email, ExpiresAt: begin.Add(30 * time.Minute)},
		email:  {Kind: rally.LinkEmail, User: anna.ID, Email: "new@example.com", ExpiresAt: begin.Add(24 * time.Hour)},
		bertas: {Kind: rally.LinkReset, User: berta.ID, Email: berta.Email, ExpiresAt: begin.Add(30 * time.Minute)},
	} {
		got, err := s.FindLink(t.Context(), token)
		if late := got.ExpiresAt.Sub(want.ExpiresAt); late < -time.Second || late > time.Minute {
			t.Errorf("expires %s late", late)
		}
		want.ExpiresAt = got.ExpiresAt
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("found: %v (-want +got):\n%s", err, diff)
		}
	}

	// Neither opens what the other is for, nor is it used up by the attempt.
	if _, err := s.UseResetLink(t.Context(), email, "a hash"); rally.ErrorCode(err) != rally.ENotFound {
		t.Error(err)
	}
	if _, _, err := s.UseEmailLink(t.Context(), reset); rally.ErrorCode(err) != rally.ENotFound {
		t.Error(err)
	}
	// A newer one takes the place of its like.
	newer := newLink(t, s, anna.ID, rally.LinkReset, anna.Email)
	dead(t, s, reset)
	for _, token := range []string{newer, email, bertas} {
		if _, err := s.FindLink(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	for _, token := range []string{
		"", "\x00", strings.Repeat("A", 43), newer[:42], newer + "A", newer + "=", newer[:42] + "\n", newer[:20] + "\n" + newer[20:], strings.ToUpper(newer),
	} {
		dead(t, s, token)
	}
	// Each lives as long as its kind does.
	d.move(30*time.Minute + time.Second)
	dead(t, s, newer)
	if _, err := s.FindLink(t.Context(), email); err != nil {
		t.Error(err)
	}
	d.move(24 * time.Hour)
	dead(t, s, email)
	if n, err := s.PurgeLinks(t.Context()); err != nil || n != 3 {
		t.Errorf("purged %d, %v", n, err)
	}

	_, err := s.NewLink(t.Context(), 12345, rally.LinkReset, "x@example.com")
	isError(t, err, rally.ENotFound, "error.not_found")
	_, err = s.NewLink(t.Context(), anna.ID, "other", "x@example.com")
	fields(t, err, rally.EInvalid)
	for _, address := range []string{"", "x", "\x00@example.com", "a@b\r\nBcc: c@d"} {
		_, err = s.NewLink(t.Context(), anna.ID, rally.LinkEmail, address)
		fields(t, err, rally.EInvalid)
	}
}

// Nothing in the database opens a link.
func TestLinkTokenNotKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	token := newLink(t, d.store, newUser(t, d.store, "Anna").ID, rally.LinkReset, "anna@example.com")
	n := d.count(t, fmt.Sprintf(`
		SELECT count(*) FROM links l
		WHERE position('%[1]s' IN l::text) > 0
		   OR position(encode(decode(translate('%[1]s', '-_', '+/') || '=', 'base64'), 'hex') IN encode(l.hash, 'hex')) > 0`, token))
	if n != 0 {
		t.Error("the token is in the database")
	}
}

func TestUseResetLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	one, _ := d.open(t, "", anna.ID, rally.StageFull)
	two, _ := d.open(t, "", anna.ID, rally.StageOTP)
	bertas, _ := d.open(t, "", berta.ID, rally.StageFull)
	token := newLink(t, s, anna.ID, rally.LinkReset, "aNNa@example.com")
	// What somebody else may have begun with the old password.
	stolen := newLink(t, s, anna.ID, rally.LinkEmail, "thief@example.com")

	u, err := s.UseResetLink(t.Context(), token, "another hash")
	if err != nil {
		t.Fatal(err)
	}
	if u.ID != anna.ID || !u.EmailVerified || !u.HasPassword {
		t.Errorf("reset %+v", u)
	}
	if hash, err := s.FindPasswordHash(t.Context(), anna.ID); err != nil || hash != "another hash" {
		t.Errorf("the hash is %q, %v", hash, err)
	}
	want := map[rally.SessionID]string{one.ID: "password_changed", two.ID: "password_changed"}
	if diff := cmp.Diff(want, d.ended()); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	if alive, _, err := d.Standing(t.Context(), bertas.ID); err != nil || !alive {
		t.Errorf("another account's session: %v, %v", alive, err)
	}
	dead(t, s, token)
	dead(t, s, stolen)
	if hash, err := s.FindPasswordHash(t.Context(), anna.ID); err != nil || hash != "another hash" {
		t.Errorf("the hash is then %q, %v", hash, err)
	}
	if _, err := s.UseResetLink(t.Context(), newLink(t, s, anna.ID, rally.LinkReset, anna.Email), ""); err == nil {
		t.Error("reset to no password")
	}

	// What the owner may have begun before stays: to verify the address.
	verify := newLink(t, s, berta.ID, rally.LinkEmail, "berta@EXAMPLE.com")
	// A letter to an address that is not the account's (any more) verifies none.
	token = newLink(t, s, berta.ID, rally.LinkReset, "old@example.com")
	if u, err := s.UseResetLink(t.Context(), token, "hash"); err != nil || u.EmailVerified || u.Email != berta.Email {
		t.Errorf("reset %+v, %v", u, err)
	}
	if _, u, err := s.UseEmailLink(t.Context(), verify); err != nil || !u.EmailVerified {
		t.Errorf("verified %+v, %v", u, err)
	}
}

// Where no letters are sent, a link is handed over: it is good for a password
// and verifies no address, nor does it fail where there is none.
func TestUseResetLinkHandedOver(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	anna, berta := newUser(t, d.store, "Anna"), newUser(t, d.store, "Berta")
	d.exec(t, `UPDATE users SET email = '' WHERE name = 'Berta'`)
	for _, user := range []rally.User{anna, berta} {
		token := newLink(t, d.store, user.ID, rally.LinkReset, "")
		u, err := d.store.UseResetLink(t.Context(), token, "another hash")
		if err != nil || u.ID != user.ID || u.EmailVerified {
			t.Errorf("reset %+v, %v", u, err)
		}
		if hash, err := d.store.FindPasswordHash(t.Context(), user.ID); err != nil || hash != "another hash" {
			t.Errorf("the hash is %q, %v", hash, err)
		}
	}
}

// Somebody has made an account with another's address, and ways in of their
// own: the letter of a reset does not hand it over, and verifies nothing.
func TestUseResetLinkPrepared(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	linked, coded := newUser(t, s, "Linked"), newUser(t, s, "Coded")
	if err := s.LinkIdentity(t.Context(), linked.ID, rally.Identity{Issuer: "https://id.example", Subject: "7", Provider: "oidc"}); err != nil {
		t.Fatal(err)
	}
	turnOn(t, s, coded.ID)
	for _, user := range []rally.User{linked, coded} {
		token := newLink(t, s, user.ID, rally.LinkReset, user.Email)
		_, err := s.UseResetLink(t.Context(), token, "another hash")
		isError(t, err, rally.ENotFound, "error.not_found")
		if userNow(t, s, user.ID).EmailVerified {
			t.Error("the address is verified")
		}
		// The operator knows whose it is.
		if _, err := s.UseResetLink(t.Context(), newLink(t, s, user.ID, rally.LinkReset, ""), "hash"); err != nil {
			t.Error(err)
		}
		// And once it is verified, so is everybody.
		d.exec(t, `UPDATE users SET email_verified_at = now() WHERE name = '`+user.Name+`'`)
		if _, err := s.UseResetLink(t.Context(), newLink(t, s, user.ID, rally.LinkReset, user.Email), "hash"); err != nil {
			t.Error(err)
		}
	}
}

// Two accounts claim an address; who has shown that it is theirs keeps it, and
// the other's reset works all the same.
func TestUseResetLinkAddressTaken(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	tokens := []string{
		newLink(t, s, anna.ID, rally.LinkReset, "same@example.com"), newLink(t, s, berta.ID, rally.LinkReset, "same@example.com"),
	}
	d.exec(t, `UPDATE users SET email = 'Same@example.com'`)
	verified := atOnce(2, func(i int) bool {
		u, err := s.UseResetLink(t.Context(), tokens[i], "hash")
		if err != nil {
			t.Error(err)
		}
		return u.EmailVerified
	})
	if verified != 1 {
		t.Errorf("the address is verified for %d accounts", verified)
	}
}

// A link is used once, also when twenty use it at once.
func TestUseLinkConcurrently(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna := newUser(t, s, "Anna")
	for range 5 {
		reset := newLink(t, s, anna.ID, rally.LinkReset, anna.Email)
		email := newLink(t, s, anna.ID, rally.LinkEmail, anna.Email)
		used := [2]int{}
		used[0] = atOnce(20, func(i int) bool {
			if i%2 == 0 {
				if _, err := s.NewLink(t.Context(), anna.ID, rally.LinkEmail, anna.Email); err != nil {
					t.Error(err)
				}
				return false
			}
			_, err := s.UseResetLink(t.Context(), reset, fmt.Sprint("hash ", i))
			if err != nil {
				isError(t, err, rally.ENotFound, "error.not_found")
			}
			return err == nil
		})
		dead(t, s, email)
		email = newLink(t, s, anna.ID, rally.LinkEmail, "new@example.com")
		reset = newLink(t, s, anna.ID, rally.LinkReset, anna.Email)
		// Either link kills the other, and neither waits for it for ever.
		used[1] = atOnce(20, func(i int) bool {
			var err error
			if i%2 == 0 {
				_, _, err = s.UseEmailLink(t.Context(), email)
			} else {
				_, err = s.UseResetLink(t.Context(), reset, "hash")
			}
			if err != nil {
				isError(t, err, rally.ENotFound, "error.not_found")
			}
			return err == nil
		})
		if used != [2]int{1, 1} {
			t.Errorf("used %d times", used)
		}
		d.exec(t, `UPDATE users SET email = 'Anna@example.com', email_verified_at = NULL`)
	}
}

func TestUseEmailLink(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	s := d.store
	anna, berta := newUser(t, s, "Anna"), newUser(t, s, "Berta")
	session, _ := d.open(t, "", anna.ID, rally.StageFull)

	// That the address of sign-up is theirs.
	before, u, err := s.UseEmailLink(t.Context(), newLink(t, s, anna.ID, rally.LinkEmail, anna.Email))
	if err != nil || before.Email != anna.Email || before.EmailVerified || u.Email != anna.Email || !u.EmailVerified {
		t.Errorf("verified %+v, before %+v, %v", u, before, err)
	}
	// Another address, after which no letter to the old one opens anything.
	reset := newLink(t, s, anna.ID, rally.LinkReset, anna.Email)
	token := newLink(t, s, anna.ID, rally.LinkEmail, "new@example.com")
	before, u, err = s.UseEmailLink(t.Context(), token)
	if err != nil || before.Email != anna.Email || !before.EmailVerified || u.Email != "new@example.com" || !u.EmailVerified {
		t.Errorf("changed %+v, before %+v, %v", u, before, err)
	}
	dead(t, s, reset)
	dead(t, s, token)
	if alive, _, err := d.Standing(t.Context(), session.ID); err != nil || !alive {
		t.Errorf("the session: %v, %v", alive, err)
	}

	// Somebody else's it cannot become.
	token = newLink(t, s, berta.ID, rally.LinkEmail, "NEW@example.com")
	_, _, err = s.UseEmailLink(t.Context(), token)
	isError(t, err, rally.EConflict, "confirm_email.taken")
	if u := userNow(t, s, berta.ID); u.Email != berta.Email || u.EmailVerified {
		t.Errorf("changed all the same: %+v", u)
	}
}

// Of many accounts that confirm one address at once, one has it.
func TestUseEmailLinkTaken(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	tokens := make([]string, 10)
	for i := range tokens {
		u := newUser(t, d.store, "User "+string(rune('a'+i)))
		tokens[i] = newLink(t, d.store, u.ID, rally.LinkEmail, "same@example.com")
	}
	got := atOnce(10, func(i int) bool {
		_, _, err := d.store.UseEmailLink(t.Context(), tokens[i])
		if err != nil {
			isError(t, err, rally.EConflict, "confirm_email.taken")
		}
		return err == nil
	})
	if got != 1 {
		t.Errorf("%d accounts have the address", got)
	}
}
