package payments_test

import (
	"context"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

func (c *till) refunds(k payments.Checkout, amount vouchers.Cents) (payments.Refund, error) {
	return c.room.Refund(c.t.Context(), c.Operator, payments.RefundRequest{Checkout: k.ID, Amount: amount})
}

func TestARefundTakesOnlyWhatIsUnspent(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(100, stripe.Card)
	c.handsOver(40)
	_, err := c.room.Refund(t.Context(), c.Funder, payments.RefundRequest{Checkout: k.ID, Amount: 1})
	c.refused(err, "forbidden")
	_, err = c.refunds(k, 600_01)
	c.refused(err, "refund_above_unspent")
	_, err = c.refunds(k, 1_000_01)
	c.refused(err, "refund_out_of_range")
	c.is(ledger.Funds(c.campaign.ID), 600_00)

	_, err = c.refunds(k, 250_00)
	c.ok(err)
	c.is(ledger.Funds(c.campaign.ID), 350_00)
	c.same("held claims", c.claimsHeld(), vouchers.Cents(250_00))
	c.works()
	c.same("state", c.desk().Refunds[0].State, "done")
	c.same("held claims", c.claimsHeld(), vouchers.Cents(0))
	c.is(ledger.Claims, 250_00)
	c.is(ledger.Advances, 250_00)
	c.same("received", c.order(o).Received, face-250_00)
	c.sound()
}

func (c *till) claimsHeld() (held vouchers.Cents) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		all, err := payments.ClaimsHeld(c.t.Context(), tx)
		held = all[c.campaign.ID]
		return err
	})
	return held
}

func TestARefundIsRehearsedWithoutStripe(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.Card)
	before := c.stripe.Requests()
	would, err := ledger.Rehearse(t.Context(), func(ctx context.Context) error {
		_, err := c.room.Refund(ctx, c.Operator, payments.RefundRequest{Checkout: k.ID, Amount: 100_00})
		return err
	})
	c.ok(err)
	c.works()
	c.same("transfers", len(would), 2)
	c.same("refunds", len(c.desk().Refunds), 0)
	c.same("requests", c.stripe.Requests(), before)
}

func TestARefundThatDoesNotGoThroughIsUndone(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.SEPADebit)
	_, err := c.refunds(k, 100_00)
	c.ok(err)
	c.stripe.Mute(true) // its answer is lost, its event is not
	c.works()
	c.same("state", c.desk().Refunds[0].State, "asked")
	c.stripe.Mute(false)
	c.hears()
	c.same("state", c.desk().Refunds[0].State, "pending")
	c.stripe.RefundFails(c.stripe.Refunds()[0])
	c.hears()
	c.same("state", c.desk().Refunds[0].State, "failed")
	c.is(ledger.Funds(c.campaign.ID), face)
	c.is(ledger.Claims, 0)
	c.sound()
}

func TestARefundThatBouncesIsOwedByTheOperator(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.Card)
	_, err := c.refunds(k, 100_00)
	c.ok(err)
	c.works()
	c.stripe.RefundFails(c.stripe.Refunds()[0])
	c.hears()
	c.hears()
	c.same("state", c.desk().Refunds[0].State, "failed")
	c.is(ledger.FeesDue(c.Funder.Organisation), 0)
	c.is(ledger.Claims, 0)
	c.is(ledger.Funds(c.campaign.ID), face)
	c.sound()
}

// The order was paid again meanwhile, which stands: the operator owes what came back.
func TestARefundThatFailsAfterTheOrderWasPaidAgainIsOwedByTheOperator(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(100, stripe.Card)
	_, err := c.refunds(k, 100_00)
	c.ok(err)
	c.works()
	c.paysByTransfer(o, 100_00)
	c.stripe.RefundFails(c.stripe.Refunds()[0])
	c.hears()
	c.hears()
	c.same("state", c.desk().Refunds[0].State, "bounced")
	c.is(ledger.FeesDue(c.Funder.Organisation), -100_00)
	c.is(ledger.Funds(c.campaign.ID), face)
	c.sound()
}

// paysByTransfer is a line of the bank that pays an order.
func (c *till) paysByTransfer(o orders.Order, amount vouchers.Cents) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		line, err := c.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "order_funded", Cause: int64(o.ID)})
		if err != nil {
			return err
		}
		_, err = c.orders.PayFromLines(c.t.Context(), tx, []orders.Payment{{Line: line, Amount: amount}}, map[int64]vouchers.OrderID{line: o.ID})
		return err
	})
}

func TestARefundThatStripeRefusesIsUndone(t *testing.T) {
	t.Parallel()
	c := setup(t)
	_, k := c.received(100, stripe.Card)
	c.stripe.RefundByHand(c.page(k), face+fees-50_00) // which we have not heard of
	_, err := c.refunds(k, 100_00)
	c.ok(err)
	c.works()
	c.same("state", c.desk().Refunds[0].State, "failed")
	c.same("problem", c.desk().Refunds[0].Problem, "amount_too_large")
	c.is(ledger.Funds(c.campaign.ID), face)
	c.sound()
}

func TestMoneyThatDoesNotCountYetIsNotRefunded(t *testing.T) {
	t.Parallel()
	c := setup(t)
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	_, err := c.refunds(k, 100_00)
	c.refused(err, "refund_too_early")
}

func TestARefundByHandIsTakenLikeALostDispute(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(100, stripe.Card)
	c.handsOver(90)
	c.stripe.RefundByHand(c.page(k), 300_00)
	c.hears()
	d := c.desk().Disputes[0]
	c.same("state", d.State, "lost")
	c.same("reason", d.Reason, payments.ByHand)
	c.is(ledger.Claims, 100_00)
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(200_00))
	c.sound()
}

// Heard of when it was done, or only after it had failed: all is as before.
func TestARefundByHandThatBouncesIsUndoneWheneverItIsHeardOf(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]bool{"heard of when it was done": true, "heard of when it had failed": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := setup(t)
			o, k := c.received(10, stripe.Card)
			c.handsOver(4)
			before, books := c.clearing(), c.balances()
			id := c.stripe.RefundByHand(c.page(k), 100_00)
			if early {
				c.hears()
				c.same("dispute", c.desk().Disputes[0].State, "lost")
				c.same("received", c.order(o).Received, vouchers.Cents(0))
				c.sound()
			}
			c.stripe.RefundFails(id)
			c.hears()
			c.hears()
			c.same("dispute", c.desk().Disputes[0].State, "won")
			c.same("at Stripe", c.clearing(), before)
			c.same("received", c.order(o).Received, o.Face)
			c.sameBut(books)
			c.sound()
		})
	}
}

// Its debt was repaid meanwhile, which stands: the operator owes what came back.
func TestARefundByHandThatBouncesAfterItWasRepaidIsOwedByTheOperator(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(10, stripe.Card)
	c.handsOver(4)
	before := c.clearing()
	id := c.stripe.RefundByHand(c.page(k), 100_00)
	c.hears()
	c.paysByTransfer(o, 100_00)
	c.stripe.RefundFails(id)
	c.hears()
	c.hears()
	c.same("dispute", c.desk().Disputes[0].State, "bounced")
	c.same("at Stripe", c.clearing(), before)
	c.is(ledger.FeesDue(c.Funder.Organisation), -100_00)
	c.same("received", c.order(o).Received, o.Face)
	c.sound()
}

// clearing is what Stripe holds for us, by the books.
func (c *till) clearing() (held vouchers.Cents) {
	c.t.Helper()
	c.InTx(func(tx *db.Tx) error {
		owed, err := ledger.Balance(c.t.Context(), tx, ledger.StripeClearing)
		held = -owed
		return err
	})
	return held
}

func TestALineThatDoesNotFitIsLeftToAPerson(t *testing.T) {
	t.Parallel()
	c := setup(t)
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.hears()
	c.waits(73 * time.Hour)
	sent := c.stripe.Sent()[0]
	for name, m := range map[string]sepa.Movement{
		"another amount": {Account: seller.Segregated.IBAN, Name: sent.Descriptor, Amount: sent.Amount - 1, Credit: true},
		"wrong account":  {Account: seller.Operating.IBAN, Name: sent.Descriptor, Amount: sent.Amount, Credit: true},
		"a debit":        {Account: seller.Segregated.IBAN, Name: sent.Descriptor, Amount: sent.Amount},
		"another name":   {Account: seller.Segregated.IBAN, Name: "RF00", Amount: sent.Amount, Credit: true},
	} {
		c.InTx(func(tx *db.Tx) error {
			outcome, _, err := c.room.Book(t.Context(), tx, m)
			c.same(name, outcome, "")
			return err
		})
	}
	c.banks()
	c.InTx(func(tx *db.Tx) error {
		names, err := c.room.Names(t.Context(), tx, []string{sent.Descriptor})
		c.same("names still awaited", len(names), 0)
		return err
	})
	c.sound()
}

// Two people forgave its debt meanwhile: what comes back makes that good first, so that the
// operator does not pay twice.
func TestARefundByHandThatBouncesAfterItWasForgivenIsNoLossAnyMore(t *testing.T) {
	t.Parallel()
	c := setup(t, freezing)
	o, k := c.received(10, stripe.Card)
	b := c.handsOver(4)
	before := c.clearing()
	id := c.stripe.RefundByHand(c.page(k), 100_00)
	c.hears()
	c.same("frozen", c.desk().Disputes[0].Frozen, 4)
	c.forgives(o)
	c.is(ledger.Losses, 40_00)
	c.sound()
	c.stripe.RefundFails(id)
	c.hears()
	c.hears()
	c.same("dispute", c.desk().Disputes[0].State, "bounced")
	c.same("at Stripe", c.clearing(), before)
	c.is(ledger.Losses, 0)
	c.is(ledger.Debt(c.Funder.Organisation), 60_00) // until the operator sweeps its claim
	c.is(ledger.FeesDue(c.Funder.Organisation), -60_00)
	c.Redeem(c.Structure, b, 1)
	c.sound()
}

// A part was repaid: what comes back pays the rest of the debt.
func TestARefundByHandThatBouncesAfterAPartWasRepaidPaysTheRest(t *testing.T) {
	t.Parallel()
	c := setup(t)
	o, k := c.received(10, stripe.Card)
	c.handsOver(4)
	id := c.stripe.RefundByHand(c.page(k), 100_00)
	c.hears()
	c.paysByTransfer(o, 25_00)
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(15_00))
	c.stripe.RefundFails(id)
	c.hears()
	c.same("dispute", c.desk().Disputes[0].State, "bounced")
	c.same("debt of the order", c.order(o).Debt, vouchers.Cents(0))
	c.is(ledger.FeesDue(c.Funder.Organisation), -85_00)
	c.sound()
}

// forgives lets two people of the operator forgive what an order owes.
func (c *till) forgives(o orders.Order) {
	c.t.Helper()
	desk := money.New(c.DB)
	asked, err := desk.RequestWriteOff(c.t.Context(), c.Operator, money.WriteOffRequest{Order: o.ID, Reason: "Régie dissoute"})
	c.ok(err)
	_, err = desk.ApproveWriteOff(c.t.Context(), c.Colleague(), asked.ID)
	c.ok(err)
}
