package answers

import (
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/sepa"
)

// fits refuses an answer that speaks of a block or transfer that is not in the file, or of
// another amount: it answers another file than the one it names.
func fits(said sepa.Answer, sent []sepa.Ordered) error {
	ordered := make(map[string]sepa.Ordered, len(sent))
	for _, o := range sent {
		ordered[o.Name] = o
	}
	unknown := func(name string) error {
		return fault.New(fault.Invalid, "answer_transfer_unknown", "message", said.MessageID, "entry", name)
	}
	for _, p := range said.Payments {
		if p.PaymentID != said.MessageID { // each file of ours is one block of its own name
			return unknown(p.PaymentID)
		}
		for _, t := range p.Transfers {
			o, there := ordered[t.EndToEndID]
			if !there {
				return unknown(t.EndToEndID)
			}
			if t.Amount != nil && *t.Amount != o.Amount {
				return fault.New(fault.Invalid, "answer_amount_differs", "entry", t.EndToEndID, "expected", o.Amount, "found", *t.Amount)
			}
		}
	}
	return nil
}

// secondCopy tells whether an answer refuses a file that the bank was given once more: it
// lets no transfer of it through, and some because it has them already. Those are left as
// they are, for the first copy stands: taken back, they would be paid twice. Where a bank
// takes others of the file, a transfer that it calls a duplicate is rejected like any other.
func secondCopy(said sepa.Verdicts, sent []sepa.Ordered) bool {
	duplicates := false
	for _, o := range sent {
		v := said.Of(o.Name)
		if v.Status != sepa.AnswerRejected && !o.Rejected {
			return false
		}
		duplicates = duplicates || v.Duplicate()
	}
	return duplicates
}

// effectOf is what a verdict does that takes nothing back. What was rejected never comes to
// life again by an answer: if the bank carries it out all the same, its statement will show
// a debit that nobody ordered.
func effectOf(v sepa.Verdict, o sepa.Ordered) string {
	switch {
	case !v.Status.Accepts():
		return Waiting
	case o.Rejected:
		return Contradicted
	}
	return Accepted
}
