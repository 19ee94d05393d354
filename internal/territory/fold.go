package territory

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Fold writes a text as people compare it: lower case, no accents, œ as oe, one space where
// there was any other sign. "L'Haÿ-les-Roses" becomes "l hay les roses".
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	pending := false
	write := func(letters string) {
		if pending && b.Len() > 0 {
			b.WriteByte(' ')
		}
		pending = false
		b.WriteString(letters)
	}
	for _, r := range norm.NFD.String(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			write(string(byte(r)))
		case r >= 'A' && r <= 'Z':
			write(string(byte(r + 'a' - 'A')))
		case r == 'œ' || r == 'Œ':
			write("oe")
		case r == 'æ' || r == 'Æ':
			write("ae")
		case unicode.Is(unicode.Mn, r):
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			write(string(unicode.ToLower(r)))
		default:
			pending = true
		}
	}
	return b.String()
}

// abbreviations that people write in place names, alone as a word.
var abbreviations = map[string]string{"st": "saint", "ste": "sainte", "sts": "saints", "stes": "saintes"}

var shortened = strings.NewReplacer("s/s ", "sous ", "s/", "sur ", "S/", "sur ")

// placeWords folds a place name into words: abbreviations written out ("St", "s/"), and
// what follows CEDEX, a matter of mail sorting, left off.
func placeWords(name string) []string {
	folded := Fold(shortened.Replace(name))
	words := strings.Fields(folded)
	for i, w := range words {
		if w == "cedex" && i > 0 {
			return words[:i]
		}
		if full, ok := abbreviations[w]; ok {
			words[i] = full
		}
	}
	return words
}

// within1 reports whether b is a with at most one letter added, left out, changed, or
// swapped with its neighbour.
func within1(a, b string) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	if len(a) < len(b) {
		return a[i:] == b[i+1:]
	}
	if i == len(a) || a[i+1:] == b[i+1:] {
		return true
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}
