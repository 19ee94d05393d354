package app

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/passerelle/passerelle/vouchers"
)

// CheckProofs checks a file of proofs against the public keys that are trusted, in base 64;
// without any, against the key that each seal names. It needs no database and no network,
// and writes on out what is proven, or returns a sentence for each proof that does not hold.
func CheckProofs(file io.Reader, trusted []string, out io.Writer) error {
	text, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	keys, err := trustedKeys(trusted)
	if err != nil {
		return err
	}
	proofs, err := vouchers.ParseProofs(text)
	switch {
	case errors.Is(err, vouchers.ErrVersion):
		return errors.New("this proof is of a later version: check it with a newer passerelle")
	case err != nil:
		return errors.New("this is not a file of proofs, or it was changed since it was downloaded: download it again")
	}
	if len(proofs) == 0 {
		return errors.New("this file has no line: nothing of whoever downloaded it is in that seal")
	}
	for i, p := range proofs {
		if wrong := p.Check(keys...); wrong != nil {
			err = errors.Join(err, fmt.Errorf("proof %d, transfer %d: %s", i+1, p.Line.Transfer, whyNot(wrong)))
			continue
		}
		l := p.Line
		fmt.Fprintf(out, "proven: transfer %d of %s, %s, %s, debit %s, credit %s, is line %d of the %d of seal %d, signed on %s\n",
			l.Transfer, l.At, l.Event, l.Amount, l.Debit, l.Credit, p.Index+1, p.Seal.Count, p.Seal.Number, p.Seal.SealedAt)
	}
	if err != nil || len(keys) > 0 {
		return err
	}
	told := map[string]bool{}
	for _, p := range proofs {
		if key := base64.StdEncoding.EncodeToString(p.Seal.PublicKey); !told[key] {
			told[key] = true
			fmt.Fprintf(out, "signed with %s: compare it with the key that the operator publishes at /seals, or give that one with --key\n", key)
		}
	}
	return nil
}

func trustedKeys(texts []string) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for _, text := range texts {
		key, err := base64.StdEncoding.Strict().DecodeString(text)
		if err != nil || len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%q is not a public key: it is 44 characters in base 64, as at /seals", text)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// whyNot says what is wrong with a proof.
func whyNot(err error) string {
	switch {
	case errors.Is(err, vouchers.ErrNotSealed):
		return "the line is not one of those that were sealed: it, its place or the seal was changed"
	case errors.Is(err, vouchers.ErrUnknownKey):
		return "the seal is signed by another key than the one given: it is not the operator's, or older than the key"
	}
	return "the seal was changed after it was signed, or was never signed by the key that it names"
}
