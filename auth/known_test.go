package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"rally"
)

func TestKnownStaysBounded(t *testing.T) {
	t.Parallel()
	var k known
	digest := func(n int) [sha256.Size]byte {
		return sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	}
	favourite := digest(-1)
	k.put(favourite, Claims{User: 7})
	for n := range 5 * knownMax {
		if _, ok := k.get(digest(n)); ok {
			t.Fatalf("%d is known already", n)
		}
		k.put(digest(n), Claims{User: rally.UserID(n)})
		if c, ok := k.get(digest(n)); !ok || c.User != rally.UserID(n) {
			t.Fatalf("%d gave %+v, %v", n, c, ok)
		}
		// What is asked for again and again is never forgotten.
		if c, ok := k.get(favourite); !ok || c.User != 7 {
			t.Fatalf("after %d others the favourite is %+v, %v", n, c, ok)
		}
	}
	if len(k.young)+len(k.old) > 2*knownMax {
		t.Errorf("%d entries", len(k.young)+len(k.old))
	}
	if _, ok := k.get(digest(0)); ok {
		t.Error("the first is still known")
	}
}
