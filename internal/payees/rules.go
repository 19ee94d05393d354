package payees

import (
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/vop"
)

// Cooling is how long after it was given a change is in force at the earliest: long enough
// over a weekend for somebody to read the notice and object.
const Cooling = 72 * time.Hour

// recent is what is young enough to make a change suspect.
const recent = Cooling

// State is where an account stands.
type State string

// The states of an account, in the order in which it passes them.
const (
	ToVerify  State = "to_verify"
	ToApprove State = "to_approve" // verified, and changes another: a second person decides
	Cooled    State = "cooling"    // decided, and to be in force at InForceAt
	InForce   State = "in_force"
	Replaced  State = "replaced"
	Ended     State = "ended" // without having been in force
)

// stateAt tells where an account stands at a moment.
func (a Account) stateAt(now time.Time) State {
	switch {
	case a.EndedAt != nil || a.InForceAt == nil && a.ReplacedAt != nil:
		return Ended
	case a.VerifiedAt == nil:
		return ToVerify
	case a.InForceAt == nil:
		return ToApprove
	case a.InForceAt.After(now):
		return Cooled
	case a.ReplacedAt != nil && !a.ReplacedAt.After(now):
		return Replaced
	}
	return InForce
}

// Verification says what was found out about an account: the bank's answer, and whom
// somebody called at which number, known before.
type Verification struct {
	Match vop.Match `json:"match"` // match, close or unavailable: what matches nobody is refused
	How   string    `json:"how"`
}

// check tidies a verification. What matches nobody is refused; how the rest was found out is
// said.
func (v Verification) check() (Verification, error) {
	v.How = strings.TrimSpace(v.How)
	switch {
	case v.Match != vop.Full && v.Match != vop.Close && v.Match != vop.Unavailable:
		return v, fault.New(fault.Invalid, "bank_details_match")
	case len([]rune(v.How)) > 500 || len([]rune(v.How)) < 10:
		return v, fault.New(fault.Invalid, "bank_details_how", "least", 10, "most", 500)
	}
	return v, nil
}

// inForceFrom is when an account that is decided on now is paid to: a first one at once, a
// change when it has cooled.
func (a Account) inForceFrom(now time.Time) time.Time {
	if cooled := a.CooledAt(); a.Changes && cooled.After(now) {
		return cooled
	}
	return now
}
