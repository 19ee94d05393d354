package reporting

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

var payer = settlement.Debtor{Name: "Passerelle", IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP",
	Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}

// bundle is a world and the room that reports on it.
type bundle struct {
	*world.World
	*Service
	settlement *settlement.Service
	t          testing.TB
}

func setup(t testing.TB) bundle {
	t.Helper()
	w := world.New(t)
	s := settlement.New(w.DB, payer, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	return bundle{w, New(w.DB, settlement.FileOf), s, t}
}

// story is what the figures of a busy world come to, in cents.
//
//	received 10,000.00 + 50.00 for two campaigns, 5.00 that nobody explains
//	handed over 30 + 2 vouchers of 10.00; 2 expired
//	redeemed 2 + 4 + 1 + 1, of which 3 more were undone
//	paid 20.00; 40.00 came back and is on its way again with 10.00 more; 10.00 to come
func (b bundle) story() {
	b.t.Helper()
	second := b.NewStructure("Médiathèque de Faverges")
	first, other := b.HandOver(b.Campaign, 10), b.HandOver(b.Campaign, 10)
	b.HandOver(b.Campaign, 10)
	short := b.shortCampaign()

	ctx, _ := once.With(b.t.Context(), "a-key-of-a-counter")
	_, err := b.Counter.Redeem(ctx, b.Structure.Actor, world.Request(first, 2))
	b.ok(err)
	b.InTx(func(tx *db.Tx) error { return ledger.RollUp(b.t.Context(), tx) })
	b.seals()
	b.Undo(b.Structure, b.Redeem(b.Structure, first, 3).ID)
	b.Redeem(second, other, 4)
	b.unexplained(5_00)
	b.invoices()

	for _, p := range b.settles() {
		b.books(p)
		if p.Structure == second.Organisation {
			b.returns(p)
		}
	}
	b.InTx(func(tx *db.Tx) error { return ledger.RollUp(b.t.Context(), tx) })
	b.seals()
	b.Redeem(second, other, 1)
	b.settles()
	b.Redeem(b.Structure, first, 1)

	b.Clock.Add(72 * time.Hour)
	if n, err := b.Issuing.ExpireDue(b.t.Context()); err != nil || n != 1 {
		b.t.Fatalf("%d booklets of campaign %d expired: %v", n, short.ID, err)
	}
}

// seals seals what is rolled up.
func (b bundle) seals() {
	b.t.Helper()
	b.ok(seals.New(b.DB, b.Keys).Seal(b.t.Context()))
}

// shortCampaign is over tomorrow; somebody holds two of its five vouchers.
func (b bundle) shortCampaign() campaigns.Campaign {
	b.t.Helper()
	today := vouchers.DayOf(b.Clock.Now())
	c, err := b.Campaigns.Define(b.t.Context(), b.Funder, campaigns.Rules{Name: "Semaine du numérique", Face: 10_00, BookletSize: 2,
		StartsOn: today.AddDays(-3), EndsOn: today.AddDays(1), PriceCap: 2})
	b.ok(err)
	b.Fund(c, 50_00)
	_, err = b.Issuing.Allocate(b.t.Context(), b.Funder, issuing.AllocateRequest{Campaign: c.ID, Prescriber: b.Prescriber.Organisation, Vouchers: 5})
	b.ok(err)
	b.HandOver(c, 2)
	return c
}

// invoices are the two of an order: 10,000.00 of vouchers, 20.00 of fees, of which 5.00 are
// given back.
func (b bundle) invoices() {
	b.t.Helper()
	seller := invoicing.Seller{Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189"}, Operating: invoicing.Account{IBAN: "FR1420041010050500013M02606"}}
	b.InTx(func(tx *db.Tx) error {
		d := invoicing.Draft{Kind: invoicing.Face, Order: 1, Campaign: b.Campaign.ID, Funder: b.Funder.Organisation,
			Lines: []invoicing.Line{{Text: "x", Quantity: 1000, Unit: 10_00}}, From: b.Campaign.StartsOn, Until: b.Campaign.EndsOn}
		if _, err := invoicing.Issue(b.t.Context(), tx, seller, d); err != nil {
			return err
		}
		d.Kind, d.VATRate, d.Lines[0].Unit = invoicing.Fees, 2000, 2
		fees, err := invoicing.Issue(b.t.Context(), tx, seller, d)
		if err != nil {
			return err
		}
		_, err = invoicing.Credit(b.t.Context(), tx, invoicing.CreditDraft{Invoice: fees.ID, Net: 5_00, Text: "x", Reason: "x"})
		return err
	})
}

// unexplained is cash that names no order.
func (b bundle) unexplained(amount vouchers.Cents) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "unattributed"})
		if err != nil {
			return err
		}
		_, err = tx.Exec(b.t.Context(), `INSERT INTO bank_cases (line_id, kind, opened_at) VALUES ($1, 'unknown_payer', $2)`, line, tx.Now)
		if err != nil {
			return err
		}
		return ledger.Post(b.t.Context(), tx, ledger.ReceivedUnexplained(line, amount)...)
	})
}

func (b bundle) settles() []settlement.Payout {
	b.t.Helper()
	closed, err := b.settlement.Close(b.t.Context(), b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = b.settlement.Approve(b.t.Context(), b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	detail, err := b.settlement.Open(b.t.Context(), b.Operator, closed.ID)
	b.ok(err)
	return detail.List
}

func (b bundle) books(p settlement.Payout) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: p.Amount, Outcome: "payout_booked", EndToEnd: p.EndToEnd, Cause: int64(p.ID)})
		if err != nil {
			return err
		}
		_, _, err = b.settlement.Book(b.t.Context(), tx, sepa.Movement{Line: line, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount, On: p.ExecutionOn})
		return err
	})
}

func (b bundle) returns(p settlement.Payout) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: p.Amount, Credit: true, Outcome: "payout_returned", EndToEnd: p.EndToEnd, Cause: int64(p.ID)})
		if err != nil {
			return err
		}
		_, _, err = b.settlement.Book(b.t.Context(), tx, sepa.Movement{Line: line, Account: payer.IBAN, Name: p.EndToEnd, Amount: p.Amount,
			Credit: true, Returned: true, ReturnReason: "AC04", On: p.ExecutionOn})
		return err
	})
}

// booksASeat lets somebody book the only seat of a session, for one voucher.
func (b bundle) booksASeat() {
	b.t.Helper()
	at := b.Clock.Now().Add(72 * time.Hour)
	place, err := b.Labelling.Open(b.t.Context(), b.Structure.Actor, b.Structure.Place)
	b.ok(err)
	sessions, err := agenda.New(b.DB).Publish(b.t.Context(), b.Structure.Actor, b.Structure.Place,
		agenda.NewSession{Service: place.Services[0].ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 1})
	b.ok(err)
	nobodyTold := func(context.Context, *db.Tx, booking.Told, booking.Booking) error { return nil }
	_, err = booking.New(b.DB, b.Keys, nobodyTold, slog.New(slog.DiscardHandler)).Book(b.t.Context(), b.Prescriber,
		booking.Request{Session: sessions[0].ID, Booklet: b.HandOver(b.Campaign, 2).ID})
	b.ok(err)
}

// verify returns the findings by id.
func (b bundle) verify() map[string]Finding {
	b.t.Helper()
	v, err := b.Verify(b.t.Context(), b.Operator)
	b.ok(err)
	found := map[string]Finding{}
	for _, f := range v.Findings {
		found[f.ID] = f
	}
	return found
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}
