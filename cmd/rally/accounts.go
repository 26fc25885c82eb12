package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"rally"
	"rally/auth"
	"rally/cmd/rally/bench"
	"rally/store"
)

// benchAccounts makes the bench's players in the server's own database, with
// tokens signed by the key in its data folder.
type benchAccounts struct {
	store  *store.Store
	tokens *auth.Tokens
	tag    string // of this run's accounts

	hashing auth.PasswordConfig // of passwords, as the server's
}

// openAccounts finds the database of the running server.
func openAccounts(ctx context.Context, s settings, log *slog.Logger) (*benchAccounts, error) {
	url, err := databaseOf(s)
	if err != nil {
		return nil, err
	}
	tokens, err := loadTokens(s)
	if err != nil {
		return nil, err
	}
	db, err := store.Open(ctx, store.Config{URL: url, Log: log})
	if err != nil {
		return nil, fmt.Errorf("opening the server's database: %w", err)
	}
	// The time in seconds, in 36 letters: 6 of them until the year 2038.
	return &benchAccounts{store: db, tokens: tokens, tag: strconv.FormatInt(time.Now().Unix(), 36), hashing: s.hashing}, nil
}

func (a *benchAccounts) close() { a.store.Close() }

// Open implements bench.Accounts.
func (a *benchAccounts) Open(ctx context.Context, n int) ([]bench.Account, error) {
	made, err := a.store.BenchCreate(ctx, a.tag, n)
	if err != nil {
		return nil, fmt.Errorf("making accounts: %w", err)
	}
	accounts := make([]bench.Account, len(made))
	for i, m := range made {
		token, err := a.tokens.Issue(m.User, m.Session)
		if err != nil {
			return nil, fmt.Errorf("signing tokens: %w", err)
		}
		accounts[i] = bench.Account{
			User:   m.User,
			Cookie: fmt.Sprintf("%s=%s; %s=%s", store.SessionCookie, m.Cookie, tokenCookie, token),
		}
	}
	return accounts, nil
}

// Befriend implements bench.Friends.
func (a *benchAccounts) Befriend(ctx context.Context, pairs [][2]rally.UserID) error {
	if err := a.store.BenchBefriend(ctx, pairs); err != nil {
		return fmt.Errorf("making friends: %w", err)
	}
	return nil
}

// Close implements bench.Accounts.
func (a *benchAccounts) Close(ctx context.Context) error {
	if err := a.store.BenchDelete(ctx, a.tag); err != nil {
		return fmt.Errorf("deleting accounts: %w", err)
	}
	return nil
}

// benchLogins are accounts that sign in by the form.
type benchLogins struct{ *benchAccounts }

// Open implements bench.Logins. The password is hashed as the server does.
func (a benchLogins) Open(ctx context.Context, n int) (addresses []string, password string, err error) {
	password = rand.Text()
	hash, err := auth.NewPasswords(a.hashing).Hash(ctx, password)
	if err != nil {
		return nil, "", fmt.Errorf("hashing the bench's password: %w", err)
	}
	if addresses, err = a.store.BenchCreateLogins(ctx, a.tag, n, hash); err != nil {
		return nil, "", fmt.Errorf("making accounts: %w", err)
	}
	return addresses, password, nil
}

// tokenCookie is the cookie with the token; handlers set it.
const tokenCookie = "__Host-rally_token" //nolint:gosec // a name, and no secret
