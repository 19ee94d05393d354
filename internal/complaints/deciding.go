package complaints

import (
	"context"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// Reply is what a structure answers to a complaint.
type Reply struct {
	Complaint vouchers.ComplaintID `json:"complaint"`
	Answer    string               `json:"answer"`
	Proof     *files.Upload        `json:"proof,omitempty"`
}

// Answer keeps what the structure says, until the decision; said again, it replaces what was
// said. Its faults are not_found, complaint_ended, complaint_words and those of files.
func (s *Service) Answer(ctx context.Context, actor identity.Actor, r Reply) (Complaint, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance); err != nil {
		return Complaint{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Complaint{}, err
	}
	if r.Answer = tidyText(r.Answer); !wellSaid(r.Answer) {
		return Complaint{}, fault.New(fault.Invalid, "complaint_words")
	}
	return s.change(ctx, actor, Structure, "answer_complaint", r.Complaint, r, func(tx *db.Tx, c Complaint) error {
		if c.Structure != actor.Organisation {
			return notFound()
		}
		if err := setAnswer(ctx, tx, actor, r); err != nil {
			return err
		}
		return keepProof(ctx, tx, actor, c.ID, r.Proof)
	})
}

// Decision ends a complaint.
type Decision struct {
	Complaint vouchers.ComplaintID `json:"complaint"`
	Upheld    bool                 `json:"upheld"` // the complaint is right
	Reason    string               `json:"reason"` // told to the parties
}

// Decide ends a complaint. Where it is right the redemption is corrected: the person has the
// vouchers back while the booklet lives, else the campaign; what was paid is the structure's
// debt. Where it is not, the line is let go. Whoever made the complaint cannot decide. Its
// faults are not_found, complaint_ended, complaint_reason and complaint_same_person.
func (s *Service) Decide(ctx context.Context, actor identity.Actor, d Decision) (Complaint, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Complaint{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Complaint{}, err
	}
	if d.Reason = tidyText(d.Reason); !wellSaid(d.Reason) || len([]rune(d.Reason)) > 500 {
		return Complaint{}, fault.New(fault.Invalid, "complaint_reason")
	}
	return s.change(ctx, actor, Operator, "decide_complaint", d.Complaint, d, func(tx *db.Tx, c Complaint) error {
		if c.opener == actor.Person {
			return fault.New(fault.Forbidden, "complaint_same_person")
		}
		ended := ending{State: Dismissed, Reason: d.Reason}
		if d.Upheld {
			made, err := settlement.Correct(ctx, tx, actor, c.Redemption, d.Reason)
			if err != nil {
				return err
			}
			ended.State, ended.Correction = Upheld, made.ID
		} else if err := settlement.Release(ctx, tx, actor, c.Redemption); err != nil {
			return err
		}
		return end(ctx, tx, actor, c.ID, ended)
	})
}

func tidyText(text string) string { return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) }
