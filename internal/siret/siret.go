// Package siret checks the numbers by which INSEE names French legal entities (SIREN)
// and their establishments (SIRET).
package siret

import (
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// SIRET is an establishment's number: 14 digits, the first nine of which are its SIREN.
// Only Parse makes one that is known to be right.
type SIRET string

// SIREN is a legal entity's number: nine digits.
type SIREN string

// laPoste has more establishments than Luhn's digit leaves room for.
const laPoste SIREN = "356000000"

// Parse reads a SIRET with or without spaces, dots or hyphens.
//
// Its faults are siret_length, when these are not 14 digits, and siret_check, when a
// digit is wrong.
func Parse(text string) (SIRET, error) {
	s := strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ".", "", "-", "").Replace(strings.TrimSpace(text))
	if len(s) != 14 || strings.Trim(s, "0123456789") != "" {
		return "", fault.New(fault.Invalid, "siret_length")
	}
	siret := SIRET(s)
	right := luhn(s) && luhn(s[:9]) && s[:9] != "000000000"
	if siret.SIREN() == laPoste && digitSum(s)%5 == 0 {
		right = true // INSEE's exception; La Poste's seat itself follows Luhn
	}
	if !right {
		return "", fault.New(fault.Invalid, "siret_check")
	}
	return siret, nil
}

// SIREN gives the legal entity's number.
func (s SIRET) SIREN() SIREN {
	if len(s) < 9 {
		return ""
	}
	return SIREN(s[:9])
}

// String groups the digits as on official letters: "732 829 320 00074".
func (s SIRET) String() string {
	if len(s) != 14 {
		return string(s)
	}
	return string(s[:3] + " " + s[3:6] + " " + s[6:9] + " " + s[9:])
}

// Digits gives the 14 digits without spaces.
func (s SIRET) Digits() string { return string(s) }

// luhn tells whether the digits hold by Luhn's formula (ISO/IEC 7812-1, annex B).
func luhn(digits string) bool {
	sum := 0
	for i := range len(digits) {
		d := int(digits[len(digits)-1-i] - '0')
		if i%2 == 1 {
			d *= 2
			if d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

func digitSum(digits string) int {
	sum := 0
	for _, d := range []byte(digits) {
		sum += int(d - '0')
	}
	return sum
}
