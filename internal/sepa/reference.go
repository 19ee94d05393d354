package sepa

import (
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// maxRF is the longest creditor reference of ISO 11649: "RF", two check digits and
// 21 letters or digits.
const maxRF = 25

// MakeRF makes the creditor reference of ISO 11649 around body, which is what the
// payer is asked to write: MakeRF("PASS12") is "RF35PASS12". Body is 1 to 21 letters
// or digits; otherwise the fault is reference_malformed.
func MakeRF(body string) (string, error) {
	s := compact(body)
	rest := mod97(s + "RF00")
	if s == "" || len(s) > maxRF-4 || rest < 0 {
		return "", fault.New(fault.Invalid, "reference_malformed")
	}
	return fmt.Sprintf("RF%02d%s", 98-rest, s), nil
}

// ValidRF tells whether reference, in electronic form, is a creditor reference with
// the right check digits.
func ValidRF(reference string) bool {
	return len(reference) > 4 && len(reference) <= maxRF && strings.HasPrefix(reference, "RF") &&
		isDigit(reference[2]) && isDigit(reference[3]) && mod97(reference[4:]+reference[:4]) == 1
}

// FindReferences finds creditor references in the free text of a transfer, as payers
// and banks disfigure it: lower case, cut by spaces, slashes, dots or hyphens.
//
// Where the words after a reference can also be read as part of it and the check
// digits agree, every reading is returned, longest first: the caller keeps the one
// that it once issued. No reference is returned twice.
func FindReferences(text string) []string {
	s := strings.ToUpper(strings.Join(strings.Fields(text), " "))
	seen := map[string]bool{}
	var found []string
	for i := 0; i+1 < len(s); i++ {
		if s[i] != 'R' || (i > 0 && isAlnum(s[i-1])) {
			continue
		}
		readings := readingsAt(s[i:])
		for n := len(readings) - 1; n >= 0; n-- {
			if r := readings[n]; !seen[r] {
				seen[r] = true
				found = append(found, r)
			}
		}
	}
	return found
}

// Pick finds which of the issued references a payment names. What stands in a field made for
// a reference (stated, the surest first) counts before readings of free text (found); a text
// that names several things names none, because nobody can tell how to share the money.
func Pick[T comparable](stated, found []string, issued map[string]T) (picked T, several bool) {
	for _, reference := range stated {
		if one, ok := issued[reference]; ok {
			return one, false
		}
	}
	var none T
	for _, reference := range found {
		one, ok := issued[reference]
		if ok && picked != none && one != picked {
			return none, true
		}
		if ok {
			picked = one
		}
	}
	return picked, false
}

// readingsAt gives the references that begin with s and end at the end of one of its
// words, shortest first.
func readingsAt(s string) []string {
	var letters []byte
	var readings []string
	for i := 0; i < len(s) && len(letters) <= maxRF; i++ {
		switch {
		case isAlnum(s[i]):
			letters = append(letters, s[i])
			wordEnds := i+1 == len(s) || !isAlnum(s[i+1])
			if wordEnds && ValidRF(string(letters)) {
				readings = append(readings, string(letters))
			}
		case !strings.ContainsRune(" /.-", rune(s[i])):
			return readings
		}
	}
	return readings
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// isAlnum tells whether c is a digit or an upper-case ASCII letter.
func isAlnum(c byte) bool { return isDigit(c) || (c >= 'A' && c <= 'Z') }
