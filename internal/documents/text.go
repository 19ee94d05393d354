package documents

import (
	"embed"
	"encoding/binary"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Atkinson Hyperlegible Next, made for readers with low vision by the Braille
// Institute, under the SIL Open Font License (fonts/OFL.txt).
//
//go:embed fonts/*.ttf fonts/OFL.txt
var fonts embed.FS

const longestText = 600 // characters; beyond, no line on paper could hold it

func font(weight string) []byte {
	data, err := fonts.ReadFile("fonts/AtkinsonHyperlegibleNext-" + weight + ".ttf")
	if err != nil {
		panic(err) // the file is compiled in
	}
	return data
}

// drawable tells which characters the font can draw.
var drawable = sync.OnceValue(func() map[rune]bool { return characters(font("Regular")) })

// characters reads the Basic Multilingual Plane subtable (format 4) of a TrueType
// font's cmap (ISO/IEC 14496-22 §5.2.1).
func characters(ttf []byte) map[rune]bool {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(ttf[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(ttf[at:])) }
	known := make(map[rune]bool)
	for i := range u16(4) {
		entry := 12 + 16*i
		if string(ttf[entry:entry+4]) != "cmap" {
			continue
		}
		cmap := u32(entry + 8)
		for j := range u16(cmap + 2) {
			sub := cmap + u32(cmap+8+8*j)
			if u16(sub) != 4 {
				continue
			}
			segments := u16(sub+6) / 2
			for k := range segments {
				last, first := u16(sub+14+2*k), u16(sub+16+2*segments+2*k)
				for c := first; c <= last && c < 0xFFFF; c++ {
					known[rune(c)] = true
				}
			}
		}
	}
	return known
}

// replaced are characters that the font lacks and that have a faithful stand-in.
var replaced = map[rune]rune{
	'\u202f': '\u00a0', // narrow no-break space; the font's thin space is too thin to see
	'\u2011': '-',      // no-break hyphen
	'\u2010': '-',
	'\u2015': '\u2014',
}

// clean makes any text safe to draw on one line: composed, without control,
// direction or zero-width characters, white space folded, and with "?" for what the
// font cannot draw. Very long text is cut with an ellipsis.
func clean(text string) string {
	if len(text) > utf8.UTFMax*longestText {
		text = text[:utf8.UTFMax*longestText]
	}
	var out strings.Builder
	n := 0
	visible := strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	for _, r := range norm.NFC.String(visible) {
		r, keep := drawn(r)
		if !keep {
			continue
		}
		if n++; n > longestText {
			out.WriteRune('…')
			break
		}
		out.WriteRune(r)
	}
	return strings.Join(strings.FieldsFunc(out.String(), func(r rune) bool { return r == ' ' }), " ")
}

// drawn is the character that stands for r on paper, if any.
func drawn(r rune) (rune, bool) {
	if other, ok := replaced[r]; ok {
		r = other
	}
	switch {
	case unicode.Is(unicode.Mn, r): // an accent on a letter that has no such accent
		return 0, false
	case drawable()[r]:
		return r, true
	case unicode.IsSpace(r):
		return ' ', true
	case unicode.Is(unicode.Cc, r):
		return 0, false
	}
	return '?', true
}

// grouped writes a code or an account number by fours, with no-break spaces: people
// read and dictate four characters at a time.
func grouped(code string) string {
	var out strings.Builder
	n := 0
	for _, r := range code {
		if unicode.IsSpace(r) || r == '-' {
			continue
		}
		if n > 0 && n%4 == 0 {
			out.WriteRune('\u00a0')
		}
		out.WriteRune(r)
		n++
	}
	return out.String()
}

// masked hides an account number but for its country, check digits and last four
// characters: enough to recognise one's own account, not enough to use it.
func masked(iban string) string {
	var kept []rune
	for _, r := range iban {
		if !unicode.IsSpace(r) {
			kept = append(kept, r)
		}
	}
	for i := 4; i < len(kept)-4; i++ {
		kept[i] = '•'
	}
	return grouped(string(kept))
}
