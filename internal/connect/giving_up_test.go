package connect_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Where Stripe says no, the operator sees why, and takes the payout back; what is on its way
// stays on its way.
func TestTheOperatorTakesBackWhatStripeDoesNotPay(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	account := c.connects(c.Structure)
	settled := func() {
		c.t.Helper()
		c.same("comes home", c.comesHome(), 1)
		d := c.settles()
		c.debits(d.ID)
		c.same("paid to the bank", c.payout(d.ID, c.Structure).Connected, "")
		c.sound()
	}

	p := c.begins()
	c.stripe.Restricted(account, "requirements.past_due")
	c.stripe.TopUp(10_00)
	c.ok(c.room.Reconcile(ctx))
	t1 := c.at(p)
	c.same("refused", t1.State, "waiting")
	if !t1.Stuck() || !t1.MayGiveUp() {
		t.Errorf("%+v: nobody is told", t1)
	}
	_, err := c.room.GiveUp(ctx, c.Operator, p.ID, "")
	c.refused(err, "reason_missing")
	_, err = c.room.GiveUp(ctx, c.Structure.Actor, p.ID, "Compte fermé")
	c.refused(err, "forbidden")
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Compte fermé")
	c.ok(err)
	c.same("owed again", c.payout(p.Settlement, c.Structure).State, settlement.Rejected)
	settled()

	c.stripe.Onboarded(account)
	c.hears()
	p = c.begins()
	c.stripe.TopUp(10_00)
	c.line.breaksAt(5, true) // the payout to its bank is never asked for
	_ = c.room.Reconcile(ctx)
	c.line.mends()
	c.same("at its account", c.at(p).State, "transferred")
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "La structure le demande")
	c.ok(err)
	c.hears()
	c.same("owed again", c.payout(p.Settlement, c.Structure).State, settlement.Rejected)
	c.same("left on its account", c.stripe.BalanceOf(account), vouchers.Cents(0))
	settled()

	p = c.begins()
	c.stripe.TopUp(10_00)
	c.reconciles()
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Trop tard")
	c.refused(err, "connect_leaving")
	c.reaches(account)
	_, err = c.room.GiveUp(ctx, c.Operator, p.ID, "Trop tard")
	if fault.Code(err) != "connect_leaving" {
		t.Errorf("a payout that is paid is given up: %v", err)
	}
	c.same("paid", c.payout(p.Settlement, c.Structure).State, settlement.Booked)
	c.sound()
}

// A payout that is given up at the moment at which Stripe is asked to send it is on its way, and
// is paid once.
func TestAPayoutThatIsGivenUpWhileItLeavesIsPaidOnce(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	p := c.begins()
	c.stripe.TopUp(10_00)
	c.line.before = func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/payouts" {
			c.line.before = nil
			if _, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé"); err != nil {
				t.Error(err)
			}
		}
	}
	c.reconciles()
	c.same("on its way all the same", c.at(p).State, "leaving")
	c.same("reaches its bank", c.reaches(account), 1)
	c.same("payout", c.payout(p.Settlement, c.Structure).State, settlement.Booked)
	c.same("comes home", c.comesHome(), 0)
	c.sound()
}

// A transfer that Stripe makes only after its payout was given up is taken back.
func TestATransferThatIsMadeTooLateIsTakenBack(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	p := c.begins()
	c.stripe.Restricted(account, "requirements.past_due")
	c.stripe.TopUp(10_00)
	c.reconciles()
	late := stripe.TransferRequest{Ours: fmt.Sprintf("transfer:%d:1", c.at(p).ID), Group: p.EndToEnd, Amount: p.Amount, Destination: account}
	_, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé")
	c.ok(err)
	c.stripe.Onboarded(account)
	c.days(2) // Stripe has forgotten that it had refused this
	_, err = c.client.CreateTransfer(t.Context(), late)
	c.ok(err)
	c.same("on its account", c.stripe.BalanceOf(account), vouchers.Cents(10_00))
	c.ok(c.room.Reconcile(t.Context()))
	c.same("on its account", c.stripe.BalanceOf(account), vouchers.Cents(0))
	c.same("comes home", c.comesHome(), 1)
	c.sound()
}

// A worker that was asleep while its payout was refused and given up does not bring it back to
// life.
func TestALateRefusalDoesNotReviveWhatWasGivenUp(t *testing.T) {
	t.Parallel()
	c := setup(t)
	account := c.connects(c.Structure)
	p := c.begins()
	c.stripe.TopUp(10_00)
	c.line.before = func(r *http.Request) {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/transfers" {
			c.line.before = nil
			c.stripe.Restricted(account, "requirements.past_due")
			if err := c.room.Reconcile(t.Context()); err != nil {
				t.Error(err)
			}
			if _, err := c.room.GiveUp(t.Context(), c.Operator, p.ID, "Compte fermé"); err != nil {
				t.Error(err)
			}
		}
	}
	c.reconciles()
	c.stripe.Onboarded(account)
	c.days(2)
	c.reconciles()
	c.same("at Stripe", c.at(p).State, "back")
	c.same("payouts", len(c.stripe.SentBy(account)), 0)
	c.same("comes home", c.comesHome(), 1)
	c.sound()
}
