package territory

import (
	"cmp"
	"slices"
)

// longestTyped bounds what one search reads, in bytes: the longest name has 45 letters.
const longestTyped = 100

// Search finds communes as people type them: accents, case, hyphens and apostrophes do not
// matter, nor does "st" for "saint"; a postcode or its beginning helps or suffices; former
// communes and arrondissements lead to their commune; and where nothing begins as typed,
// one slip in each long word is forgiven. The best answers come first, the most populated
// first among equals, at most limit of them.
func Search(text string, limit int) []Commune {
	if len(text) > longestTyped {
		text = text[:longestTyped]
	}
	typed := newEntry(text, -1)
	if len(typed.words) == 0 || limit <= 0 {
		return nil
	}
	found := gradeAll(typed, (*entry).begins)
	if len(found) == 0 {
		found = gradeAll(typed, (*entry).loosely)
	}
	return best(found, limit)
}

// hit is a commune found under a name.
type hit struct {
	entry *entry
	grade grade
}

func gradeAll(typed entry, judge func(e *entry, typed entry, postcodes []string) grade) []hit {
	t, all := tables(), entries()
	var found []hit
	for k := range all {
		e := &all[k]
		if g := judge(e, typed, t.communes[e.commune].Postcodes); g != noMatch {
			found = append(found, hit{e, g})
		}
	}
	return found
}

func best(found []hit, limit int) []Commune {
	communes := tables().communes
	slices.SortFunc(found, func(a, b hit) int {
		if a.grade != b.grade {
			return cmp.Compare(a.grade, b.grade)
		}
		if a.grade == nameInside && len(a.entry.joined) != len(b.entry.joined) {
			return len(b.entry.joined) - len(a.entry.joined)
		}
		return cmp.Or(communes[b.entry.commune].Population-communes[a.entry.commune].Population,
			cmp.Compare(a.entry.commune, b.entry.commune))
	})
	var answer []Commune
	seen := make(map[int32]bool)
	for _, h := range found {
		if len(answer) == limit {
			break
		}
		if !seen[h.entry.commune] {
			seen[h.entry.commune] = true
			answer = append(answer, communes[h.entry.commune])
		}
	}
	return answer
}
