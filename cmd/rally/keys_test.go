package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rally/auth"
)

func TestKeysRotate(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	args := func(command string) []string { return []string{"keys", command, "--data=" + data} }

	if code, out, errs := command(t, args("list")...); code != 1 || out != "" || !strings.Contains(errs, "keys.json") {
		t.Errorf("without keys: exit %d, output %q, error %q", code, out, errs)
	}
	for i, want := range []string{"signs", "signs from ", "signs from "} {
		code, out, errs := command(t, args("rotate")...)
		lines := strings.Split(strings.TrimSpace(out), "\n")
		if code != 0 || len(lines) != i+2 || !strings.Contains(lines[len(lines)-1], want) {
			t.Fatalf("rotation %d: exit %d, output %q, error %q", i, code, out, errs)
		}
		if again, list, errs := command(t, args("list")...); again != 0 || list != out {
			t.Errorf("listed: exit %d, output %q, error %q", again, list, errs)
		}
		// What signs is nobody's business.
		text, err := os.ReadFile(filepath.Join(data, "keys.json"))
		if err != nil {
			t.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), `"`) {
			if len(part) == 44 && strings.Contains(out, part[:10]) {
				t.Errorf("the list has a secret: %s", out)
			}
		}
	}
}

func TestKeysSayWhatEachIsGoodFor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys.json")
	begin := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	var keys auth.Keys
	for _, at := range []time.Duration{0, 24 * time.Hour, 48 * time.Hour, 48*time.Hour + 5*time.Minute} {
		var err error
		if keys, err = auth.RotateKeys(path, begin.Add(at)); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := writeKeys(&out, keys, begin.Add(48*time.Hour+5*time.Minute+10*time.Second)); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"2026-11-20 12:00:00Z  is remembered for those who come back, until 2027-02-19 12:01:00Z",
		"2026-11-21 12:00:00Z  vouches for its last tokens until 2026-11-22 12:11:00Z",
		"2026-11-22 12:00:00Z  signs until 2026-11-22 12:06:00Z",
		"2026-11-22 12:05:00Z  signs from 2026-11-22 12:06:00Z",
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")[1:]
	if len(lines) != len(want) {
		t.Fatalf("got %q", lines)
	}
	for i, line := range lines {
		if got, wanted := line[18:], want[i]; !strings.HasPrefix(line, keys[i].ID) || got != wanted {
			t.Errorf("got  %s\nwant %s", got, wanted)
		}
	}
}
