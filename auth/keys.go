package auth

import (
	"cmp"
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

// RotateKeysAfter is the age at which the newest key is followed by another
// when the keys are loaded.
const RotateKeysAfter = 30 * 24 * time.Hour

// KeyNotice is how long a new key lies in the file before it signs, so that by
// then every process has read it (see Tokens.Reload).
const KeyNotice = time.Minute

// Key signs tokens. Its id goes into the token's kid header.
type Key struct {
	ID        string
	CreatedAt time.Time
	SignsFrom time.Time // CreatedAt, or KeyNotice later when there was a key before
	private   ed25519.PrivateKey
}

// NewKey draws a key from the system's random source, which signs from now on.
func NewKey(now time.Time) Key {
	_, private, _ := ed25519.GenerateKey(rand.Reader) // rand.Reader never fails
	var id [8]byte
	_, _ = rand.Read(id[:])
	now = now.UTC().Truncate(time.Second)
	return Key{ID: hex.EncodeToString(id[:]), CreatedAt: now, SignsFrom: now, private: private}
}

// Keys is a set of keys, in the order in which they sign, the first one first.
// An older one only vouches for what it signed until the next one took over: no
// token of it is live for longer than TokenLife after that, and an expired one
// is still known as ours, so that rotation signs nobody out.
type Keys []Key

// Signer gives the key that signs at now: the newest whose time has come.
func (k Keys) Signer(now time.Time) Key {
	for _, key := range slices.Backward(k) {
		if !now.Before(key.SignsFrom) {
			return key
		}
	}
	return k[0] // the clock was set back
}

// LoadKeys reads the key file at path, making it with one key (mode 0600) if
// it does not exist. When the newest key is older than RotateKeysAfter another
// is added, as by RotateKeys. It is meant to be called at the start.
func LoadKeys(path string, now time.Time) (Keys, error) {
	keys, err := ReadKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(path, now)
	}
	if err != nil || now.Sub(keys[len(keys)-1].CreatedAt) < RotateKeysAfter {
		return keys, err
	}
	return RotateKeys(path, now)
}

// RotateKeys adds a key to the file at path, which will sign from KeyNotice
// after now, and drops those that no living session can still hold a token of.
// The file is replaced in one step. Without a file it makes one, whose key
// signs at once.
func RotateKeys(path string, now time.Time) (Keys, error) {
	keys, err := ReadKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKeys(path, now)
	}
	if err != nil {
		return nil, err
	}
	key := NewKey(now)
	key.SignsFrom = key.SignsFrom.Add(KeyNotice)
	keys = append(keys.living(now), key)
	keys.sort()
	text, err := keys.encode()
	if err == nil {
		err = replaceFile(path, text)
	}
	if err != nil {
		return nil, fmt.Errorf("write token keys: %w", err)
	}
	return keys, nil
}

// makeKeys makes the file with its first key. When another process has just
// done so, that one's counts.
func makeKeys(path string, now time.Time) (Keys, error) {
	text, err := Keys{NewKey(now)}.encode()
	if err == nil {
		err = makeFile(path, text)
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("write token keys: %w", err)
	}
	return ReadKeys(path)
}

// living gives the keys that may have signed a token which the browser of a
// session that is still alive could send.
func (k Keys) living(now time.Time) Keys {
	var out Keys
	for i, key := range k {
		superseded, ok := k.Superseded(i)
		if !ok || now.Sub(superseded) < rally.SessionAbsolute {
			out = append(out, key)
		}
	}
	return out
}

// Superseded gives when the i-th key stops signing; false for the newest.
func (k Keys) Superseded(i int) (time.Time, bool) {
	if i == len(k)-1 {
		return time.Time{}, false
	}
	return k[i+1].SignsFrom, true
}

func (k Keys) sort() {
	slices.SortStableFunc(k, func(a, b Key) int { return a.SignsFrom.Compare(b.SignsFrom) })
}

// storedKey is a line of the key file. Seed is the private key's seed.
type storedKey struct {
	ID        string    `json:"kid"`
	CreatedAt time.Time `json:"created_at"`
	SignsFrom time.Time `json:"signs_from"` // missing from old files: at once
	Seed      []byte    `json:"seed"`
}

// ReadKeys reads the key file at path and changes nothing. It fails with
// fs.ErrNotExist when there is none.
func ReadKeys(path string) (Keys, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read token keys: %w", err)
	}
	var stored []storedKey
	if err := json.Unmarshal(text, &stored); err != nil || len(stored) == 0 {
		return nil, fmt.Errorf("read token keys: %s is not a key file: %w", path, cmp.Or(err, errors.New("it holds no key")))
	}
	keys := make(Keys, 0, len(stored))
	for i, s := range stored {
		if s.ID == "" || len(s.Seed) != ed25519.SeedSize {
			return nil, fmt.Errorf("read token keys: %s: key %d is damaged", path, i)
		}
		if s.SignsFrom.IsZero() {
			s.SignsFrom = s.CreatedAt
		}
		keys = append(keys, Key{ID: s.ID, CreatedAt: s.CreatedAt, SignsFrom: s.SignsFrom, private: ed25519.NewKeyFromSeed(s.Seed)})
	}
	keys.sort()
	return keys, nil
}

// encode gives the key file's content.
func (k Keys) encode() ([]byte, error) {
	stored := make([]storedKey, 0, len(k))
	for _, key := range k {
		stored = append(stored, storedKey{ID: key.ID, CreatedAt: key.CreatedAt, SignsFrom: key.SignsFrom, Seed: key.private.Seed()})
	}
	text, err := json.MarshalIndent(stored, "", "  ")
	return append(text, '\n'), err
}
