package connect_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

var payer = settlement.Debtor{Name: "Passerelle – fonds cantonnés", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
	Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon",
	Stripe: settlement.StripeAccount{Holder: "Stripe Technology Europe Ltd", IBAN: "DE89370400440532013000", Town: "Dublin", Country: "IE", Reference: "ABCD-1234"}}

// desk is a world whose structures may be paid through Stripe, and the Stripe that does it.
type desk struct {
	*world.World
	t          testing.TB
	room       *connect.Service
	settlement *settlement.Service
	payments   *payments.Service
	stripe     *stripefake.Server
	client     *stripe.Client
	line       *faulty
	runner     *jobs.Runner
	second     identity.Actor // another person of the operator's
	delivered  int            // events that were posted
	paid       map[vouchers.PayoutID]int
	notices    map[vouchers.OrganisationID][]connect.State // to its first contact
}

func setup(t testing.TB) *desk {
	t.Helper()
	w := world.New(t)
	c := &desk{World: w, t: t, paid: map[vouchers.PayoutID]int{}, notices: map[vouchers.OrganisationID][]connect.State{}}
	c.stripe = stripefake.New("sk_test_1", "whsec_1", w.Clock.Now)
	c.line = &faulty{Handler: c.stripe}
	server := httptest.NewServer(c.line)
	t.Cleanup(server.Close)
	client := stripe.New("sk_test_1", server.URL)
	c.client = client
	log, d := slog.New(slog.DiscardHandler), w.DB.WithoutRetries() // deadlocks must show
	c.settlement = settlement.New(d, payer, func(_ context.Context, _ *db.Tx, _ string, p settlement.Payout) error {
		c.paid[p.ID]++
		return nil
	})
	c.room = connect.New(d, connect.Options{Stripe: client, Offered: true, PublicURL: world.Origin, Books: c.settlement, Prove: w.Identity.Prove,
		Notify: func(_ context.Context, _ *db.Tx, to string, a connect.Account) error {
			if to == "" {
				t.Errorf("a notice about %s to nobody", a.StructureName)
			}
			c.notices[a.Structure] = append(c.notices[a.Structure], a.State)
			return nil
		}}, log)
	c.payments = payments.New(d, payments.Options{Stripe: client, WebhookSecrets: []string{"whsec_1"}, Segregated: payer.IBAN, Structures: connect.Hear}, nil, nil, log)
	c.runner = jobs.NewRunner(w.DB, log, map[string]jobs.Handler{payments.Kind: c.payments.Work, connect.Kind: c.room.Work})
	c.second = w.Colleague()
	return c
}

// program is the actor as a program of its own with the right to speak of bank details.
func program(a identity.Actor) identity.Actor {
	a.Scopes = []string{payees.Scope}
	return a
}

// chooses asks for an account at Stripe and answers Stripe's questions. It returns Stripe's id.
func (c *desk) chooses(s world.Structure) (connect.Account, string) {
	c.t.Helper()
	a, err := c.room.Choose(c.t.Context(), program(s.Actor), connect.Chosen{})
	c.ok(err)
	c.stripe.Onboarded(a.Stripe)
	c.hears()
	return a, a.Stripe
}

// connects has a structure paid through Stripe from now on.
func (c *desk) connects(s world.Structure) string {
	c.t.Helper()
	a, account := c.chooses(s)
	_, err := c.room.Approve(c.t.Context(), c.Operator, a.ID)
	c.ok(err)
	c.Clock.Add(payees.Cooling)
	return account
}

// redeems makes a structure be owed something.
func (c *desk) redeems(s world.Structure, count int) {
	c.t.Helper()
	c.Redeem(s, c.HandOver(c.Campaign, count), count)
}

// hears delivers what Stripe has to say and was not delivered yet, and does what follows.
func (c *desk) hears() {
	c.t.Helper()
	for _, d := range c.stripe.Deliveries()[c.delivered:] {
		c.ok(c.payments.Hear(c.t.Context(), d.Body, d.Signature))
		c.delivered++
	}
	c.ok(c.runner.Drain(c.t.Context()))
}

// reconciles looks at Stripe as if no webhook had come.
func (c *desk) reconciles() {
	c.t.Helper()
	c.ok(c.room.Reconcile(c.t.Context()))
	c.ok(c.payments.Reconcile(c.t.Context()))
	c.ok(c.runner.Drain(c.t.Context()))
}

// settles closes a settlement, which a second person approves, and hands its file over.
func (c *desk) settles() settlement.Detail {
	c.t.Helper()
	closed, err := c.settlement.Close(c.t.Context(), c.Operator, settlement.CloseRequest{})
	c.ok(err)
	c.approves(closed)
	var file bytes.Buffer
	_, err = c.settlement.File(c.t.Context(), c.Operator, closed.ID, 0, &file)
	c.ok(err)
	return c.opens(closed.ID)
}

func (c *desk) approves(closed settlement.Settlement) {
	c.t.Helper()
	_, err := c.settlement.Approve(c.t.Context(), c.second, settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	c.ok(err)
}

func (c *desk) opens(id vouchers.SettlementID) settlement.Detail {
	c.t.Helper()
	d, err := c.settlement.Open(c.t.Context(), c.Operator, id)
	c.ok(err)
	return d
}

// payout is what a settlement pays a structure.
func (c *desk) payout(id vouchers.SettlementID, s world.Structure) settlement.Payout {
	c.t.Helper()
	for _, p := range c.opens(id).List {
		if p.Structure == s.Organisation {
			return p
		}
	}
	c.t.Fatalf("settlement %d pays nothing to %s", id, s.OrganisationName)
	return settlement.Payout{}
}

// begins pays Structure one voucher through Stripe, as far as the bank: its money is on its way
// there.
func (c *desk) begins() settlement.Payout {
	c.t.Helper()
	c.redeems(c.Structure, 1)
	d := c.settles()
	c.debits(d.ID)
	p := c.payout(d.ID, c.Structure)
	if p.Connected == "" {
		c.t.Fatalf("payout %d does not go through Stripe", p.ID)
	}
	return p
}

// debits plays the bank's lines that show what a settlement's file ordered.
func (c *desk) debits(id vouchers.SettlementID) {
	c.t.Helper()
	d := c.opens(id)
	if d.TopUp != nil && d.TopUp.State == settlement.InTransit {
		c.books("payouts_funded", d.TopUp.ID, sepa.Movement{Name: d.TopUp.EndToEnd, Amount: d.TopUp.Amount})
	}
	for _, p := range d.List {
		if p.Connected == "" && p.State == settlement.InTransit {
			c.books("payout_booked", int64(p.ID), sepa.Movement{Name: p.EndToEnd, Amount: p.Amount})
		}
	}
}

// books plays a line of the segregated account that must be taken for what it is.
func (c *desk) books(outcome string, cause int64, m sepa.Movement) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		ctx := c.t.Context()
		line, err := c.BankLine(tx, world.Line{Amount: m.Amount, Credit: m.Credit, Outcome: outcome, EndToEnd: m.Name, Cause: cause})
		if err != nil {
			return err
		}
		m.Line, m.Account, m.On = line, payer.IBAN, vouchers.DayOf(tx.Now)
		var got string
		var of int64
		for _, room := range []interface {
			Names(context.Context, *db.Tx, []string) (map[string]bool, error)
			Book(context.Context, *db.Tx, sepa.Movement) (string, int64, error)
		}{c.settlement, c.payments} {
			known, err := room.Names(ctx, tx, []string{m.Name})
			if err != nil {
				return err
			}
			if known[m.Name] {
				got, of, err = room.Book(ctx, tx, m)
			}
			if err != nil {
				return err
			}
		}
		c.same("outcome of "+m.Name, got, outcome)
		c.same("cause of "+m.Name, of, cause)
		return nil
	})
}

// comesHome plays the lines that bring what came back at Stripe to the segregated account, as
// far as they have not come, and tells how many came.
func (c *desk) comesHome() (count int) {
	c.t.Helper()
	c.reconciles()
	found, err := c.payments.Desk(c.t.Context(), c.Operator)
	c.ok(err)
	for _, p := range found.Payouts {
		if p.State == "sent" || p.State == "paid" {
			c.stripe.PayoutArrives(*p.Payout)
			c.books("payouts_home", p.ID, sepa.Movement{Name: p.Reference, Amount: p.Amount, Credit: true})
			count++
		}
	}
	return count
}

// reaches has the payouts from an account at Stripe reach its bank.
func (c *desk) reaches(account string) (count int) {
	c.t.Helper()
	for _, sent := range c.stripe.SentBy(account) {
		c.stripe.PayoutArrives(sent.ID)
		count++
	}
	c.hears()
	return count
}

// at is how a payout is getting on at Stripe.
func (c *desk) at(p settlement.Payout) connect.Transfer {
	c.t.Helper()
	all, err := c.room.In(c.t.Context(), c.Operator, p.Settlement)
	c.ok(err)
	for _, one := range all {
		if one.Of == p.ID {
			return one
		}
	}
	return connect.Transfer{}
}

// is compares an account's balance, above zero where we have or owe something.
func (c *desk) is(a ledger.Account, want vouchers.Cents) {
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
func (c *desk) sound() {
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

func (c *desk) same(what string, got, want any) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func (c *desk) ok(err error) {
	c.t.Helper()
	if err != nil {
		c.t.Fatal(err)
	}
}

func (c *desk) refused(err error, code string) {
	c.t.Helper()
	if fault.Code(err) != code {
		c.t.Errorf("%v, want %q", err, code)
	}
}

func name(a connect.Account) string { return fmt.Sprintf("connect:%d", a.ID) }

// days lets time pass.
func (c *desk) days(n int) { c.Clock.Add(time.Duration(n) * 24 * time.Hour) }
