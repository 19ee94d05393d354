package reporting

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// paysOnline pays two orders of a campaign of its own by card. A part of the first is
// refunded, the second is disputed. It returns the Stripe that it is done with, and its address.
func (b bundle) paysOnline() (fake *stripefake.Server, base string) {
	b.t.Helper()
	ctx := b.t.Context()
	fake = stripefake.New("sk", "whsec", b.Clock.Now)
	server := httptest.NewServer(fake)
	b.t.Cleanup(server.Close)
	seller := invoicing.Seller{Name: "Passerelle", Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189"}}
	told := func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil }
	shop := orders.New(b.DB, seller, told)
	log := slog.New(slog.DiscardHandler)
	room := payments.New(b.DB, payments.Options{Stripe: stripe.New("sk", server.URL), PublicURL: world.Origin, Segregated: seller.Segregated.IBAN,
		Text: func(key string, _ ...any) string { return key }}, shop,
		func(context.Context, *db.Tx, string, payments.Dispute) error { return nil }, log)
	runner := jobs.NewRunner(b.DB, log, map[string]jobs.Handler{payments.Kind: room.Work})

	today := vouchers.DayOf(b.Clock.Now())
	c, err := b.Campaigns.Define(ctx, b.Funder, campaigns.Rules{Name: "Payée en ligne", Face: 10_00, BookletSize: 2,
		StartsOn: today, EndsOn: today.AddDays(90), PriceCap: 2})
	b.ok(err)
	var paid []payments.Checkout
	for range 2 {
		o, err := shop.Place(ctx, b.Funder, orders.PlaceRequest{Campaign: c.ID, Vouchers: 10})
		b.ok(err)
		k, err := room.Start(ctx, b.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
		b.ok(err)
		fake.Pay(k.Session)
		paid = append(paid, k)
	}
	reconcile := func() {
		fake.TakeAway(-10_00) // of fees of other days: Stripe keeps its own out of the balance
		b.ok(room.Reconcile(ctx))
		b.ok(runner.Drain(ctx))
	}
	reconcile()
	b.Clock.Add(73 * time.Hour)
	reconcile()
	for _, sent := range fake.Sent() {
		b.InTx(func(tx *db.Tx) error {
			line, err := b.BankLine(tx, world.Line{Amount: sent.Amount, Credit: true, Outcome: payments.CardBanked, Cause: 1})
			if err != nil {
				return err
			}
			_, _, err = room.Book(ctx, tx, sepa.Movement{Line: line, Account: seller.Segregated.IBAN, Name: sent.Descriptor, Amount: sent.Amount, Credit: true})
			return err
		})
	}
	_, err = room.Refund(ctx, b.Operator, payments.RefundRequest{Checkout: paid[0].ID, Amount: 10_00})
	b.ok(err)
	fake.Dispute(paid[1].Session)
	reconcile()
	return fake, server.URL
}
