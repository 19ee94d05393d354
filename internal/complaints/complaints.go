// Package complaints hears what anybody concerned says is wrong with one redemption: who
// holds the booklet, the structure itself, who pays for it, who handed it over, the operator.
// While a complaint is open that line alone is not paid; the operator decides.
package complaints

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to complain, to answer and to decide.
const Scope = "complaints"

// By says who complains.
type By string

// Those whom a redemption concerns.
const (
	Holder     By = "holder" // whoever shows the booklet's code
	Structure  By = "structure"
	Funder     By = "funder"
	Prescriber By = "prescriber"
	Operator   By = "operator"
)

// State is how a complaint stands.
type State string

// The states of a complaint.
const (
	Open      State = "open"
	Withdrawn State = "withdrawn" // by whoever had made it
	Upheld    State = "upheld"    // it was right: the redemption is corrected
	Dismissed State = "dismissed" // the redemption stands
)

// Event is what a party is told.
type Event string

// What happens to a complaint. The states that end it are events too.
const (
	Opened   Event = "opened"
	Answered Event = "answered"
)

// Notify enqueues a letter to one of the parties in the transaction of what it tells.
type Notify func(ctx context.Context, tx *db.Tx, to string, party By, event Event, c Complaint) error

// Service is the use cases of complaints.
type Service struct {
	db   *db.DB
	keys *vouchers.Keyring
	tell Notify
}

// New makes the service.
func New(d *db.DB, keys *vouchers.Keyring, tell Notify) *Service { return &Service{d, keys, tell} }

// Complaint is what somebody says is wrong with a redemption. What is nobody's to know but the
// parties' is empty for the others: the words, the answer, the reason and the proofs.
type Complaint struct {
	ID            vouchers.ComplaintID    `json:"id" db:"id"`
	Redemption    vouchers.RedemptionID   `json:"redemption" db:"redemption_id"`
	RedeemedAt    time.Time               `json:"redeemed_at" db:"redeemed_at"`
	Booklet       vouchers.BookletID      `json:"booklet,omitempty" db:"booklet_id"` // 0 for funders
	PlaceName     string                  `json:"place_name" db:"place_name"`
	Theme         string                  `json:"service_theme" db:"theme"`
	Count         int                     `json:"count" db:"vouchers"`
	Amount        vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Campaign      vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	CampaignName  string                  `json:"campaign_name" db:"campaign_name"`
	By            By                      `json:"opened_as" db:"opened_as"`
	OpenedAt      time.Time               `json:"opened_at" db:"opened_at"`
	Cause         string                  `json:"cause" db:"cause"` // one of Causes
	Words         string                  `json:"words" db:"words"`
	Email         string                  `json:"email,omitempty" db:"email"` // of a holder; the operator's to know, and forgotten in time
	Phone         string                  `json:"phone,omitempty" db:"phone"`
	AnswerBy      vouchers.Day            `json:"answer_by" db:"answer_by"` // by the structure
	Late          bool                    `json:"late" db:"-"`              // that day is over, and there is no answer
	Answer        string                  `json:"answer" db:"answer"`
	AnsweredAt    *time.Time              `json:"answered_at" db:"answered_at"`
	State         State                   `json:"state" db:"state"`
	Withheld      bool                    `json:"withheld" db:"withheld"` // the line waits for the decision; otherwise it was paid before
	Reason        string                  `json:"reason" db:"reason"`     // of the decision
	EndedAt       *time.Time              `json:"ended_at" db:"ended_at"`
	Outcome       settlement.Outcome      `json:"outcome,omitempty" db:"outcome"` // where the amount went: live, funds or debt
	Proofs        []Proof                 `json:"proofs" db:"-"`
	Mine          bool                    `json:"mine" db:"-"` // the reader has made it

	organisation   vouchers.OrganisationID // that made it; 0: the holder
	opener         vouchers.PersonID
	prescriber     vouchers.OrganisationID
	structureEmail string
}

// Reference is how people name a complaint on the telephone.
func (c Complaint) Reference() string { return fmt.Sprintf("C%06d", int64(c.ID)) }

// Proof is a file that a party has sent.
type Proof struct {
	File vouchers.ProofID `json:"id" db:"id"`
	Name string           `json:"name" db:"name"`
	By   By               `json:"by" db:"by"` // the structure, or who complains
}

// NewComplaint is a complaint to be made.
type NewComplaint struct {
	Redemption vouchers.RedemptionID `json:"redemption"`
	Code       string                `json:"-"`     // of the booklet, from its holder
	Cause      string                `json:"cause"` // one of Causes
	Words      string                `json:"words"`
	Email      string                `json:"-"` // of a holder who wants to be told
	Phone      string                `json:"-"`
	Proof      *files.Upload         `json:"proof,omitempty"`
}

// Limits of complaints without an account.
const (
	openedByAddress = 5
	openedWindow    = 15 * time.Minute
)

// Open makes a complaint. A redemption that is not paid waits for the decision, and nothing
// else does. from is the address that a holder's request comes from. Its faults are
// not_found, redemption_undone, complaint_open, complaint_decided_before, complaints_many,
// rate_limited, those of NewComplaint.tidy and of files.
func (s *Service) Open(ctx context.Context, actor identity.Actor, req NewComplaint, from string) (Complaint, error) {
	by, err := mayOpen(actor, req.Code)
	if err != nil {
		return Complaint{}, err
	}
	if err := req.tidy(by); err != nil {
		return Complaint{}, err
	}
	if by == Holder {
		err := s.db.InTx(ctx, func(tx *db.Tx) error {
			return throttle.Take(ctx, tx, "complaint:"+from, openedByAddress, openedWindow)
		})
		if err != nil {
			return Complaint{}, err
		}
	}
	var c Complaint
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		// The stored answer is the id: addresses are not kept twice.
		id, err := once.Do(ctx, tx, actor.Organisation, "open_complaint", req, func() (vouchers.ComplaintID, error) {
			return s.open(ctx, tx, actor, by, req)
		})
		if err != nil {
			return err
		}
		c, err = s.seen(ctx, tx, actor, by, id)
		return err
	})
	return c, err
}

func (s *Service) open(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, req NewComplaint) (vouchers.ComplaintID, error) {
	if err := s.concerns(ctx, tx, actor, by, req); err != nil {
		return 0, err
	}
	earlier, err := earlierOf(ctx, tx, req.Redemption)
	if err != nil {
		return 0, err
	}
	if err := mayComplain(by, earlier); err != nil {
		return 0, err
	}
	id, err := insert(ctx, tx, actor, by, req)
	if db.IsUnique(err, "complaints_one_open") {
		return 0, fault.New(fault.Conflict, "complaint_open")
	}
	if err != nil {
		return 0, err
	}
	if err := keepProof(ctx, tx, actor, id, req.Proof); err != nil {
		return 0, err
	}
	withheld, err := settlement.Withhold(ctx, tx, actor, req.Redemption)
	if err != nil {
		return 0, err
	}
	c, err := get(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	err = audit.Record(ctx, tx, actor, "complaint_opened", objectName(id), nil,
		map[string]any{"redemption": req.Redemption, "as": by, "cause": req.Cause, "withheld": withheld})
	if err != nil {
		return 0, err
	}
	return id, s.tellParties(ctx, tx, Opened, c)
}

// keepProof keeps a file beside a complaint, if there is one.
func keepProof(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.ComplaintID, proof *files.Upload) error {
	if proof == nil || len(proof.Content) == 0 {
		return nil
	}
	f, err := files.Keep(ctx, tx, actor, *proof)
	if err != nil {
		return err
	}
	return insertProof(ctx, tx, id, f.ID)
}

// Withdraw ends a complaint for whoever made it: its line is let go. Its faults are not_found
// and complaint_ended.
func (s *Service) Withdraw(ctx context.Context, actor identity.Actor, id vouchers.ComplaintID, code string) (Complaint, error) {
	by, err := mayOpen(actor, code)
	if err != nil {
		return Complaint{}, err
	}
	return s.change(ctx, actor, by, "withdraw_complaint", id, id, func(tx *db.Tx, c Complaint) error {
		mine, err := s.made(ctx, tx, actor, by, c, code)
		if err != nil {
			return err
		}
		if !mine {
			return notFound()
		}
		if err := settlement.Release(ctx, tx, actor, c.Redemption); err != nil {
			return err
		}
		return end(ctx, tx, actor, id, ending{State: Withdrawn})
	})
}

// made says whether the actor has made a complaint.
func (s *Service) made(ctx context.Context, tx *db.Tx, actor identity.Actor, by By, c Complaint, code string) (bool, error) {
	if by != c.By {
		return false, nil
	}
	if by == Holder {
		booklet, err := s.bookletOf(ctx, tx, code)
		return booklet == c.Booklet, err
	}
	return c.organisation == actor.Organisation, nil
}

// change locks a complaint that is open, lets do change it, and tells the parties.
func (s *Service) change(ctx context.Context, actor identity.Actor, by By, action string, id vouchers.ComplaintID, req any, do func(*db.Tx, Complaint) error) (Complaint, error) {
	var c Complaint
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, action, req, func() (vouchers.ComplaintID, error) {
			return id, s.step(ctx, tx, actor, action, id, do)
		})
		if err != nil {
			return err
		}
		c, err = s.seen(ctx, tx, actor, by, id)
		return err
	})
	return c, err
}

func (s *Service) step(ctx context.Context, tx *db.Tx, actor identity.Actor, action string, id vouchers.ComplaintID, do func(*db.Tx, Complaint) error) error {
	if err := lock(ctx, tx, id); err != nil {
		return err
	}
	before, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	if before.State != Open {
		return fault.New(fault.Conflict, "complaint_ended")
	}
	if err := do(tx, before); err != nil {
		return err
	}
	after, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, actor, action, objectName(id), nil, map[string]any{"state": after.State, "outcome": after.Outcome}); err != nil {
		return err
	}
	event := Event(after.State)
	if after.State == Open {
		event = Answered
	}
	return s.tellParties(ctx, tx, event, after)
}

// tellParties tells the structure, whoever complained, and the operator. Who did it is told
// as well: it is the receipt.
func (s *Service) tellParties(ctx context.Context, tx *db.Tx, event Event, c Complaint) error {
	told := map[string]bool{}
	letters := []struct {
		party By
		to    string
	}{{Structure, c.structureEmail}, {c.By, c.Email}}
	if c.organisation != 0 {
		o, err := identity.OrganisationOf(ctx, tx, c.organisation)
		if err != nil {
			return err
		}
		letters[1].to = o.Email
	}
	if event == Opened || event == Answered {
		operators, err := operatorEmails(ctx, tx)
		if err != nil {
			return err
		}
		for _, to := range operators {
			letters = append(letters, struct {
				party By
				to    string
			}{Operator, to})
		}
	}
	for _, l := range letters {
		if l.to == "" || told[l.to] {
			continue
		}
		told[l.to] = true
		if err := s.tell(ctx, tx, l.to, l.party, event, c); err != nil {
			return err
		}
	}
	return nil
}

func objectName(id vouchers.ComplaintID) string { return fmt.Sprintf("complaint:%d", id) }

func notFound() error { return fault.New(fault.NotFound, "not_found") }
