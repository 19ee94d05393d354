package settlement

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Debt is what a structure owes for one redemption that was corrected after it had been paid.
type Debt struct {
	ID            int64                   `json:"id" db:"id"`
	Redemption    vouchers.RedemptionID   `json:"redemption" db:"redemption_id"`
	RedeemedAt    time.Time               `json:"redeemed_at" db:"redeemed_at"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Campaign      vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Amount        vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	Netted        vouchers.Cents          `json:"netted_cents" db:"netted"`       // taken out of what the structure was owed
	Repaid        vouchers.Cents          `json:"repaid_cents" db:"repaid"`       // by a transfer of the structure's
	Forgiven      vouchers.Cents          `json:"forgiven_cents" db:"forgiven"`   // borne by the operator
	MadeGood      vouchers.Cents          `json:"made_good_cents" db:"made_good"` // of that, by the operator's own money
	Left          vouchers.Cents          `json:"left_cents" db:"left_cents"`     // what the structure still owes
	Reason        string                  `json:"reason" db:"reason"`
	Since         time.Time               `json:"since" db:"made_at"`
	Asked         bool                    `json:"forgiveness_asked" db:"asked"`
	Note          string                  `json:"note,omitempty" db:"note"` // number of the debt note that asks for it
}

// ToMakeGood is what the campaign still lacks of what the operator bears.
func (d Debt) ToMakeGood() vouchers.Cents { return d.Forgiven - d.MadeGood }

// RequestKind is what one person asks for and another decides.
type RequestKind string

const (
	Clawback    RequestKind = "clawback"    // a paid redemption becomes its structure's debt
	Forgiveness RequestKind = "forgiveness" // the operator bears what is left of a debt
)

// Request is such a request.
type Request struct {
	ID            int64                   `json:"id" db:"id"`
	Kind          RequestKind             `json:"kind" db:"kind"`
	Redemption    vouchers.RedemptionID   `json:"redemption" db:"redemption_id"`
	Debt          int64                   `json:"debt,omitempty" db:"debt_id"`
	Structure     vouchers.OrganisationID `json:"structure" db:"structure_id"`
	StructureName string                  `json:"structure_name" db:"structure_name"`
	Amount        vouchers.Cents          `json:"amount_cents" db:"amount_cents"`
	Reason        string                  `json:"reason" db:"reason"`
	State         string                  `json:"state" db:"state"` // requested, approved or refused
	RequestedAt   time.Time               `json:"requested_at" db:"requested_at"`
	RequestedBy   string                  `json:"requested_by" db:"requester"`
	DecidedAt     *time.Time              `json:"decided_at" db:"decided_at"`
	DecidedBy     string                  `json:"decided_by" db:"decider"`    // "" as long as nobody has
	Reference     string                  `json:"reference,omitempty" db:"-"` // of a transfer that makes good what was forgiven
	Requester     vouchers.PersonID       `json:"-" db:"requested_by"`
}

// Debts is what structures owe, and what was asked about it.
type Debts struct {
	Open     []Debt    `json:"debts"`    // of which something is left, or that the operator has to make good; the oldest first
	Requests []Request `json:"requests"` // those that wait first, then the latest
	Notes    []Note    `json:"notes"`    // newest first
}

// Debts lists them: a structure's own, or all for the operator.
func (s *Service) Debts(ctx context.Context, actor identity.Actor) (Debts, error) {
	var only vouchers.OrganisationID
	switch actor.Kind {
	case identity.Structure:
		if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
			return Debts{}, err
		}
		only = actor.Organisation
	default:
		if err := mayRead(actor); err != nil {
			return Debts{}, err
		}
	}
	var d Debts
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if d.Open, err = debtList(ctx, tx, only); err != nil {
			return err
		}
		if d.Notes, err = notesOf(ctx, tx, only); err != nil {
			return err
		}
		if only != 0 { // who asked what of whom is the operator's
			d.Requests = []Request{}
			return nil
		}
		d.Requests, err = requests(ctx, tx)
		return err
	})
	return d, err
}

// OneRequest returns one request.
func (s *Service) OneRequest(ctx context.Context, actor identity.Actor, id int64) (Request, error) {
	if err := mayRead(actor); err != nil {
		return Request{}, err
	}
	var r Request
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = request(ctx, tx, id)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Request{}, fault.New(fault.NotFound, "not_found")
	}
	return r, err
}

// TellDebt enqueues the letter that tells a structure what two people have decided: that a paid
// redemption is clawed back, or that a debt is forgiven.
type TellDebt func(ctx context.Context, tx *db.Tx, to string, r Request) error

// ClawbackRequest asks that a paid redemption be corrected.
type ClawbackRequest struct {
	Redemption vouchers.RedemptionID `json:"redemption"`
	Reason     string                `json:"reason"`
}

// RequestClawback keeps the request for another person to decide. Nothing moves.
func (s *Service) RequestClawback(ctx context.Context, actor identity.Actor, req ClawbackRequest) (Request, error) {
	if err := mayPay(actor); err != nil {
		return Request{}, err
	}
	if err := tidyReason(&req.Reason); err != nil {
		return Request{}, err
	}
	return s.decide(ctx, actor, "request_clawback", req, func(tx *db.Tx) (Request, error) {
		r, err := lock(ctx, tx, req.Redemption)
		if err != nil {
			return Request{}, err
		}
		if err := noComplaint(ctx, tx, req.Redemption); err != nil {
			return Request{}, err
		}
		switch {
		case r.Undone:
			return Request{}, fault.New(fault.Conflict, "redemption_undone")
		case r.payable() || r.Withheld > 0: // the structure can undo it, or a complaint withholds it
			return Request{}, fault.New(fault.Conflict, "redemption_not_paid")
		}
		return ask(ctx, tx, actor, Request{Kind: Clawback, Redemption: r.ID, Structure: r.Structure, Amount: r.Amount, Reason: req.Reason})
	})
}

// noComplaint leaves to a complaint what it is about.
func noComplaint(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) error {
	open, err := complained(ctx, tx, id)
	if err == nil && open {
		return fault.New(fault.Conflict, "complaint_open")
	}
	return err
}

// ForgiveRequest asks that the operator bear what is left of a debt.
type ForgiveRequest struct {
	Debt   int64  `json:"debt"`
	Reason string `json:"reason"`
}

// RequestForgiveness keeps the request for another person to decide. Nothing moves, and what
// is taken for the debt meanwhile is taken.
func (s *Service) RequestForgiveness(ctx context.Context, actor identity.Actor, req ForgiveRequest) (Request, error) {
	if err := mayPay(actor); err != nil {
		return Request{}, err
	}
	if err := tidyReason(&req.Reason); err != nil {
		return Request{}, err
	}
	return s.decide(ctx, actor, "request_forgiveness", req, func(tx *db.Tx) (Request, error) {
		d, err := debt(ctx, tx, req.Debt)
		if err != nil {
			return Request{}, err
		}
		if d.Left <= 0 {
			return Request{}, fault.New(fault.Conflict, "debt_settled")
		}
		return ask(ctx, tx, actor, Request{Kind: Forgiveness, Debt: d.ID, Structure: d.Structure, Amount: d.Left, Reason: req.Reason})
	})
}

func ask(ctx context.Context, tx *db.Tx, actor identity.Actor, r Request) (Request, error) {
	id, err := insertRequest(ctx, tx, actor, r)
	if db.IsUnique(err, "correction_requests_one_open") {
		return Request{}, fault.New(fault.Conflict, "request_already_made")
	}
	if err != nil {
		return Request{}, err
	}
	if err := audit.Record(ctx, tx, actor, string(r.Kind)+"_requested", requestName(id), nil, r); err != nil {
		return Request{}, err
	}
	return request(ctx, tx, id)
}

// ApproveRequest does what was asked. Whoever asked cannot.
func (s *Service) ApproveRequest(ctx context.Context, actor identity.Actor, id int64) (Request, error) {
	if err := mayPay(actor); err != nil {
		return Request{}, err
	}
	return s.decide(ctx, actor, "approve_correction_request", id, func(tx *db.Tx) (Request, error) {
		r, err := lockRequest(ctx, tx, id)
		if err != nil {
			return Request{}, err
		}
		if r.Requester == actor.Person {
			return Request{}, fault.New(fault.Forbidden, "request_same_person")
		}
		if r.Kind == Clawback {
			if err := clawBack(ctx, tx, actor, r); err != nil {
				return Request{}, err
			}
		} else if r.Amount, err = forgive(ctx, tx, r); err != nil {
			return Request{}, err
		}
		done, err := endRequest(ctx, tx, actor, r, "approved")
		if err != nil || s.tellDebt == nil {
			return done, err
		}
		o, err := identity.OrganisationOf(ctx, tx, r.Structure)
		if err != nil {
			return Request{}, err
		}
		return done, s.tellDebt(ctx, tx, o.Email, done)
	})
}

// clawBack corrects a redemption. Where its payout came back since it was asked, it is not a
// debt, and nothing less than what was asked is done.
func clawBack(ctx context.Context, tx *db.Tx, actor identity.Actor, r Request) error {
	if err := noComplaint(ctx, tx, r.Redemption); err != nil {
		return err
	}
	c, err := Correct(ctx, tx, actor, r.Redemption, r.Reason)
	if err == nil && c.Outcome != AsDebt {
		return fault.New(fault.Conflict, "redemption_not_paid")
	}
	return err
}

// forgive bears what is left of a debt, which may be less than was asked.
func forgive(ctx context.Context, tx *db.Tx, r Request) (vouchers.Cents, error) {
	if err := ledger.Enter(ctx, tx); err != nil {
		return 0, err
	}
	if err := lockDebt(ctx, tx, r.Debt); err != nil {
		return 0, err
	}
	d, err := debt(ctx, tx, r.Debt)
	if err != nil {
		return 0, err
	}
	if d.Left <= 0 {
		return 0, fault.New(fault.Conflict, "debt_settled")
	}
	line := ledger.Line{Structure: d.Structure, Campaign: d.Campaign, Amount: min(r.Amount, d.Left)}
	return line.Amount, ledger.Post(ctx, tx, ledger.StructureForgiven(r.ID, line)...)
}

// RefuseRequest ends a request without effect; who asked may take it back so.
func (s *Service) RefuseRequest(ctx context.Context, actor identity.Actor, id int64) (Request, error) {
	if err := mayPay(actor); err != nil {
		return Request{}, err
	}
	return s.decide(ctx, actor, "refuse_correction_request", id, func(tx *db.Tx) (Request, error) {
		r, err := lockRequest(ctx, tx, id)
		if err != nil {
			return Request{}, err
		}
		return endRequest(ctx, tx, actor, r, "refused")
	})
}

// lockRequest takes a request that nobody has decided yet.
func lockRequest(ctx context.Context, tx *db.Tx, id int64) (Request, error) {
	if err := holdRequest(ctx, tx, id); errors.Is(err, db.ErrNoRows) {
		return Request{}, fault.New(fault.NotFound, "not_found")
	} else if err != nil {
		return Request{}, err
	}
	r, err := request(ctx, tx, id)
	if err == nil && r.State != "requested" {
		return Request{}, fault.New(fault.Conflict, "request_decided")
	}
	return r, err
}

func endRequest(ctx context.Context, tx *db.Tx, actor identity.Actor, r Request, state string) (Request, error) {
	if err := setDecision(ctx, tx, actor, r, state); err != nil {
		return Request{}, err
	}
	if err := audit.Record(ctx, tx, actor, string(r.Kind)+"_"+state, requestName(r.ID), nil, map[string]any{"amount_cents": r.Amount}); err != nil {
		return Request{}, err
	}
	return request(ctx, tx, r.ID)
}

// decide runs effect once for the key of the request, in one transaction.
func (s *Service) decide(ctx context.Context, actor identity.Actor, action string, req any, effect func(tx *db.Tx) (Request, error)) (Request, error) {
	var r Request
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		r, err = once.Do(ctx, tx, actor.Organisation, action, req, func() (Request, error) { return effect(tx) })
		return err
	})
	return r, err
}

func tidyReason(reason *string) error {
	*reason = strings.TrimSpace(*reason)
	if n := len([]rune(*reason)); n < 5 || n > 500 {
		return fault.New(fault.Invalid, "correction_reason")
	}
	return nil
}

func requestName(id int64) string { return fmt.Sprintf("correction_request:%d", id) }
