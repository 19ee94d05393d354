package search

import (
	_ "embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/passerelle/passerelle/internal/territory"
)

// Meaning is what we understood of a question.
type Meaning struct {
	Commune    *territory.Commune // where; nil: not said
	Themes     []string           // of help, the likeliest first
	Topics     []string           // finer, as La Coop names them
	Kinds      []string           // of place, by code of typologie
	KindNames  []string           // words that such a place has in its name
	Said       []string           // the words that were understood as help or a kind of place
	Names      []string           // folded words that were not: perhaps of a place's name
	OpenNow    bool
	Wheelchair bool
	Free       bool
	Voucher    bool
	Language   string // ISO 639-1; "": not said
	Audience   string // value of the standard; "": not said
}

//go:embed data/thesaurus.json
var thesaurusFile []byte

//go:embed data/kinds.json
var kindsFile []byte

// sense is what a phrase of the thesaurus means.
type sense struct {
	theme, topic string
	kinds, names []string
	vague        bool // means something only where nothing else does: "apprendre", "internet"
}

// thesaurus holds phrases by their folded words without empty ones, joined by a space, and
// the words of phrases of one word, for slips of the finger.
type thesaurus struct {
	phrases map[string]sense
	words   []string
	longest int // words of a phrase
}

var known = sync.OnceValue(func() thesaurus {
	t := thesaurus{phrases: map[string]sense{}}
	add := func(said string, s sense) {
		words := meaningful(strings.Fields(territory.Fold(said)))
		key := strings.Join(words, " ")
		if _, there := t.phrases[key]; there || key == "" {
			return
		}
		t.phrases[key] = s
		t.longest = max(t.longest, len(words))
		if len(words) == 1 {
			t.words = append(t.words, key)
		}
	}
	var help []struct {
		Theme, Topic string
		Say          []string
	}
	mustRead(thesaurusFile, &help)
	for _, entry := range help {
		for _, said := range entry.Say {
			add(said, sense{theme: entry.Theme, topic: entry.Topic, vague: slices.Contains(vagueWords, territory.Fold(said))})
		}
	}
	var kinds []struct{ Say, Kinds, Names []string }
	mustRead(kindsFile, &kinds)
	for _, entry := range kinds {
		for _, said := range entry.Say {
			key := strings.Join(meaningful(strings.Fields(territory.Fold(said))), " ")
			s := t.phrases[key] // "france services" is a kind of place and a kind of help
			s.kinds, s.names = entry.Kinds, entry.Names
			delete(t.phrases, key)
			add(said, s)
		}
	}
	slices.Sort(t.words)
	return t
})

func mustRead(file []byte, into any) {
	if err := json.Unmarshal(file, into); err != nil {
		panic("search: " + err.Error()) // a broken build, which any test of this package finds
	}
}

// emptyWords say nothing of what is looked for.
var emptyWords = strings.Fields(`a ai aide aider aidez ait alors apprend apprends as au aux avec avoir besoin bien bonjour ca ce cela ces cette chez comment dans de des du
	elle en est et etre faire fait faut il ils j je jai jarrive l la le les leur lui m ma mais me mes moi mon merci n ne nous on ou par pas plus pour pouvoir pourrait
	qu quand que quel quelle quelqu quelque qui quoi s sa sait savoir se ses si son suis sur svp t ta te toi ton tout toute tres tu un une va veut veux voudrais vous y
	aimerais envoyer recevoir lire regarder mettre installer prendre cherche chercher trouver lieu lieux endroit endroits quelqu'un peut peux puis arrive arrives d c`)

// vagueWords mean something only where nothing else does.
var vagueWords = strings.Fields("apprendre utiliser cours atelier application appli internet site numerique informatique ordinateur telephone tablette portable pc perdu nul dossier papiers administratif facture travail donnees photo video formulaire courrier google")

// meaningful leaves out empty words and plural marks.
func meaningful(words []string) []string {
	var kept []string
	for _, w := range words {
		if !slices.Contains(emptyWords, w) {
			kept = append(kept, singular(w))
		}
	}
	return kept
}

func singular(w string) string {
	if len(w) > 3 && (w[len(w)-1] == 's' || w[len(w)-1] == 'x') && !strings.HasSuffix(w, "ss") {
		return w[:len(w)-1]
	}
	return w
}

// marks are phrases that are no help but a wish.
var marks = []struct {
	pattern *regexp.Regexp
	set     func(*Meaning)
}{
	{regexp.MustCompile(`\b(ouvert[es]*|ouvre[nt]*)( (maintenant|aujourd hui|en ce moment|ce soir|la|tout de suite))?\b`), func(m *Meaning) { m.OpenNow = true }},
	{regexp.MustCompile(`\b(fauteuil( roulant)?|pmr|mobilite reduite|handicap moteur|accessible( aux)?( handicapes?)?)\b`), func(m *Meaning) { m.Wheelchair = true }},
	{regexp.MustCompile(`\b(gratuite?s?|gratuitement|sans payer)\b`), func(m *Meaning) { m.Free = true }},
	{regexp.MustCompile(`\b(pass numerique|cheques? culture numerique|cheques? numeriques?|mon cheque|mes cheques|avec (un )?cheque|prend(re|s)? (le|les) cheques?|carnet)\b`), func(m *Meaning) { m.Voucher = true }},
	{regexp.MustCompile(`\b(en |parle[nt]* )?(arabe)\b`), speaks("ar")}, {regexp.MustCompile(`\b(en |parle[nt]* )?(anglais|english)\b`), speaks("en")},
	{regexp.MustCompile(`\b(en |parle[nt]* )?(espagnol)\b`), speaks("es")}, {regexp.MustCompile(`\b(en |parle[nt]* )?(portugais)\b`), speaks("pt")},
	{regexp.MustCompile(`\b(en |parle[nt]* )?(turc)\b`), speaks("tr")}, {regexp.MustCompile(`\b(en |parle[nt]* )?(ukrainien)\b`), speaks("uk")},
	{regexp.MustCompile(`\b(en |parle[nt]* )?(russe)\b`), speaks("ru")}, {regexp.MustCompile(`\b(langue des signes|lsf|sourds?)\b`), speaks("fsl")},
	{regexp.MustCompile(`\bpas (d |de |l )?(internet|connexion|wifi|box|ordinateur|reseau)\b`), func(m *Meaning) { m.add(sense{theme: "access_and_devices"}, "pas internet") }},
	{regexp.MustCompile(`\ben ligne\b`), func(*Meaning) {}},
	{regexp.MustCompile(`\b(seniors?|personnes? agees?|retraites|anciens|mamie|papi|ma mere agee)\b`), serves("Seniors")},
	{regexp.MustCompile(`\b(etudiants?)\b`), serves("Étudiants")},
}

func speaks(language string) func(*Meaning) { return func(m *Meaning) { m.Language = language } }
func serves(audience string) func(*Meaning) { return func(m *Meaning) { m.Audience = audience } }

// Understand reads a question as people ask it: where, what for, and what matters to them.
func Understand(typed string) Meaning {
	if len(typed) > longestTyped {
		typed = typed[:longestTyped]
	}
	var m Meaning
	text := " " + territory.Fold(typed) + " "
	for _, mark := range marks {
		if found := mark.pattern.FindString(text); found != "" {
			mark.set(&m)
			text = strings.Replace(text, found, " ", 1)
		}
	}
	words := strings.Fields(text)
	m.Commune, words = takePlace(words)
	m.takeHelp(meaningful(words))
	return m
}

const longestTyped = 300 // bytes

// takeHelp finds the phrases of the thesaurus, the longest first, then words with a slip.
func (m *Meaning) takeHelp(words []string) {
	t := known()
	var vague []sense
	var vagueSaid []string
	for len(words) > 0 {
		s, used := t.at(words)
		said := strings.Join(words[:max(used, 1)], " ")
		switch {
		case used == 0:
			m.Names = append(m.Names, words[0])
		case s.vague && used == 1:
			vague, vagueSaid = append(vague, s), append(vagueSaid, said)
		default:
			m.add(s, said)
		}
		words = words[max(used, 1):]
	}
	if len(m.Themes) == 0 && len(m.Kinds) == 0 {
		for i, s := range vague {
			m.add(s, vagueSaid[i])
		}
	}
}

// at finds the longest phrase that the words begin with, and how many words it took.
func (t thesaurus) at(words []string) (sense, int) {
	for n := min(t.longest, len(words)); n > 0; n-- {
		if s, there := t.phrases[strings.Join(words[:n], " ")]; there {
			return s, n
		}
	}
	if len(words) == 0 {
		return sense{}, 0
	}
	if near := nearestWord(words[0], t.words); near != "" {
		return t.phrases[near], 1
	}
	return sense{}, 0
}

func (m *Meaning) add(s sense, said string) {
	m.Said = append(m.Said, said)
	if s.theme != "" && !slices.Contains(m.Themes, s.theme) {
		m.Themes = append(m.Themes, s.theme)
	}
	if s.topic != "" && !slices.Contains(m.Topics, s.topic) {
		m.Topics = append(m.Topics, s.topic)
	}
	m.Kinds, m.KindNames = append(m.Kinds, s.kinds...), append(m.KindNames, s.names...)
}

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

// nearestWord finds the word that was meant, with one slip in a word of five letters or more,
// two in one of eight; "" where there is none.
func nearestWord(typed string, words []string) string {
	allowed := 0
	switch {
	case len(typed) >= 8:
		allowed = 2
	case len(typed) >= 5:
		allowed = 1
	}
	if allowed == 0 {
		return ""
	}
	best, least := "", allowed+1
	typed = heard.Replace(typed)
	for _, w := range words {
		if len(w) < 4 || len(w) > len(typed)+allowed+1 || len(w) < len(typed)-allowed {
			continue
		}
		if d := distance(heard.Replace(w), typed); d < least {
			best, least = w, d
		}
	}
	return best
}

// heard writes what sounds alike alike.
var heard = strings.NewReplacer("ph", "f", "qu", "c", "k", "c", "y", "i", "eau", "o", "mm", "m", "nn", "n", "ll", "l", "tt", "t", "ss", "s", "rr", "r", "pp", "p")

// distance counts the letters to add, leave out, change or swap with their neighbour to make
// one word of another (optimal string alignment).
func distance(a, b string) int {
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	var twoBefore []int
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		twoBefore, before, row = before, row, make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], twoBefore[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
