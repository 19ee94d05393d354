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
	Names      []string           // folded words that were not: perhaps of a place's name
	OpenNow    bool
	Wheelchair bool
	Free       bool
	Voucher    bool
	Language   string // ISO 639-1; "": not said
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
	{regexp.MustCompile(`\bpas (d |de |l )?(internet|connexion|wifi|box|ordinateur|reseau)\b`), func(m *Meaning) { m.add(sense{theme: "access_and_devices"}) }},
	{regexp.MustCompile(`\ben ligne\b`), says},
	{regexp.MustCompile(`\b(seniors?|personnes? agees?|retraites|anciens|mamie|papi|ma mere agee)\b`), says},
	{regexp.MustCompile(`\b(etudiants?)\b`), says},
}

func speaks(language string) func(*Meaning) { return func(m *Meaning) { m.Language = language } }

// says wishes nothing that a place could fulfil: its words are no name either.
func says(*Meaning) {}

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
	for len(words) > 0 {
		s, used := t.at(words)
		switch {
		case used == 0:
			m.Names = append(m.Names, words[0])
		case s.vague && used == 1:
			vague = append(vague, s)
		default:
			m.add(s)
		}
		words = words[max(used, 1):]
	}
	if len(m.Themes) == 0 && len(m.Kinds) == 0 {
		for _, s := range vague {
			m.add(s)
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

func (m *Meaning) add(s sense) {
	if s.theme != "" && !slices.Contains(m.Themes, s.theme) {
		m.Themes = append(m.Themes, s.theme)
	}
	if s.topic != "" && !slices.Contains(m.Topics, s.topic) {
		m.Topics = append(m.Topics, s.topic)
	}
	m.Kinds, m.KindNames = append(m.Kinds, s.kinds...), append(m.KindNames, s.names...)
}
