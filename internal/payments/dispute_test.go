package payments_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// A dispute before the money counts: it never will, unless it is won.
func TestADisputeBeforeTheMoneyCounts(t *testing.T) {
	t.Parallel()
	for name, won := range map[string]bool{"won": true, "lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			o := c.ordered(100)
			k := c.starts(o, stripe.Card)
			c.stripe.Pay(c.page(k))
			c.hears()
			dispute := c.stripe.Dispute(c.page(k))
			c.hears()
			c.same("alerts", len(*c.alerts), 1)
			c.is(ledger.Paying(c.Funder.Organisation), 0)
			c.is(ledger.Debt(c.Funder.Organisation), 0)
			c.is(ledger.FeesDue(c.Funder.Organisation), fees)
			c.waits(73 * time.Hour)
			c.same("payouts", len(c.desk().Payouts), 0)
			c.sound()
			c.stripe.CloseDispute(dispute, won)
			c.hears()
			c.waits(10 * time.Minute)
			c.banks()
			c.sound()
			if !won {
				c.same("received", c.order(o).Received, vouchers.Cents(0))
				c.same("dispute", c.desk().Disputes[0].State, "lost")
				return
			}
			c.same("received", c.order(o).Received, face)
			c.is(ledger.Debt(c.Funder.Organisation), 0)
			c.is(ledger.StripeCosts, kept)
		})
	}
}

// A dispute after vouchers went live: what is unspent is set aside, the rest is a debt.
func TestADisputeAfterVouchersWentLive(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(*payments.Options){
		"strict": func(*payments.Options) {}, "lenient": lenient, "freezing": freezing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, policy)
			o, k := c.received(100, stripe.Card)
			early, late := c.handsOver(10), c.handsOver(30)
			c.Redeem(c.Structure, late, 2)
			dispute := c.stripe.Dispute(c.page(k))
			c.hears()
			c.is(ledger.Funds(c.campaign.ID), 0)
			c.is(ledger.Claims, 600_00)
			c.same("held claims", c.claimsHeld(), vouchers.Cents(600_00))
			c.is(ledger.Debt(c.Funder.Organisation), face)
			c.is(ledger.FeesDue(c.Funder.Organisation), fees)
			c.same("debt of the order", c.order(o).Debt, vouchers.Cents(400_00))
			c.cannotAllocate()
			c.same("alerts", len(*c.alerts), 1)
			c.sound()
			if name == "freezing" {
				c.same("frozen", c.desk().Disputes[0].Frozen, 38)
				c.refusesToSpend(early, "voucher_frozen")
				c.refusesToUnfreeze(early)
			} else {
				c.Redeem(c.Structure, early, 1)
			}
			_, err := c.refunds(k, 100_00)
			c.refused(err, "payment_disputed")

			c.stripe.CloseDispute(dispute, true)
			c.hears()
			c.hears()
			c.is(ledger.Funds(c.campaign.ID), 600_00)
			c.is(ledger.Claims, 0)
			c.is(ledger.Debt(c.Funder.Organisation), 0)
			c.same("debt of the order", c.order(o).Debt, vouchers.Cents(0))
			c.Redeem(c.Structure, early, 1)
			c.sound()
		})
	}
}

// All that was handed over is spent: there is nothing to stop, and the dispute is booked.
func TestADisputeOfWhatIsAllSpentStopsNothing(t *testing.T) {
	t.Parallel()
	c := setup(t, freezing)
	o, k := c.received(10, stripe.Card)
	c.Redeem(c.Structure, c.handsOver(10), 10)
	c.stripe.Dispute(c.page(k))
	c.hears()
	c.same("frozen", c.desk().Disputes[0].Frozen, 0)
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(100_00))
	c.sound()
}

// Until a dispute is decided nobody knows whether what it took will come back: it is not paid
// again, and what a funder pays all the same stays its own.
func TestWhatADisputeTookIsNotDueBeforeItIsDecided(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(10, stripe.Card)
	c.handsOver(4)
	dispute := c.stripe.Dispute(c.page(k))
	c.hears()
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(40_00))
	c.same("lacks", c.order(o).Lacks(), vouchers.Cents(0))
	c.refused(c.DB.InTx(t.Context(), func(tx *db.Tx) error { return orders.PayDebt(t.Context(), tx, o.ID, 1, 40_00) }), "payment_above_debt")
	c.paysByTransfer(o, 100_00)
	c.is(ledger.Claims, 60_00)
	c.is(ledger.Credit(c.Funder.Organisation), 100_00)
	c.stripe.CloseDispute(dispute, true)
	c.hears()
	c.is(ledger.Debt(c.Funder.Organisation), 0)
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(0))
	c.is(ledger.Funds(c.campaign.ID), 60_00)
	c.same("received", c.order(o).Received, o.Face)
	c.sound()
}

func (c *till) refusesToSpend(b issuing.Booklet, code string) {
	c.t.Helper()
	_, err := c.Counter.Redeem(c.t.Context(), c.Structure.Actor, world.Request(b, 1))
	c.refused(err, code)
}

// A prescriber cannot let run again what a debt has stopped.
func (c *till) refusesToUnfreeze(b issuing.Booklet) {
	c.t.Helper()
	_, err := c.Issuing.Freeze(c.t.Context(), c.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: false})
	c.ok(err)
	c.refusesToSpend(b, "voucher_frozen")
}

func TestALostDisputeStaysADebtUntilItIsRepaid(t *testing.T) {
	t.Parallel()
	c := setup(t, freezing)
	o, k := c.received(100, stripe.SEPADebit)
	b := c.handsOver(40)
	c.stripe.Dispute(c.page(k)) // a debit that bounces: lost from the start
	c.hears()
	c.same("dispute", c.desk().Disputes[0].State, "lost")
	c.same("frozen", c.desk().Disputes[0].Frozen, 40)
	c.is(ledger.Claims, 600_00)
	c.sound()

	again := c.starts(o, stripe.Card) // the funder pays once more
	c.same("to pay", again.Total(), face+fees)
	c.stripe.Pay(c.page(again))
	c.hears()
	c.stripe.TakeAway(-3_000_00) // the operator tops up its balance at Stripe
	c.waits(73 * time.Hour)
	c.banks()
	c.waits(10 * time.Minute)
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(0))
	c.same("received", c.order(o).Received, face)
	c.is(ledger.Claims, 1_000_00)
	c.is(ledger.Funds(c.campaign.ID), 600_00)
	c.same("frozen", c.desk().Disputes[0].Frozen, 0)
	c.Redeem(c.Structure, b, 1)
	c.sound()
}

// Fees that went back with a payment are due again: their invoice says so, and is paid as
// any other.
func TestFeesThatADisputeTookAreDueAgain(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(10, stripe.Card)
	c.same("fees due", c.feesDue(o), vouchers.Cents(0))
	dispute := c.stripe.Dispute(c.page(k))
	c.stripe.CloseDispute(dispute, false)
	c.hears()
	c.same("fees due", c.feesDue(o), fees)
	c.is(ledger.FeesDue(c.Funder.Organisation), fees)
	c.sound()
	again := c.starts(o, stripe.Card)
	c.same("fees to pay", again.Fees, fees)
	c.stripe.Pay(c.page(again))
	c.hears()
	c.same("fees due", c.feesDue(o), vouchers.Cents(0))
	c.is(ledger.FeesDue(c.Funder.Organisation), 0)
	c.sound()
}

// feesDue is what the invoices of an order's fees still ask for.
func (c *till) feesDue(o orders.Order) (due vouchers.Cents) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		all, err := invoicing.OfOrder(c.t.Context(), tx, o.ID)
		for _, i := range all {
			if i.Kind == invoicing.Fees {
				due += i.Due()
			}
		}
		return err
	})
	return due
}

// A bank that had asked a payment back gives it up after all: all is as before the dispute,
// whether we heard of the loss or not.
func TestALostDisputeThatIsReinstatedIsUndone(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"heard of when it was lost": true, "heard of at the end": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t, freezing)
			o, k := c.received(100, stripe.Card)
			b := c.handsOver(40)
			books := c.balances()
			dispute := c.stripe.Dispute(c.page(k))
			c.stripe.CloseDispute(dispute, false)
			if early {
				c.hears()
				c.same("dispute", c.desk().Disputes[0].State, "lost")
				c.same("frozen", c.desk().Disputes[0].Frozen, 40)
			}
			c.stripe.CloseDispute(dispute, true)
			c.hears()
			c.hears()
			c.same("dispute", c.desk().Disputes[0].State, "won")
			c.same("debt of the order", c.order(o).Debt, vouchers.Cents(0))
			c.same("received", c.order(o).Received, o.Face)
			c.same("fees due", c.feesDue(o), vouchers.Cents(0))
			c.is(ledger.Funds(c.campaign.ID), 600_00)
			c.is(ledger.Claims, 0)
			c.sameBut(books, ledger.StripeClearing, ledger.StripeCosts)
			c.Redeem(c.Structure, b, 1)
			c.sound()
		})
	}
}

// It was lost before the money counted, and the rest of the payment went to the bank without
// it: what comes back is owed by the operator.
func TestALostDisputeIsReinstatedAfterTheRestWentToTheBank(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o := c.ordered(100)
	k := c.starts(o, stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.stripe.RefundByHand(c.page(k), 300_00)
	c.hears()
	c.waits(73 * time.Hour)
	c.banks()
	c.same("received", c.order(o).Received, face-300_00)
	c.stripe.RefundFails(c.stripe.Refunds()[0])
	c.hears()
	c.same("dispute", c.desk().Disputes[0].State, "bounced")
	c.is(ledger.Paying(c.Funder.Organisation), 0)
	c.is(ledger.FeesDue(c.Funder.Organisation), -300_00)
	c.sound()
}

// The money is between Stripe and the bank when the dispute comes.
func TestADisputeWhileTheMoneyIsOnItsWayToTheBank(t *testing.T) {
	t.Parallel()
	for name, won := range map[string]bool{"won before it arrives": true, "lost": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			o := c.ordered(100)
			k := c.starts(o, stripe.Card)
			c.stripe.Pay(c.page(k))
			c.hears()
			c.waits(73 * time.Hour)
			dispute := c.stripe.Dispute(c.page(k))
			c.hears()
			c.is(ledger.Paying(c.Funder.Organisation), face)
			c.is(ledger.Debt(c.Funder.Organisation), face)
			c.is(ledger.FeesDue(c.Funder.Organisation), fees)
			if won {
				c.stripe.CloseDispute(dispute, true)
				c.hears()
			}
			c.banks()
			c.sound()
			if won {
				c.is(ledger.Funds(c.campaign.ID), face)
				return
			}
			c.same("received", c.order(o).Received, vouchers.Cents(0))
			c.is(ledger.Claims, face)
			c.cannotAllocate()
			c.stripe.CloseDispute(dispute, false)
			c.hears()
			c.sound()
		})
	}
}
