package labelling_test

import (
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/territory"
)

func newPlace(name, postcode, town string) labelling.NewPlace {
	return labelling.NewPlace{Name: name, Location: labelling.Location{Address: "1 rue A", Postcode: postcode, Town: town}}
}

func TestAStructureAddsAPlaceThatNoFileHas(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	p, err := w.Labelling.AddPlace(t.Context(), w.Structure.Actor, newPlace("  Le   Relais ", "74230", "thones"))
	thones, _ := territory.Lookup("74280")
	if err != nil || p.Name != "Le Relais" || p.INSEE != "74280" || p.Town != "Thônes" || p.Structure != w.Structure.Actor.Organisation || !p.Listed ||
		p.Lat == nil || *p.Lat != thones.Lat {
		t.Fatalf("%+v, %v", p, err)
	}
	_, err = w.Labelling.AddPlace(t.Context(), w.Structure.Actor, newPlace("LE RELAIS", "74230", "Thônes"))
	wantFault(t, err, "place_exists")
	if _, err = w.Labelling.AddPlace(t.Context(), w.Structure.Actor, newPlace("Le Relais", "74000", "Annecy")); err != nil {
		t.Errorf("the same name elsewhere: %v", err)
	}
	for code, req := range map[string]labelling.NewPlace{
		"place_name_length":     newPlace("", "74230", "Thônes"),
		"postcode_malformed":    newPlace("Le Pont", "7423", "Thônes"),
		"place_commune_unknown": newPlace("Le Pont", "74230", "Atlantide-sur-Mer"),
	} {
		_, err := w.Labelling.AddPlace(t.Context(), w.Structure.Actor, req)
		wantFault(t, err, code)
	}
	_, err = w.Labelling.AddPlace(t.Context(), w.Funder, newPlace("Le Pont", "74230", "Thônes"))
	wantFault(t, err, "forbidden")
}

func TestAPointIsNearItsCommuneOrRefused(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	lat, lon, paris := 45.8822, 6.3244, 2.35
	for code, where := range map[string]labelling.Location{
		"":           {Postcode: "74230", Town: "Thônes", Lat: &lat, Lon: &lon},
		"point_half": {Postcode: "74230", Town: "Thônes", Lat: &lat},
		"point_far":  {Postcode: "74230", Town: "Thônes", Lat: &lat, Lon: &paris},
	} {
		p, err := w.Labelling.Move(t.Context(), w.Structure.Actor, w.Structure.Place, where)
		wantFault(t, err, code)
		if err == nil && (*p.Lat != lat || *p.Lon != lon) {
			t.Errorf("it stands at %f, %f", *p.Lat, *p.Lon)
		}
	}
	other := w.NewStructure("PIMMS")
	_, err := w.Labelling.Move(t.Context(), other.Actor, w.Structure.Place, labelling.Location{Postcode: "74230", Town: "Thônes"})
	wantFault(t, err, "not_found")
}

func TestAnImportDoesNotMoveBackAPlaceThatItsStructureMoved(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	id := imported(t, w)
	moved, err := w.Labelling.Move(t.Context(), w.Structure.Actor, id, labelling.Location{Address: "5 rue B", Postcode: "74230", Town: "Thônes"})
	if err != nil || moved.INSEE != "74280" || moved.Town != "Thônes" || moved.CorrectedAt == nil {
		t.Fatalf("%+v, %v", moved, err)
	}
	importing(t, w, nationalRow("0450029999", "Tu 14:00-17:00", "Annecy"))
	p, err := w.Labelling.Open(t.Context(), identity.Actor{}, id)
	if err != nil || p.INSEE != "74280" || p.Town != "Thônes" || p.Address != "5 rue B" || *p.Lat != *moved.Lat || *p.Lon != *moved.Lon || p.Postcode != "74230" {
		t.Errorf("moved back: %+v, %v", p, err)
	}
	if p.Hours != "Tu 14:00-17:00" || p.Phone != "+33450029999" {
		t.Errorf("what was not corrected follows its source: %q, %q", p.Hours, p.Phone)
	}
	name := "Le Nouveau Relais"
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, labelling.Correction{Name: &name}); err != nil {
		t.Fatal(err)
	}
	if _, _, same := importing(t, w, nationalRow("0450029999", "Tu 14:00-17:00", "Annecy")); same != 1 {
		t.Errorf("%d unchanged: the same file again changes nothing", same)
	}
}

func TestAPlaceOfTheSameLegalEntityIsProposedAndClaimed(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	s, err := w.Identity.CreateOrganisation(t.Context(), w.Operator, identity.NewOrganisation{Kind: identity.Structure, Name: "La Poste", SIRET: "35600000000048",
		Email: "poste@example.org", Admin: identity.NewMember{Name: "Zoé", Email: "poste@example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	actor := identity.Actor{Person: 1, Organisation: s.ID, Kind: identity.Structure, Role: identity.Admin}
	office := w.NewPlace("Bureau de poste", "35600000049837")
	w.NewPlace("Mairie", "73282932000074")
	proposed, err := w.Labelling.Proposed(t.Context(), actor)
	if err != nil || len(proposed) != 1 || proposed[0].ID != office {
		t.Errorf("%+v, %v", proposed, err)
	}
	if _, err := w.Labelling.Claim(t.Context(), actor, labelling.ClaimRequest{Place: office}); err != nil {
		t.Error(err)
	}
	if proposed, err = w.Labelling.Proposed(t.Context(), actor); err != nil || len(proposed) != 0 {
		t.Errorf("%+v, %v", proposed, err)
	}
}

func correct(t *testing.T, w *world.World, c labelling.Correction) {
	t.Helper()
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, w.Structure.Place, c); err != nil {
		t.Fatal(err)
	}
}

func TestAChangeIsToldAndPutBack(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	phone, none, seniors := "0450021111", "", db.Strings{"Seniors", "Jeunes"}
	correct(t, w, labelling.Correction{Phone: &phone, Audiences: &seniors})
	correct(t, w, labelling.Correction{Phone: &none})
	before, err := w.Labelling.Open(t.Context(), identity.Actor{}, w.Structure.Place)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Labelling.Move(t.Context(), w.Structure.Actor, w.Structure.Place, labelling.Location{Postcode: "74000", Town: "Annecy"}); err != nil {
		t.Fatal(err)
	}
	told, err := w.Labelling.History(t.Context(), w.Structure.Actor, w.Structure.Place)
	if err != nil || len(told) < 5 || told[0].Action != "place_moved" || !told[0].Ours || told[0].Who != "Camille Martin" {
		t.Fatalf("%+v, %v", told, err)
	}
	if f := told[1].Fields; len(f) != 1 || f[0] != (labelling.Field{Name: "phone", Before: "+33450021111"}) {
		t.Errorf("%+v", f)
	}
	if f := told[2].Fields; len(f) != 2 || f[1].After != "Jeunes · Seniors" {
		t.Errorf("%+v", f)
	}
	back := func(entry int64, field string) (labelling.Place, error) {
		return w.Catalogue.PutBack(t.Context(), w.Structure.Actor, w.Structure.Place, catalogue.PutBack{Entry: entry, Field: field})
	}
	if p, err := back(told[1].ID, "phone"); err != nil || p.Phone != "+33450021111" {
		t.Errorf("%q, %v", p.Phone, err)
	}
	if p, err := back(told[2].ID, "audiences"); err != nil || len(p.Audiences) != 0 {
		t.Errorf("%v, %v", p.Audiences, err)
	}
	if p, err := back(told[0].ID, labelling.LocationField); err != nil || p.Town != "Thônes" || *p.Lat != *before.Lat || p.Address != before.Address {
		t.Errorf("%+v, %v", p, err)
	}
	for _, wrong := range []catalogue.PutBack{{Entry: told[1].ID, Field: "hours"}, {Entry: 999_999, Field: "phone"}, {Entry: told[len(told)-1].ID, Field: "phone"}} {
		_, err := back(wrong.Entry, wrong.Field)
		wantFault(t, err, "not_found")
	}
	again, err := w.Labelling.History(t.Context(), w.Structure.Actor, w.Structure.Place)
	if err != nil || len(again) != len(told)+3 {
		t.Errorf("%d entries, %v: what is put back is told too", len(again), err)
	}
	other := w.NewStructure("PIMMS")
	_, err = w.Labelling.History(t.Context(), other.Actor, w.Structure.Place)
	wantFault(t, err, "not_found")
	_, err = w.Catalogue.PutBack(t.Context(), other.Actor, other.Place, catalogue.PutBack{Entry: told[1].ID, Field: "phone"})
	wantFault(t, err, "not_found")
}

func TestAFileThatBringsAnAddedPlaceLaterKnowsItAgain(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	if _, err := w.Labelling.AddPlace(t.Context(), w.Structure.Actor, newPlace("Le Relais", "74000", "Annecy")); err != nil {
		t.Fatal(err)
	}
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(nationalRow("0450020000", "Mo 09:00-12:00", "Annecy")))
	if err != nil || report.Added != 0 || report.Same != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}
