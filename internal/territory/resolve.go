package territory

import (
	"iter"
	"slices"
	"strings"
)

// Clue is what a file or a form says of where something is. Any part may be empty or wrong.
type Clue struct {
	INSEE    string
	Postcode string
	Name     string
	Lat, Lon float64 // meaningful only when Located
	Located  bool
}

// Resolve tells which commune a clue means: by its code, else by the name among the
// communes of the postcode, else by the exact name anywhere near (same first two digits of
// the postcode, three overseas), else by the postcode alone where it serves one commune or
// where coordinates tell which. It is false where that leaves a doubt.
func Resolve(clue Clue) (Commune, bool) {
	if c, ok := Lookup(clue.INSEE); ok {
		return c, true
	}
	typed := newEntry(clue.Name, -1)
	if len(typed.words) > 0 {
		if c, ok := clue.choose(bestNamed(typed, nearly, served(clue.Postcode))); ok {
			return c, true
		}
		if c, ok := clue.choose(bestNamed(typed, samePart, near(clue.Postcode))); ok {
			return c, true
		}
	}
	return clue.choose(ByPostcode(clue.Postcode))
}

// choose takes the only candidate, or the nearest where the clue has coordinates.
func (clue Clue) choose(candidates []Commune) (Commune, bool) {
	switch {
	case len(candidates) == 1:
		return candidates[0], true
	case len(candidates) > 1 && clue.Located:
		return nearest(candidates, clue.Lat, clue.Lon)
	}
	return Commune{}, false
}

// served yields the names of the communes that a postcode serves.
func served(postcode string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		t, all := tables(), entries()
		communes := t.byPostcode[postcode]
		for _, i := range communes {
			if !yield(&all[i]) {
				return
			}
		}
		for k := len(t.communes); k < len(all) && len(communes) > 0; k++ {
			if slices.Contains(communes, all[k].commune) && !yield(&all[k]) {
				return
			}
		}
	}
}

// near yields the names of the communes whose post is sorted where that of postcode is.
func near(postcode string) iter.Seq[*entry] {
	return func(yield func(*entry) bool) {
		t, all := tables(), entries()
		for k := range all {
			if sharesSorting(t.communes[all[k].commune].Postcodes, postcode) && !yield(&all[k]) {
				return
			}
		}
	}
}

// bestNamed lists the communes among the candidates whose names answer best what was typed,
// and not worse than worst.
func bestNamed(typed entry, worst grade, candidates iter.Seq[*entry]) []Commune {
	var top []hit
	for e := range candidates {
		g := min(e.begins(typed, nil), e.loosely(typed, nil))
		if g == noMatch || g > worst {
			continue
		}
		if len(top) > 0 && g < top[0].grade {
			top = top[:0]
		}
		if len(top) == 0 || g == top[0].grade {
			top = append(top, hit{e, g})
		}
	}
	return best(longestInside(top), len(top))
}

// longestInside keeps, of the names that are inside what was typed, the longest ones:
// "Saint-Vincent" says more than "Vincent".
func longestInside(found []hit) []hit {
	if len(found) == 0 || found[0].grade != nameInside {
		return found
	}
	longest := 0
	for _, h := range found {
		longest = max(longest, len(h.entry.joined))
	}
	return slices.DeleteFunc(found, func(h hit) bool { return len(h.entry.joined) < longest })
}

// sharesSorting reports whether a postcode begins as one of the commune's does, so that
// both are sorted in the same département: "CEDEX" codes and slips keep that beginning.
func sharesSorting(postcodes []string, postcode string) bool {
	digits := 2
	if strings.HasPrefix(postcode, "97") || strings.HasPrefix(postcode, "98") {
		digits = 3
	}
	return len(postcode) == 5 && slices.ContainsFunc(postcodes, func(p string) bool {
		return p[:digits] == postcode[:digits]
	})
}
