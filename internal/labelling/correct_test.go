package labelling_test

import (
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// nationalRow is one row of an open data file, with what changes from a month to the next.
func nationalRow(phone, hours, town string) string {
	return "id,nom,commune,code_insee,adresse,telephone,horaires,courriels\n" +
		"a,Le Relais," + town + ",74010,1 rue A," + phone + "," + hours + ",relais@example.org\n"
}

// imported is a place of a file that the world's structure answers for.
func imported(t *testing.T, w *world.World) vouchers.PlaceID {
	t.Helper()
	importing(t, w, nationalRow("0450020000", "Mo 09:00-12:00", "Annecy"))
	var id vouchers.PlaceID
	w.InTx(func(tx *db.Tx) error { return tx.Get(t.Context(), &id, `SELECT id FROM places WHERE source = 'essai'`) })
	if _, err := w.Labelling.Claim(t.Context(), w.Structure.Actor, labelling.ClaimRequest{Place: id}); err != nil {
		t.Fatal(err)
	}
	return id
}

func importing(t *testing.T, w *world.World, file string) (added, updated, unchanged int) {
	t.Helper()
	report, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return report.Added, report.Updated, report.Unchanged
}

func TestAnImportLeavesAloneWhatTheStructureCorrected(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	id := imported(t, w)
	phone, none := "04 50 02 11 11", ""
	p, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, labelling.Correction{Phone: &phone, Email: &none})
	if err != nil || p.Phone != "+33450021111" || p.Email != "" || p.Hours != "Mo 09:00-12:00" || p.CorrectedAt == nil {
		t.Fatalf("%+v, %v", p, err)
	}
	if a, u, same := importing(t, w, nationalRow("0450029999", "Mo 09:00-12:00", "Annecy")); a != 0 || u != 0 || same != 1 {
		t.Errorf("a file that differs only in what was corrected: %d added, %d updated, %d unchanged", a, u, same)
	}
	if _, u, _ := importing(t, w, nationalRow("0450029999", "Tu 14:00-17:00", "Annecy-le-Vieux")); u != 1 {
		t.Errorf("%d updated, want the one whose other columns changed", u)
	}
	p, err = w.Labelling.Open(t.Context(), identity.Actor{}, id)
	if err != nil || p.Phone != "+33450021111" || p.Email != "" || p.Hours != "Tu 14:00-17:00" || p.Town != "Annecy-le-Vieux" {
		t.Errorf("after the import: %+v, %v", p, err)
	}
	hours := "Mo-Fr 09:00-12:00"
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, labelling.Correction{Hours: &hours}); err != nil {
		t.Fatal(err)
	}
	importing(t, w, nationalRow("0450029999", "Sa 10:00-12:00", "Annecy"))
	if p, err = w.Labelling.Open(t.Context(), identity.Actor{}, id); err != nil || p.Phone != "+33450021111" || p.Hours != hours || p.Town != "Annecy" {
		t.Errorf("a second correction forgets the first: %+v, %v", p, err)
	}
}

func TestACorrectionIsReadAsAFileIs(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	id := imported(t, w)
	of := func(name, typed string) (c labelling.Correction) {
		for _, text := range c.Texts(labelling.Place{}) {
			if text.Name == name {
				*text.New = &typed
			}
		}
		return c
	}
	for _, tt := range []struct{ name, typed, code string }{
		{"phone", "12", "correction_phone_invalid"},
		{"email", "nobody", "correction_email_invalid"},
		{"website", "javascript:alert(1)", "correction_link_invalid"},
		{"accessibility", "acceslibre", "correction_link_invalid"},
		{"hours", "le matin", "correction_hours_unread"},
		{"address", strings.Repeat("x", 301), "correction_text_cut"},
		{"presentation", strings.Repeat("x", 5001), "correction_text_cut"},
	} {
		_, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, of(tt.name, tt.typed))
		wantFault(t, err, tt.code)
	}
	for _, tt := range []struct{ name, typed, want string }{
		{"phone", "+33 (0)4 50 02 11 11", "+33450021111"},
		{"email", " accueil@relais.example ", "accueil@relais.example"},
		{"website", "relais.example", "https://relais.example"},
		{"hours", "Mo-Fr 09:00-17:00", "Mo-Fr 09:00-17:00"},
		{"address", "2 rue B", "2 rue B"},
		{"presentation", "Une ligne\nUne autre", "Une ligne\nUne autre"},
		{"accessibility", "https://acceslibre.example/1", "https://acceslibre.example/1"},
	} {
		p, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, of(tt.name, tt.typed))
		for _, text := range new(labelling.Correction).Texts(p) {
			if text.Name == tt.name && (err != nil || text.Now != tt.want) {
				t.Errorf("%s: %q, %v, want %q", tt.name, text.Now, err, tt.want)
			}
		}
	}
}

func TestOnlyItsStructureCorrectsAPlace(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	id := imported(t, w)
	reader, token := w.Structure.Actor, w.Structure.Actor
	reader.Role, token.Scopes = identity.Reader, []string{"redemptions"}
	address := "2 rue B"
	for code, actor := range map[string]identity.Actor{
		"unauthenticated": {}, "forbidden": reader, "scope_missing": token, "not_found": w.Organisation(identity.Structure, "Ailleurs"),
	} {
		_, err := w.Catalogue.Correct(t.Context(), actor, id, labelling.Correction{Address: &address})
		wantFault(t, err, code)
	}
}

func TestTheTrailKeepsWhatWasCorrected(t *testing.T) {
	t.Parallel()
	w, _ := setup(t)
	id := imported(t, w)
	phone, hours := "04 50 02 00 00", "Sa 10:00-12:00" // the phone is what the file says
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, labelling.Correction{Phone: &phone, Hours: &hours}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, id, labelling.Correction{Hours: &hours}); err != nil {
		t.Fatal(err)
	}
	var trail []struct{ Before, After string }
	w.InTx(func(tx *db.Tx) error {
		return tx.Select(t.Context(), &trail, `SELECT before, after FROM audit_entries WHERE action = 'place_corrected' ORDER BY id`)
	})
	if len(trail) != 1 || trail[0].Before != `{"hours": "Mo 09:00-12:00"}` || trail[0].After != `{"hours": "Sa 10:00-12:00"}` {
		t.Errorf("%+v", trail)
	}
}
