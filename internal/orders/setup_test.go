package orders_test

import (
	"context"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

var seller = invoicing.Seller{Name: "Passerelle", SIRET: "12345678900012", Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon",
	VATID:      "FR32123456789",
	Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP"},
	Operating:  invoicing.Account{IBAN: "FR1420041010050500013M02606", BIC: "PSSTFRPPLYO"}}

type bundle struct {
	*world.World
	room *orders.Service
	t    testing.TB
}

func setup(t testing.TB) bundle {
	t.Helper()
	w := world.New(t)
	told := func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil }
	return bundle{w, orders.New(w.DB.WithoutRetries(), seller, told), t}
}

func (b bundle) ordered(count int) orders.Order {
	b.t.Helper()
	o, err := b.room.Place(b.t.Context(), b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: count})
	b.ok(err)
	return o
}

// pays gives payments to the orders that they name.
func (b bundle) pays(payments ...orders.Payment) {
	b.t.Helper()
	b.ok(b.pay(payments...))
}

func (b bundle) pay(payments ...orders.Payment) error {
	return b.DB.InTx(b.t.Context(), func(tx *db.Tx) error {
		chosen, err := b.room.Find(b.t.Context(), tx, payments)
		if err != nil {
			return err
		}
		_, err = b.room.PayFromLines(b.t.Context(), tx, payments, chosen)
		return err
	})
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b bundle) refused(err error, code string) {
	b.t.Helper()
	if fault.Code(err) != code {
		b.t.Errorf("got %v, want fault %q", err, code)
	}
}
