package catalogue_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// publishedSchema reads a schema of the national standards, which PASSERELLE_SHARED names
// the folder of, by default ../shared beside the repository. Continuous integration must
// have it; a newcomer without it still has the other checks.
func publishedSchema(t *testing.T, name string) []byte {
	t.Helper()
	folder := os.Getenv("PASSERELLE_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	raw, err := os.ReadFile(filepath.Join(folder, "data", name))
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the schema is not there: %v; set PASSERELLE_SHARED", err)
		}
		t.Logf("not checked against the published schema: %v", err)
	}
	return raw
}

// fullRow is a row of the standard with every field filled.
var fullRow = map[string]string{
	"id": "plein-1", "pivot": "00001000900017", "nom": "Le Relais, « tout compris »", "commune": "Annecy", "code_postal": "74000", "code_insee": "74010",
	"adresse": "1 rue des Lanternes", "complement_adresse": "Bâtiment B", "latitude": "45.90426", "longitude": "6.10171", "typologie": "TIERS_LIEUX|ASSO",
	"telephone": "+33465710000", "courriels": "contact@relais.example|aide@relais.example", "site_web": "https://relais.example/|https://relais.example/aide",
	"horaires": "Mo-Fr 09:00-12:00,14:00-17:00; PH off", "presentation_resume": "Un lieu pour apprendre.", "presentation_detail": "Un lieu pour apprendre,\nà son rythme.",
	"source": "Relais", "itinerance": "Itinérant|Fixe", "structure_parente": "Mairie d'Annecy", "date_maj": "2026-02-03",
	"services":                        "Aide aux démarches administratives|Maîtrise des outils numériques du quotidien",
	"publics_specifiquement_adresses": "Jeunes|Seniors", "prise_en_charge_specifique": "Surdité|Langues étrangères (anglais)", "frais_a_charge": "Gratuit|Payant",
	"dispositif_programmes_nationaux": "Aidants Connect|France Services", "formations_labels": "ORDI 3.0", "autres_formations_labels": "Label et la bête",
	"modalites_acces": "Se présenter|Téléphoner", "modalites_accompagnement": "En autonomie|À distance",
	"fiche_acces_libre": "https://acceslibre.beta.gouv.fr/app/1/", "prise_rdv": "https://rdv.relais.example/",
}

// shop is a world whose structure answers for a place with every field, labelled, with a free
// and a paid service.
func shop(t *testing.T) (*world.World, vouchers.PlaceID) {
	t.Helper()
	w := world.New(t)
	raw, err := json.Marshal([]map[string]string{fullRow})
	if err != nil {
		t.Fatal(err)
	}
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", bytes.NewReader(raw))
	if err != nil || report.Added != 1 || len(report.Problems) != 0 {
		t.Fatalf("%+v, %v", report, err)
	}
	var id vouchers.PlaceID
	w.InTx(func(tx *db.Tx) error {
		if err := tx.Get(t.Context(), &id, `SELECT id FROM places WHERE source = 'essai'`); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `UPDATE places SET siret = o.siret FROM organisations o WHERE o.id = $2 AND places.id = $1`, id, w.Structure.Organisation)
		return err
	})
	if _, err := w.Labelling.Claim(t.Context(), w.Structure.Actor, labelling.ClaimRequest{Place: id}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalogue.SetServices(t.Context(), w.Structure.Actor, id, []catalogue.Offer{
		{Theme: world.Theme, PriceVouchers: 2, Extra: 2_50, DurationMinutes: 90, Title: "Premiers pas", Modes: db.Strings{"group", "remote"}, Audiences: db.Strings{"Seniors"}},
		{Theme: "access_and_devices", DurationMinutes: 60, Modes: db.Strings{"self_service"}},
	}); err != nil {
		t.Fatal(err)
	}
	today := vouchers.DayOf(w.Clock.Now())
	if _, err := w.Labelling.GrantLabel(t.Context(), w.Operator, labelling.Grant{Place: id, EndsOn: today + 100}); err != nil {
		t.Fatal(err)
	}
	return w, id
}

func dataset(t *testing.T, data catalogue.OpenData, name string) catalogue.Dataset {
	t.Helper()
	for _, d := range data.Datasets {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("no dataset %s", name)
	return catalogue.Dataset{}
}

func publish(t *testing.T, w *world.World) catalogue.OpenData {
	t.Helper()
	data, err := w.Catalogue.Publish(t.Context(), identity.Actor{})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// tableField is a field of a Table Schema (https://specs.frictionlessdata.io/table-schema/).
type tableField struct {
	Name, Type  string
	Constraints struct {
		Required, Unique bool
		Pattern          string
		MaxLength        int
	}
}

// breaks says how a value breaks a field's type and constraints, "" where it keeps them.
func (f tableField) breaks(value string) string {
	if value == "" {
		if f.Constraints.Required {
			return "required"
		}
		return ""
	}
	switch f.Type {
	case "number":
		if _, err := strconv.ParseFloat(value, 64); err != nil {
			return "not a number"
		}
	case "date":
		if _, err := time.Parse(time.DateOnly, value); err != nil {
			return "not a date"
		}
	}
	if p := f.Constraints.Pattern; p != "" {
		if !regexp.MustCompile(`^(?:` + strings.ReplaceAll(p, "(?:^|", "(?:(?:^)|") + `)$`).MatchString(value) {
			return "not of the pattern"
		}
	}
	if most := f.Constraints.MaxLength; most > 0 && len([]rune(value)) > most {
		return "too long"
	}
	return ""
}

func TestThePlacesThatWePublishFollowTheNationalTableSchema(t *testing.T) {
	t.Parallel()
	w, id := shop(t)
	raw := publishedSchema(t, "schema-standard-mediation-num-v1.0.2.json")
	if raw == nil {
		return
	}
	var schema struct{ Fields []tableField }
	if err := json.Unmarshal(raw, &schema); err != nil || len(schema.Fields) != 32 {
		t.Fatalf("%d fields, %v", len(schema.Fields), err)
	}
	rows, err := csv.NewReader(bytes.NewReader(dataset(t, publish(t, w), "places.csv").Body)).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, f := range schema.Fields {
		if rows[0][i] != f.Name {
			t.Errorf("column %d is %s, want %s", i, rows[0][i], f.Name)
		}
		for _, row := range rows[1:] {
			if problem := f.breaks(row[i]); problem != "" {
				t.Errorf("%s %q: %s", f.Name, row[i], problem)
			}
			if row[0] == fmt.Sprintf("passerelle-%d", id) && row[i] != fullRow[f.Name] &&
				f.Name != "id" && f.Name != "pivot" && f.Name != "source" && f.Name != "date_maj" && f.Name != "services" {
				t.Errorf("%s: %q, brought as %q", f.Name, row[i], fullRow[f.Name])
			}
		}
		if bad := map[string]string{"id": "", "telephone": "0450", "services": "Cuisine", "latitude": "x", "date_maj": "hier"}[f.Name]; f.breaks(bad) == "" && (bad != "" || f.Name == "id") {
			t.Errorf("the check lets %q pass as %s", bad, f.Name)
		}
	}
}

func TestWhatWePublishFollowsTheSchemasOfDataInclusion(t *testing.T) {
	t.Parallel()
	w, _ := shop(t)
	data := publish(t, w)
	for file, name := range map[string]string{"inclusion-structures.json": "structure", "inclusion-services.json": "service"} {
		raw := publishedSchema(t, "schema-data-inclusion-v1-"+name+".json")
		if raw == nil {
			return
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		if err := compiler.AddResource(name, document); err != nil {
			t.Fatal(err)
		}
		schema, err := compiler.Compile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := jsonschema.UnmarshalJSON(bytes.NewReader(dataset(t, data, file).Body))
		if err != nil {
			t.Fatal(err)
		}
		all := rows.([]any)
		if want := map[string]int{"structure": 2, "service": 3}[name]; len(all) != want {
			t.Errorf("%d of %s, want %d", len(all), name, want)
		}
		for _, one := range all {
			if err := schema.Validate(one); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			one.(map[string]any)["id"] = 3
			if schema.Validate(one) == nil {
				t.Errorf("the schema of %s lets anything pass", name)
			}
		}
	}
}

func TestWhatWePublishIsReadAgainElsewhere(t *testing.T) {
	t.Parallel()
	w, _ := shop(t)
	data := publish(t, w)
	for _, name := range []string{"places.csv", "places.json"} {
		elsewhere := world.New(t)
		report, err := elsewhere.Catalogue.Import(t.Context(), elsewhere.Operator, "passerelle", bytes.NewReader(dataset(t, data, name).Body))
		if err != nil || report.Read != 2 || report.Refused != 0 || report.Added+report.Same != 2 {
			t.Errorf("%s: %+v, %v", name, report, err)
		}
	}
	both := fmt.Sprintf(`{"structures": %s, "services": %s}`, dataset(t, data, "inclusion-structures.json").Body, dataset(t, data, "inclusion-services.json").Body)
	elsewhere := world.New(t)
	report, err := elsewhere.Catalogue.Import(t.Context(), elsewhere.Operator, "passerelle", strings.NewReader(both))
	if err != nil || report.Read != 2 || report.Refused != 0 {
		t.Errorf("data·inclusion: %+v, %v", report, err)
	}
}

func TestWhoAcceptsWhichVoucherIsPublished(t *testing.T) {
	t.Parallel()
	w, id := shop(t)
	text := string(dataset(t, publish(t, w), "acceptance.csv").Body)
	if !strings.Contains(text, fmt.Sprintf("passerelle-%d,%d,%s", id, w.Campaign.ID, w.Campaign.Name)) {
		t.Error(text)
	}
	w.Clock.Add(200 * 24 * time.Hour)
	if data := publish(t, w); data.Places != 1 || dataset(t, data, "places.csv").Rows != 1 {
		t.Errorf("after the label's end: %+v", data)
	}
}
