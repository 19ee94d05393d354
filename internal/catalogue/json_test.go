package catalogue

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
)

func TestAJSONFileIsReadAsItsSheetWouldBe(t *testing.T) {
	t.Parallel()
	file := `[
	{"id": 7, "nom": "Le Relais", "commune": "Annecy", "code_insee": "74010", "latitude": 45.9, "longitude": 6.1,
	 "services": ["Utilisation sécurisée du numérique", "Cuisine"], "courriels": "a@b.example|c@d.example", "pivot": null, "couleur": "bleu"},
	"un texte",
	{"id": "8", "nom": {"fr": "Annexe"}, "code_insee": "74010"},
	{"id": "9", "nom": "Annexe", "code_insee": "74010"}
]`
	places, problems, err := ReadPlaces(strings.NewReader(file))
	if err != nil || len(places) != 2 {
		t.Fatalf("%+v, %v", places, err)
	}
	p := places[0]
	if p.SourceID != "7" || p.Lat != 45.9 || len(p.Emails) != 2 || len(p.Themes) != 1 || p.Line != 2 || places[1].Line != 6 {
		t.Errorf("%+v", p)
	}
	for _, want := range []string{`2 services value_unknown "Cuisine" 2`, `4 "" row_unreadable "" 3`, `5 nom value_nested "" 2`, `5 nom name_missing "8" 3`, `1 couleur column_ignored "couleur" 1`} {
		if !told(problems, want) {
			t.Errorf("%s is not told: %+v", want, problems)
		}
	}
}

func told(problems []RowProblem, want string) bool {
	for _, p := range problems {
		field := p.Field
		if field == "" {
			field = `""`
		}
		if fmt.Sprintf("%d %s %s %q %d", p.Line, field, p.Code, p.Value, p.Effect) == want {
			return true
		}
	}
	return false
}

func TestAListOfPlacesMayHaveAName(t *testing.T) {
	t.Parallel()
	places, _, err := ReadPlaces(strings.NewReader(`{"version": "1.0.2", "generated": null, "lieux":
		[{"id": "a", "nom": "Le Relais", "code_insee": "74010"}]}`))
	if err != nil || len(places) != 1 || places[0].Line != 2 {
		t.Errorf("%+v, %v", places, err)
	}
}

func TestAJSONFileThatBreaksSaysWhere(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"[{\"id\": \"a\"},\n{\"id\": oui}]":          "import_json_broken 2",
		"[{\"id\": \"a\"},\n\n{\"id\":":              "import_json_broken 3",
		"{\"lieux\": [{\"id\": \"a\"},\n{\"id\" 1}]": "import_json_broken 2",
		"{\"a\": [], \"b\": []}":                     "import_json_form <nil>",
		"{\"version\": 2}":                           "import_json_form <nil>",
		"[{\"id\": \"s\", \"nom\": \"Atelier\", \"code_insee\": \"74010\", \"structure_id\": \"d\", \"thematiques\": []}]": "import_inclusion_half <nil>",
		"[{\"id\": \"d\", \"nom\": \"CCAS\", \"code_insee\": \"74010\", \"horaires_accueil\": null}]":                      "import_inclusion_half <nil>",
		"id,structure_id,nom,code_insee\ns,d,Atelier,74010\n":                                                              "import_inclusion_half <nil>",
		"[]": "import_columns_missing <nil>",
		"{":  "import_json_broken 1",
	} {
		_, _, err := ReadPlaces(strings.NewReader(file))
		f, ok := err.(*fault.Error)
		if !ok || fmt.Sprint(f.Code, " ", f.Args["line"]) != want {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

func TestStructuresOfDataInclusionBecomePlaces(t *testing.T) {
	t.Parallel()
	file := `{"structures": [
 {"source": "dora", "id": "dora--1", "nom": "CCAS de Thônes", "date_maj": "2026-02-01", "siret": null, "code_insee": "74280", "commune": "Thônes",
  "reseaux_porteurs": ["ccas-cias", "aidants-connect"], "telephone": "0450020000", "description": "Le CCAS aide."},
 {"source": "dora", "id": "dora--2", "nom": "Crèche", "date_maj": "2026-02-01", "code_insee": "74280"}],
"services": [
 {"source": "dora", "id": "s1", "structure_id": "dora--1", "nom": "Atelier", "description": "Un atelier", "date_maj": "2026-02-01", "type": "atelier",
  "thematiques": ["numerique--maitriser-les-fondamentaux-du-numerique", "numerique--jouer", "famille--garde-denfants"], "publics": ["seniors"], "frais": "gratuit",
  "modes_mobilisation": ["se-presenter"], "lien_mobilisation": "https://rdv.example/"},
 {"source": "dora", "id": "s2", "structure_id": "dora--2", "nom": "Garde", "description": "Garde", "date_maj": "2026-02-01", "thematiques": ["famille--garde-denfants"]},
 {"source": "dora", "id": "s3", "structure_id": "dora--9", "nom": "Perdu", "description": "Perdu", "date_maj": "2026-02-01", "thematiques": []}]}`
	places, problems, err := ReadPlaces(strings.NewReader(file))
	if err != nil || len(places) != 1 {
		t.Fatalf("%+v, %v", places, err)
	}
	p := places[0]
	if p.SourceID != "dora--1" || p.Phone != "+33450020000" || fmt.Sprint(p.Themes) != "[everyday_tools]" || fmt.Sprint(p.Kinds) != "[CCAS]" ||
		fmt.Sprint(p.Programmes) != "[Aidants Connect]" || fmt.Sprint(p.Audiences) != "[Seniors]" || fmt.Sprint(p.Fees) != "[Gratuit]" ||
		fmt.Sprint(p.SupportWays) != "[Dans un atelier collectif]" || fmt.Sprint(p.AccessWays) != "[Se présenter]" || p.BookingURL != "https://rdv.example/" ||
		p.Details != "Le CCAS aide." || p.UpdatedOn.IsZero() {
		t.Errorf("%+v", p)
	}
	for _, want := range []string{`2 thematiques theme_unmapped "numerique--jouer" 1`, `4 thematiques not_digital "Crèche" 3`, `10 structure_id service_orphan "dora--9" 1`} {
		if !told(problems, want) {
			t.Errorf("%s is not told: %+v", want, problems)
		}
	}
}

func TestDataInclusionMayComeInTwoFiles(t *testing.T) {
	t.Parallel()
	structures := `[{"id": "a", "nom": "CCAS", "code_insee": "74280", "date_maj": "2026-02-01"}]`
	services := `[{"id": "s", "structure_id": "a", "thematiques": ["numerique--acquerir-un-equipement"]}]` + "\n"
	places, _, err := ReadPlaces(Together(strings.NewReader(structures), strings.NewReader(services)))
	if err != nil || len(places) != 1 || fmt.Sprint(places[0].Themes) != "[affordable_equipment]" {
		t.Errorf("%+v, %v", places, err)
	}
	if _, _, err := ReadPlaces(Together(strings.NewReader("id;nom"), strings.NewReader(services))); fault.Code(err) != "import_json_broken" {
		t.Errorf("a sheet as the first file: %v", err)
	}
}

func TestDataInclusionWithoutAServiceIsReadAllTheSame(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]int{
		`{"structures": [], "services": []}`:                                                    0,
		`{"structures": [{"id": "a", "nom": "Crèche", "code_insee": "74010"}], "services": []}`: 1,
	} {
		places, problems, err := ReadPlaces(strings.NewReader(file))
		if err != nil || len(places) != 0 || len(problems) != want {
			t.Errorf("%s: %+v, %+v, %v", file, places, problems, err)
		}
	}
}

func FuzzReadPlacesJSON(f *testing.F) {
	for _, seed := range []string{`[{"id":"a","nom":"b","code_insee":"74010"}]`, `{"structures":[{"id":"a"}],"services":[{"structure_id":"a"}]}`,
		`{"x":[[[1]]]}`, `[{"a":{"b":[{}]}},null,1e9]`, `{"a":"[","b":[{"id":"]"}]}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		places, problems, err := ReadPlaces(strings.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range places {
			if p.SourceID == "" || p.Name == "" || p.INSEE == "" {
				t.Errorf("%+v", p)
			}
		}
		if _, err := json.Marshal(problems); err != nil {
			t.Error(err)
		}
	})
}
