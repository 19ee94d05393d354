package continuity

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"github.com/passerelle/passerelle/internal/fault"
)

// Trustee is somebody who can read an export: a public key of age.
type Trustee struct {
	Key       string // "age1…", as it is published
	recipient age.Recipient
}

// Trustees are those who can, each alone.
type Trustees []Trustee

// secretKey begins a private key of age, which nobody but its trustee may hold.
const secretKey = "AGE-SECRET-KEY-"

// UnmarshalText reads public keys of age, separated by commas. Its errors repeat nothing of
// the text: it may be a private key that somebody gave by mistake.
func (t *Trustees) UnmarshalText(text []byte) error {
	var all Trustees
	for key := range strings.SplitSeq(string(text), ",") {
		key = strings.TrimSpace(key)
		if key == "" {
			continue
		}
		if strings.HasPrefix(strings.ToUpper(key), secretKey) {
			return errors.New("TRUSTEE_KEYS holds a private key: it belongs to the trustee alone; consider it known, have the trustee make another with age-keygen, and set the public key, which begins with age1")
		}
		recipients, err := age.ParseRecipients(strings.NewReader(key))
		if err != nil || len(recipients) != 1 {
			return fmt.Errorf("TRUSTEE_KEYS: key %d is no public key of age: age-keygen prints one, which begins with age1", len(all)+1)
		}
		all = append(all, Trustee{key, recipients[0]})
	}
	if _, err := age.Encrypt(io.Discard, all.recipients()...); len(all) > 0 && err != nil {
		return errors.New("TRUSTEE_KEYS: keys of two kinds cannot be used together: give keys that begin with age1pq1 only, or none of them")
	}
	*t = all
	return nil
}

// NewTrustee makes a key for a demonstration, and the file that holds its private part. A real
// trustee makes its own, where nobody else can see it.
func NewTrustee() (Trustee, []byte, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return Trustee{}, nil, err
	}
	public := key.Recipient()
	return Trustee{public.String(), public}, fmt.Appendf(nil, "# public key: %s\n%s\n", public, key), nil
}

// Keys are the public keys.
func (t Trustees) Keys() []string {
	keys := make([]string, len(t))
	for i, one := range t {
		keys[i] = one.Key
	}
	return keys
}

func (t Trustees) recipients() []age.Recipient {
	all := make([]age.Recipient, len(t))
	for i, one := range t {
		all[i] = one.recipient
	}
	return all
}

// identitiesOf reads a trustee's file of private keys. Its fault is trustee_identity_malformed.
func identitiesOf(text []byte) ([]age.Identity, error) {
	identities, err := age.ParseIdentities(bytes.NewReader(text))
	if err != nil {
		return nil, fault.New(fault.Malformed, "trustee_identity_malformed") // age's own error repeats the line
	}
	return identities, nil
}
