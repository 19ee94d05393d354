package stripe_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// sends orders a payout of a connected account.
func (a *account) sends(id, ours string, amount vouchers.Cents) string {
	a.t.Helper()
	p, err := a.CreatePayoutOf(a.t.Context(), id, stripe.PayoutRequest{Ours: ours, Amount: amount, Descriptor: "PASSERELLE PO1"})
	if err != nil || p.Status != stripe.PayoutSent || p.Amount != amount || p.Ours != ours {
		a.t.Fatalf("%+v, %v", p, err)
	}
	return p.ID
}

func TestAnAccountPaysOutWhatItHas(t *testing.T) {
	t.Parallel()
	a := open(t)
	id, neighbour := a.ready("structure:3"), a.ready("structure:4")
	a.fake.TopUp(10_000)
	a.given("transfer:1", 8_000, id)
	_, err := a.CreatePayoutOf(t.Context(), neighbour, stripe.PayoutRequest{Ours: "payout:1:1", Amount: 1})
	a.refused(err, stripe.BalanceInsufficient)
	_, err = a.CreatePayoutOf(t.Context(), id, stripe.PayoutRequest{Ours: "payout:1:1", Amount: 8_001})
	a.refused(err, stripe.BalanceInsufficient) // the same key is another account's
	sent := a.sends(id, "payout:1:2", 8_000)
	a.has(id, 0)
	a.holds(2_000, 0)
	if all, want := a.fake.SentBy(id), (stripefake.Sent{ID: sent, Descriptor: "PASSERELLE PO1", Amount: 8_000}); !slices.Equal(all, []stripefake.Sent{want}) || len(a.fake.Sent()) != 0 {
		t.Errorf("%+v, and of ours %+v", all, a.fake.Sent())
	}
	a.fake.PayoutArrives(sent)
	a.payoutOf(id, sent, stripe.PayoutPaid)
	_, err = a.PayoutOf(t.Context(), neighbour, sent)
	a.refused(err, stripe.Missing)
	_, err = a.Payout(t.Context(), sent)
	a.refused(err, stripe.Missing)

	a.fake.PayoutFails(sent) // days after it had arrived
	a.payoutOf(id, sent, stripe.PayoutFailed)
	a.has(id, 8_000)
	a.holds(2_000, 0)
	a.fake.Restricted(id, "requirements.past_due")
	_, err = a.CreatePayoutOf(t.Context(), id, stripe.PayoutRequest{Ours: "payout:1:3", Amount: 8_000})
	a.refused(err, stripe.PayoutsNotAllowed)
	a.has(id, 8_000)
}

func (a *account) payoutOf(account, id string, want stripe.PayoutStatus) {
	a.t.Helper()
	if p, err := a.PayoutOf(a.t.Context(), account, id); err != nil || p.Status != want || p.Ours != "payout:1:2" || (p.Failure != "") != (want == stripe.PayoutFailed) {
		a.t.Errorf("%+v, %v; want %s", p, err, want)
	}
}

func TestAnAccountsPayoutsAreItsOwn(t *testing.T) {
	t.Parallel()
	a := open(t)
	id, neighbour := a.ready("structure:3"), a.ready("structure:4")
	a.fake.TopUp(10_000)
	a.given("transfer:1", 1_000, id)
	a.given("transfer:2", 1_000, neighbour)
	a.sends(id, "payout:early", 1)
	a.now = noon.Add(time.Minute)
	var want []string
	for n := range 120 { // more than one page of them
		want = append(want, a.sends(id, fmt.Sprint("payout:", n), 1))
	}
	a.sends(neighbour, "payout:other", 1)
	if _, err := a.CreatePayout(t.Context(), stripe.PayoutRequest{Ours: "payout:ours", Amount: 1}); err != nil {
		t.Fatal(err)
	}
	all, err := a.PayoutsOf(t.Context(), id, a.now)
	var got []string
	for _, p := range all {
		got = append(got, p.ID)
	}
	slices.Reverse(want)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d payouts, %v", len(got), err)
	}
	if all, err := a.PayoutsOf(t.Context(), id, noon); err != nil || len(all) != 121 || all[120].Ours != "payout:early" {
		t.Errorf("%d payouts since the beginning, %v", len(all), err)
	}
	if n := len(a.fake.Sent()); n != 1 {
		t.Errorf("%d payouts of ours", n)
	}
}
