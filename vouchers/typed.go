package vouchers

import (
	"encoding/binary"
	"log/slog"
)

// TypedCode is the short code of a booklet, for a person to read out or type:
// 13 characters that hold 65 secret bits, then 2 check characters. The zero value is no
// code.
//
// It is a secret: whoever holds it can spend the booklet. It is derived from a key, so
// that it can be printed again and need not be stored.
type TypedCode struct{ chars [typedLength]byte }

const (
	typedSecret = 13 // characters
	typedLength = typedSecret + 2
	typedGroup  = 4 // characters between two hyphens
)

// String writes the code as it is printed, "XXXX-XXXX-XXXX-XXX".
func (c TypedCode) String() string {
	text := make([]byte, 0, typedLength+typedLength/typedGroup)
	for i, char := range c.chars {
		if i > 0 && i%typedGroup == 0 {
			text = append(text, '-')
		}
		text = append(text, char)
	}
	return string(text)
}

// LogValue hides the code from log/slog.
func (TypedCode) LogValue() slog.Value { return slog.StringValue(hidden) }

// Typed derives the typed code of a booklet from one key: the same one each time. Where
// chance would spell a rude word, the next code in line is taken, each time again. It
// fails with ErrUnknownKey.
func (r *Keyring) Typed(key uint8, campaign CampaignID, serial uint32) (TypedCode, error) {
	if key > MaxKeyID || r.keys[key] == nil {
		return TypedCode{}, ErrUnknownKey
	}
	var message [16]byte
	binary.BigEndian.PutUint64(message[:], uint64(campaign))
	binary.BigEndian.PutUint32(message[8:], serial)
	for counter := uint32(0); ; counter++ {
		binary.BigEndian.PutUint32(message[12:], counter)
		if code := typedFrom(r.keys[key].typed.sum(message[:])); !rude(code) {
			return code, nil
		}
	}
}

// typedFrom takes the first 65 bits and adds the check characters.
func typedFrom(random [32]byte) (code TypedCode) {
	var chars [16]byte
	appendBase32(chars[:0], random[:10])
	copy(code.chars[:], chars[:typedSecret])
	code.chars[13], code.chars[14] = checkChars(code.chars[:typedSecret])
	return code
}

// ParseTyped reads a code as people type it: in capitals or not, with or without spaces
// and hyphens, the letter O for the digit 0, I or L for 1.
//
// It fails with ErrLength, ErrCharacter or ErrCheck (each an ErrMalformed). Every one or
// two wrong characters, so every swap of two neighbours too, give ErrCheck.
func ParseTyped(text string) (TypedCode, error) {
	var code TypedCode
	n := 0
	for _, r := range text {
		char, isSpace := typedChar(r)
		switch {
		case isSpace:
			continue
		case char == 0:
			return TypedCode{}, ErrCharacter
		case n == typedLength:
			return TypedCode{}, ErrLength
		}
		code.chars[n] = char
		n++
	}
	if n != typedLength {
		return TypedCode{}, ErrLength
	}
	a, b := checkChars(code.chars[:typedSecret])
	if a != code.chars[13] || b != code.chars[14] {
		return TypedCode{}, ErrCheck
	}
	return code, nil
}

// typedChar is the character of the alphabet that somebody meant by r, 0 if none. The
// spaces are those of keyboards and of French typography; the hyphens include those that
// telephones put in their place.
func typedChar(r rune) (char byte, isSpace bool) {
	switch r {
	case ' ', '\t', '\r', '\n', '\u00a0', '\u202f', '-', '\u2010', '\u2011', '\u2013':
		return 0, true
	case 'O', 'o':
		return '0', false
	case 'I', 'i', 'L', 'l':
		return '1', false
	}
	if r >= 'a' && r <= 'z' {
		r -= 'a' - 'A'
	}
	if r > 'Z' || digitOf[r] == noDigit {
		return 0, false
	}
	return byte(r), false
}

// checkChars gives the two check characters of a Reed-Solomon code over GF(32): seen as
// a polynomial, highest power first, the whole code is a multiple of (x − α)(x − α²) =
// x² + 6x + 8, with α = 2. So two right codes differ in at least three characters.
func checkChars(secret []byte) (a, b byte) {
	for _, char := range secret {
		feedback := digitOf[char] ^ a
		a, b = b^times(feedback, 6), times(feedback, 8)
	}
	return alphabet[a], alphabet[b]
}

// times multiplies in GF(32), the polynomials over GF(2) modulo x⁵ + x² + 1.
func times(a, b byte) (product byte) {
	for ; b > 0; b >>= 1 {
		product ^= a * (b & 1)
		a <<= 1
		if a > 31 {
			a ^= 0b100101
		}
	}
	return product
}

// Hash gives what the database may know of a code: a keyed hash of 32 bytes for each
// valid key, newest key first. A booklet is found by any of them.
func (r *Keyring) Hash(code TypedCode) [][]byte {
	var hashes [][]byte
	for id := len(r.keys) - 1; id >= 0; id-- {
		if r.keys[id] != nil {
			sum := r.keys[id].hash.sum(code.chars[:])
			hashes = append(hashes, sum[:])
		}
	}
	return hashes
}

// HashWith gives the hash under one key, which is stored beside the key's id. It fails
// with ErrUnknownKey.
func (r *Keyring) HashWith(key uint8, code TypedCode) ([]byte, error) {
	if key > MaxKeyID || r.keys[key] == nil {
		return nil, ErrUnknownKey
	}
	sum := r.keys[key].hash.sum(code.chars[:])
	return sum[:], nil
}
