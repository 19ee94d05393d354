package vouchers

import (
	"errors"
	"fmt"
)

// Why a code, a date, an amount or a ticket is refused; told apart with errors.Is. No
// error of this package repeats the code it is about, so errors may be logged.
var (
	// ErrMalformed: the text is not of the kind it should be. The five below are cases of it.
	ErrMalformed = errors.New("vouchers: malformed")
	ErrLength    = fmt.Errorf("%w: wrong number of characters", ErrMalformed)
	ErrCharacter = fmt.Errorf("%w: a character that no code has", ErrMalformed)
	ErrCheck     = fmt.Errorf("%w: the check characters do not agree", ErrMalformed)
	ErrVersion   = fmt.Errorf("%w: a version of the format that is not known here", ErrMalformed)
	ErrAddress   = fmt.Errorf("%w: not the address of a cheque", ErrMalformed)

	// ErrSignature: well formed, but no key of ours made it.
	ErrSignature = errors.New("vouchers: wrong signature")
	// ErrUnknownKey: well formed, but it names a key that is not (or no longer) valid.
	ErrUnknownKey = errors.New("vouchers: unknown key")
	// ErrNotSealed: the line is not one of those that the seal was made of.
	ErrNotSealed = errors.New("vouchers: not in the seal")
	// ErrRange: a value that does not fit in its place.
	ErrRange = errors.New("vouchers: out of range")
)

// alphabet is Crockford's base 32 (https://www.crockford.com/base32.html): digits and
// capitals without I, L, O and U, all of them in the alphanumeric mode of QR codes.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// noDigit marks, in digitOf, the bytes that are not in the alphabet.
const noDigit = 0xFF

// digitOf is the inverse of alphabet.
var digitOf = func() (table [256]byte) {
	for i := range table {
		table[i] = noDigit
	}
	for value, char := range []byte(alphabet) {
		table[char] = byte(value)
	}
	return table
}()

// appendBase32 writes src, a whole number of 5-byte groups, as 8 characters a group.
func appendBase32(dst, src []byte) []byte {
	for ; len(src) >= 5; src = src[5:] {
		group := uint64(src[0])<<32 | uint64(src[1])<<24 | uint64(src[2])<<16 | uint64(src[3])<<8 | uint64(src[4])
		for shift := 35; shift >= 0; shift -= 5 {
			dst = append(dst, alphabet[group>>shift&31])
		}
	}
	return dst
}

// decodeBase32 fills dst, a whole number of 5-byte groups, from exactly as many
// characters as it takes. There is one text for each value: no padding, no lower case,
// no look-alikes, no spare bits.
func decodeBase32(dst []byte, s string) error {
	if len(s) != len(dst)/5*8 {
		return ErrLength
	}
	for ; len(s) >= 8; s, dst = s[8:], dst[5:] {
		var group uint64
		for _, char := range []byte(s[:8]) {
			digit := digitOf[char]
			if digit == noDigit {
				return ErrCharacter
			}
			group = group<<5 | uint64(digit)
		}
		dst[0], dst[1], dst[2], dst[3], dst[4] = byte(group>>32), byte(group>>24), byte(group>>16), byte(group>>8), byte(group)
	}
	return nil
}
