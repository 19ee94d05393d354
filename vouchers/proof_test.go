package vouchers

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestALineIsProvenWithAFileAlone(t *testing.T) {
	t.Parallel()
	ring := mustRing(t, 1, NewKey(1))
	for count := 1; count < 20; count++ {
		for index := range count {
			read, err := ParseProofs(indented(t, proofOf(t, ring, count, index)))
			if err != nil || len(read) != 1 {
				t.Fatalf("%d proofs, %v", len(read), err)
			}
			if err := read[0].Check(); err != nil {
				t.Errorf("line %d of %d: %v", index, count, err)
			}
			if err := read[0].Check(read[0].Seal.PublicKey); err != nil {
				t.Errorf("with the key that is trusted: %v", err)
			}
		}
	}
}

func TestAProofIsOfTheKeysThatAreTrusted(t *testing.T) {
	t.Parallel()
	ours, theirs := mustRing(t, 1, NewKey(1)), mustRing(t, 1, NewKey(1))
	p, key := proofOf(t, theirs, 5, 2), proofOf(t, ours, 1, 0).Seal.PublicKey
	if err := p.Check(key); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("another's seal: %v", err)
	}
	p.Seal.PublicKey = key
	if err := p.Check(key); !errors.Is(err, ErrSignature) {
		t.Errorf("another's seal under our key: %v", err)
	}
	if codes := ours.Public(); bytes.Equal(codes[0].Ed25519, key) {
		t.Error("codes and seals are signed by one key")
	}
	rotated, err := ours.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if next := proofOf(t, rotated, 1, 0); next.Seal.Key != 2 || next.Check(key, next.Seal.PublicKey) != nil {
		t.Errorf("after a rotation: key %d", next.Seal.Key)
	}
}

func TestNoByteOfAProofCanBeChanged(t *testing.T) {
	t.Parallel()
	p := proofOf(t, mustRing(t, 1, NewKey(1)), 7, 4)
	for name, file := range map[string][]byte{"compact": compact(t, p), "indented": indented(t, p)} {
		for i := range file {
			for _, mask := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 0xff} {
				changed := bytes.Clone(file)
				changed[i] ^= mask
				if strings.TrimSpace(string(file[i:i+1])) == "" && strings.TrimSpace(string(changed[i:i+1])) == "" {
					continue // white space between words says nothing
				}
				if read, err := ParseProofs(changed); err == nil && check(read, p.Seal.PublicKey) == nil {
					t.Fatalf("%s: byte %d changed from %q to %q and taken: %s", name, i, file[i], changed[i], changed)
				}
			}
		}
	}
}

func TestAChangedFieldIsNamed(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]struct {
		do   func(p *Proof)
		want error
	}{
		"amount":            {func(p *Proof) { p.Line.Amount++ }, ErrNotSealed},
		"account":           {func(p *Proof) { p.Line.Credit = "structure:8:payable" }, ErrNotSealed},
		"index":             {func(p *Proof) { p.Index++ }, ErrNotSealed},
		"path":              {func(p *Proof) { p.Path[0][0]++ }, ErrNotSealed},
		"root":              {func(p *Proof) { p.Seal.Root[0]++ }, ErrNotSealed},
		"count":             {func(p *Proof) { p.Seal.Count = 8 }, ErrSignature},
		"range":             {func(p *Proof) { p.Seal.From = p.Line.Transfer + 1 }, ErrNotSealed},
		"previous":          {func(p *Proof) { p.Seal.Previous[0]++ }, ErrSignature},
		"time":              {func(p *Proof) { p.Seal.SealedAt = Instant(time.Time(p.Seal.SealedAt).Add(time.Hour)) }, ErrSignature},
		"signature":         {func(p *Proof) { p.Seal.Signature[0]++ }, ErrSignature},
		"a key that is cut": {func(p *Proof) { p.Seal.PublicKey = p.Seal.PublicKey[1:] }, ErrSignature},
		"words run together": {func(p *Proof) {
			p.Line.Event, p.Line.Cause, p.Line.Debit = "redemption|4|x", 4, "y"
		}, ErrNotSealed},
	} {
		p := proofOf(t, mustRing(t, 1, NewKey(1)), 7, 4)
		change.do(&p)
		if err := p.Check(); !errors.Is(err, change.want) {
			t.Errorf("%s: %v, want %v", what, err, change.want)
		}
	}
}

func TestWhatIsNoProofIsRefused(t *testing.T) {
	t.Parallel()
	good := string(compact(t, proofOf(t, mustRing(t, 1, NewKey(1)), 3, 0)))
	for _, text := range []string{"", "{}", "[[]]", "null", "[null]", "1", good + good, good[1:], `{"format":"x",` + good[1:],
		strings.Replace(good, `"event"`, `"Event"`, 1), strings.Replace(good, `"index":0`, `"index":0.0`, 1)} {
		if _, err := ParseProofs([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
	if _, err := ParseProofs([]byte(strings.Replace(good, "proof-1", "proof-2", 1))); !errors.Is(err, ErrVersion) {
		t.Errorf("a later version: %v", err)
	}
	if read, err := ParseProofs([]byte(" []\n")); err != nil || len(read) != 0 {
		t.Errorf("a list of none: %d, %v", len(read), err)
	}
	if read, err := ParseProofs([]byte("[" + good + ",\n" + good + "]")); err != nil || len(read) != 2 {
		t.Errorf("a list of two: %d, %v", len(read), err)
	}
}

func TestATimeIsWrittenInOneWay(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		at := Instant(time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "at")).In(time.FixedZone("", rapid.IntRange(-43200, 43200).Draw(t, "zone"))))
		var read Instant
		if err := read.UnmarshalText([]byte(at.String())); err != nil || !time.Time(read).Equal(time.Time(at)) {
			t.Fatalf("%s read as %s, %v", at, read, err)
		}
	})
	var read Instant
	for _, text := range []string{"", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00.000000+00:00", "2026-03-02T10:00:00.0000000Z", "2026-02-30T10:00:00.000000Z"} {
		if read.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q was read", text)
		}
	}
}

const proofsFile = "testdata/proofs.json"

// The browser's twin is tested with the same files.
func TestProofsAreWhatThisProgramMakes(t *testing.T) {
	ring := testRing(t, 1)
	golden := struct {
		Key    ed25519.PublicKey `json:"key"`
		Proofs []Proof           `json:"proofs"`
	}{Key: ring.SealKey().Ed25519}
	for _, count := range []int{1, 2, 3, 7, 8} {
		for index := range count {
			golden.Proofs = append(golden.Proofs, proofOf(t, ring, count, index))
		}
	}
	text := append(indented(t, golden), '\n')
	if *update {
		if err := os.WriteFile(proofsFile, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	kept, err := os.ReadFile(proofsFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(kept, text) {
		t.Error("proofs differ from testdata/proofs.json: those that people keep would no longer hold. " +
			"If that is meant, it takes a new version of the format, then go test ./vouchers -update")
	}
}

func check(proofs []Proof, trusted ...ed25519.PublicKey) error {
	for _, p := range proofs {
		if err := p.Check(trusted...); err != nil {
			return err
		}
	}
	return nil
}

// proofOf proves one line of a range of count lines.
func proofOf(t *testing.T, ring *Keyring, count, index int) Proof {
	t.Helper()
	start := time.Date(2026, 3, 2, 10, 0, 0, 123_000, time.UTC)
	lines := make([]LedgerLine, count)
	leaves := make([]Digest, count)
	for i := range lines {
		id := int64(11 + 2*i)
		lines[i] = LedgerLine{Transfer: id, At: Instant(start.Add(time.Duration(i) * time.Second)), Event: "redemption", Cause: int64(i),
			Debit: "campaign:1:live", Credit: fmt.Sprintf("structure:%d:payable", i), Amount: 1000, Campaign: 1, Salt: SaltOf([]byte("secret"), id)}
		leaves[i] = lines[i].Leaf()
	}
	tree := NewTree(leaves)
	path, err := tree.Path(index)
	if err != nil {
		t.Fatal(err)
	}
	seal := ring.Sealed(LedgerSeal{Number: 3, From: 11, To: 11 + 2*int64(count), Count: int64(count), Root: tree.Root(), Previous: LeafOf(nil),
		SealedAt: Instant(start.Add(time.Hour))})
	return NewProof(lines[index], index, path, seal)
}

func compact(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func indented(t *testing.T, value any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAManifestIsSignedWithTheKeyOfSealsAndNothingElseIs(t *testing.T) {
	t.Parallel()
	ring, err := NewKeyring(1, NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	manifest := []byte(`{"format": "passerelle-continuity-1"}`)
	signature, err := ring.Attest(manifest)
	if err != nil || !ed25519.Verify(ring.SealKey().Ed25519, manifest, signature) {
		t.Errorf("%x, %v", signature, err)
	}
	for _, text := range []string{"", "passerelle seal 1|1|1|1|1|", " {}"} {
		if _, err := ring.Attest([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%q was signed: %v", text, err)
		}
	}
}
