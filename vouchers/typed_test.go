package vouchers

import (
	"errors"
	"testing"
)

// someCodes are printed codes of many booklets, without hyphens.
func someCodes(t *testing.T, n uint32) []string {
	t.Helper()
	ring := testRing(t, 1)
	var codes []string
	for serial := range n {
		code, err := ring.Typed(1, 42, serial)
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, string(code.chars[:]))
	}
	return codes
}

func TestEveryWrongCharacterIsNoticed(t *testing.T) {
	t.Parallel()
	for _, code := range someCodes(t, 300) {
		for i := range code {
			for _, char := range alphabet {
				if byte(char) == code[i] {
					continue
				}
				if _, err := ParseTyped(with(code, i, string(char))); !errors.Is(err, ErrCheck) {
					t.Fatalf("%s with %c as character %d: %v", code, char, i, err)
				}
			}
		}
	}
}

func TestEverySwapIsNoticed(t *testing.T) {
	t.Parallel()
	for _, code := range someCodes(t, 2000) {
		for i := range code {
			for j := i + 1; j < len(code); j++ {
				if code[i] == code[j] {
					continue
				}
				swapped := with(with(code, i, code[j:j+1]), j, code[i:i+1])
				if _, err := ParseTyped(swapped); !errors.Is(err, ErrCheck) {
					t.Fatalf("%s with characters %d and %d swapped: %v", code, i, j, err)
				}
			}
		}
	}
}

// The code is linear: what any two errors add to one code, they add to every code. So
// trying them all on one proves it for all.
func TestEveryTwoWrongCharactersAreNoticed(t *testing.T) {
	t.Parallel()
	code := someCodes(t, 1)[0]
	for i := range code {
		for j := i + 1; j < len(code); j++ {
			for pair := range 32 * 32 {
				changed := with(with(code, i, alphabet[pair/32:pair/32+1]), j, alphabet[pair%32:pair%32+1])
				if _, err := ParseTyped(changed); changed != code && !errors.Is(err, ErrCheck) {
					t.Fatalf("%s for %s: %v", changed, code, err)
				}
			}
		}
	}
}

func TestTypedCodesDependOnKeyCampaignAndSerial(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 1)
	seen := map[TypedCode]bool{}
	for _, key := range []uint8{1, 2, 31} {
		for campaign := range CampaignID(10) {
			for serial := range uint32(100) {
				code, err := ring.Typed(key, campaign, serial)
				if err != nil {
					t.Fatal(err)
				}
				seen[code] = true
			}
		}
	}
	if len(seen) != 3000 {
		t.Errorf("%d codes for 3000 booklets", len(seen))
	}
}

func TestTypedCodeIsPrintedAndReadBack(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 1)
	code, err := ring.Typed(1, 42, 1)
	if err != nil {
		t.Fatal(err)
	}
	printed := code.String()
	if len(printed) != 18 || printed[4] != '-' || printed[9] != '-' || printed[14] != '-' {
		t.Errorf("printed as %q", printed)
	}
	if back, err := ParseTyped(printed); err != nil || back != code {
		t.Errorf("read back as %s, %v", back, err)
	}
	if (TypedCode{}) == code {
		t.Error("the code is the zero value")
	}
}

func TestRudeWordsAreSeenThroughTheirLookAlikes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"XXC0NXXXXXXXXXX": true, "XXXXXXXXXP1SSEX": true, "M3RDEXXXXXXXXXX": true, "XXXXXXXXXXFVCKX": true, "5A10PXXXXXXXXXX": true,
		"XXXXXXXXXXXXCV1": true, "XXXXXXXX81TEXXX": true, "ABCDEFGHJKMNPQR": false, "XXC0XNXXXXXXXXX": false,
	} {
		if got := rude(TypedCode{[typedLength]byte([]byte(text))}); got != want {
			t.Errorf("rude(%s) = %t", text, got)
		}
	}
}

func TestNoRudeCodeIsMade(t *testing.T) {
	t.Parallel()
	ring := testRing(t, 1)
	passedOver := 0
	for serial := range uint32(5000) {
		code, err := ring.Typed(1, 7, serial)
		if err != nil {
			t.Fatal(err)
		}
		if rude(code) {
			t.Fatalf("%s is rude", code)
		}
		var message [16]byte
		message[7] = 7
		message[10], message[11] = byte(serial>>8), byte(serial)
		first := typedFrom(ring.keys[1].typed.sum(message[:]))
		if first != code {
			passedOver++
			if !rude(first) {
				t.Fatalf("%s was passed over for %s", first, code)
			}
		}
	}
	if passedOver == 0 || passedOver > 500 {
		t.Errorf("%d of 5000 codes were passed over", passedOver)
	}
}
