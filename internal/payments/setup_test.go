package payments_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

var seller = invoicing.Seller{Name: "Passerelle", SIRET: "12345678900012", Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon",
	Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189"}, Operating: invoicing.Account{IBAN: "FR1420041010050500013M02606"}}

// till is a world that can be paid online, and the Stripe that it is paid through.
type till struct {
	*world.World
	t         testing.TB
	room      *payments.Service
	orders    *orders.Service
	stripe    *stripefake.Server
	runner    *jobs.Runner
	campaign  campaigns.Campaign // nothing is funded yet
	delivered int                // events that were posted
	alerts    *[]payments.Dispute
}

func setup(t testing.TB, choose ...func(*payments.Options)) *till {
	t.Helper()
	w := world.New(t)
	c := &till{World: w, t: t, alerts: &[]payments.Dispute{}}
	c.stripe = stripefake.New("sk_test_1", "whsec_1", w.Clock.Now)
	server := httptest.NewServer(c.stripe)
	t.Cleanup(server.Close)
	o := payments.Options{Stripe: stripe.New("sk_test_1", server.URL), WebhookSecrets: []string{"whsec_1"}, PublicURL: world.Origin,
		Text: func(key string, pairs ...any) string { return fmt.Sprint(key, pairs) }, Segregated: seller.Segregated.IBAN}
	for _, change := range choose {
		change(&o)
	}
	log := slog.New(slog.DiscardHandler)
	d := w.DB.WithoutRetries() // deadlocks must show
	c.orders = orders.New(d, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil })
	c.room = payments.New(d, o, c.orders, func(_ context.Context, _ *db.Tx, _ string, d payments.Dispute) error {
		*c.alerts = append(*c.alerts, d)
		return nil
	}, log)
	c.runner = jobs.NewRunner(w.DB, log, map[string]jobs.Handler{payments.Kind: c.room.Work})
	c.campaign = c.defined()
	return c
}

// defined is a new campaign that lasts from today, for four months.
func (c *till) defined() campaigns.Campaign {
	c.t.Helper()
	today := vouchers.DayOf(c.Clock.Now())
	made, err := c.Campaigns.Define(c.t.Context(), c.Funder, campaigns.Rules{Name: "Payée en ligne", Face: 10_00, BookletSize: 10,
		StartsOn: today, EndsOn: today.AddDays(120), PriceCap: 10})
	c.ok(err)
	return made
}

func lenient(o *payments.Options)  { o.Lenient = true }
func freezing(o *payments.Options) { o.Freeze = true }

// ordered is an order of count vouchers of 10 euros, with fees of 40 euros and their VAT.
func (c *till) ordered(count int) orders.Order {
	c.t.Helper()
	o, err := c.orders.Place(c.t.Context(), c.Funder, orders.PlaceRequest{Campaign: c.campaign.ID, Vouchers: count})
	c.ok(err)
	c.InTx(func(tx *db.Tx) error {
		_, err := invoicing.Issue(c.t.Context(), tx, seller, invoicing.Draft{Kind: invoicing.Fees, Order: o.ID, Campaign: o.Campaign, Funder: o.Funder,
			Lines: []invoicing.Line{{Text: "Service", Quantity: 1, Unit: 40_00}}, VATRate: 2000})
		return err
	})
	return o
}

func (c *till) starts(o orders.Order, means stripe.Means) payments.Checkout {
	c.t.Helper()
	k, err := c.room.Start(c.t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: means})
	c.ok(err)
	return k
}

// page is Stripe's id of a checkout's page.
func (c *till) page(k payments.Checkout) string {
	return c.stripe.Open(fmt.Sprintf("checkout:%d", k.ID))
}

// hears delivers what Stripe has to say and was not delivered yet, and does what follows.
func (c *till) hears() {
	c.t.Helper()
	for _, d := range c.stripe.Deliveries()[c.delivered:] {
		c.ok(c.room.Hear(c.t.Context(), d.Body, d.Signature))
		c.delivered++
	}
	c.works()
}

func (c *till) works() {
	c.t.Helper()
	c.ok(c.runner.Drain(c.t.Context()))
}

// waits lets time pass, then reconciles and does what follows.
func (c *till) waits(d time.Duration) {
	c.t.Helper()
	c.Clock.Add(d)
	c.ok(c.room.Reconcile(c.t.Context()))
	c.works()
}

// banks lets every payout of Stripe's arrive that has not yet, and imports the lines.
func (c *till) banks() {
	c.t.Helper()
	for _, sent := range c.stripe.Sent() {
		c.InTx(func(tx *db.Tx) error {
			names, err := c.room.Names(c.t.Context(), tx, []string{sent.Descriptor, "RF00NOTHING"})
			if err != nil || !names[sent.Descriptor] {
				return err
			}
			c.same("names", len(names), 1)
			return c.bankLine(tx, sent)
		})
	}
}

func (c *till) bankLine(tx *db.Tx, sent stripefake.Sent) error {
	ctx := c.t.Context()
	var operators bool
	if err := tx.Get(ctx, &operators, `SELECT checkout_id IS NULL FROM stripe_payouts WHERE reference = $1`, sent.Descriptor); err != nil {
		return err
	}
	line, err := c.BankLine(tx, world.Line{Amount: sent.Amount, Credit: true, Outcome: payments.CardBanked, Cause: 1})
	if err != nil {
		return err
	}
	account := seller.Segregated.IBAN
	if operators {
		account = seller.Operating.IBAN
		if _, err := tx.Exec(ctx, `UPDATE statements SET account = 'operating' WHERE id = (SELECT statement_id FROM statement_lines WHERE id = $1)`, line); err != nil {
			return err
		}
	}
	outcome, cause, err := c.room.Book(ctx, tx, sepa.Movement{Line: line, Account: account, Name: sent.Descriptor, Amount: sent.Amount, Credit: true})
	if outcome == "" || cause == 0 {
		c.t.Errorf("payout %s is not booked", sent.Descriptor)
	}
	return err
}

// received pays an order online and lets the money arrive at the bank.
func (c *till) received(count int, means stripe.Means) (orders.Order, payments.Checkout) {
	c.t.Helper()
	o := c.ordered(count)
	k := c.starts(o, means)
	c.stripe.Pay(c.page(k))
	if means == stripe.SEPADebit {
		c.stripe.DebitSucceeds(c.page(k))
	}
	c.hears()
	c.waits(73 * time.Hour)
	c.banks()
	c.same("received", c.order(o).Received, o.Face)
	return o, k
}

func (c *till) order(o orders.Order) orders.Order {
	c.t.Helper()
	got, err := c.orders.Open(c.t.Context(), c.Funder, o.ID)
	c.ok(err)
	return got
}

func (c *till) checkout(k payments.Checkout) payments.Checkout {
	c.t.Helper()
	all, err := c.room.OfOrder(c.t.Context(), c.Funder, k.Order)
	c.ok(err)
	for _, one := range all {
		if one.ID == k.ID {
			return one
		}
	}
	c.t.Fatalf("checkout %d is not of order %d", k.ID, k.Order)
	return k
}

func (c *till) desk() payments.Desk {
	c.t.Helper()
	d, err := c.room.Desk(c.t.Context(), c.Operator)
	c.ok(err)
	return d
}

// handsOver makes count vouchers live, which the funder has allocated.
func (c *till) handsOver(count int) issuing.Booklet {
	c.t.Helper()
	_, err := c.Issuing.Allocate(c.t.Context(), c.Funder, issuing.AllocateRequest{Campaign: c.campaign.ID, Prescriber: c.Prescriber.Organisation, Vouchers: count})
	c.ok(err)
	return c.HandOver(c.campaign, count)
}

// is compares an account's balance, above zero where we have or owe something.
func (c *till) is(a ledger.Account, want vouchers.Cents) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		got, err := ledger.Balance(c.t.Context(), tx, a)
		if a.Asset() {
			got = -got
		}
		c.same(string(a), got, want)
		return err
	})
}

// sound checks every invariant, the cover among them.
func (c *till) sound() {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(c.t.Context(), tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK {
				c.t.Errorf("%s: %q", f.ID, f.Evidence)
			}
		}
		return err
	})
}

func (c *till) same(what string, got, want any) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (c *till) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *till) refused(err error, code string) {
	c.t.Helper()
	if fault.Code(err) != code {
		c.t.Errorf("%v, want %q", err, code)
	}
}
