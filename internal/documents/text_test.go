package documents

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"text/template/parse"
	"unicode/utf8"
)

func TestCleanTextCanBeDrawn(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"Thônes":              "Thônes",
		"The\u0301o":          "Théo",
		" a \n\tb\u2028c ":    "a b c",
		"\u202eabc\u200b":     "abc",
		"1\u202f250":          "1\u00a0250",
		"Anne\u2011Marie":     "Anne-Marie",
		"Œuvre · 80 € « ça »": "Œuvre · 80 € « ça »",
		"Центр":               "?????",
		"a\xffb":              "a?b",
		"\u200b\u200d":        "",
	} {
		if got := clean(from); got != want {
			t.Errorf("clean(%q) = %q, want %q", from, got, want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, seed := range []string{"Thônes", "\u202e\u0301\x00", "مركز", "\xff", strings.Repeat("é", 700)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := clean(text)
		if utf8.RuneCountInString(got) > longestText+1 {
			t.Errorf("%d characters are left", utf8.RuneCountInString(got))
		}
		for _, r := range got {
			if !drawable()[r] {
				t.Errorf("the font cannot draw %q", r)
			}
		}
		if again := clean(got); again != got && !strings.HasSuffix(got, "…") {
			t.Errorf("cleaned twice: %q, then %q", got, again)
		}
	})
}

func TestBothWeightsDrawTheSameCharacters(t *testing.T) {
	t.Parallel()
	if !maps.Equal(characters(font("Regular")), characters(font("Bold"))) {
		t.Error("a character would vanish in one of the weights")
	}
	for _, r := range "ÀÂÇÉÈÊËÎÏÔÛÙÜŸÆŒàâçéèêëîïôûùüÿæœ€«»’…•·–—\u00a0" {
		if !drawable()[r] {
			t.Errorf("the font lacks %q", r)
		}
	}
}

func TestAccountNumbersAreMasked(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"FR76 3000 6000 0112 3456 7890 189": "FR76 •••• •••• •••• •••• •••0 189",
		"BE71096123456769":                  "BE71 •••• •••• 6769",
		"FR76":                              "FR76",
		"":                                  "",
	} {
		if got := strings.ReplaceAll(masked(from), "\u00a0", " "); got != want {
			t.Errorf("masked(%q) = %q, want %q", from, got, want)
		}
	}
}

// TestCatalogues holds the languages to the same keys and the same values in each.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	read := func(lang string) map[string][]string {
		data, err := os.ReadFile("../../web/locales/" + lang + "/documents.json")
		if err != nil {
			t.Fatal(err)
		}
		var messages map[string]any
		if err := json.Unmarshal(data, &messages); err != nil {
			t.Fatal(err)
		}
		fields := make(map[string][]string)
		for key, message := range messages {
			forms, ok := message.(map[string]any)
			if !ok {
				forms = map[string]any{"other": message}
			}
			for form, text := range forms {
				tree, err := parse.Parse(key, text.(string), "", "", nil)
				if err != nil {
					t.Fatal(err)
				}
				for _, node := range tree[key].Root.Nodes {
					if form == "other" && node.Type() == parse.NodeAction {
						fields[key] = append(fields[key], node.String())
					}
				}
			}
			slices.Sort(fields[key])
			fields[key] = slices.Compact(fields[key])
		}
		return fields
	}
	fr, en := read("fr"), read("en")
	for key := range maps.Keys(fr) {
		if !slices.Equal(fr[key], en[key]) {
			t.Errorf("%s takes %v in French and %v in English", key, fr[key], en[key])
		}
	}
	for key := range maps.Keys(en) {
		if _, ok := fr[key]; !ok {
			t.Errorf("%s has no French", key)
		}
	}
}
