package payments

import (
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// pageLife is how long a page waits for its payer. It is short, because the order may be
// paid another way meanwhile. Stripe allows no less than half an hour.
const pageLife = time.Hour

// due is what a checkout of an order would pay.
type due struct {
	face, fees vouchers.Cents
	invoice    *vouchers.InvoiceID // of the fees
}

// suits tells whether an open page is the one that somebody now asks for.
func (k Checkout) suits(means stripe.Means, d due, now time.Time) bool {
	return k.Means == means && k.Face == d.face && k.Fees == d.fees && now.Before(k.ExpiresAt)
}

// name is what Stripe knows a checkout by.
func name(k vouchers.CheckoutID) string { return fmt.Sprintf("checkout:%d", k) }

// numberIn reads "checkout:12" for the kind "checkout"; 0 for anything else.
func numberIn(kind, name string) int64 {
	var n int64
	if _, err := fmt.Sscanf(name, kind+":%d", &n); err != nil {
		return 0
	}
	return n
}

// rank orders the states in which things only go forward: what was read earlier and
// arrives later changes nothing.
func rank[S ~string](state S) int {
	return map[string]int{
		"asked": 1, "waiting": 1, "open": 2, "sent": 2, "pending": 3,
		"paid": 4, "failed": 4, "expired": 4, "done": 4, "banked": 5, "bounced": 5,
	}[string(state)]
}

var stateOf = map[stripe.SessionStatus]State{
	stripe.SessionOpen: Open, stripe.SessionPending: Pending, stripe.SessionPaid: Paid,
	stripe.SessionFailed: Failed, stripe.SessionExpired: Expired,
}

// split says what of a payment went back when Stripe takes an amount: face value first, as
// far as it has not gone back already, then fees.
func (k Checkout) split(taken vouchers.Cents) (face, fees vouchers.Cents) {
	face = max(min(taken, k.Face-k.Refunded-k.Disputed), 0)
	return face, taken - face
}
