package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// The operator's accounts as its Stripe names them.
const (
	SegregatedAtStripe = "ba_segregated"
	OperatingAtStripe  = "ba_operating"
)

// Days from a card payment until the bank shows what Stripe sends: face value first, then
// what is the operator's.
const (
	faceArrives = 8
	restArrives = 15
)

// payByCard fills in the page that Stripe makes for an order.
func (p *play) payByCard(ctx context.Context, one *purchase) error {
	var made payments.Checkout
	path := fmt.Sprintf("/orders/%d/checkouts", one.order.ID)
	if err := p.funders[one.funder].third.post(ctx, path, map[string]any{"means": stripe.Card}, &made); err != nil {
		return err
	}
	if !p.Stripe.Pay(p.Stripe.Open(fmt.Sprintf("checkout:%d", made.ID))) {
		return fmt.Errorf("the page of order %d is not open", one.order.ID)
	}
	p.paidOnline += made.Total()
	return p.hearStripe(ctx)
}

// hearStripe lets Stripe tell the service what has happened since it last did.
func (p *play) hearStripe(ctx context.Context) error {
	all := p.Stripe.Deliveries()
	for _, one := range all[p.told:] {
		request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Address+"/webhooks/stripe", bytes.NewReader(one.Body))
		if err != nil {
			return err
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Stripe-Signature", one.Signature)
		answer, err := p.client.http.Do(request)
		if err != nil {
			return err
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("the service answers %s to Stripe's %s", answer.Status, one.Type)
		}
	}
	p.told = len(all)
	return nil
}

// planArrival lets the bank show what was paid by card. Only then is it handed over.
func (p *play) planArrival(c *campaign, one *purchase) {
	p.on(p.workday(c.starts+one.after+faceArrives), 6, "orders", func(ctx context.Context) error {
		if err := p.stripeArrives(ctx); err != nil {
			return err
		}
		return p.allocate(ctx, c, one.online)
	})
	p.on(p.workday(c.starts+one.after+restArrives), 6, "orders", p.stripeArrives)
}

// stripeArrives books what Stripe has sent on the accounts that it was sent to.
func (p *play) stripeArrives(ctx context.Context) error {
	sent := p.Stripe.Sent()
	if len(sent) == p.banked {
		return nil
	}
	for _, one := range sent[p.banked:] {
		to := &p.bank.operating
		if one.Destination == SegregatedAtStripe {
			to = &p.bank.segregated
		}
		to.receive(vouchers.DayOf(p.now), sepa.Counterparty{Name: "STRIPE"}, one.Amount, one.Descriptor)
		p.Stripe.PayoutArrives(one.ID)
	}
	p.banked = len(sent)
	if err := p.importStatements(ctx); err != nil {
		return err
	}
	return p.hearStripe(ctx)
}
