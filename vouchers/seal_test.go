package vouchers

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestASealKeepsATextUntilItsEnd(t *testing.T) {
	t.Parallel()
	ring := mustRing(t, 1, NewKey(1))
	now := time.Unix(1_800_000_000, 0)
	sealed := ring.Seal("K7QD-XXXX", now.Add(15*time.Minute))
	if strings.Contains(sealed, "K7QD") || sealed == ring.Seal("K7QD-XXXX", now.Add(15*time.Minute)) {
		t.Errorf("the seal shows its text: %s", sealed)
	}
	if text, err := ring.Unseal(sealed, now.Add(15*time.Minute-time.Second)); text != "K7QD-XXXX" || err != nil {
		t.Errorf("opened as %q, %v", text, err)
	}
	if text, err := ring.Unseal(sealed, now.Add(15*time.Minute)); text != "" || !errors.Is(err, ErrSignature) {
		t.Errorf("after its end: %q, %v", text, err)
	}
}

func TestEveryNodeReadsASealAndRotationSparesIt(t *testing.T) {
	t.Parallel()
	ring := mustRing(t, 1, NewKey(1))
	now := time.Unix(1_800_000_000, 0)
	sealed := ring.Seal("code", now.Add(time.Minute))
	rotated, err := ring.Rotate()
	if err != nil {
		t.Fatal(err)
	}
	if text, err := rotated.Unseal(sealed, now); text != "code" || err != nil {
		t.Errorf("after a rotation: %q, %v", text, err)
	}
	if _, err := ring.Unseal(rotated.Seal("code", now.Add(time.Minute)), now); !errors.Is(err, ErrUnknownKey) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := mustRing(t, 1, NewKey(1)).Unseal(sealed, now); !errors.Is(err, ErrSignature) {
		t.Errorf("somebody else's key 1: %v", err)
	}
}

func TestAChangedSealIsRefused(t *testing.T) {
	t.Parallel()
	ring := mustRing(t, 0, NewKey(0), NewKey(1))
	now := time.Unix(1_800_000_000, 0)
	sealed := ring.Seal("code", now.Add(time.Minute))
	for i := range sealed {
		for _, char := range "AQ_" {
			changed := sealed[:i] + string(char) + sealed[i+1:]
			// The last character has bits that no byte holds: the same bytes are the same seal.
			if text, err := ring.Unseal(changed, now); err == nil && changed != sealed && i < len(sealed)-1 {
				t.Errorf("character %d changed to %c: opened as %q", i, char, text)
			}
		}
	}
	for _, text := range []string{"", "A", "é", strings.Repeat("A", 30), sealed[:20]} {
		if _, err := ring.Unseal(text, now); err == nil {
			t.Errorf("%q was opened", text)
		}
	}
}

func mustRing(t *testing.T, current uint8, keys ...Key) *Keyring {
	t.Helper()
	ring, err := NewKeyring(current, keys...)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}
