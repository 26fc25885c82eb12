package rally_test

import (
	"testing"

	"rally"
)

func TestChallengeIDsAreDistinctAndValid(t *testing.T) {
	t.Parallel()
	seen := map[rally.ChallengeID]bool{}
	for range 1000 {
		id := rally.NewChallengeID()
		if !id.Valid() || seen[id] {
			t.Fatalf("%q: valid %v, seen %v", id, id.Valid(), seen[id])
		}
		seen[id] = true
	}
	for _, bad := range []rally.ChallengeID{"", "short", "ABCDEFGHIJKL", "abcdefghijk1", "abcdefghijklm"} {
		if bad.Valid() {
			t.Errorf("%q passes for an id", bad)
		}
	}
}
