package connect

import (
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/vouchers"
)

// State is where a structure's account at Stripe stands.
type State string

// The states of an account, in the order in which it passes them.
const (
	Answering State = "answering"  // Stripe has questions for the structure
	ToApprove State = "to_approve" // Stripe is ready: the operator decides
	Cooling   State = "cooling"    // approved, and to be in force at InForceAt
	InForce   State = "in_force"
	Stopped   State = "stopped" // in force, and Stripe does not pay it now: the bank account is used
	Ended     State = "ended"
)

// stateAt tells where an account stands at a moment.
func (a Account) stateAt(now time.Time) State {
	switch {
	case a.EndedAt != nil:
		return Ended
	case a.InForceAt == nil && !a.Ready:
		return Answering
	case a.InForceAt == nil:
		return ToApprove
	case a.InForceAt.After(now):
		return Cooling
	case !a.Ready:
		return Stopped
	}
	return InForce
}

// inForceFrom is when an account that is approved now is paid through.
func (a Account) inForceFrom(now time.Time) time.Time {
	if cooled := a.CreatedAt.Add(payees.Cooling); cooled.After(now) {
		return cooled
	}
	return now
}

// name is what Stripe knows an account by.
func name(id vouchers.ConnectID) string { return fmt.Sprintf("connect:%d", id) }

// The states of a payout at Stripe.
const (
	waiting     = "waiting"     // nothing was asked of Stripe, or it has said no: Problem says why
	asked       = "asked"       // for the transfer to the structure's account there
	transferred = "transferred" // there, and no payout to its bank made yet
	leaving     = "leaving"     // on its way to its bank
	paid        = "paid"        // at its bank, says Stripe; it may still fail within days
	reversing   = "reversing"   // to be taken back from the structure's account
	back        = "back"        // in our balance again: owed again
)

// names of what is asked of Stripe, each with the attempt: Stripe may repeat a refusal for the
// same name.
func (t Transfer) transferName() string { return fmt.Sprintf("transfer:%d:%d", t.ID, t.Attempt) }
func (t Transfer) payoutName() string   { return fmt.Sprintf("bank:%d:%d", t.ID, t.Attempt) }
func (t Transfer) reversalName() string { return fmt.Sprintf("reversal:%d:%d", t.ID, t.Attempt) }

// made tells whether a name is one of this row's, of any attempt.
func (t Transfer) made(what, name string) bool {
	return strings.HasPrefix(name, fmt.Sprintf("%s:%d:", what, t.ID))
}
