package siret

import (
	"fmt"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

func TestSIRETsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"73282932000074":              "732 829 320 00074", // the usual example of INSEE's number
		" 732 829 320 00074 ":         "732 829 320 00074",
		"732.829.320-00074":           "732 829 320 00074",
		"732\u00a0829\u202f320 00074": "732 829 320 00074",
		"35600000000048":              "356 000 000 00048", // La Poste's seat follows Luhn
		"35600000049837":              "356 000 000 49837", // a post office: its digits add up to 45
	} {
		got, err := Parse(text)
		if err != nil || got.String() != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
	}
}

func TestWrongSIRETsAreRefused(t *testing.T) {
	t.Parallel()
	for text, code := range map[string]string{
		"":                "siret_length",
		"7328293200007":   "siret_length",
		"732829320000740": "siret_length",
		"7328293200007A":  "siret_length",
		"７3282932000":     "siret_length", // a wide digit: 14 bytes or not, no digit of ours
		"73282932000075":  "siret_check",
		"73282923000074":  "siret_check", // two digits swapped
		"00000000000000":  "siret_check",
		"35600000049838":  "siret_check",
		"73282932100073":  "siret_check", // the last digit mends what the SIREN breaks
	} {
		_, err := Parse(text)
		if fault.Code(err) != code {
			t.Errorf("%q: %v, want %s", text, err, code)
		}
	}
}

func TestEverySingleWrongDigitIsFound(t *testing.T) {
	t.Parallel()
	const right = "73282932000074"
	for i := range right {
		for digit := range 10 {
			text := fmt.Sprintf("%s%d%s", right[:i], digit, right[i+1:])
			if _, err := Parse(text); (err == nil) != (text == right) {
				t.Errorf("%s: %v", text, err)
			}
		}
	}
}

func TestASIRETGivesItsParts(t *testing.T) {
	t.Parallel()
	s := SIRET("73282932000074")
	if s.SIREN() != "732829320" || s.Digits() != "73282932000074" {
		t.Errorf("%q, %q", s.SIREN(), s.Digits())
	}
	if SIRET("12").SIREN() != "" || SIRET("12").String() != "12" {
		t.Error("a scrap has parts")
	}
}
