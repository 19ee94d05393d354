package connect_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/vop"
)

// Nothing changes before Stripe is ready, another person has agreed and three days are over.
// The bank account that is known is paid until then, and whenever Stripe cannot.
func TestTheChoiceNeedsStripeAnotherPersonAndThreeDays(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	through := func() bool {
		c.t.Helper()
		c.redeems(c.Structure, 1)
		d := c.settles()
		c.debits(d.ID)
		p := c.payout(d.ID, c.Structure)
		if p.Connected != "" {
			c.stripe.TopUp(p.Amount)
			c.hears()
			c.reaches(p.Connected)
		}
		c.same("paid", c.payout(d.ID, c.Structure).State, settlement.Booked)
		c.sound()
		return p.Connected != ""
	}
	bare := c.NewStructureWithoutBank("Sans compte")
	_, err := c.room.Choose(ctx, program(bare.Actor), connect.Chosen{})
	c.refused(err, "connect_bank_details")
	_, err = c.room.Choose(ctx, c.Structure.Actor, connect.Chosen{Password: "wrong"})
	c.refused(err, "password_wrong")
	a, err := c.room.Choose(ctx, c.Structure.Actor, connect.Chosen{Password: "correct horse battery"})
	c.ok(err)
	c.same("state", a.State, connect.Answering)
	c.same("Stripe's own", a.Stripe, c.stripe.Connected(name(a)))
	_, err = c.room.Choose(ctx, program(c.Structure.Actor), connect.Chosen{})
	c.refused(err, "connect_chosen")
	url, err := c.room.Link(ctx, c.Structure.Actor)
	c.ok(err)
	if !strings.Contains(url, "http") {
		t.Errorf("%q is no page", url)
	}
	_, err = c.room.Approve(ctx, c.Operator, a.ID)
	c.refused(err, "connect_not_ready")
	c.same("before Stripe is ready", through(), false)

	c.stripe.Onboarded(a.Stripe)
	c.hears()
	waiting, err := c.room.List(ctx, c.Operator)
	c.ok(err)
	c.same("waiting", len(waiting), 1)
	c.same("state", waiting[0].State, connect.ToApprove)
	c.same("before anybody agreed", through(), false)
	_, err = c.room.Approve(ctx, c.Structure.Actor, a.ID)
	c.refused(err, "forbidden")
	a, err = c.room.Approve(ctx, c.Operator, a.ID)
	c.ok(err)
	c.same("state", a.State, connect.Cooling)
	_, err = c.room.Approve(ctx, c.second, a.ID)
	c.refused(err, "connect_decided")
	c.same("before three days are over", through(), false)
	c.Clock.Add(payees.Cooling)
	c.same("afterwards", through(), true)

	c.stripe.Restricted(a.Stripe, "requirements.past_due")
	c.hears()
	mine, err := c.room.Mine(ctx, c.Structure.Actor)
	c.ok(err)
	c.same("state", mine.State, connect.Stopped)
	c.same("while Stripe does not pay", through(), false)
	c.stripe.Onboarded(a.Stripe)
	c.ok(c.room.ReadAccounts(ctx)) // no webhook came
	c.same("again", through(), true)
	_, err = c.room.Leave(ctx, c.Structure.Actor)
	c.ok(err)
	c.same("after it has left", through(), false)
	_, err = c.room.Leave(ctx, c.Structure.Actor)
	c.refused(err, "not_found")
	want := []connect.State{connect.Answering, connect.Cooling, connect.Ended}
	if got := slices.Compact(c.notices[c.Structure.Organisation]); !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
}

// Whoever decides compares with the bank account that is paid to now, not with one that has not
// cooled yet.
func TestTheAccountToCompareWithIsTheOneInForce(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	a, _ := c.chooses(c.Structure)
	known := func() string {
		c.t.Helper()
		open, err := c.room.Open(ctx, c.Operator, a.ID)
		c.ok(err)
		return open.Known
	}
	before := known()
	given, err := c.Payees.Give(ctx, program(c.Structure.Actor), payees.Given{IBAN: "FR1420041010050500013M02606", Holder: "Maison", Proof: world.RIB})
	c.ok(err)
	_, err = c.Payees.Verify(ctx, c.Operator, given.ID, payees.Verification{Match: vop.Full, How: "Appelé au numéro de la convention"})
	c.ok(err)
	_, err = c.Payees.Approve(ctx, c.second, given.ID)
	c.ok(err)
	if len(before) != 4 || before == "2606" {
		t.Errorf("known before by %q", before)
	}
	c.same("while the other cools", known(), before)
	c.Clock.Add(payees.Cooling)
	c.same("afterwards", known(), "2606")
}

// The operator may refuse a choice, and end one later; whoever made it cannot agree to it.
func TestTheOperatorMayRefuse(t *testing.T) {
	t.Parallel()
	c := setup(t)
	ctx := t.Context()
	a, _ := c.chooses(c.Structure)
	_, err := c.room.Refuse(ctx, c.Operator, a.ID, " ")
	c.refused(err, "reason_missing")
	own := c.Operator
	own.Person = a.CreatedBy
	_, err = c.room.Approve(ctx, own, a.ID)
	c.refused(err, "own_request")
	_, err = c.room.Refuse(ctx, c.Operator, a.ID, "Le compte est à un autre nom.")
	c.ok(err)
	_, err = c.room.Approve(ctx, c.second, a.ID)
	c.refused(err, "connect_decided")
	_, err = c.room.Mine(ctx, c.Structure.Actor)
	c.refused(err, "not_found")
	again, _ := c.chooses(c.Structure)
	if again.ID == a.ID {
		t.Error("a choice that was refused goes on")
	}
}
