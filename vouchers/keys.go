package vouchers

import (
	"bytes"
	"cmp"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"hash"
	"log/slog"
	"slices"
	"sync"
)

// MaxKeyID is the highest key id: a payload has five bits for it.
const MaxKeyID = 31

// secretSize is the length of a secret in bytes.
const secretSize = 32

// Secret is 32 random bytes that no log, message or JSON text ever shows: it prints as
// "***" with every verb.
type Secret struct {
	// A function, because fmt prints the unexported fields of somebody else's struct
	// without asking their methods, and follows pointers; a function is an address.
	reveal func() []byte
}

func secretOf(secret []byte) Secret {
	return Secret{func() []byte { return secret }}
}

const hidden = "***"

// String hides the secret.
func (Secret) String() string { return hidden }

// Format hides the secret from every verb of fmt.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(hidden)) }

// LogValue hides the secret from log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the secret from JSON and other encodings.
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// Key is a master secret and its number. Six independent keys are derived from it: to
// sign QR payloads, to tag them, to derive typed codes, to hash these, to seal codes
// in cookies, and to sign seals of the ledger.
type Key struct {
	ID     uint8 // 0 to MaxKeyID
	Secret Secret
}

// NewKey makes a random key.
func NewKey(id uint8) Key {
	secret := make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails: the program stops if there is no randomness
	return Key{id, secretOf(secret)}
}

// KeyFrom makes a key of a known 32-byte secret. It fails with ErrRange.
func KeyFrom(id uint8, secret []byte) (Key, error) {
	if id > MaxKeyID || len(secret) != secretSize {
		return Key{}, fmt.Errorf("%w: key %d of %d bytes", ErrRange, id, len(secret))
	}
	return Key{id, secretOf(slices.Clone(secret))}, nil
}

// Keyring holds the keys that are valid at this time, one of which, the current one,
// signs. It never changes, so many goroutines may use it at once.
type Keyring struct {
	keys    [MaxKeyID + 1]*derived // by id; nil where there is no valid key
	current uint8
}

// derived is a key and what is derived from it.
type derived struct {
	Key
	public ed25519.PublicKey
	sign   func(message []byte) []byte // a function for the reason that Secret has
	tag    macs                        // of QR payloads
	typed  macs                        // makes typed codes
	hash   macs                        // of typed codes, for the database
	seal   cipher.AEAD                 // of codes in cookies
	ledger ed25519.PublicKey
	attest func(message []byte) []byte // signs seals of the ledger
}

// NewKeyring makes a keyring of several keys with different ids. It fails with ErrRange,
// and with ErrUnknownKey when the current key is not among them.
func NewKeyring(current uint8, keys ...Key) (*Keyring, error) {
	r := &Keyring{current: current}
	for _, k := range keys {
		if k.ID > MaxKeyID || k.Secret.reveal == nil || r.keys[k.ID] != nil {
			return nil, fmt.Errorf("%w: key %d is too high, empty or there twice", ErrRange, k.ID)
		}
		r.keys[k.ID] = derive(k)
	}
	if current > MaxKeyID || r.keys[current] == nil {
		return nil, fmt.Errorf("%w: key %d is to be the current one", ErrUnknownKey, current)
	}
	return r, nil
}

func derive(k Key) *derived {
	signing := ed25519.NewKeyFromSeed(k.subkey("passerelle ed25519 1"))
	sealing := ed25519.NewKeyFromSeed(k.subkey("passerelle ledger 1"))
	d := &derived{
		Key:    k,
		public: signing.Public().(ed25519.PublicKey),
		sign:   func(message []byte) []byte { return ed25519.Sign(signing, message) },
		seal:   newSeal(k.subkey("passerelle seal 1")),
		ledger: sealing.Public().(ed25519.PublicKey),
		attest: func(message []byte) []byte { return ed25519.Sign(sealing, message) },
	}
	d.tag.init(k.subkey("passerelle tag 1"))
	d.typed.init(k.subkey("passerelle typed 1"))
	d.hash.init(k.subkey("passerelle hash 1"))
	return d
}

// subkey is HKDF-SHA-256 (RFC 5869) without salt.
func (k Key) subkey(label string) []byte {
	subkey, err := hkdf.Key(sha256.New, k.Secret.reveal(), nil, label, 32)
	if err != nil {
		panic(err) // cannot happen: 32 bytes are far below HKDF's limit
	}
	return subkey
}

// Rotate is the keyring with one more key, random, which is the current one. Codes made
// before stay valid. It fails with ErrRange when there is no id left: keys that no live
// cheque was made with must then be taken out of the file.
func (r *Keyring) Rotate() (*Keyring, error) {
	keys := r.newestFirst()
	next := keys[0].ID + 1
	if next > MaxKeyID {
		return nil, fmt.Errorf("%w: key ids end at %d", ErrRange, MaxKeyID)
	}
	return NewKeyring(next, append(keys, NewKey(next))...)
}

// Current is the id of the key that signs.
func (r *Keyring) Current() uint8 { return r.current }

// newestFirst lists the keys, highest id first.
func (r *Keyring) newestFirst() []Key {
	var keys []Key
	for _, d := range r.keys {
		if d != nil {
			keys = append(keys, d.Key)
		}
	}
	slices.Reverse(keys)
	return keys
}

// keysFile is the JSON of the file that keeps the secrets, in base 64.
type keysFile struct {
	Current uint8      `json:"current"`
	Keys    []fileLine `json:"keys"`
}

type fileLine struct {
	ID     uint8  `json:"id"`
	Secret []byte `json:"secret"`
}

// ParseKeys reads the text of a keys file, as File wrote it. It fails with ErrMalformed
// when it is not one (without repeating any of it), and as NewKeyring does.
func ParseKeys(text []byte) (*Keyring, error) {
	var file keysFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&file) != nil || len(bytes.TrimSpace(text[decoder.InputOffset():])) > 0 {
		return nil, fmt.Errorf("%w: keys file", ErrMalformed)
	}
	keys := make([]Key, len(file.Keys))
	for i, line := range file.Keys {
		var err error
		if keys[i], err = KeyFrom(line.ID, line.Secret); err != nil {
			return nil, err
		}
	}
	return NewKeyring(file.Current, keys...)
}

// File is the text of the keys file: JSON with every secret in clear. Only a file that
// its owner alone can read may hold it. (The Keyring itself marshals to nothing, so that
// no log shows it by accident.)
func (r *Keyring) File() ([]byte, error) {
	file := keysFile{Current: r.current}
	for _, k := range r.newestFirst() {
		file.Keys = append(file.Keys, fileLine{k.ID, k.Secret.reveal()})
	}
	text, err := json.MarshalIndent(file, "", "  ")
	return append(text, '\n'), err
}

// PublicKey is what anybody needs to verify the payloads signed with one key.
type PublicKey struct {
	ID      uint8             `json:"id"`
	Ed25519 ed25519.PublicKey `json:"ed25519"` // 32 bytes; in base 64 in JSON
}

// PublicKeys are the public keys that are valid at a time, newest first. They are made
// to be published.
type PublicKeys []PublicKey

// Public lists the public keys.
func (r *Keyring) Public() PublicKeys {
	var keys PublicKeys
	for _, d := range r.keys {
		if d != nil {
			keys = append(keys, PublicKey{d.ID, d.public})
		}
	}
	slices.SortFunc(keys, func(a, b PublicKey) int { return cmp.Compare(b.ID, a.ID) })
	return keys
}

// macs computes HMAC-SHA-256 under one key, for many goroutines at once. It keeps used
// states: starting one again costs a quarter of making one.
type macs struct{ states sync.Pool }

// macState has its own buffers, because what is passed to a hash.Hash escapes to the heap.
type macState struct {
	hash    hash.Hash
	in, out []byte
}

func (m *macs) init(key []byte) {
	m.states.New = func() any { return &macState{hash: hmac.New(sha256.New, key)} }
}

func (m *macs) sum(message []byte) [sha256.Size]byte {
	s := m.states.Get().(*macState)
	defer m.states.Put(s)
	s.hash.Reset()
	s.in = append(s.in[:0], message...)
	s.hash.Write(s.in)
	s.out = s.hash.Sum(s.out[:0])
	return [sha256.Size]byte(s.out)
}
