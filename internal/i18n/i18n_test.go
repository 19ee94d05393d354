package i18n

import (
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

func load(t *testing.T) *Catalogue {
	t.Helper()
	c, err := Load(web.Files)
	if err != nil {
		t.Fatal(err)
	}
	c.Missing = func(lang, key string, err error) { t.Errorf("%s %s: %v", lang, key, err) }
	return c
}

// withTexts is the real catalogue plus one file of French and English texts.
func withTexts(t *testing.T, fr, en string) *Catalogue {
	t.Helper()
	files := fstest.MapFS{
		"locales/fr/test.json": {Data: []byte(fr)},
		"locales/en/test.json": {Data: []byte(en)},
	}
	for _, name := range []string{"locales/fr/format.json", "locales/en/format.json"} {
		raw, err := web.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: raw}
	}
	c, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	c.Missing = func(lang, key string, err error) { t.Errorf("%s %s: %v", lang, key, err) }
	return c
}

// visible shows the spaces that matter: _ is the narrow no-break space, ~ the full one.
var visible = strings.NewReplacer("\u202f", "_", "\u00a0", "~", "\u2212", "-")

func TestNumbersAreWrittenAsTheLanguageWritesThem(t *testing.T) {
	t.Parallel()
	c := load(t)
	fr, en := c.For("fr"), c.For("en")
	for _, tt := range []struct{ got, want string }{
		{fr.Money(125000), "1_250,00_€"},
		{fr.Money(0), "0,00_€"},
		{fr.Money(-5), "-0,05_€"},
		{fr.Money(math.MinInt64), "-92_233_720_368_547_758,08_€"},
		{fr.Euros(8000), "80_€"},
		{fr.Euros(8050), "80,50_€"},
		{fr.Euros(-1842000), "-18_420_€"},
		{en.Money(125000), "€1,250.00"},
		{fr.Number(999), "999"},
		{fr.Number(-1000), "-1_000"},
		{fr.Number(1234567), "1_234_567"},
		{fr.Percent(1, 8), "12,5_%"},
		{fr.Percent(1, 2), "50_%"},
		{fr.Percent(2, 3), "66,7_%"},
		{fr.Percent(-1, 2000), "-0,1_%"},
		{fr.Percent(-1, 8), "-12,5_%"},
		{fr.Percent(1, 0), "inconnu"},
		{fr.Percent(math.MaxInt64, math.MaxInt64), "100_%"},
		{en.Percent(1, 8), "12.5%"},
		{fr.BasisPoints(300), "3_%"},
		{fr.BasisPoints(5), "0,05_%"},
		{en.BasisPoints(2250), "22.5%"},
		{fr.Km(0.8), "800~m"},
		{fr.Km(0.996), "1~km"},
		{fr.Km(2.44), "2,4~km"},
		{fr.Km(12.6), "13~km"},
		{en.Km(2.44), "2.4~km"},
		{fr.Minutes(45), "45~min"},
		{fr.Minutes(120), "2~h"},
		{fr.Minutes(65), "1~h~05"},
		{fr.Wait(0), "1~s"},
		{fr.Wait(1500 * time.Millisecond), "2~s"},
		{fr.Wait(61 * time.Second), "2~min"},
	} {
		if got := visible.Replace(tt.got); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestTimesAreShownOnFrenchClocks(t *testing.T) {
	t.Parallel()
	c := load(t)
	fr, en := c.For("fr"), c.For("en")
	winter := time.Date(2027, 3, 3, 13, 30, 0, 0, time.UTC)
	summer := time.Date(2027, 6, 30, 22, 5, 0, 0, time.UTC) // already 1 July in Paris
	for _, tt := range []struct{ got, want string }{
		{fr.Day(winter), "mercredi 3~mars 2027"},
		{fr.ShortDay(winter), "3~mars 2027"},
		{fr.When(winter), "3~mars 2027 à 14~h~30"},
		{fr.When(summer), "1er~juillet 2027 à 0~h~05"},
		{fr.Clock(winter), "14~h~30"},
		{en.When(winter), "3~March 2027 at 14:30"},
		{en.Day(summer), "Thursday 1~July 2027"},
		{fr.When(time.Time{}), "inconnu"},
	} {
		if got := visible.Replace(tt.got); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestPluralFollowsTheCount(t *testing.T) {
	t.Parallel()
	c := withTexts(t,
		`{"cheques": {"one": "{{.Count}} chèque", "many": "{{.Count}} de chèques", "other": "{{.Count}} chèques"},
		  "places": {"zero": "Aucun lieu", "one": "{{.Count}} lieu", "other": "{{.Count}} lieux"}}`,
		`{"cheques": {"one": "{{.Count}} voucher", "other": "{{.Count}} vouchers"},
		  "places": {"zero": "No place", "one": "{{.Count}} place", "other": "{{.Count}} places"}}`)
	for _, tt := range []struct {
		lang, key string
		count     any
		want      string
	}{
		{"fr", "cheques", 0, "0 chèque"},
		{"fr", "cheques", 1, "1 chèque"},
		{"fr", "cheques", int64(2), "2 chèques"},
		{"fr", "cheques", 2_000_000, "2_000_000 de chèques"},
		{"fr", "places", 2_000_000, "2_000_000 lieux"},
		{"fr", "places", 0, "Aucun lieu"},
		{"fr", "places", 1, "1 lieu"},
		{"en", "places", 0, "No place"},
		{"en", "cheques", 0, "0 vouchers"},
		{"en", "cheques", 1, "1 voucher"},
	} {
		if got := visible.Replace(c.For(tt.lang).Text(tt.key, "count", tt.count)); got != tt.want {
			t.Errorf("%s %v: got %q, want %q", tt.lang, tt.count, got, tt.want)
		}
	}
}

type day struct{}

func (day) Time() time.Time { return time.Date(2027, 3, 2, 12, 0, 0, 0, time.UTC) }

func TestValuesAreWrittenAfterTheirType(t *testing.T) {
	t.Parallel()
	c := withTexts(t, `{"s": "{{.Value}} : oui ? non ! 5 % « là »"}`, `{"s": "{{.Value}}"}`)
	for _, tt := range []struct {
		value any
		want  string
	}{
		{vouchers.Cents(1000), "10,00_€"},
		{time.Date(2027, 3, 3, 13, 30, 0, 0, time.UTC), "3~mars 2027 à 14~h~30"},
		{day{}, "mardi 2~mars 2027"},
		{1250, "1_250"},
		{vouchers.OrderID(1250), "1250"},
		{90 * time.Second, "2~min"},
		{nil, "inconnu"},
		{"Thônes", "Thônes"},
	} {
		got := visible.Replace(c.For("fr").Text("s", "value", tt.value))
		if want := tt.want + "~: oui_? non_! 5_% «~là~»"; got != want {
			t.Errorf("%v: got %q, want %q", tt.value, got, want)
		}
	}
}

func TestWhatCannotBeSaidIsTold(t *testing.T) {
	t.Parallel()
	c := withTexts(t, `{"a": "{{.Place}}"}`, `{"a": "{{.Place}}"}`)
	var told []string
	c.Missing = func(lang, key string, err error) { told = append(told, lang+" "+key) }
	for _, say := range []func(w *Words) string{
		func(w *Words) string { return w.Text("nowhere") },
		func(w *Words) string { return w.Text("a") },
		func(w *Words) string { return w.Text("a", "place") },
	} {
		if got := say(c.For("en")); got != "nowhere" && got != "a" {
			t.Errorf("shown %q instead of the key", got)
		}
	}
	if want := "en nowhere,en a,en a"; strings.Join(told, ",") != want {
		t.Errorf("told %v, want %s", told, want)
	}
}

func TestLanguageIsChosenFromTheHeader(t *testing.T) {
	t.Parallel()
	c := load(t)
	for header, want := range map[string]string{
		"":                          "fr",
		"en-GB,en;q=0.8":            "en",
		"de, en;q=0.5":              "en",
		"fr-CA":                     "fr",
		"ja":                        "fr",
		"*":                         "fr",
		"en;q=x":                    "fr",
		"\x00\xff,,,;;;":            "fr",
		strings.Repeat("en,", 9999): "fr",
		strings.Repeat("a-", 200):   "fr",
	} {
		if got := c.Match(header); got != want {
			t.Errorf("%.30q: got %s, want %s", header, got, want)
		}
	}
}

func TestLoadRefusesABrokenCatalogue(t *testing.T) {
	t.Parallel()
	format, err := web.Files.ReadFile("locales/fr/format.json")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ file, says string }{
		"a key twice":     {`{"format.day": "x"}`, "already in another file"},
		"a bad template":  {`{"a": "{{.Place"}`, "unclosed action"},
		"no text":         {`{"a": ""}`, `no text for "other"`},
		"an unknown form": {`{"a": {"other": "x", "plenty": "y"}}`, "plenty"},
		"no JSON":         {`{`, "unexpected end"},
	} {
		_, err := Load(fstest.MapFS{
			"locales/fr/format.json": {Data: format},
			"locales/fr/test.json":   {Data: []byte(tt.file)},
		})
		if err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, tt.says)
		}
	}
	if _, err := Load(fstest.MapFS{"locales/fr/test.json": {Data: []byte(`{}`)}}); err == nil {
		t.Error("a language that cannot write numbers was accepted")
	}
}
