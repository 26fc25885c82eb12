package auth

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"rally"
)

// RotateKeysAfter is the age at which the newest key is followed by another,
// looked at when the keys are loaded.
const RotateKeysAfter = 30 * 24 * time.Hour

// Key signs tokens. Its id goes into the token's kid header.
type Key struct {
	ID        string
	CreatedAt time.Time
	private   ed25519.PrivateKey
}

// NewKey draws a key from the system's random source.
func NewKey(now time.Time) Key {
	_, private, _ := ed25519.GenerateKey(rand.Reader) // rand.Reader never fails
	var id [8]byte
	_, _ = rand.Read(id[:])
	return Key{ID: hex.EncodeToString(id[:]), CreatedAt: now.UTC().Truncate(time.Second), private: private}
}

// Keys is a set of keys, oldest first. The newest signs. An older one only
// vouches for what it signed until the next one took over: no token of it is
// live for longer than TokenLife after that, and an expired one is still
// known as ours, so that rotation signs nobody out.
type Keys []Key

// LoadKeys reads the key file at path, making it with one key (mode 0600) if
// it does not exist. When the newest key is older than RotateKeysAfter a new
// one is added, and keys that no living session can still hold a token of are
// dropped; the file is then replaced atomically. It is meant to be called once,
// at the start, by the process that owns the folder.
func LoadKeys(path string, now time.Time) (Keys, error) {
	keys, err := readKeys(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read token keys: %w", err)
	}
	if n := len(keys); n > 0 && now.Sub(keys[n-1].CreatedAt) < RotateKeysAfter {
		return keys, nil
	}
	keys = append(keys.living(now), NewKey(now))
	text, err := keys.encode()
	if err == nil {
		err = replaceFile(path, text)
	}
	if err != nil {
		return nil, fmt.Errorf("write token keys: %w", err)
	}
	return keys, nil
}

// living gives the keys that may have signed a token which the browser of a
// session that is still alive could send.
func (k Keys) living(now time.Time) Keys {
	var out Keys
	for i, key := range k {
		superseded, ok := k.superseded(i)
		if !ok || now.Sub(superseded) < rally.SessionAbsolute {
			out = append(out, key)
		}
	}
	return out
}

// superseded gives when the i-th key stopped signing; false for the newest.
func (k Keys) superseded(i int) (time.Time, bool) {
	if i == len(k)-1 {
		return time.Time{}, false
	}
	return k[i+1].CreatedAt, true
}

// storedKey is a line of the key file. Seed is the private key's seed.
type storedKey struct {
	ID        string    `json:"kid"`
	CreatedAt time.Time `json:"created_at"`
	Seed      []byte    `json:"seed"`
}

func readKeys(path string) (Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var stored []storedKey
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, fmt.Errorf("%s is not a key file: %w", path, err)
	}
	keys := make(Keys, 0, len(stored))
	for i, s := range stored {
		if s.ID == "" || len(s.Seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("%s: key %d is damaged", path, i)
		}
		keys = append(keys, Key{ID: s.ID, CreatedAt: s.CreatedAt, private: ed25519.NewKeyFromSeed(s.Seed)})
	}
	slices.SortStableFunc(keys, func(a, b Key) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return keys, nil
}

// encode gives the key file's content.
func (k Keys) encode() ([]byte, error) {
	stored := make([]storedKey, 0, len(k))
	for _, key := range k {
		stored = append(stored, storedKey{ID: key.ID, CreatedAt: key.CreatedAt, Seed: key.private.Seed()})
	}
	text, err := json.MarshalIndent(stored, "", "  ")
	return append(text, '\n'), err
}
