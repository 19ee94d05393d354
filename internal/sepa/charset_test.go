package sepa

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTextIsPutIntoTheSEPACharacterSet(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Médiathèque de Bœuf-sur-Ÿvette": "Mediatheque de Boeuf-sur-Yvette",
		"L’Œil & l'Ouïe":                 "L'Oeil + l'Ouie",
		"C\u0327a  va\u00a0?\n":          "Ca va ?", // an accent apart, blanks of all kinds
		"Straße, Łódź, Ðór":              "Strasse, Lodz, Dor",
		"Щастлив Юлия Йордан":            "Shtastliv Yuliya Yordan",
		"Αθήνα Ψυχή":                     "Athina Psychi",
		"10 € = [2×5]":                   "10 E . (2.5)",
		"漢字":                             "..",
		"a\u200bb\x00c":                  "ab.c",
		"n° 5_b":                         "no 5-b",
		"":                               "",
	} {
		if got := Latin(text, 70); got != want {
			t.Errorf("Latin(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestTextIsCutAfterItWasSpelledOut(t *testing.T) {
	t.Parallel()
	for limit, want := range map[int]string{0: "", 1: "A", 4: "Aoeo", 5: "Aoeoe", 6: "Aoeoe", 7: "Aoeoe B", 70: "Aoeoe B"} {
		if got := Latin("Aœœ B", limit); got != want {
			t.Errorf("cut at %d: %q, want %q", limit, got, want)
		}
	}
}

func TestLatinTextStaysAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		limit := rapid.IntRange(0, 140).Draw(t, "limit")
		once := Latin(text, limit)
		if Latin(once, limit) != once || len(once) > limit {
			t.Fatalf("%q then %q", once, Latin(once, limit))
		}
		if i := strings.IndexFunc(once, func(r rune) bool { return !isLatin(r) }); i >= 0 {
			t.Fatalf("%q is not Latin at %d", once, i)
		}
	})
}
