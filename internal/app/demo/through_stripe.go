package demo

import (
	"context"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/connect"
)

// Where the Stripe of the play takes transfers that add to the operator's balance.
const (
	StripeIBAN      = "DE89370400440532013000"
	StripeReference = "DEMO-2026"
)

// choosesStripe is the day on which the last structure wants to be paid through Stripe.
const choosesStripe = 40

// planStripe lets one structure choose Stripe, answer its questions, and be approved.
func (p *play) planStripe() {
	p.on(choosesStripe, 10, "settlements", func(ctx context.Context) error {
		s := p.structures[len(p.structures)-1]
		if err := s.admin.post(ctx, "/connect", connect.Chosen{}, &p.connected); err != nil {
			return err
		}
		p.Stripe.Onboarded(p.connected.Stripe)
		return p.hearStripe(ctx)
	})
	p.on(p.workday(choosesStripe+1), 10, "settlements", func(ctx context.Context) error {
		return p.operator.third.post(ctx, fmt.Sprintf("/connect/%d/approval", p.connected.ID), struct{}{}, nil)
	})
}

// reachesStripe lets Stripe have what the bank has sent there, and send out what it paid since.
func (p *play) reachesStripe(ctx context.Context, done []transfer) error {
	for _, t := range done {
		if strings.ReplaceAll(t.IBAN, " ", "") == StripeIBAN {
			p.Stripe.TopUp(t.cents)
		}
	}
	return p.hearStripe(ctx)
}

// stripeReachesBanks lets the payouts of the account at Stripe reach its owner's bank.
func (p *play) stripeReachesBanks(ctx context.Context) error {
	sent := p.Stripe.SentBy(p.connected.Stripe)
	for _, one := range sent[p.reached:] {
		p.Stripe.PayoutArrives(one.ID)
	}
	p.reached = len(sent)
	return p.hearStripe(ctx)
}
