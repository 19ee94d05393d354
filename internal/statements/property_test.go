package statements_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// teller plays payments, returns and decisions in any order. The world goes on from one
// check to the next, so that late ones start from a long history.
type teller struct {
	*bank
	campaign campaigns.Campaign
	orders   []orders.Order
	fees     []invoicing.Invoice
}

// Whatever is paid, returned, decided and undone: the books are what the rows say (INV-1, 2,
// 4, 9), and cover lacks at most what funders owe and what nobody has explained (INV-5).
func TestInvariantsHoldWhateverIsDecided(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givesBack()
	p := &teller{bank: b, campaign: b.campaign(5)}
	for range 3 {
		o, err := b.orders.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: p.campaign.ID, Vouchers: 10})
		b.ok(err)
		p.orders, p.fees = append(p.orders, o), append(p.fees, b.fees(o, 10_00))
	}
	checks := 0
	rapid.Check(t, func(r *rapid.T) {
		for range rapid.IntRange(1, 5).Draw(r, "steps") {
			rapid.SampledFrom([]func(*rapid.T){p.pay, p.pay, p.giveBack, p.handOver, p.decide, p.decide, p.decide}).Draw(r, "step")(r)
		}
		if checks++; checks%5 == 0 {
			p.sound(r)
		}
	})
}

func (p *teller) amount(r *rapid.T) vouchers.Cents {
	return rapid.SampledFrom([]vouchers.Cents{2_00, 12_00, 30_00, 100_00, 130_00}).Draw(r, "amount")
}

func (p *teller) imported(r *rapid.T, file []byte) {
	if _, err := p.room.Import(p.t.Context(), p.Operator, bytes.NewReader(file), nil); err != nil {
		r.Fatal(err)
	}
}

func (p *teller) pay(r *rapid.T) {
	order := rapid.SampledFrom(p.orders).Draw(r, "order").Reference
	fees := rapid.SampledFrom(p.fees).Draw(r, "fees").Reference
	text := rapid.SampledFrom([]string{order, order, fees, fees + order, "RF00", "?"}).Draw(r, "text")
	if e := p.from(payer, p.amount(r), text); rapid.Bool().Draw(r, "operating") {
		p.imported(r, p.operatingFile(e))
	} else {
		p.imported(r, p.file(e))
	}
}

func (p *teller) giveBack(r *rapid.T) {
	e := p.entry(false, sepa.Transaction{Amount: p.amount(r), Counterparty: sepa.Counterparty{IBAN: payer}})
	if rapid.IntRange(0, 3).Draw(r, "operating") == 0 {
		p.imported(r, p.operatingFile(e))
	} else {
		p.imported(r, p.file(e))
	}
}

func (p *teller) handOver(r *rapid.T) {
	_, err := p.Issuing.Allocate(p.t.Context(), p.Funder, issuing.AllocateRequest{Campaign: p.campaign.ID,
		Prescriber: p.Prescriber.Organisation, Vouchers: 5})
	p.only(r, err, "allocation_not_funded")
	_, err = p.Issuing.HandOver(p.t.Context(), p.Prescriber, issuing.HandOverRequest{Campaign: p.campaign.ID, Count: 3})
	p.only(r, err, "allocation_used_up")
}

// decide takes any line, not only one that waits, and decides it in any way that is offered.
func (p *teller) decide(r *rapid.T) {
	var lines []int64
	p.InTx(func(tx *db.Tx) error {
		return tx.Select(p.t.Context(), &lines, `SELECT id FROM statement_lines ORDER BY id DESC LIMIT 30`)
	})
	c, err := p.room.Case(p.t.Context(), p.Operator, rapid.SampledFrom(lines).Draw(r, "line"))
	p.only(r, err)
	if len(c.Decisions) == 0 {
		return
	}
	answers := p.answers(c.ID)
	req := statements.DecisionRequest{Line: c.ID, Decision: rapid.SampledFrom(c.Decisions).Draw(r, "decision"), Note: "vu",
		Order: rapid.SampledFrom(p.orders).Draw(r, "of order").ID, Invoice: rapid.SampledFrom(p.fees).Draw(r, "of fees").ID}
	if len(answers) > 0 {
		req.Other = answers[0].ID
	}
	_, err = p.room.Decide(p.t.Context(), p.Operator, req)
	p.only(r, err, "payment_already_used", "same_order", "more_than_received", "top_up_above_debt", "payment_above_debt", "lines_do_not_match")
}

func (p *teller) sound(r *rapid.T) {
	p.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(p.t.Context(), tx, settlement.FileOf)
		if err != nil {
			return err
		}
		for _, f := range found {
			if !f.OK && f.ID != "INV-5" {
				r.Errorf("%s: %v", f.ID, f.Evidence)
			}
		}
		var debts vouchers.Cents
		owing, err := orders.Indebted(p.t.Context(), tx)
		for _, o := range owing {
			debts += o.Debt
		}
		if err != nil {
			return err
		}
		c, err := reporting.CoverNow(p.t.Context(), tx)
		if c.Held-c.Suspense+debts < c.Owed.Total() {
			r.Errorf("%s held, %s unexplained, %s owed by funders, for %s", c.Held, c.Suspense, debts, c.Owed.Total())
		}
		return err
	})
}

// only lets no error pass but the faults that the step may meet.
func (p *teller) only(r *rapid.T, err error, codes ...string) {
	for _, code := range codes {
		if fault.Code(err) == code {
			return
		}
	}
	if err != nil {
		r.Fatal(err)
	}
}
