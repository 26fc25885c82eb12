package auth

import (
	"crypto/sha256"
	"sync"
)

// knownMax bounds each of the two halves of known: with both full it takes
// some 2 MB.
const knownMax = 8192

// known remembers what was read from tokens whose signature and claims were
// found good, by the token's hash: the same token comes with every request of
// its ten minutes, and checking a signature costs as much as half a page.
// What it holds stays true, for neither a token nor the set of keys changes
// (see ring); time is not part of it. The zero value is empty and ready for use.
type known struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]Claims
}

// get gives the claims of a token that is known.
func (k *known) get(digest [sha256.Size]byte) (Claims, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c, ok := k.young[digest]; ok {
		return c, true
	}
	c, ok := k.old[digest]
	if ok {
		k.add(digest, c)
	}
	return c, ok
}

// put remembers the claims of a token that was found good.
func (k *known) put(digest [sha256.Size]byte, c Claims) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.add(digest, c)
}

// add puts an entry into the young half. When that is full it becomes the old
// one, and what was not asked for since the last time is forgotten.
func (k *known) add(digest [sha256.Size]byte, c Claims) {
	if k.young == nil || len(k.young) >= knownMax {
		k.old, k.young = k.young, make(map[[sha256.Size]byte]Claims)
	}
	k.young[digest] = c
}
