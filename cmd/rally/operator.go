package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"rally"
	"rally/store"
)

// resetPasswordCommand helps somebody who has forgotten their password where
// letters cannot be sent, or do not arrive.
type resetPasswordCommand struct {
	Account string `arg:"" help:"The account's display name, or its address." name:"account"`
}

// Run is called by kong.
func (r resetPasswordCommand) Run(ctx context.Context, c config, to streams) error {
	return c.withAccount(ctx, r.Account, func(s settings, db *store.Store, user rally.User) error {
		// To no address: that somebody hands it over shows nothing about one.
		token, err := db.NewLink(ctx, user.ID, rally.LinkReset, "")
		if err != nil {
			return fmt.Errorf("drawing a link: %w", err)
		}
		if err := note(ctx, db, user, rally.SecurityResetAsked); err != nil {
			return err
		}
		_, err = fmt.Fprintf(to.out, "%s can choose a new password here, once, within %.0f minutes:\n\n  %s/links/%s\n\n"+
			"Hand it over so that nobody else reads it: it opens the account.\n",
			user.Name, rally.ResetLinkLife.Minutes(), s.base, token)
		return err
	})
}

// turnOffCodesCommand helps somebody who has lost their phone and their recovery
// codes.
type turnOffCodesCommand struct {
	Account string `arg:"" help:"The account's display name, or its address." name:"account"`
}

// Run is called by kong.
func (t turnOffCodesCommand) Run(ctx context.Context, c config, to streams) error {
	return c.withAccount(ctx, t.Account, func(_ settings, db *store.Store, user rally.User) error {
		if !user.Codes {
			return fmt.Errorf("%s has not turned one-time codes on", user.Name)
		}
		if err := db.TurnOffFactor(ctx, user.ID, ""); err != nil {
			return fmt.Errorf("turning the codes off: %w", err)
		}
		if err := note(ctx, db, user, rally.SecurityCodesOff); err != nil {
			return err
		}
		_, err := fmt.Fprintf(to.out, "%s signs in without one-time codes now, and is signed out everywhere.\n", user.Name)
		return err
	})
}

// withAccount does something to an account of the running server.
func (c config) withAccount(ctx context.Context, login string, do func(settings, *store.Store, rally.User) error) error {
	s, err := c.settle()
	if err != nil {
		return err
	}
	url, err := databaseOf(s)
	if err != nil {
		return err
	}
	db, err := store.Open(ctx, store.Config{URL: url, Log: newLog(io.Discard, s.level, s.Dev)})
	if err != nil {
		return fmt.Errorf("opening the server's database: %w", err)
	}
	defer db.Close()
	user, err := findAccount(ctx, db, login)
	if err != nil {
		return err
	}
	return do(s, db, user)
}

// note puts what the operator has done into the account's own log: its owner
// shall see it.
func note(ctx context.Context, db *store.Store, user rally.User, kind rally.SecurityKind) error {
	if err := db.RecordSecurity(ctx, rally.SecurityEvent{User: user.ID, Kind: kind}); err != nil {
		return fmt.Errorf("noting it in the account's log: %w", err)
	}
	return nil
}

// findAccount gives the one account that a name or an address means. Several
// may claim an address until one has shown that it is theirs.
func findAccount(ctx context.Context, db *store.Store, login string) (rally.User, error) {
	login = strings.TrimSpace(login)
	found, err := db.FindCandidates(ctx, login)
	switch {
	case err != nil:
		return rally.User{}, fmt.Errorf("looking for the account: %w", err)
	case len(found) == 0:
		return rally.User{}, fmt.Errorf("nobody here is called %q, or has that address", login)
	case strings.Contains(login, "@") && !found[0].User.EmailVerified:
		return rally.User{}, errors.New("nobody has shown that this address is theirs, so it may be anybody's: give the display name instead")
	default:
		return found[0].User, nil
	}
}
