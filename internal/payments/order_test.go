package payments_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// Whatever order events come in, the books and the rows end the same (INV-15).
func TestEveryOrderOfEventsEndsTheSame(t *testing.T) {
	t.Parallel()
	c := setup(t)
	orders := permutations(5)
	c.same("orders", len(orders), 120)
	var want string
	for _, order := range orders {
		before := c.balances()
		events := c.happens()
		c.same("events", len(events), len(order))
		for _, i := range order {
			c.ok(c.room.Hear(t.Context(), events[i].Body, events[i].Signature))
			c.works()
		}
		got := c.changed(before)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("in the order %v:\n got %s\nwant %s", order, got, want)
		}
	}
	c.sound()
}

// happens is a payment with all that can happen to it in a day, as events that were not
// delivered.
func (c *till) happens() []stripefake.Delivery {
	c.t.Helper()
	known := len(c.stripe.Deliveries())
	k := c.starts(c.ordered(100), stripe.Card)
	c.stripe.Pay(c.page(k))
	c.stripe.RefundByHand(c.page(k), 100_00)
	c.stripe.CloseDispute(c.stripe.Dispute(c.page(k)), true)
	return c.stripe.Deliveries()[known:]
}

// A part was given back by hand, then the rest was disputed. Which of the two is heard of
// first does not say which of them took the fees (INV-15).
func TestWhatWasHeardOfFirstDoesNotSayWhatTookTheFees(t *testing.T) {
	t.Parallel()
	c := setup(t)
	var want string
	for _, order := range permutations(2) {
		before := c.balances()
		k := c.starts(c.ordered(100), stripe.Card)
		c.stripe.Pay(c.page(k))
		c.hears()
		known := len(c.stripe.Deliveries())
		c.stripe.RefundByHand(c.page(k), 300_00)
		dispute := c.stripe.Dispute(c.page(k))
		events := c.stripe.Deliveries()[known:]
		c.same("events", len(events), len(order))
		for _, i := range order {
			c.ok(c.room.Hear(t.Context(), events[i].Body, events[i].Signature))
			c.works()
		}
		c.stripe.CloseDispute(dispute, true)
		c.hears()
		if got := c.changed(before); want == "" {
			want = got
		} else if got != want {
			t.Fatalf("in the order %v:\n got %s\nwant %s", order, got, want)
		}
	}
	c.sound()
}

// However late each thing is heard of, the books and the rows end the same (INV-15): a refund
// by hand that fails after it was done, a dispute that is lost and then given up.
func TestEveryDelayOfEventsEndsTheSame(t *testing.T) {
	t.Parallel()
	c := setup(t)
	var want string
	for heard := range 1 << 5 {
		before := c.balances()
		k := c.starts(c.ordered(100), stripe.Card)
		c.stripe.Pay(c.page(k))
		var refund, dispute string
		for i, act := range []func(){
			func() { refund = c.stripe.RefundByHand(c.page(k), 100_00) },
			func() { c.stripe.RefundFails(refund) },
			func() { dispute = c.stripe.Dispute(c.page(k)) },
			func() { c.stripe.CloseDispute(dispute, false) },
			func() { c.stripe.CloseDispute(dispute, true) },
		} {
			if act(); heard>>i&1 == 1 {
				c.hears()
			}
		}
		c.hears()
		got := c.changed(before)
		if want == "" {
			want = got
		}
		if got != want {
			t.Fatalf("heard after %05b:\n got %s\nwant %s", heard, got, want)
		}
	}
	c.sound()
}

// sameBut compares all balances with what they were, but for accounts named.
func (c *till) sameBut(books map[ledger.Account]vouchers.Cents, but ...ledger.Account) {
	c.t.Helper()
	for account, now := range c.balances() {
		if !slices.Contains(but, account) {
			c.same(string(account), now, books[account])
		}
	}
}

func (c *till) balances() map[ledger.Account]vouchers.Cents {
	c.t.Helper()
	all := map[ledger.Account]vouchers.Cents{}
	c.InTx(func(tx *db.Tx) error {
		sums, err := ledger.Sums(c.t.Context(), tx)
		for _, s := range sums {
			all[s.Account] += s.Owed()
		}
		return err
	})
	return all
}

// changed is how balances have changed, and the states of the latest payment.
func (c *till) changed(before map[ledger.Account]vouchers.Cents) string {
	c.t.Helper()
	var text string
	after := c.balances()
	for _, a := range slices.Sorted(maps.Keys(after)) {
		if after[a] != before[a] {
			text += fmt.Sprintf("%s %s; ", a, after[a]-before[a])
		}
	}
	d := c.desk()
	latest := d.Checkouts[0]
	text += fmt.Sprintf("checkout %s %s %v; ", latest.State, latest.Disputed, latest.Received)
	states := []string{}
	for _, one := range d.Disputes {
		if one.Checkout == latest.ID {
			states = append(states, fmt.Sprintf("%s %s %s; ", one.Reason, one.State, one.Amount))
		}
	}
	slices.Sort(states)
	return text + fmt.Sprint(states)
}

func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{{}}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for at := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), at, n-1))
		}
	}
	return all
}
