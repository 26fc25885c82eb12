package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakePrograms makes a folder with programs that say this version.
func fakePrograms(t *testing.T, says string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		script := fmt.Sprintf("#!/bin/sh\necho %q\n", says)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFindPrograms(t *testing.T) {
	t.Parallel()
	old := fakePrograms(t, "postgres (PostgreSQL) 9.6.24")
	v15 := fakePrograms(t, "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)")
	v17 := fakePrograms(t, "postgres (PostgreSQL) 17.2 (Homebrew)")
	beta := fakePrograms(t, "postgres (PostgreSQL) 18beta1")
	other := fakePrograms(t, "postgres: a tool of that name, version 99")
	missing := filepath.Join(t.TempDir(), "bin")
	if err := os.Remove(filepath.Join(beta, "initdb")); err != nil {
		t.Fatal(err)
	}
	all := []string{missing, old, v15, v17, other, beta, v15}

	for _, c := range []struct {
		dirs    []string
		version int
		want    string
	}{
		{all, 0, v17},
		{all, 15, v15},
		{[]string{v15}, 0, v15},
	} {
		got, err := findPrograms(t.Context(), c.dirs, c.version)
		if err != nil || got.dir != c.want {
			t.Errorf("version %d of %q: %q, %v; want %q", c.version, c.dirs, got.dir, err, c.want)
		}
	}
	if _, err := findPrograms(t.Context(), []string{missing, old, other, beta}, 0); !errors.Is(err, ErrNoBinaries) ||
		!strings.Contains(err.Error(), "apt-get install postgresql") {
		t.Errorf("got %v, want ErrNoBinaries", err)
	}
	if _, err := findPrograms(t.Context(), all, 14); err == nil || !strings.Contains(err.Error(), "postgresql-14") {
		t.Errorf("got %v, want the package's name", err)
	}
}
