package payments_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// 100 vouchers of 10 euros, 48 euros of fees with their VAT; Stripe keeps 15.97 of it.
const (
	face   = vouchers.Cents(1_000_00)
	fees   = vouchers.Cents(48_00)
	kept   = vouchers.Cents(15_97)
	kept35 = vouchers.Cents(35) // of a debit or a transfer
)

func TestACardCountsWhenTheBankShowsIt(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.Card)
	c.same("to pay", k.Total(), face+fees)
	c.same("state", k.State, payments.Open)
	c.stripe.Pay(c.page(k))
	c.is(ledger.StripeClearing, 0) // nobody has told us yet

	c.hears()
	c.same("state", c.checkout(k).State, payments.Paid)
	c.is(ledger.StripeClearing, face+fees-kept)
	c.is(ledger.StripeCosts, kept)
	c.is(ledger.Paying(c.Funder.Organisation), face)
	c.is(ledger.FeesDue(c.Funder.Organisation), 0)
	c.same("received", c.order(o).Received, vouchers.Cents(0))
	c.cannotAllocate()
	c.sound()

	c.waits(73 * time.Hour) // available: on its way to the bank
	c.same("sent", c.desk().Payouts[0].State, "sent")
	c.same("amount", c.desk().Payouts[0].Amount, face)
	c.cannotAllocate()
	c.hears()
	c.sound()

	c.banks()
	c.same("received", c.order(o).Received, face)
	c.is(ledger.Funds(c.campaign.ID), face)
	c.is(ledger.Paying(c.Funder.Organisation), 0)
	c.is(ledger.StripeClearing, fees-kept)
	c.same("received", c.checkout(k).Received, true)
	c.handsOver(100)
	c.sound()
}

func (c *till) cannotAllocate() {
	c.t.Helper()
	_, err := c.Issuing.Allocate(c.t.Context(), c.Funder, issuing.AllocateRequest{Campaign: c.campaign.ID, Prescriber: c.Prescriber.Organisation, Vouchers: 1})
	c.refused(err, "allocation_not_funded")
}

func TestACardMayCountAsSoonAsStripeHasIt(t *testing.T) {
	t.Parallel()
	c := setup(t, lenient)
	o := c.ordered(100)
	k := c.starts(o, stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.cannotAllocate() // charged is not available
	c.waits(73 * time.Hour)
	c.same("received", c.order(o).Received, face)
	c.is(ledger.StripeSegregated, face)
	c.is(ledger.StripeClearing, fees-kept)
	c.handsOver(40)
	c.sound()
	c.banks()
	c.is(ledger.StripeSegregated, 0)
	c.same("received once", c.order(o).Received, face)
	c.sound()
}

func TestADebitIsOnItsWayForDays(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.SEPADebit)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.same("state", c.checkout(k).State, payments.Pending)
	c.is(ledger.StripeClearing, 0)
	_, err := c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	c.refused(err, "payment_in_progress")
	c.stripe.DebitSucceeds(c.page(k))
	c.hears()
	c.waits(73 * time.Hour)
	c.banks()
	c.same("received", c.order(o).Received, face)
	c.is(ledger.StripeClearing, fees-kept35)
	_, err = c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	c.refused(err, "nothing_to_pay")
	c.sound()
}

func TestADebitThatFailsLeavesTheOrderToBePaid(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.SEPADebit)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.stripe.DebitFails(c.page(k))
	c.hears()
	c.same("state", c.checkout(k).State, payments.Failed)
	c.same("state", c.starts(o, stripe.Card).State, payments.Open)
	c.is(ledger.StripeClearing, 0)
	c.sound()
}

func TestATransferMayComeInParts(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.BankTransfer)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.same("missing", c.checkout(k).Missing, face+fees)
	c.stripe.Transfer(c.page(k), 600_00)
	c.hears()
	c.same("missing", c.checkout(k).Missing, face+fees-600_00)
	c.same("state", c.checkout(k).State, payments.Pending)
	c.is(ledger.StripeClearing, 0)
	c.stripe.Transfer(c.page(k), face+fees-600_00)
	c.hears()
	c.waits(73 * time.Hour)
	c.banks()
	c.same("received", c.order(o).Received, face)
	c.sound()
	other := c.ordered(1)
	c.same("a second transfer has its page too", c.starts(other, stripe.BankTransfer).State, payments.Open)
}

func TestAWebhookThatNeverCameIsNotMissed(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.Card)
	c.stripe.Pay(c.page(k))
	c.waits(10 * time.Minute)
	c.same("state", c.checkout(k).State, payments.Paid)
	c.waits(73 * time.Hour)
	c.banks()
	c.same("received", c.order(o).Received, face)
	c.stripe.CloseDispute(c.stripe.Dispute(c.page(k)), false)
	c.waits(10 * time.Minute)
	c.same("dispute", c.desk().Disputes[0].State, "lost")
	c.sound()
}

func TestWhatComesTwiceOrLateChangesNothing(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.Card)
	c.waits(10 * time.Minute)
	for range 3 {
		for _, d := range c.stripe.Deliveries() {
			c.ok(c.room.Hear(t.Context(), d.Body, d.Signature))
		}
		c.works()
		c.Clock.Add(24 * time.Hour)
	}
	c.same("state", c.checkout(k).State, payments.Paid)
	c.is(ledger.StripeClearing, fees-kept)
	c.sound()
}

func TestOnlyStripeIsHeard(t *testing.T) {
	t.Parallel()
	c := setup(t)
	body := []byte(`{"id":"evt_1","type":"payout.paid","data":{"object":{"id":"po_1","object":"payout"}}}`)
	c.refused(c.room.Hear(t.Context(), body, stripefake.Sign("whsec_other", c.Clock.Now(), body)), "webhook_signature")
	c.refused(c.room.Hear(t.Context(), body, stripefake.Sign("whsec_1", c.Clock.Now().Add(-time.Hour), body)), "webhook_signature")
	c.ok(c.room.Hear(t.Context(), body, stripefake.Sign("whsec_1", c.Clock.Now(), body)))
}

// The answer to our request was lost: the page exists and nobody knows its address.
func TestAPageWhoseAnswerWasLostIsFoundAgain(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	c.stripe.Mute(true)
	_, err := c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	c.refused(err, "payment_page_unknown")
	c.stripe.Mute(false)
	c.stripe.Down(true)
	_, err = c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	c.refused(err, "payment_page_unknown")
	c.stripe.Down(false)
	k := c.starts(o, stripe.Card)
	c.same("checkouts", len(c.desk().Checkouts), 1)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.same("state", c.checkout(k).State, payments.Paid)
	c.is(ledger.Paying(c.Funder.Organisation), face)
	c.sound()
}

func TestAPayoutWhoseAnswerWasLostIsSentOnce(t *testing.T) {
	t.Parallel()
	c := setup(t)
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.Clock.Add(73 * time.Hour)
	c.ok(c.room.Reconcile(t.Context())) // orders the payout
	c.stripe.Mute(true)
	c.works()
	c.same("state", c.desk().Payouts[0].State, "asked")
	c.stripe.Mute(false)
	c.waits(30 * time.Hour) // Stripe has forgotten our key; its event has not
	c.same("sent", len(c.stripe.Sent()), 1)
	c.same("state", c.desk().Payouts[0].State, "sent")
	c.banks()
	c.sound()
}

func TestAPayoutWaitsForMoneyAtStripeInSight(t *testing.T) {
	t.Parallel()
	c := setup(t)
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	gone := c.stripe.TakeAway(500_00)
	c.waits(73 * time.Hour)
	p := c.desk().Payouts[0]
	c.same("state", p.State, "waiting")
	c.same("problem", p.Problem, stripe.BalanceInsufficient)
	c.cannotAllocate()
	gone()
	c.waits(10 * time.Minute)
	c.banks()
	c.same("state", c.desk().Payouts[0].State, "banked")
	c.sound()
}

func TestAPayoutThatFailsIsSentAgainWhenSomebodySaysSo(t *testing.T) {
	t.Parallel()
	c := setup(t)
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.waits(73 * time.Hour)
	c.stripe.PayoutFails(c.stripe.Sent()[0].ID)
	c.hears()
	c.waits(10 * time.Minute)
	p := c.desk().Payouts[0]
	c.same("state", p.State, "waiting")
	c.same("problem", p.Problem, "account_closed")
	c.refused(c.room.RetryPayout(t.Context(), c.Funder, p.ID), "forbidden")
	c.ok(c.room.RetryPayout(t.Context(), c.Operator, p.ID))
	c.works()
	c.refused(c.room.RetryPayout(t.Context(), c.Operator, p.ID), "payout_not_waiting")
	c.banks()
	c.same("state", c.desk().Payouts[0].State, "banked")
	c.sound()
}

func TestWhatIsTheOperatorsGoesToTheOperatingAccount(t *testing.T) {
	t.Parallel()
	c := setup(t, func(o *payments.Options) { o.OperatingTo = "ba_operating" })
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.waits(10 * time.Minute)
	c.same("payouts before anything is available", len(c.desk().Payouts), 0)
	c.waits(73 * time.Hour)
	c.waits(10 * time.Minute)
	c.banks()
	c.is(ledger.Operating, fees-kept)
	c.is(ledger.StripeClearing, 0)
	c.waits(25 * time.Hour)
	c.same("payouts", len(c.desk().Payouts), 2)
	c.sound()
}

func TestAnOpenPageIsGivenAgainAndAnotherMeansClosesIt(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	first := c.starts(o, stripe.Card)
	c.same("the same again", c.starts(o, stripe.Card).ID, first.ID)
	second := c.starts(o, stripe.SEPADebit)
	c.same("first", c.checkout(first).State, payments.Expired)
	c.same("second", c.checkout(second).State, payments.Open)
	c.stripe.Pay(c.page(second)) // at the last moment, while somebody asks for a card
	_, err := c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	c.refused(err, "payment_in_progress")
	c.Clock.Add(2 * time.Hour)
	third := c.starts(c.ordered(1), stripe.Card)
	c.waits(2 * time.Hour)
	c.same("third", c.checkout(third).State, payments.Expired)
	c.sound()
}

func TestWithoutAKeyNothingIsPaidOnline(t *testing.T) {
	t.Parallel()
	c := setup(t, func(o *payments.Options) { o.Stripe = nil })
	_, err := c.room.Start(t.Context(), c.Funder, payments.StartRequest{Order: c.ordered(1).ID, Means: stripe.Card})
	c.refused(err, "payments_off")
	c.refused(c.room.Hear(t.Context(), []byte("{}"), ""), "payments_off")
	c.ok(c.room.Reconcile(t.Context()))
}
