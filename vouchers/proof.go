package vouchers

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// instantLayout writes a time in one way only: in UTC, to the microsecond, as the database
// keeps it.
const instantLayout = "2006-01-02T15:04:05.000000Z"

// Instant is a time that is written in one way only, so that its digest is always the same.
type Instant time.Time

// String writes the time in UTC to the microsecond.
func (i Instant) String() string { return time.Time(i).UTC().Format(instantLayout) }

// MarshalText writes the time as String does.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads what MarshalText wrote, and nothing else. It fails with ErrMalformed.
func (i *Instant) UnmarshalText(text []byte) error {
	at, err := time.Parse(instantLayout, string(text))
	if err != nil || at.Format(instantLayout) != string(text) {
		return fmt.Errorf("%w: time", ErrMalformed)
	}
	*i = Instant(at)
	return nil
}

// LedgerLine is one transfer of the ledger as a seal takes it.
type LedgerLine struct {
	Transfer int64      `json:"transfer"`
	At       Instant    `json:"at"`
	Event    string     `json:"event"`
	Cause    int64      `json:"cause"`
	Debit    string     `json:"debit"`
	Credit   string     `json:"credit"`
	Amount   Cents      `json:"amount_cents"`
	Campaign CampaignID `json:"campaign"`
	// Salt (SaltOf) keeps whoever is given the digest of a line from guessing the line.
	Salt string `json:"salt"`
}

// Text is the text whose digest is the line's leaf.
func (l LedgerLine) Text() string {
	return fmt.Sprintf("%d|%s|%s|%d|%s|%s|%d|%d|%s", l.Transfer, l.At, l.Event, l.Cause, l.Debit, l.Credit, l.Amount, l.Campaign, l.Salt)
}

// Leaf is the digest of the line.
func (l LedgerLine) Leaf() Digest { return LeafOf([]byte(l.Text())) }

// plain tells whether the line's text can be taken apart in one way only.
func (l LedgerLine) plain() bool {
	return !strings.Contains(l.Event+l.Debit+l.Credit+l.Salt, "|")
}

// SaltOf is a line's salt: 16 bytes in hexadecimal that follow from the secret of its seal,
// which is not published.
func SaltOf(secret []byte, transfer int64) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(transfer)))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// LedgerSeal says what a range of the ledger's lines was at one time. Each names the digest
// of the one before, so that no seal can be changed, left out or put in later.
type LedgerSeal struct {
	Number    int64             `json:"seal"` // 1, 2, 3 …
	From      int64             `json:"from"` // transfers, both included; From follows the seal before
	To        int64             `json:"to"`
	Count     int64             `json:"count"` // lines in the range, from which ids may be missing
	Root      Digest            `json:"root"`  // of the lines' tree, in the order of their ids
	Previous  Digest            `json:"previous"`
	SealedAt  Instant           `json:"sealed_at"`
	Key       uint8             `json:"key"`
	PublicKey ed25519.PublicKey `json:"public_key"` // in base 64 in JSON, as Signature
	Signature []byte            `json:"signature"`
}

// Text is what is signed.
func (s LedgerSeal) Text() string {
	return fmt.Sprintf("passerelle seal 1|%d|%d|%d|%d|%s|%s|%s|%d|%x",
		s.Number, s.From, s.To, s.Count, s.Root, s.Previous, s.SealedAt, s.Key, []byte(s.PublicKey))
}

// Digest is what the next seal names.
func (s LedgerSeal) Digest() Digest { return sha256.Sum256([]byte(s.Text())) }

// CheckSignature fails with ErrSignature where the key that the seal names did not sign it.
// Whose key that is, it does not know.
func (s LedgerSeal) CheckSignature() error {
	if len(s.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(s.PublicKey, []byte(s.Text()), s.Signature) {
		return ErrSignature
	}
	return nil
}

// Sealed is the seal, signed by the keyring's current key.
func (r *Keyring) Sealed(s LedgerSeal) LedgerSeal {
	d := r.keys[r.current]
	s.Key, s.PublicKey = d.ID, d.ledger
	s.Signature = d.attest([]byte(s.Text()))
	return s
}

// SealKey is the public key of the seals that Sealed signs. It is made to be published.
func (r *Keyring) SealKey() PublicKey { return PublicKey{r.current, r.keys[r.current].ledger} }

// Attest signs the manifest of an export with the key that signs seals. A manifest is a JSON
// object, and no seal's text begins like one, so neither signature passes for the other. It
// fails with ErrMalformed where the text does not begin with a brace.
func (r *Keyring) Attest(manifest []byte) ([]byte, error) {
	if !bytes.HasPrefix(manifest, []byte("{")) {
		return nil, fmt.Errorf("%w: manifest", ErrMalformed)
	}
	return r.keys[r.current].attest(manifest), nil
}

// proofFormat names the file and its version.
const proofFormat = "passerelle-proof-1"

// Proof shows that a line is one of those that a seal was made of.
type Proof struct {
	Format string     `json:"format"`
	Line   LedgerLine `json:"line"`
	Index  int64      `json:"index"` // of the line in its range, from 0
	Path   []Digest   `json:"path"`  // the audit path, the lowest neighbour first
	Seal   LedgerSeal `json:"seal"`
}

// NewProof makes the proof of a line whose index and audit path are known.
func NewProof(line LedgerLine, index int, path []Digest, seal LedgerSeal) Proof {
	return Proof{proofFormat, line, int64(index), path, seal}
}

// Check says whether the proof holds. It fails with ErrNotSealed where the line is not the
// seal's, with ErrSignature where the seal was not signed by the key that it names, and with
// ErrUnknownKey where that key is not among the ones that are trusted; where none are given,
// whose key it is stays to be seen.
func (p Proof) Check(trusted ...ed25519.PublicKey) error {
	root, err := RootOf(p.Line.Leaf(), p.Index, p.Seal.Count, p.Path)
	if err != nil || root != p.Seal.Root || !p.Line.plain() || p.Line.Transfer < p.Seal.From || p.Line.Transfer > p.Seal.To {
		return ErrNotSealed
	}
	if err := p.Seal.CheckSignature(); err != nil {
		return err
	}
	for _, key := range trusted {
		if key.Equal(p.Seal.PublicKey) {
			return nil
		}
	}
	if len(trusted) > 0 {
		return ErrUnknownKey
	}
	return nil
}

// ParseProofs reads a file of one proof, or of a list of them, which may be empty. It fails with ErrMalformed
// where it is none, and where anything in it could be read in two ways.
func ParseProofs(text []byte) ([]Proof, error) {
	text = bytes.TrimSpace(text)
	if len(text) > 0 && text[0] != '[' {
		text = append(append([]byte{'['}, text...), ']')
	}
	proofs := []Proof{}
	var given bytes.Buffer
	if json.Unmarshal(text, &proofs) != nil || json.Compact(&given, text) != nil {
		return nil, fmt.Errorf("%w: proof", ErrMalformed)
	}
	// Written again it is the same text: no name is there twice or in other letters, no
	// number or byte is written in an unusual way.
	again, err := json.Marshal(proofs)
	if err != nil || !bytes.Equal(again, given.Bytes()) {
		return nil, fmt.Errorf("%w: proof", ErrMalformed)
	}
	for _, p := range proofs {
		if p.Format != proofFormat {
			return nil, ErrVersion
		}
	}
	return proofs, nil
}
