package main

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"rally"
	"rally/auth"
)

// keysFile is where the keys are that sign tokens.
func keysFile(s settings) string { return cmp.Or(s.TokenKeys, filepath.Join(s.Data, "keys.json")) }

type keysCommand struct {
	List   listKeysCommand   `cmd:"" help:"List the keys and what each is good for."`
	Rotate rotateKeysCommand `cmd:"" help:"Add a key, which signs a minute from now, and drop those that are of no use any more."`
}

type listKeysCommand struct{}

// Run is called by kong.
func (listKeysCommand) Run(c config, to streams) error {
	s, err := c.settle()
	if err != nil {
		return err
	}
	keys, err := auth.ReadKeys(keysFile(s))
	if err != nil {
		return fmt.Errorf("listing the keys of tokens: %w", err)
	}
	return writeKeys(to.out, keys, time.Now())
}

type rotateKeysCommand struct{}

// Run is called by kong. Servers that run with the same keys notice by
// themselves; nobody is signed out.
func (rotateKeysCommand) Run(c config, to streams) error {
	s, err := c.settle()
	if err != nil {
		return err
	}
	if err := makeDataFolder(s.Data); err != nil {
		return err
	}
	now := time.Now()
	keys, err := auth.RotateKeys(keysFile(s), now)
	if err != nil {
		return fmt.Errorf("rotating the keys of tokens: %w", err)
	}
	return writeKeys(to.out, keys, now)
}

// writeKeys says of each key what it is good for; none of it is secret.
func writeKeys(w io.Writer, keys auth.Keys, now time.Time) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KEY\tMADE\tSTATE")
	signer := keys.Signer(now).ID
	for i, key := range keys {
		fmt.Fprintf(table, "%s\t%s\t%s\n", key.ID, clock(key.CreatedAt), keyState(keys, i, signer, now))
	}
	return table.Flush()
}

// keyState says what the i-th key is good for.
func keyState(keys auth.Keys, i int, signer string, now time.Time) string {
	superseded, replaced := keys.Superseded(i)
	switch {
	case keys[i].ID == signer && replaced:
		return "signs until " + clock(superseded)
	case keys[i].ID == signer:
		return "signs"
	case keys[i].SignsFrom.After(now):
		return "signs from " + clock(keys[i].SignsFrom)
	case now.Before(superseded.Add(auth.TokenLife)):
		return "vouches for its last tokens until " + clock(superseded.Add(auth.TokenLife))
	default:
		return "is remembered for those who come back, until " + clock(superseded.Add(rally.SessionAbsolute))
	}
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
