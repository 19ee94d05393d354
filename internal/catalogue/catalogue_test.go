package catalogue_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/internal/territory"
)

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}

const header = "id,pivot,nom,commune,code_postal,code_insee,adresse,latitude,longitude,telephone,services\n"

func imported(t *testing.T, w *world.World, file string) catalogue.ImportReport {
	t.Helper()
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func found(t *testing.T, w *world.World, req search.Request) search.Found {
	t.Helper()
	f, err := search.New(w.DB).Find(t.Context(), identity.Actor{}, req)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func names(f search.Found) string {
	var list []string
	for _, p := range f.Hits {
		list = append(list, p.Name)
	}
	return strings.Join(list, "; ")
}

// realPlaces is the region's file where it is at hand, otherwise the one we ship.
func realPlaces(t *testing.T) []byte {
	t.Helper()
	folder := os.Getenv("PASSERELLE_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	if raw, err := os.ReadFile(filepath.Join(folder, "data", "lieux-hinaura-v1.csv")); err == nil {
		return raw
	}
	var shipped bytes.Buffer
	if _, err := shipped.ReadFrom(catalogue.InventedPlaces()); err != nil {
		t.Fatal(err)
	}
	return shipped.Bytes()
}

func TestAWholeFileIsImportedOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := string(realPlaces(t))
	first := imported(t, w, file)
	if first.Read < 40 || first.Added+first.Refused != first.Read || first.Updated+first.Unchanged != 0 {
		t.Fatalf("first time: %+v", first)
	}
	again := imported(t, w, file)
	if again.Added != 0 || again.Updated != 0 || again.Unchanged != first.Added || again.Refused != first.Refused {
		t.Errorf("second time: added %d, updated %d, unchanged %d, refused %d", again.Added, again.Updated, again.Unchanged, again.Refused)
	}
	w.InTx(func(tx *db.Tx) error {
		var places, nowhere int
		if err := tx.Get(t.Context(), &places, `SELECT count(*) FROM places WHERE source = 'essai'`); err != nil {
			return err
		}
		if places != first.Added {
			t.Errorf("%d places are kept of %d", places, first.Added)
		}
		err := tx.Get(t.Context(), &nowhere, `
			SELECT count(*) FROM places WHERE lat IS NULL OR departement = '' OR epci = '' OR insee ~ '^(751|6938|132)'`)
		if nowhere != 0 {
			t.Errorf("%d places are nowhere", nowhere)
		}
		return err
	})
}

func TestAPreviewTellsWhatAnImportWouldDoAndKeepsNothing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := string(realPlaces(t))
	look := func() catalogue.ImportReport {
		t.Helper()
		r, err := w.Catalogue.Preview(t.Context(), w.Operator, "essai", strings.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	kept := func() (n int) {
		w.InTx(func(tx *db.Tx) error {
			return tx.Get(t.Context(), &n, `SELECT (SELECT count(*) FROM places WHERE source = 'essai') + (SELECT count(*) FROM audit_entries WHERE action = 'places_imported')`)
		})
		return n
	}
	seen := look()
	if !seen.Rehearsed || seen.Added == 0 || kept() != 0 {
		t.Errorf("%d would be added, %d rows are kept", seen.Added, kept())
	}
	done := imported(t, w, file)
	if done.Rehearsed || done.Added != seen.Added || done.Refused != seen.Refused {
		t.Errorf("seen %d and %d, done %d and %d", seen.Added, seen.Refused, done.Added, done.Refused)
	}
	if again := look(); again.Added != 0 || again.Unchanged != done.Added {
		t.Errorf("seen again: %d added, %d unchanged", again.Added, again.Unchanged)
	}
	_, err := w.Catalogue.Preview(t.Context(), w.Structure.Actor, "essai", strings.NewReader(file))
	wantFault(t, err, "forbidden")
}

func TestAnImportFollowsItsSourceAndLeavesTheStructuresWorkAlone(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	imported(t, w, header+"a,,Maison du clic,Annecy,74000,74010,1 rue A,45.9,6.12,0450020000,Emploi\n")
	place := found(t, w, search.Request{Query: "maison clic"}).Hits[0]
	_, err := w.Labelling.Claim(t.Context(), w.Structure.Actor, labelling.ClaimRequest{Place: place.ID})
	if err != nil {
		t.Fatal(err)
	}
	offers := []catalogue.Offer{{Theme: "employment", PriceVouchers: 3, DurationMinutes: 120}}
	if _, err := w.Catalogue.SetServices(t.Context(), w.Structure.Actor, place.ID, offers); err != nil {
		t.Fatal(err)
	}
	report := imported(t, w, header+
		"a,,Maison du clic,Annecy,74000,74010,2 rue B,45.9,6.12,0450020000,\n"+
		"b,,Nouveau lieu,Thônes,74230,74280,,,,,\n"+
		"c,,,Thônes,74230,74280,,,,,\n")
	if report.Read != 3 || report.Updated != 1 || report.Added != 1 || report.Refused != 1 {
		t.Errorf("%+v", report)
	}
	if p := report.Problems[0]; p.Code != "name_missing" || p.Line != 4 || p.Field != "nom" {
		t.Errorf("the row that was refused is not told first: %+v", report.Problems)
	}
	after, err := w.Labelling.Open(t.Context(), identity.Actor{}, place.ID)
	if err != nil || after.Address != "2 rue B" || after.Structure != w.Structure.Organisation || len(after.Services) != 1 || after.Services[0].PriceVouchers != offers[0].PriceVouchers {
		t.Errorf("%+v, %v", after, err)
	}
}

func TestTheSameSourceIDsOfTwoSourcesAreTwoPlaces(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := header + "a,,Maison du clic,Annecy,74000,74010,,,,,\n"
	imported(t, w, file)
	other := header + "a,,Cyber-base,Annecy,74000,74010,,,,,\n"
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "autre", strings.NewReader(other))
	if err != nil || report.Added != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// Two places of one name are two where both are known to stand apart.
func TestTwoPlacesOfOneNameInATownAreTwo(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	imported(t, w, header+"a,,Médiathèque,Annecy,74000,74010,,45.9000,6.1200,,\n")
	for lat, same := range map[string]int{"45.9200": 0, "45.9009": 1} {
		file := header + "z-" + lat + ",,MEDIATHEQUE,Annecy,74000,74010,," + lat + ",6.1200,,\n"
		report, err := w.Catalogue.Import(t.Context(), w.Operator, "autre", strings.NewReader(file))
		if err != nil || report.Same != same || report.Added != 1-same {
			t.Errorf("at %s: %+v, %v", lat, report, err)
		}
	}
}

// A place that two sources describe has one card, however often they come: the first
// source's.
func TestAPlaceThatTwoSourcesDescribeHasOneCard(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	imported(t, w, header+"a,,Maison du clic,Annecy,74000,74010,,45.9000,6.1200,,\n")
	again := header + "z,,MAISON DU CLIC,Annecy,74000,74010,,,,,\ny,,Cyber-base,Annecy,74000,74010,,,,,\n"
	for range 2 {
		report, err := w.Catalogue.Import(t.Context(), w.Operator, "autre", strings.NewReader(again))
		if err != nil || report.Same != 1 || report.Added+report.Unchanged != 1 || report.Refused != 0 {
			t.Errorf("%+v, %v", report, err)
		}
		if told := report.Problems[len(report.Problems)-1]; told.Code != "same_place" || told.Line != 2 || !strings.HasPrefix(told.Value, "Maison du clic (") {
			t.Errorf("told %+v", told)
		}
	}
	if names := names(found(t, w, search.Request{Query: "maison clic"})); strings.Count(strings.ToLower(names), "maison du clic") != 1 {
		t.Errorf("found %q", names)
	}
}

func TestAnArrondissementIsItsCommuneAndAPlaceWithoutPositionGetsItsCommunes(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	imported(t, w, header+"p,,Médiathèque de la Part-Dieu,Lyon,69003,69383,,,,,\n")
	p := found(t, w, search.Request{Query: "mediatheque"}).Hits[0]
	lyon, _ := territory.Lookup("69123")
	if p.INSEE != "69123" || p.Lat == nil || *p.Lat != lyon.Lat || *p.Lon != lyon.Lon {
		t.Errorf("%s at %v, %v", p.INSEE, p.Lat, p.Lon)
	}
}

func TestImportsAreRefused(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := header + "a,,Maison du clic,Annecy,74000,74010,,,,,\n"
	send := func(actor identity.Actor, source, file string) error {
		_, err := w.Catalogue.Import(t.Context(), actor, source, strings.NewReader(file))
		return err
	}
	wantFault(t, send(w.Structure.Actor, "essai", file), "forbidden")
	wantFault(t, send(identity.Actor{}, "essai", file), "unauthenticated")
	wantFault(t, send(w.Operator, "", file), "source_malformed")
	wantFault(t, send(w.Operator, "a b", file), "source_malformed")
	wantFault(t, send(w.Operator, "essai", "nom\nx\n"), "import_columns_missing")
	wantFault(t, send(w.Operator, "essai", ""), "import_file_empty")
}

func TestAnImportSentTwiceWithOneKeyIsAnsweredTwiceAndDoneOnce(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	file := header + "a,,Maison du clic,Annecy,74000,74010,,,,,\n"
	for _, replayed := range []bool{false, true} {
		ctx, token := once.With(t.Context(), "import-0001")
		report, err := w.Catalogue.Import(ctx, w.Operator, "essai", strings.NewReader(file))
		if err != nil || report.Added != 1 || token.Replayed != replayed {
			t.Errorf("%+v, replayed %v, %v", report, token.Replayed, err)
		}
	}
	ctx, _ := once.With(t.Context(), "import-0001")
	_, err := w.Catalogue.Import(ctx, w.Operator, "essai", strings.NewReader(file+"b,,Autre,Annecy,74000,74010,,,,,\n"))
	wantFault(t, err, "idempotency_conflict")
}

func TestServicesAreRefused(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	other := w.NewStructure("Le Relais")
	good := catalogue.Offer{Theme: "employment", PriceVouchers: 1, DurationMinutes: 60}
	set := func(actor identity.Actor, offers ...catalogue.Offer) error {
		_, err := w.Catalogue.SetServices(t.Context(), actor, w.Structure.Place, offers)
		return err
	}
	wantFault(t, set(other.Actor, good), "not_found")
	wantFault(t, set(w.Operator, good), "forbidden")
	wantFault(t, set(w.Structure.Actor, good, good), "service_repeated")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "cooking", PriceVouchers: 1, DurationMinutes: 60}), "theme_unknown")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", PriceVouchers: -1, DurationMinutes: 60}), "price_out_of_range")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", PriceVouchers: 128, DurationMinutes: 60}), "price_out_of_range")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", PriceVouchers: 1, DurationMinutes: 4}), "service_duration_out_of_range")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", DurationMinutes: 60, Extra: 1000_01}), "extra_out_of_range")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", DurationMinutes: 60, Meetings: 31}), "meetings_out_of_range")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", DurationMinutes: 60, Level: "expert"}), "level_unknown")
	wantFault(t, set(w.Structure.Actor, catalogue.Offer{Theme: "employment", DurationMinutes: 60, Topics: db.Strings{"Cuisine"}}), "service_value_unknown")
	if kept, err := w.Catalogue.Services(t.Context(), identity.Actor{}, w.Structure.Place); err != nil || len(kept) != 1 || kept[0].Theme != world.Theme {
		t.Errorf("after the refusals: %+v, %v", kept, err)
	}
	if err := set(w.Structure.Actor); err != nil {
		t.Errorf("a place cannot stop offering: %v", err)
	}
	unclaimed := w.NewPlace("Personne", "")
	_, err := w.Catalogue.SetServices(t.Context(), w.Structure.Actor, unclaimed, []catalogue.Offer{good})
	wantFault(t, err, "not_found")
}
