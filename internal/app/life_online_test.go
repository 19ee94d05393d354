package app

import (
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// onlinePage is a page of Stripe's, and how far its payment is.
type onlinePage struct {
	payments.Checkout
	id      string // Stripe's
	state   string // open, ordered, charged, over
	dispute string // that is to be decided
	missing vouchers.Cents
}

// in are the pages in a state.
func (l *life) in(state string) []*onlinePage {
	var all []*onlinePage
	for _, p := range l.pages {
		if p.state == state {
			all = append(all, p)
		}
	}
	return all
}

func (l *life) opensPage() {
	o, there := pick(l.rand, l.current(l.unpaid()))
	if !there {
		return
	}
	means := oneOf(l.rand, stripe.Card, stripe.Card, stripe.SEPADebit, stripe.BankTransfer)
	k, err := l.payments.Start(l.ctx(), l.funder(o.Funder), payments.StartRequest{Order: o.ID, Means: means})
	if !l.act("a page is opened for "+string(means), err) {
		return
	}
	for _, p := range l.pages {
		if p.Checkout.ID == k.ID {
			return // it was open already
		}
	}
	p := &onlinePage{Checkout: k, id: l.stripe.Open(fmt.Sprintf("checkout:%d", k.ID)), state: "open", missing: k.Total()}
	l.pages = kept(l.pages, p)
	if !l.one(3) {
		l.fillsIn(p)
	}
}

// paysOnline lets a payer fill a page in, or the money of an earlier one come or fail.
func (l *life) paysOnline() {
	p, there := pick(l.rand, append(l.in("open"), l.in("ordered")...))
	switch {
	case !there:
	case p.state == "open":
		l.fillsIn(p)
	case p.Means == stripe.SEPADebit && l.one(3):
		l.stripe.DebitFails(p.id)
		p.state = "over"
		l.act("a debit fails", nil)
	case p.Means == stripe.SEPADebit:
		l.stripe.DebitSucceeds(p.id)
		p.state = "charged"
		l.act("a debit succeeds", nil)
	default:
		l.transfers(p)
	}
}

func (l *life) fillsIn(p *onlinePage) {
	switch {
	case !l.stripe.Pay(p.id):
		p.state = "over" // too late, or another page has taken its place
	case p.Means == stripe.Card:
		p.state = "charged"
		l.act("a card is charged", nil)
	default:
		p.state = "ordered"
		if p.Means == stripe.SEPADebit {
			l.act("a debit is ordered", nil)
		}
	}
}

func (l *life) transfers(p *onlinePage) {
	amount := p.missing
	if l.one(2) {
		amount = l.cents(1, p.missing)
	}
	l.stripe.Transfer(p.id, amount)
	if p.missing -= amount; p.missing > 0 {
		l.act("a transfer through Stripe comes in part", nil)
		return
	}
	p.state = "charged"
	l.act("a transfer through Stripe arrives", nil)
}

// charged is a page of which Stripe still has something that may go back. Nothing goes back
// in the beginning, so that fees add up at Stripe and are sent.
func (l *life) charged(means ...stripe.Means) (*onlinePage, vouchers.Cents) {
	p, there := pick(l.rand, l.in("charged"))
	if !there || l.steps < 400 {
		return nil, 0
	}
	for _, m := range means {
		if p.Means == m {
			return p, l.stripe.Left(p.id)
		}
	}
	return nil, 0
}

func (l *life) disputes() {
	p, left := l.charged(stripe.Card, stripe.SEPADebit)
	if left == 0 {
		return
	}
	dispute := l.stripe.Dispute(p.id)
	if p.Means == stripe.SEPADebit {
		p.state = "over"
		l.act("a debit bounces", nil)
		return
	}
	p.state, p.dispute = "disputed", dispute
	l.act("a payment is disputed", nil)
}

func (l *life) decidesDispute() {
	p, there := pick(l.rand, l.in("disputed"))
	if !there {
		return
	}
	won, kind, state := l.one(2), "a dispute is lost", "lost"
	if won {
		kind, state = "a dispute is won", "over"
	}
	l.stripe.CloseDispute(p.dispute, won)
	p.state = state
	l.act(kind, nil)
}

// reinstates lets a bank give up a dispute that it had won.
func (l *life) reinstates() {
	p, there := pick(l.rand, l.in("lost"))
	if !there {
		return
	}
	l.stripe.CloseDispute(p.dispute, true)
	p.state = "over"
	l.act("a lost dispute is given up", nil)
}

func (l *life) refundsCard() {
	p, left := l.charged(stripe.Card, stripe.SEPADebit, stripe.BankTransfer)
	if left == 0 || p.Face == 0 {
		return
	}
	_, err := l.payments.Refund(l.ctx(), l.operator(), payments.RefundRequest{Checkout: p.Checkout.ID, Amount: l.cents(1, p.Face)})
	l.act("a card is refunded", err)
}

func (l *life) refundByHand() {
	p, left := l.charged(stripe.Card, stripe.SEPADebit, stripe.BankTransfer)
	if left == 0 {
		return
	}
	l.stripe.RefundByHand(p.id, l.cents(1, left))
	if l.one(2) {
		p.state = "over" // nothing more happens to it
	}
	l.act("a payment is given back by hand", nil)
}

// refundSettles lets the latest refund of Stripe's that has not ended end.
func (l *life) refundSettles() {
	var open []string
	for _, id := range l.stripe.Refunds() {
		if !l.settled[id] {
			open = append(open, id)
		}
	}
	id, there := pick(l.rand, open)
	if !there {
		return
	}
	l.settled[id] = true
	if l.one(3) {
		l.stripe.RefundFails(id)
		l.act("a refund through Stripe fails", nil)
		return
	}
	l.stripe.RefundArrives(id)
	l.act("a refund through Stripe arrives", nil)
}

// hears some of what Stripe tells, in any order, some of it twice; the rest is lost.
func (l *life) hears() {
	var fresh []stripefake.Delivery
	all := l.stripe.Deliveries()
	for _, d := range all[max(len(all)-40, 0):] {
		if !l.delivered[d.ID] {
			fresh = append(fresh, d)
		}
	}
	l.rand.Shuffle(len(fresh), func(i, j int) { fresh[i], fresh[j] = fresh[j], fresh[i] })
	for _, d := range fresh[:min(len(fresh), 1+l.rand.IntN(8))] {
		for range 1 + l.rand.IntN(2) {
			l.act("Stripe is heard", l.payments.Hear(l.ctx(), d.Body, d.Signature))
		}
		l.delivered[d.ID] = true
	}
	if len(fresh) > 0 {
		l.ok(l.runner.Drain(l.ctx()))
		l.notesDisputes()
	}
}

// sent are Stripe's payouts that the bank has not shown, with ours by their references.
func (l *life) sent() ([]stripefake.Sent, map[string]payments.Payout) {
	desk, err := l.payments.Desk(l.ctx(), l.Operator)
	l.ok(err)
	known := map[string]payments.Payout{}
	for _, p := range desk.Payouts {
		known[p.Reference] = p
	}
	var all []stripefake.Sent
	for _, s := range l.stripe.Sent() {
		if _, ours := known[s.Descriptor]; ours && !l.arrived[s.ID] {
			all = append(all, s)
		}
	}
	return all, known
}

// stripePays lets payouts of Stripe's arrive at the bank. Stripe may say so before or after.
func (l *life) stripePays() {
	all, known := l.sent()
	l.rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, s := range all[:min(len(all), 3)] {
		l.paysOut(s, known[s.Descriptor])
	}
}

func (l *life) paysOut(s stripefake.Sent, p payments.Payout) {
	at, kind := l.segregated, "Stripe sends face value"
	if p.Checkout == nil {
		at, kind = l.operating, "Stripe sends fees"
	}
	if l.one(2) {
		l.stripe.PayoutArrives(s.ID)
	}
	l.arrived[s.ID] = true
	line := l.brings(at, l.entry(true, sepa.Transaction{Amount: s.Amount, Remittance: "STRIPE " + s.Descriptor, Counterparty: sepa.Counterparty{Name: "Stripe"}}))
	if !strings.Contains("card_banked stripe_payout", string(line.Outcome)) {
		l.t.Errorf("%s: the line is %s", kind, line.Outcome)
	}
	l.act(kind, nil)
}

func (l *life) stripeFails() {
	all, _ := l.sent()
	if s, there := pick(l.rand, all); there {
		l.stripe.PayoutFails(s.ID)
		l.act("a payout of Stripe fails", nil)
	}
}

func (l *life) retries() {
	desk, err := l.payments.Desk(l.ctx(), l.Operator)
	l.ok(err)
	for _, p := range desk.Payouts {
		if p.State == "waiting" {
			l.act("a payout of Stripe is asked for again", l.payments.RetryPayout(l.ctx(), l.operator(), p.ID))
			return
		}
	}
}
