package search

import (
	"slices"
	"strings"
	"sync"

	"github.com/passerelle/passerelle/internal/territory"
)

// This file finds where somebody means.

// takePlace finds a commune or a postcode, and gives the words without it. Of all names that
// the words may hold the longest wins, then the one after a preposition of place.
func takePlace(words []string) (*territory.Commune, []string) {
	for i, w := range words {
		if len(w) == 5 && strings.Trim(w, "0123456789") == "" {
			if found := territory.ByPostcode(w); len(found) > 0 {
				return &found[0], without(words, i, 1)
			}
		}
	}
	var best *territory.Commune
	at, used, bestWorth := 0, 0, 0
	for i := range words {
		where := i > 0 && slices.Contains(strongPlaceWords, words[i-1])
		for n := min(6, len(words)-i); n > 0; n-- {
			c, sure := communeNamed(words[i:i+n], where)
			if c == nil {
				continue
			}
			worth := 4 * n
			if where {
				worth += 2
			}
			if sure {
				worth++
			}
			if worth > bestWorth {
				best, at, used, bestWorth = c, i, n, worth
			}
		}
	}
	if best == nil {
		return nil, words
	}
	return best, without(words, at, used)
}

// After a strong one of these a place is meant; the others say it only in part.
var (
	strongPlaceWords = strings.Fields("a au aux vers pres proche autour cote sur secteur quartier ville commune habite")
	placeWords       = append(strings.Fields("dans de du d en le la les l"), strongPlaceWords...)
)

// without takes words out, and the prepositions before them.
func without(words []string, from, count int) []string {
	rest := words[from+count:]
	for from > 0 && slices.Contains(placeWords, words[from-1]) {
		from--
	}
	return append(slices.Clone(words[:from]), rest...)
}

// A lone word that no preposition makes a place is one only where many people live: "Bus",
// "Grand" and "Ligné" are communes too.
const (
	knownTown  = 1_500  // inhabitants of a town that a whole name means
	knownStart = 5_000  // of one that the beginning of its name means
	knownCity  = 10_000 // of one that is meant with a slip
	shortNamed = 1_500  // of one that the beginning of its name means after a preposition: "à thonon"
)

// commonStarts begin the names of many communes, and are words.
var commonStarts = strings.Fields("petit petits petite grand grande pointe maisons porte portes saint sainte mont bois bourg port pont roche ville val fort neuf chateau villeneuve beau belle pierre champ champs croix")

// communeNamed finds the commune that words name, whole or by their beginning, with a slip of
// the finger where nothing else will do. sure: it is the whole name.
func communeNamed(words []string, where bool) (c *territory.Commune, sure bool) {
	text := strings.Join(words, " ")
	lone := len(words) == 1
	if len(text) < 3 || lone && (slices.Contains(emptyWords, text) || slices.Contains(placeWords, text)) {
		return nil, false
	}
	if slices.Contains(placeWords, words[len(words)-1]) || !lone && slices.Contains(strongPlaceWords, words[0]) {
		return nil, false
	}
	if s, used := known().at(meaningful(words)); used > 0 && (s.theme != "" || s.kinds != nil) {
		return nil, false
	}
	n := towns()
	if one := n.named(text); one != nil && (!lone || where || one.Population >= knownTown) {
		return one, true
	}
	if one := n.starts[text]; one != nil && len(text) >= 5 {
		if where && one.Population >= shortNamed || one.Population >= knownStart && !slices.Contains(commonStarts, text) {
			return one, false
		}
	}
	if len(text) >= 5 && (where || lone) {
		return n.slip(text, where), false
	}
	return nil, false
}

// townNames finds communes by their folded names: the most populated of those that share one.
type townNames struct {
	whole  map[string]*territory.Commune // without spaces
	starts map[string]*territory.Commune // first words of longer names
	heard  map[slipKey][]*heardTown
}

// slipKey narrows what a slip may have been: the first letter is seldom wrong.
type slipKey struct {
	first  byte
	length int
}

type heardTown struct {
	name string // as it sounds; of a longer name, its first word
	town *territory.Commune
}

var towns = sync.OnceValue(func() townNames {
	n := townNames{whole: map[string]*territory.Commune{}, starts: map[string]*territory.Commune{}, heard: map[slipKey][]*heardTown{}}
	larger := func(in map[string]*territory.Commune, name string, c *territory.Commune) {
		if have := in[name]; have == nil || have.Population < c.Population {
			in[name] = c
		}
	}
	all := territory.Area{}.Members()
	for i := range all {
		c := &all[i]
		name := territory.Fold(c.Name)
		words := strings.Fields(name)
		larger(n.whole, squeezed(name), c)
		for k := 1; k < len(words); k++ {
			larger(n.starts, strings.Join(words[:k], " "), c)
		}
		sounds := []string{name}
		if len(words) > 1 && c.Population >= knownStart && !slices.Contains(commonStarts, words[0]) {
			sounds = append(sounds, words[0])
		}
		for _, sound := range sounds {
			sound = heard.Replace(sound)
			key := slipKey{sound[0], len(sound)}
			n.heard[key] = append(n.heard[key], &heardTown{sound, c})
		}
	}
	return n
})

// named finds a commune by its whole name, "st" for "saint".
func (n townNames) named(text string) *territory.Commune {
	if c := n.whole[squeezed(text)]; c != nil {
		return c
	}
	words := strings.Fields(text)
	for i, w := range words {
		if full, short := map[string]string{"st": "saint", "ste": "sainte", "sts": "saints"}[w]; short {
			words[i] = full
		}
	}
	return n.whole[strings.Join(words, "")]
}

// slip finds the commune that was meant with a slip or two, the nearest by its sound, then the
// most populated; without a preposition only a city, with one slip.
func (n townNames) slip(text string, where bool) *territory.Commune {
	text = heard.Replace(text)
	allowed := 1
	if where {
		allowed += len(text) / 9
	}
	var best *territory.Commune
	least := allowed + 1
	for length := len(text) - allowed; length <= len(text)+allowed; length++ {
		for _, h := range n.heard[slipKey{text[0], length}] {
			if !where && h.town.Population < knownCity {
				continue
			}
			if d := distance(h.name, text); d < least || d == least && best != nil && h.town.Population > best.Population {
				best, least = h.town, d
			}
		}
	}
	return best
}

func squeezed(name string) string { return strings.ReplaceAll(name, " ", "") }
