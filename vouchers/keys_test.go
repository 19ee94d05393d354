package vouchers

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
)

func TestCodesOutliveARotation(t *testing.T) {
	t.Parallel()
	before := testRing(t, 2)
	payload := mustSign(t, before, typical)
	code, err := before.Typed(2, 42, 7)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := before.HashWith(2, code)
	if err != nil {
		t.Fatal(err)
	}
	few, err := NewKeyring(2, testKey(t, 2))
	if err != nil {
		t.Fatal(err)
	}
	after, err := few.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if few.Current() != 2 || after.Current() != 3 {
		t.Errorf("current keys: %d, then %d", few.Current(), after.Current())
	}
	if got, err := after.Check(payload); err != nil || got != typical {
		t.Errorf("Check after rotation: %v", err)
	}
	if again, err := after.Typed(2, 42, 7); err != nil || again != code {
		t.Errorf("printed again after rotation: %s, %v", again, err)
	}
	if hashes := after.Hash(code); len(hashes) != 2 || !bytes.Equal(hashes[1], stored) || bytes.Equal(hashes[0], stored) {
		t.Errorf("hashes after rotation, newest key first: %x; stored %x", hashes, stored)
	}
	fresh := mustSign(t, after, typical)
	if _, err := few.Check(fresh); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a ring without the new key: %v", err)
	}
	if public := after.Public(); len(public) != 2 || public[0].ID != 3 {
		t.Errorf("public keys, newest first: %v", public)
	}
}

func TestRotationEndsWithTheLastKeyID(t *testing.T) {
	t.Parallel()
	if _, err := testRing(t, 2).Rotate(); !errors.Is(err, ErrRange) {
		t.Errorf("after key 31: %v", err)
	}
}

func TestNewKeysDiffer(t *testing.T) {
	t.Parallel()
	if bytes.Equal(NewKey(1).Secret.reveal(), NewKey(1).Secret.reveal()) {
		t.Error("two random keys are equal")
	}
}

func TestDerivedKeysDiffer(t *testing.T) {
	t.Parallel()
	k := testKey(t, 1)
	d := derive(k)
	seen := map[[32]byte]bool{d.tag.sum(nil): true, d.typed.sum(nil): true, d.hash.sum(nil): true}
	if len(seen) != 3 || !ed25519.NewKeyFromSeed(k.subkey("passerelle ed25519 1")).Public().(ed25519.PublicKey).Equal(d.public) {
		t.Error("two uses share a key")
	}
}

func TestKeyringRefusesWrongKeys(t *testing.T) {
	t.Parallel()
	one := testKey(t, 1)
	for name, c := range map[string]struct {
		current uint8
		keys    []Key
		want    error
	}{
		"no key":           {0, nil, ErrUnknownKey},
		"current missing":  {2, []Key{one}, ErrUnknownKey},
		"current too high": {32, []Key{one}, ErrUnknownKey},
		"twice":            {1, []Key{one, one}, ErrRange},
		"id too high":      {1, []Key{one, {ID: 32, Secret: one.Secret}}, ErrRange},
		"no secret":        {1, []Key{{ID: 1}}, ErrRange},
	} {
		if _, err := NewKeyring(c.current, c.keys...); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ring := testRing(t, 1)
	code, _ := ParseTyped("0000-0000-0000-000")
	for _, id := range []uint8{0, 30, 32, 255} {
		if _, err := ring.Typed(id, 1, 1); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("Typed with key %d: %v", id, err)
		}
		if _, err := ring.HashWith(id, code); !errors.Is(err, ErrUnknownKey) {
			t.Errorf("HashWith key %d: %v", id, err)
		}
	}
}

func TestOneKeyringServesManyAtOnce(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 2)
	var group sync.WaitGroup
	for worker := range uint32(8) {
		ticket := typical
		ticket.Serial = worker
		payload := mustSign(t, ring, ticket)
		group.Go(func() {
			for range 500 {
				if got, err := ring.Check(payload); err != nil || got != ticket {
					t.Errorf("worker %d: %+v, %v", worker, got, err)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestKeysFileIsReadBack(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 2)
	text, err := ring.File()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	if again.Current() != 2 || mustSign(t, again, typical) != mustSign(t, ring, typical) || len(again.Public()) != 3 {
		t.Error("another keyring came back")
	}
}

func TestKeysFileIsReadStrictly(t *testing.T) {
	t.Parallel()
	const secret = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
	for text, want := range map[string]error{
		``:                                 ErrMalformed,
		`{"current":1,"keys":"` + secret:   ErrMalformed,
		`{"current":1,"keys":[]}`:          ErrUnknownKey,
		`{"current":1,"keys":[],"more":1}`: ErrMalformed,
		`{"current":1,"keys":[{"id":1,"secret":"` + secret + `"}]}{}`: ErrMalformed,
		`{"current":1,"keys":[{"id":1,"secret":"AQEB"}]}`:             ErrRange,
		`{"current":1,"keys":[{"id":32,"secret":"` + secret + `"}]}`:  ErrRange,
		`{"current":1,"keys":[{"id":256,"secret":"` + secret + `"}]}`: ErrMalformed,
	} {
		_, err := ParseKeys([]byte(text))
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", text, err, want)
		}
		if err != nil && strings.Contains(err.Error(), secret[:8]) {
			t.Errorf("the error repeats the secret: %v", err)
		}
	}
}

func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	canary := []byte("canary, 32 bytes, sings if heard")
	key, err := KeyFrom(3, canary)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := NewKeyring(3, key)
	if err != nil {
		t.Fatal(err)
	}
	code, err := ring.Typed(3, 42, 7)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	type hides struct {
		secret Secret
		key    Key
		ring   *Keyring
		inside Keyring
	}
	for _, value := range []any{key.Secret, &key.Secret, key, &key, ring, *ring, hides{key.Secret, key, ring, *ring}, []Key{key}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		text, err := json.Marshal(value)
		fmt.Fprintln(&out, string(text), err)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("", "key", key, "secret", key.Secret, "ring", ring, "code", code)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("", "key", key, "secret", key.Secret, "ring", ring, "code", code)
	seed := key.subkey("passerelle ed25519 1")
	for name, secret := range map[string][]byte{"secret": canary, "signing key": seed, "typed code": []byte(code.String())} {
		for _, form := range []string{
			string(secret), hex.EncodeToString(secret), fmt.Sprintf("%X", secret), base64.StdEncoding.EncodeToString(secret),
			strings.Trim(fmt.Sprint(secret), "[]"), strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"),
		} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the %s is printed as %q", name, form)
			}
		}
	}
	if !strings.Contains(out.String(), hidden) {
		t.Error("nothing was printed at all: the test proves nothing")
	}
}
