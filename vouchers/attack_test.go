package vouchers

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// A million codes that somebody without a key might try. Seeds are fixed, so a failure
// can be had again; half of the codes are noise, half are real ones changed.
const (
	attackers = 8
	tries     = 125_000 // each
)

func TestAMillionInventedCodesAreAllRefused(t *testing.T) {
	t.Parallel()
	for seed := range uint64(attackers) {
		random := rand.New(rand.NewPCG(seed, 2024))
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			if seed%2 == 0 {
				attackPayloads(t, random)
			} else {
				attackTyped(t, random)
			}
		})
	}
}

func attackPayloads(t *testing.T, random *rand.Rand) {
	ring := testRing(t, 2)
	real := []byte(mustSign(t, ring, typical))
	other := []byte(mustSign(t, ring, smallest))
	stopped := map[string]int{}
	for try := range tries {
		code := append([]byte(nil), real...)
		switch try % 4 {
		case 0: // noise, with a version and a key that exist
			scribble(random, code[2:])
		case 1: // one to four characters changed
			for range 1 + random.IntN(4) {
				i := random.IntN(len(code))
				code[i] = alphabet[random.IntN(32)]
			}
		case 2: // two real payloads spliced
			cut := 2 + random.IntN(len(code)-2)
			copy(code[cut:], other[cut:])
		case 3: // another tag
			scribble(random, code[firstTagChar+1:])
		}
		if string(code) == string(real) || string(code) == string(other) {
			continue
		}
		ticket, err := ring.Check(string(code))
		if err == nil {
			t.Fatalf("try %d is accepted: %s, %+v", try, code, ticket)
		}
		stopped[reason(err)]++
	}
	if stopped["signature"] < tries*9/10 {
		t.Errorf("too few codes came as far as the tag: %v", stopped)
	}
}

func attackTyped(t *testing.T, random *rand.Rand) {
	ring := testRing(t, 2)
	const booklets = 1000
	stored := map[string]bool{}
	var printed []TypedCode
	for serial := range uint32(booklets) {
		code, err := ring.Typed(2, 42, serial)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := ring.HashWith(2, code)
		if err != nil {
			t.Fatal(err)
		}
		stored[string(hash)] = true
		printed = append(printed, code)
	}
	lookedUp := 0
	for try := range tries {
		code := printed[random.IntN(booklets)]
		if try%2 == 0 {
			scribble(random, code.chars[:])
		} else {
			i := random.IntN(typedSecret)
			code.chars[i] = alphabet[digitOf[code.chars[i]]^byte(1+random.IntN(31))]
		}
		if try%4 < 2 { // the attacker knows how check characters are made
			code.chars[13], code.chars[14] = checkChars(code.chars[:typedSecret])
		}
		parsed, err := ParseTyped(code.String())
		if err != nil {
			continue
		}
		lookedUp++
		for _, hash := range ring.Hash(parsed) {
			if stored[string(hash)] {
				t.Fatalf("try %d finds a booklet: %s", try, parsed)
			}
		}
	}
	if lookedUp < tries/2 {
		t.Errorf("only %d codes came as far as the look-up", lookedUp)
	}
	for _, code := range printed { // or else finding nothing would prove nothing
		if !stored[string(ring.Hash(code)[1])] {
			t.Fatalf("%s, a real code, is not found", code)
		}
	}
}

func scribble(random *rand.Rand, chars []byte) {
	for i := range chars {
		chars[i] = alphabet[random.IntN(32)]
	}
}
