package payments_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// life is what a random sequence knows of the world.
type life struct {
	*till
	orders    []orders.Order
	checkouts []payments.Checkout
	booklets  []issuing.Booklet
	open      map[vouchers.CheckoutID]string // disputes to be decided
	debits    map[vouchers.CheckoutID]bool   // on their way
}

// Whatever happens to online payments, in whatever order it is heard of, every invariant
// holds, the cover among them.
func TestOnlinePaymentsKeepTheBooksSound(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(*payments.Options){"strict": freezing, "lenient": lenient} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, policy, func(o *payments.Options) { o.OperatingTo = "ba_operating" })
			c.stripe.TakeAway(-1_000_000_00) // the operator keeps enough at Stripe
			l := &life{till: c, open: map[vouchers.CheckoutID]string{}, debits: map[vouchers.CheckoutID]bool{}}
			steps, checks := 0, 0
			rapid.Check(t, func(r *rapid.T) {
				for range rapid.IntRange(1, 8).Draw(r, "steps") {
					l.step(r)
					steps++
				}
				if checks++; checks%10 == 0 {
					l.sound()
				}
				if t.Failed() {
					r.FailNow()
				}
			})
			l.sound()
			t.Logf("%d steps, %d payments", steps, len(l.checkouts))
		})
	}
}

func (l *life) step(r *rapid.T) {
	ctx := l.t.Context()
	switch kind := rapid.IntRange(0, 13).Draw(r, "kind"); kind {
	case 0:
		if l.campaign.EndsOn < vouchers.DayOf(l.Clock.Now()) {
			l.campaign = l.defined()
		}
		l.orders = append(l.orders, l.ordered(rapid.IntRange(1, 30).Draw(r, "vouchers")))
	case 1, 2:
		l.pays(r)
	case 3:
		l.hears()
	case 4, 5:
		l.waits(time.Duration(rapid.IntRange(1, 80).Draw(r, "hours")) * time.Hour)
	case 6, 7:
		l.banks()
	case 8:
		n := rapid.IntRange(1, 10).Draw(r, "handed over")
		_, err := l.Issuing.Allocate(ctx, l.Funder, issuing.AllocateRequest{Campaign: l.campaign.ID, Prescriber: l.Prescriber.Organisation, Vouchers: n})
		l.mayRefuse(err)
		b, err := l.Issuing.HandOver(ctx, l.Prescriber, issuing.HandOverRequest{Campaign: l.campaign.ID, Count: n})
		if l.mayRefuse(err) {
			l.booklets = append(l.booklets, b)
		}
	case 9:
		if len(l.booklets) > 0 {
			_, err := l.Counter.Redeem(ctx, l.Structure.Actor, world.Request(rapid.SampledFrom(l.booklets).Draw(r, "booklet"), 1))
			l.mayRefuse(err)
		}
	case 10, 11, 12:
		l.goesBack(r)
	case 13:
		l.fails(r)
	}
}

func (l *life) mayRefuse(err error) bool {
	if err != nil && fault.Code(err) == "" {
		l.t.Error(err)
	}
	return err == nil
}

// pays begins a payment; a debit that is on its way ends first.
func (l *life) pays(r *rapid.T) {
	for id := range l.debits {
		delete(l.debits, id)
		page := l.page(payments.Checkout{ID: id})
		if rapid.Bool().Draw(r, "debited") {
			l.stripe.DebitSucceeds(page)
		} else {
			l.stripe.DebitFails(page)
		}
	}
	if len(l.orders) == 0 {
		return
	}
	order := rapid.SampledFrom(l.orders).Draw(r, "order")
	means := rapid.SampledFrom([]stripe.Means{stripe.Card, stripe.SEPADebit}).Draw(r, "means")
	k, err := l.room.Start(l.t.Context(), l.Funder, payments.StartRequest{Order: order.ID, Means: means})
	if !l.mayRefuse(err) || !l.stripe.Pay(l.page(k)) {
		return // a page that was paid a moment ago is given again: Stripe says so to the payer
	}
	l.checkouts = append(l.checkouts, k)
	if means == stripe.SEPADebit {
		l.debits[k.ID] = true
	}
}

// goesBack gives a payment back in one of the ways there are.
func (l *life) goesBack(r *rapid.T) {
	if len(l.checkouts) == 0 {
		return
	}
	k := rapid.SampledFrom(l.checkouts).Draw(r, "payment")
	page, known := l.page(k), l.checkout(k)
	charged := l.stripe.Left(page)
	switch way := rapid.IntRange(0, 3).Draw(r, "way"); {
	case way == 0:
		_, err := l.refunds(k, vouchers.Cents(rapid.IntRange(1, int(known.Face)+1).Draw(r, "amount")))
		l.mayRefuse(err)
	case l.open[k.ID] != "":
		l.stripe.CloseDispute(l.open[k.ID], rapid.Bool().Draw(r, "won"))
		delete(l.open, k.ID)
	case charged > 0 && way == 1:
		l.stripe.RefundByHand(page, vouchers.Cents(rapid.IntRange(1, int(charged)).Draw(r, "by hand")))
	case charged > 0:
		if d := l.stripe.Dispute(page); known.Means == stripe.Card {
			l.open[k.ID] = d
		}
	}
}

// fails lets the latest refund or payout come back.
func (l *life) fails(r *rapid.T) {
	if all := l.stripe.Refunds(); len(all) > 0 && rapid.Bool().Draw(r, "refund") {
		l.stripe.RefundFails(all[len(all)-1])
		return
	}
	for _, p := range l.desk().Payouts {
		if p.State == "sent" {
			for _, sent := range l.stripe.Sent() {
				if sent.Descriptor == p.Reference {
					l.stripe.PayoutFails(sent.ID)
					l.hears()
					l.mayRefuse(l.room.RetryPayout(l.t.Context(), l.Operator, p.ID))
					l.works()
					return
				}
			}
		}
	}
}
