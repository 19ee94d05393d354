package complaints

import (
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/mail"
)

const (
	answerDays   = 15   // for the structure
	wordsMost    = 2000 // characters
	earlierMost  = 5    // complaints about one redemption
	contactMonth = 6    // after the end, when a holder's address is forgotten
)

// Causes are what may be wrong with a redemption.
var Causes = []string{"not_mine", "too_many", "not_given", "mistake", "other"}

// mayOpen says for whom the actor complains: whoever shows a code, holds the booklet. An
// organisation's people who read only may not.
func mayOpen(actor identity.Actor, code string) (By, error) {
	if code != "" || !actor.SignedIn() {
		return Holder, nil
	}
	by, err := role(actor, identity.Agent, identity.Finance)
	if err != nil {
		return by, err
	}
	return by, actor.NeedsScope(Scope)
}

// role says for whom a signed-in actor acts.
func role(actor identity.Actor, roles ...identity.Role) (By, error) {
	by := map[identity.Kind]By{identity.Structure: Structure, identity.Funder: Funder, identity.Prescriber: Prescriber, identity.Operator: Operator}[actor.Kind]
	return by, actor.Needs(actor.Kind, roles...)
}

// tidy trims what people type and checks it.
func (n *NewComplaint) tidy(by By) error {
	n.Words, n.Email, n.Phone = tidyText(n.Words), strings.TrimSpace(n.Email), strings.TrimSpace(n.Phone)
	switch {
	case !slices.Contains(Causes, n.Cause):
		return fault.New(fault.Invalid, "complaint_cause")
	case n.Words != "" && !wellSaid(n.Words), n.Words == "" && (n.Cause == "other" || by != Holder):
		return fault.New(fault.Invalid, "complaint_words")
	case by != Holder:
		n.Email, n.Phone = "", "" // an organisation's are known
		return nil
	}
	if n.Email != "" {
		if err := mail.CheckAddress(n.Email); err != nil {
			return err
		}
	}
	if odd := strings.Trim(n.Phone, "+0123456789 .-()"); odd != "" || n.Phone != "" && len(n.Phone) < 8 || len(n.Phone) > 25 {
		return fault.New(fault.Invalid, "booking_phone")
	}
	return nil
}

func wellSaid(text string) bool {
	n := len([]rune(text))
	return n >= 5 && n <= wordsMost
}

// earlier is a complaint about the same redemption.
type earlier struct {
	By    By    `db:"opened_as"`
	State State `db:"state"`
}

// mayComplain says whether another complaint may be made: what was decided is decided, and a
// line is not withheld without end.
func mayComplain(by By, all []earlier) error {
	for _, one := range all {
		switch {
		case one.State == Open:
			return fault.New(fault.Conflict, "complaint_open")
		case one.State == Dismissed && one.By == by:
			return fault.New(fault.Conflict, "complaint_decided_before")
		}
	}
	if len(all) >= earlierMost {
		return fault.New(fault.Conflict, "complaints_many", "most", earlierMost)
	}
	return nil
}

// forReader leaves out what is not the reader's to know. The parties are the structure and
// whoever complained; the others learn where it stands, and nothing that somebody wrote.
func (c Complaint) forReader(by By) Complaint {
	if by != Operator {
		c.Email, c.Phone = "", ""
	}
	if by == Funder {
		c.Booklet = 0
	}
	if by == Operator || by == Structure {
		return c
	}
	if !c.Mine {
		c.Words, c.Answer, c.Reason = "", "", ""
	}
	// What a structure sends to prove its work may name people.
	c.Proofs = slices.DeleteFunc(c.Proofs, func(p Proof) bool { return !c.Mine || p.By != c.By })
	return c
}
