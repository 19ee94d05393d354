package territory

import (
	"slices"
	"strings"
	"sync"
)

// grade says how well a name answers what was typed, best first.
type grade uint8

const (
	sameName   grade = iota // the whole name, whatever its accents, hyphens and spaces
	samePart                // the name without its article, or the name of a part
	nameStart               // the name begins so
	wordStarts              // each typed word begins a word of the name, or a postcode
	partStart               // the same, in the name of a part
	nameInside              // the whole name is inside what was typed
	nearly                  // as wordStarts, with a slip of the finger
	noMatch
)

// entry is one name under which a commune is found. In the list of all entries each
// commune's own name stands at the commune's position; the names of parts come after.
type entry struct {
	words   []string
	joined  string // the words without spaces: "lepontdeclaix"
	bare    string // the same without its article: "pontdeclaix"
	commune int32
	ofPart  bool
}

var entries = sync.OnceValue(makeEntries)

func makeEntries() []entry {
	t := tables()
	all := make([]entry, 0, len(t.communes)+len(t.parts))
	for i := range t.communes {
		all = append(all, newEntry(t.communes[i].Name, int32(i)))
	}
	for _, p := range t.parts {
		e := newEntry(p.name, p.commune)
		e.ofPart = true
		all = append(all, e)
	}
	return all
}

func newEntry(name string, commune int32) entry {
	words := placeWords(name)
	joined := strings.Join(words, "")
	return entry{words: words, joined: joined, bare: joined[len(article(words)):], commune: commune}
}

// article is the leading article of a name of several words, or "".
func article(words []string) string {
	if len(words) > 1 && slices.Contains([]string{"le", "la", "les", "l"}, words[0]) {
		return words[0]
	}
	return ""
}

// begins grades an entry for what was typed, without tolerance for slips.
func (e *entry) begins(typed entry, postcodes []string) grade {
	switch {
	case e.joined == typed.joined && !e.ofPart:
		return sameName
	case e.joined == typed.joined, e.bare == typed.bare:
		return samePart
	case strings.HasPrefix(e.joined, typed.joined) && !e.ofPart:
		return nameStart
	}
	for _, word := range typed.words {
		if !e.hasWordStarting(word) && !hasPostcode(postcodes, word) {
			return noMatch
		}
	}
	if e.ofPart {
		return partStart
	}
	return wordStarts
}

// loosely grades an entry that does not begin as typed: more was typed than the name, or
// one letter of a long word is wrong.
func (e *entry) loosely(typed entry, postcodes []string) grade {
	if e.insideOf(typed) {
		return nameInside
	}
	for _, word := range typed.words {
		if !e.hasWordStarting(word) && !hasPostcode(postcodes, word) && !e.hasWordLike(word) {
			return noMatch
		}
	}
	return nearly
}

func (e *entry) hasWordStarting(start string) bool {
	for _, w := range e.words {
		if strings.HasPrefix(w, start) {
			return true
		}
	}
	return false
}

// hasWordLike allows one slip, in words of five letters or more.
func (e *entry) hasWordLike(word string) bool {
	if len(word) < 5 {
		return false
	}
	for _, w := range e.words {
		if within1(w, word) {
			return true
		}
	}
	return false
}

// insideOf asks for one word of four letters or more, so that "Y" is not found everywhere.
func (e *entry) insideOf(typed entry) bool {
	long := false
	for _, w := range e.words {
		if !slices.Contains(typed.words, w) {
			return false
		}
		long = long || len(w) >= 4
	}
	return long
}

func hasPostcode(postcodes []string, start string) bool {
	if len(start) < 2 || start[0] < '0' || start[0] > '9' {
		return false
	}
	for _, p := range postcodes {
		if strings.HasPrefix(p, start) {
			return true
		}
	}
	return false
}
