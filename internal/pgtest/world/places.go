package world

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// This file writes the rows of labelling and catalogue itself, so that tests of other
// rooms do not go through an application and its review.

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
	w.InTx(func(tx *db.Tx) error {
		err := tx.Get(ctx, &s.Place, `
			INSERT INTO places (source, source_id, siret, structure_id, claimed_at, folded, name, address, postcode, insee, town, epci, departement, lat, lon,
				phone, email, website, hours, themes, presentation, accessibility, imported_at)
			VALUES ('test', $1, '', $2, $4, '', $3, '1 rue de la Saulne', '74230', '74280', 'Thônes', '200000000', '74', 45.8811, 6.3256,
				'+33450020000', '', '', '', '{}', '', '', $4) RETURNING id`, fmt.Sprint(w.count.Add(1)), s.Organisation, name, tx.Now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO labels (place_id, granted_at, granted_by, starts_on, ends_on) VALUES ($1, $2, $3, $4, $5)`,
			s.Place, tx.Now, w.Operator.Person, today.AddDays(-60), today.AddDays(1000))
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO services (place_id, theme, price_vouchers, duration_minutes) VALUES ($1, $2, 1, 60)`, s.Place, Theme)
		return err
	})
	return s
}

// SetBank gives a structure bank details, instead of those it may have.
func (w *World) SetBank(s identity.Actor) {
	w.t.Helper()
	iban := ibanOf(w.count.Add(1))
	w.InTx(func(tx *db.Tx) error {
		ctx := w.t.Context()
		_, err := tx.Exec(ctx, `UPDATE bank_details SET replaced_at = $2 WHERE structure_id = $1 AND replaced_at IS NULL`, s.Organisation, tx.Now)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO bank_details (structure_id, iban, bic, holder, created_at, created_by)
			VALUES ($1, $2, 'AGRIFRPP', $3, $4, $5)`, s.Organisation, iban, s.OrganisationName, tx.Now, s.Person)
		return err
	})
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
