package main

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"rally/auth"
)

// A file that somebody else looks after, on a mount that cannot be written
// (here, in a folder where nobody can, not even root), does for ever.
func TestTokenKeysThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	if _, err := auth.LoadKeys(path, time.Now().Add(-2*auth.RotateKeysAfter)); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	c := plain()
	c.TokenKeys = fmt.Sprintf("/proc/self/fd/%d", file.Fd())
	s, err := c.settle()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := auth.LoadKeys(c.TokenKeys, time.Now()); err == nil {
		t.Fatal("the file can be written")
	}
	if _, err := loadTokens(s); err != nil {
		t.Errorf("the server does not start: %v", err)
	}
}
