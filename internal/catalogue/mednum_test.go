package catalogue

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/territory"
)

// shared reads a file of the folder of public data beside the project (PASSERELLE_SHARED).
func shared(t testing.TB, name string) ([]byte, bool) {
	t.Helper()
	folder := os.Getenv("PASSERELLE_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "data", name))
	if err != nil {
		t.Logf("no %s here, using what the project ships: %v", name, err)
		return nil, false
	}
	return raw, true
}

// places is a file of one row under a short header.
func places(rows ...string) string {
	return "id,nom,commune,code_postal,horaires\n" + strings.Join(rows, "\n") + "\n"
}

func mustRead(t *testing.T, file string) ([]PlaceRecord, []RowProblem) {
	t.Helper()
	got, problems, err := ReadPlaces(strings.NewReader(file))
	if err != nil {
		t.Fatalf("ReadPlaces: %v", err)
	}
	return got, problems
}

// codes are "line field code" of each problem, which tests compare.
func codes(problems []RowProblem) []string {
	var list []string
	for _, p := range problems {
		list = append(list, fmt.Sprintf("%d %s %s", p.Line, p.Field, p.Code))
	}
	return list
}

func withCode(problems []RowProblem, code string) (n int) {
	for _, p := range problems {
		if p.Code == code {
			n++
		}
	}
	return n
}

func TestTheRegionsFileIsReadWhole(t *testing.T) {
	t.Parallel()
	raw, present := shared(t, "lieux-hinaura-v1.csv")
	want := struct{ rows, hours, resolved, far, ignored int }{687, 617, 24, 1, 1}
	if !present {
		raw, _ = io.ReadAll(InventedPlaces())
		want = struct{ rows, hours, resolved, far, ignored int }{48, 48, 0, 0, 0}
	}
	got, problems, err := ReadPlaces(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	hours := 0
	for _, p := range got {
		if _, ok := ReadHours(p.Hours); ok {
			hours++
		} else if p.Hours != "" {
			t.Errorf("line %d: hours %q not read", p.Line, p.Hours)
		}
		if _, ok := territory.Lookup(p.INSEE); !ok || p.Name == "" || p.SourceID == "" || len(p.Themes) == 0 {
			t.Errorf("line %d: %+v", p.Line, p)
		}
	}
	if len(got) != want.rows || hours != want.hours {
		t.Errorf("%d places, %d with hours; want %d and %d", len(got), hours, want.rows, want.hours)
	}
	for code, n := range map[string]int{
		"commune_resolved": want.resolved, "coordinates_far": want.far, "column_ignored": want.ignored,
		"value_unknown": 0, "phone_invalid": 0, "link_invalid": 0, "commune_unknown": 0, "row_unreadable": 0,
	} {
		if got := withCode(problems, code); got != n {
			t.Errorf("%s: %d, want %d", code, got, n)
		}
	}
}

func TestTheInventedTerritoryIsPerfectAndSaysItIsInvented(t *testing.T) {
	t.Parallel()
	got, problems, err := ReadPlaces(InventedPlaces())
	if err != nil || len(problems) > 0 || len(got) != 48 {
		t.Fatalf("%d places, problems %v, %v", len(got), codes(problems), err)
	}
	offered := map[Theme]bool{}
	for _, p := range got {
		commune, _ := territory.Lookup(p.INSEE)
		fiction := strings.HasPrefix(p.Phone, "+3346571") || strings.HasPrefix(p.Phone, "+3363998")
		if p.Source != "Territoire inventé de démonstration" || !fiction || p.SIRET == "" || !p.Located ||
			commune.Departement != "74" && commune.Departement != "73" {
			t.Errorf("line %d: %+v", p.Line, p)
		}
		for _, theme := range p.Themes {
			offered[theme] = true
		}
	}
	if len(offered) != 9 {
		t.Errorf("themes offered: %d, want 9", len(offered))
	}
}

func TestEveryFieldIsRead(t *testing.T) {
	t.Parallel()
	want := PlaceRecord{
		Line: 2, SourceID: "structure-1", SIRET: "43493312300029", Name: "Anonymal", City: "Reims", Postcode: "51100",
		INSEE: "51454", Address: "12 BIS RUE DE LECLERCQ", AddressExtra: "Le patio, \"bâtiment\" B",
		Lat: 49.2535, Lon: 4.0551, Located: true, Kinds: []string{"TIERS_LIEUX", "ASSO"}, Phone: "+33180059880",
		Emails:   []string{"contact@laquincaillerie.tl", "responsable@laquincaillerie.tl"},
		Websites: []string{"https://www.laquincaillerie.tl/", "https://m.facebook.com/laquincaillerienumerique/"},
		Hours:    "Mo-Fr 09:00-12:00,14:00-18:30; Sa 08:30-12:00", Summary: "Des formations.", Details: "Le mardi.\nLe jeudi.",
		Source: "Hubik", Mobilities: []string{"Itinérant"}, Parent: "Ville de Reims",
		UpdatedOn:   time.Date(2024, 4, 2, 0, 0, 0, 0, time.UTC),
		Themes:      []Theme{EverydayTools, Employment, LeisureCreation},
		Audiences:   []string{"Jeunes", "Femmes"},
		SpecialCare: []string{"Surdité", "Langues étrangères (anglais)"}, Fees: []string{"Gratuit sous condition", "Payant"},
		Programmes: []string{"Aidants Connect", "La Croix Rouge"}, Trainings: []string{"Formé à « Mon Espace Santé »", "Étapes numériques(La Poste)"},
		OtherTrainings: "Label et la bête", AccessWays: []string{"Se présenter", "Ce lieu n'accueille pas de public"},
		SupportWays: []string{"Dans un atelier collectif", "À distance"},
		AccessURL:   "https://acceslibre.beta.gouv.fr/app/x/", BookingURL: "https://www.rdv-solidarites.fr/",
	}
	values := []string{
		"structure-1", "434 933 123 00029", "Anonymal", "Reims", "51100", "51454", "12 BIS RUE DE LECLERCQ", "Le patio, \"bâtiment\" B",
		"49,2535", "4.0551", "TIERS_LIEUX|asso", "01 80 05 98 80", "contact@laquincaillerie.tl|responsable@laquincaillerie.tl",
		"https://www.laquincaillerie.tl/|https://m.facebook.com/laquincaillerienumerique/",
		"Mo-Fr 09:00-12:00,14:00-18:30; Sa 08:30-12:00", "Des formations.", "Le mardi.\nLe jeudi.", "Hubik", "Itinérant", "Ville de Reims",
		"2024-04-02", "Maîtrise des outils numériques du quotidien|insertion professionnelle via le numerique|Créer avec le numérique",
		"Jeunes|Femmes|Jeunes", "Surdité|Langues étrangères (anglais)", "Gratuit sous condition;Payant", "Aidants Connect|La Croix Rouge",
		"Formé à « Mon Espace Santé »|Étapes numériques (La Poste)", "Label et la bête", "Se présenter|Ce lieu n’accueille pas de public",
		"Dans un atelier collectif|À distance", "https://acceslibre.beta.gouv.fr/app/x/", "www.rdv-solidarites.fr/",
	}
	for _, separator := range ",;\t" {
		var file bytes.Buffer
		w := csv.NewWriter(&file)
		w.Comma = separator
		header := make([]string, len(columns))
		for k, c := range columns {
			header[k] = c.name
		}
		if err := w.WriteAll([][]string{header, values}); err != nil {
			t.Fatal(err)
		}
		got, problems := mustRead(t, file.String())
		if len(problems) > 0 || len(got) != 1 {
			t.Fatalf("separator %q: %d places, problems %v", separator, len(got), codes(problems))
		}
		if !reflect.DeepEqual(got[0], want) {
			t.Errorf("separator %q:\n got %+v\nwant %+v", separator, got[0], want)
		}
	}
}

func TestTheColumnsAreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	names := make([]string, len(columns))
	for k, c := range columns {
		names[k] = c.name
	}
	first, _, _ := strings.Cut(string(inventedPlaces), "\n")
	want := strings.Split(first, ",")
	if raw, ok := shared(t, "schema-standard-mediation-num-v1.0.2.json"); ok {
		var schema struct{ Fields []struct{ Name string } }
		if err := json.Unmarshal(raw, &schema); err != nil {
			t.Fatal(err)
		}
		want = nil
		for _, f := range schema.Fields {
			want = append(want, f.Name)
		}
	}
	if !slices.Equal(names, want) || len(names) != 32 {
		t.Errorf("columns %v, want %v", names, want)
	}
}

func TestWrongValuesAreLeftOutAndTold(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ field, value, code string }{
		{"pivot", "43493312300028", "siret_invalid"},
		{"pivot", "4,34933E+13", "pivot_invalid"},
		{"code_postal", "7400A", "postcode_invalid"},
		{"latitude", "nord", "coordinates_invalid"},
		{"latitude", "48.85", "coordinates_far"},
		{"telephone", "12", "phone_invalid"},
		{"courriels", "Anne <a@b.fr>", "email_invalid"},
		{"site_web", "javascript:alert(1)", "link_invalid"},
		{"prise_rdv", "ftp://a.fr/", "link_invalid"},
		{"horaires", "sur rendez-vous", "hours_unread"},
		{"date_maj", "hier", "date_invalid"},
		{"services", "Cuisine", "value_unknown"},
		{"frais_a_charge", "Gratuit|Adhésion", "value_unknown"},
		{"presentation_resume", strings.Repeat("é", 281), "text_cut"},
	} {
		row := map[string]string{
			"id": "1", "pivot": "43493312300029", "nom": "Lieu", "commune": "Annecy", "code_postal": "74000", "code_insee": "74010",
			"adresse": "1 rue", "latitude": "45.9", "longitude": "6.1", "date_maj": "2024-01-01", "services": "Loisirs et créations numériques",
		}
		row[c.field] = c.value
		var header, values []string
		for name, value := range row {
			header, values = append(header, name), append(values, value)
		}
		got, problems := mustRead(t, strings.Join(header, ";")+"\n"+strings.Join(values, ";")+"\n")
		if len(got) != 1 || len(problems) == 0 || problems[0].Code != c.code || problems[0].Line != 2 || problems[0].Effect != effects[c.code] {
			t.Errorf("%s %q: %d places, problems %+v", c.field, c.value, len(got), problems)
		}
	}
}

func TestRowsThatCannotBeUsedAreLeftOut(t *testing.T) {
	t.Parallel()
	got, problems := mustRead(t, places(
		",Sans id,Annecy,74000,", "2,,Annecy,74000,", "3,Nulle part,Xyzville,00000,", "4,Bon,Annecy,74000,", "4,Double,Annecy,74000,",
		"5,Une,case,de trop,74000,x", "6,Court"))
	if len(got) != 1 || got[0].Name != "Bon" {
		t.Errorf("kept %+v", got)
	}
	want := []string{
		"2 id id_missing", "3 nom name_missing", "4 commune commune_unknown", "5 code_insee commune_resolved", "6 id id_repeated",
		"7  row_unreadable", "8 commune commune_unknown",
	}
	if told := codes(problems); !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestUnusableFilesAreRefusedWithTheReason(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ file, code string }{
		"empty":            {"", "import_file_empty"},
		"only white":       {" \n\r\n", "import_file_empty"},
		"workbook":         {"PK\x03\x04rest", "import_not_csv"},
		"too large":        {strings.Repeat("x", maxFile+1), "import_file_too_large"},
		"no such columns":  {"a,b\n1,2\n", "import_columns_missing"},
		"a renamed column": {"id,titre,commune,code_postal\n", "import_columns_missing"},
	} {
		_, _, err := ReadPlaces(strings.NewReader(c.file))
		if fault.Code(err) != c.code {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	_, _, err := ReadPlaces(strings.NewReader("id,titre,commune,code_postal\n"))
	if f, ok := err.(*fault.Error); !ok || f.Args["missing"] != "nom" || f.Args["found"] != "id, titre, commune, code_postal" {
		t.Errorf("renamed column: %#v", err)
	}
	if _, _, err := ReadPlaces(strings.NewReader("id,nom,code_insee\n1,Lieu,74010\n")); err != nil {
		t.Errorf("the INSEE code is enough: %v", err)
	}
}

func TestUntidyCodesAndPhonesAreMended(t *testing.T) {
	t.Parallel()
	for written, want := range map[string]string{
		"04 50 33 33 33": "+33450333333", "+33 (0)4.50.33.33.33": "+33450333333", "0033450333333": "+33450333333",
		"0262 12 34 56": "+262262123456", "0450333333 / 0450444444": "+33450333333", "+687 123456": "+687123456",
	} {
		got, _ := mustRead(t, "id;nom;code_insee;telephone\n1;Lieu;1053;"+written+"\n")
		if len(got) != 1 || got[0].Phone != want || got[0].INSEE != "01053" {
			t.Errorf("%q: %+v, want %s", written, got, want)
		}
	}
}

func TestEveryProblemAndThemeHasItsSentence(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"fr", "en"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "web", "locales", lang, "catalogue.json"))
		if err != nil {
			t.Fatal(err)
		}
		var texts map[string]any
		if err := json.Unmarshal(raw, &texts); err != nil {
			t.Fatal(err)
		}
		for code := range effects {
			if texts["import.problem."+code] == nil {
				t.Errorf("%s: no sentence for the problem %s", lang, code)
			}
		}
		for _, theme := range Themes() {
			if texts["theme."+string(theme)] == nil {
				t.Errorf("%s: no words for the theme %s", lang, theme)
			}
		}
	}
}

func BenchmarkReadPlaces(b *testing.B) {
	raw, ok := shared(b, "lieux-hinaura-v1.csv")
	if !ok {
		raw = inventedPlaces
	}
	for b.Loop() {
		if _, _, err := ReadPlaces(bytes.NewReader(raw)); err != nil {
			b.Fatal(err)
		}
	}
}
