package world

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// NewStructure opens a structure with one labelled place in Thônes that offers Theme,
// and bank details.
func (w *World) NewStructure(name string) Structure {
	w.t.Helper()
	s := w.NewStructureWithoutBank(name)
	w.SetBank(s.Actor)
	return s
}

// NewStructureWithoutBank is NewStructure for one that has not said where its money
// goes.
func (w *World) NewStructureWithoutBank(name string) Structure {
	w.t.Helper()
	s := Structure{Actor: w.Organisation(identity.Structure, name)}
	ctx, today := w.t.Context(), vouchers.DayOf(w.Clock.Now())
	s.Place = w.NewPlace(name, "")
	_, err := w.Labelling.Claim(ctx, s.Actor, labelling.ClaimRequest{Place: s.Place})
	w.must(err)
	_, err = w.Catalogue.SetServices(ctx, s.Actor, s.Place, []catalogue.Offer{{Theme: Theme, PriceVouchers: 1, DurationMinutes: 60}})
	w.must(err)
	_, err = w.Labelling.GrantLabel(ctx, w.Operator, labelling.Grant{
		Place: s.Place, StartsOn: today.AddDays(-60), EndsOn: today.AddDays(1000)})
	w.must(err)
	return s
}

// NewOwnPlace adds a place that Structure answers for, and that has no label.
func (w *World) NewOwnPlace(name string) vouchers.PlaceID {
	w.t.Helper()
	id := w.NewPlace(name, "")
	_, err := w.Labelling.Claim(w.t.Context(), w.Structure.Actor, labelling.ClaimRequest{Place: id})
	w.must(err)
	return id
}

// NewPlace adds a place in Thônes that nobody answers for yet, as an import would.
func (w *World) NewPlace(name string, number siret.SIRET) vouchers.PlaceID {
	w.t.Helper()
	var id vouchers.PlaceID
	lat, lon := 45.8811, 6.3256
	w.InTx(func(tx *db.Tx) error {
		record := labelling.Record{SourceID: fmt.Sprint(w.count.Add(1)), SIRET: number, Name: name, Address: "1 rue de la Saulne",
			Postcode: "74230", INSEE: "74280", Town: "Thônes", Lat: &lat, Lon: &lon,
			Description: labelling.Description{Phone: "+33450020000"}}
		if _, err := labelling.UpsertPlaces(w.t.Context(), tx, "test", []labelling.Record{record}); err != nil {
			return err
		}
		return tx.Get(w.t.Context(), &id, `SELECT id FROM places WHERE source = 'test' AND source_id = $1`, record.SourceID)
	})
	return id
}

// SetBank gives a structure bank details that are in force; instead of those that it may
// have, after three days and a second person's yes.
func (w *World) SetBank(s identity.Actor) {
	w.t.Helper()
	ctx, program := w.t.Context(), s
	program.Scopes = []string{payees.Scope}
	a, err := w.Payees.Give(ctx, program, payees.Given{IBAN: ibanOf(w.count.Add(1)), BIC: "AGRIFRPP", Holder: s.OrganisationName, Proof: RIB})
	w.must(err)
	_, err = w.Payees.Verify(ctx, w.Operator, a.ID, payees.Verification{Match: vop.Full, How: "Appelé au numéro de la convention"})
	w.must(err)
	if a.Changes {
		_, err = w.Payees.Approve(ctx, w.Colleague(), a.ID)
		w.must(err)
		w.Clock.Add(payees.Cooling)
	}
}

// RIB is a proof of an account: a PDF without a page.
var RIB = files.Upload{Name: "rib.pdf", Content: []byte("%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n")}

// Colleague is a second person of the operator.
func (w *World) Colleague() identity.Actor {
	w.t.Helper()
	n := w.count.Add(1)
	m, err := w.Identity.AddMember(w.t.Context(), w.Operator, identity.NewMember{Name: "Alix Bernard",
		Email: fmt.Sprintf("alix%d@passerelle.example", n), Password: "correct horse battery", Role: identity.Finance})
	w.must(err)
	second := w.Operator
	second.Person, second.Role = m.ID, identity.Finance
	return second
}

// ibanOf is the nth account of a bank that exists in tests only.
func ibanOf(n int64) string {
	account := fmt.Sprintf("3000600001%011d00", n)
	rest := 0
	for _, digit := range account + "152700" { // F is 15, R is 27
		rest = (rest*10 + int(digit-'0')) % 97
	}
	return fmt.Sprintf("FR%02d%s", 98-rest, account)
}

func noReceipt(context.Context, *db.Tx, string, issuing.Booklet) error { return nil }
