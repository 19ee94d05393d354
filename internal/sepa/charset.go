package sepa

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// latinMarks are the characters beside letters and digits that every bank of the SEPA
// area must accept (EPC217-08, section 1).
const latinMarks = "/-?:().,'+ "

// replacements holds what has no decomposition into a letter and an accent. Lower case
// only: an upper-case letter takes the replacement with its first letter raised.
// Cyrillic follows the Bulgarian law that EPC217-08 takes up, with the letters of its
// neighbours added; Greek follows ELOT 743.
var replacements = map[rune]string{
	'œ': "oe", 'æ': "ae", 'ß': "ss", 'ø': "o", 'ł': "l", 'đ': "d", 'ð': "d", 'þ': "th", 'ħ': "h", 'ı': "i", 'ŋ': "n",
	'’': "'", '‘': "'", '´': "'", '`': "'", 'ʼ': "'", '′': "'", '–': "-", '—': "-", '‐': "-", '‑': "-", '−': "-", '_': "-",
	'&': "+", '€': "E", ';': ",", '[': "(", ']': ")", '{': "(", '}': ")", '|': "/", '\\': "/", '…': "...", '№': "No", '°': "o",

	'а': "a", 'б': "b", 'в': "v", 'г': "g", 'д': "d", 'е': "e", 'ж': "zh", 'з': "z", 'и': "i", 'й': "y", 'к': "k",
	'л': "l", 'м': "m", 'н': "n", 'о': "o", 'п': "p", 'р': "r", 'с': "s", 'т': "t", 'у': "u", 'ф': "f", 'х': "h",
	'ц': "ts", 'ч': "ch", 'ш': "sh", 'щ': "sht", 'ъ': "a", 'ы': "y", 'ь': "y", 'э': "e", 'ю': "yu", 'я': "ya",
	'є': "ye", 'і': "i", 'ї': "yi", 'ґ': "g", 'ј': "j", 'љ': "lj", 'њ': "nj", 'ђ': "dj", 'ћ': "c", 'џ': "dz",

	'α': "a", 'β': "v", 'γ': "g", 'δ': "d", 'ε': "e", 'ζ': "z", 'η': "i", 'θ': "th", 'ι': "i", 'κ': "k", 'λ': "l",
	'μ': "m", 'ν': "n", 'ξ': "x", 'ο': "o", 'π': "p", 'ρ': "r", 'σ': "s", 'ς': "s", 'τ': "t", 'υ': "y", 'φ': "f",
	'χ': "ch", 'ψ': "ps", 'ω': "o",
}

// Latin writes text in the basic Latin set that every SEPA bank accepts, at most limit
// characters long (names: 70, remittance: 140). Accents go, other letters are spelled
// out, blanks become one space, and what has no equivalent becomes a full stop, as
// EPC217-08 does.
func Latin(text string, limit int) string {
	var b strings.Builder
	for _, r := range norm.NFC.String(text) {
		switch {
		case isLatin(r):
			b.WriteByte(byte(r))
		case unicode.IsSpace(r):
			b.WriteByte(' ')
		default:
			b.WriteString(latinOf(r))
		}
	}
	s := strings.Join(strings.Fields(b.String()), " ") // ASCII from here on: bytes are characters
	return strings.TrimSpace(s[:min(limit, len(s))])
}

// latinOf spells out a character that is outside of the set.
func latinOf(r rune) string {
	if s, ok := replace(r); ok {
		return s
	}
	for _, base := range norm.NFD.String(string(r)) { // the letter comes first, its accents after
		if isLatin(base) {
			return string(base)
		}
		if s, ok := replace(base); ok {
			return s
		}
		break
	}
	if unicode.In(r, unicode.Mn, unicode.Cf) { // an accent left alone, an invisible mark
		return ""
	}
	return "."
}

func replace(r rune) (string, bool) {
	if s, ok := replacements[r]; ok {
		return s, true
	}
	s, ok := replacements[unicode.ToLower(r)]
	if ok {
		s = strings.ToUpper(s[:1]) + s[1:]
	}
	return s, ok
}

func isLatin(r rune) bool {
	return r < unicode.MaxASCII && (isAlnum(byte(unicode.ToUpper(r))) || strings.ContainsRune(latinMarks, r))
}

// validIdentifier tells whether id may name a message or a payment in a SEPA file: 1 to
// 35 characters of the basic set, no slash at either end, no double slash
// (EPC132-08, section 1.5.1).
func validIdentifier(id string) bool {
	return id != "" && len(id) <= 35 && Latin(id, 35) == id &&
		!strings.HasPrefix(id, "/") && !strings.HasSuffix(id, "/") && !strings.Contains(id, "//")
}
