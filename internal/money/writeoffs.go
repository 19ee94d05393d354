package money

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
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// State is how far a write-off has come.
type State string

const (
	Requested State = "requested"
	Approved  State = "approved" // the debt is forgiven
	Refused   State = "refused"
)

// WriteOff is a debt of an order that somebody wants the operator to bear. Another person
// decides.
type WriteOff struct {
	ID          int64            `json:"id" db:"id"`
	Order       vouchers.OrderID `json:"order" db:"order_id"`
	Funder      string           `json:"funder" db:"funder_name"`
	Amount      vouchers.Cents   `json:"amount_cents" db:"amount_cents"`
	Reason      string           `json:"reason" db:"reason"`
	State       State            `json:"state" db:"state"`
	RequestedAt time.Time        `json:"requested_at" db:"requested_at"`
	RequestedBy string           `json:"requested_by" db:"requester"`
	DecidedAt   *time.Time       `json:"decided_at" db:"decided_at"`
	DecidedBy   string           `json:"decided_by" db:"decider"` // "" as long as nobody has

	FunderID  vouchers.OrganisationID `json:"-" db:"funder_id"`
	Requester vouchers.PersonID       `json:"-" db:"requested_by"`
}

// Debt is an order whose money was taken back after it had become live.
type Debt struct {
	Order      vouchers.OrderID        `json:"order" db:"id"`
	Funder     vouchers.OrganisationID `json:"funder" db:"funder_id"`
	FunderName string                  `json:"funder_name" db:"funder_name"`
	Campaign   vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Debt       vouchers.Cents          `json:"debt_cents" db:"debt"`
	ToBank     vouchers.Cents          `json:"to_bank_cents" db:"debt_to_bank"` // the segregated account still lacks it
	ToOperator vouchers.Cents          `json:"-" db:"debt_to_operator"`
	Since      vouchers.Day            `json:"since" db:"since"`
	Asked      bool                    `json:"asked" db:"asked"` // a write-off waits for its decision
}

// Forgivable is what the operator can bear: what the segregated account lacks must come
// back to it first, and what a dispute is about may come back by itself.
func (d Debt) Forgivable() vouchers.Cents { return max(d.ToOperator, 0) }

// AgeDays is how many days ago the first of it was taken back.
func (d Debt) AgeDays(today vouchers.Day) int { return int(today - d.Since) }

// Debts is what funders owe for payments that were taken back, and what was asked and
// decided about it.
type Debts struct {
	Open      []Debt     `json:"debts"`
	WriteOffs []WriteOff `json:"write_offs"` // those that wait first, then the latest
}

// Debts lists them, the oldest first.
func (s *Service) Debts(ctx context.Context, actor identity.Actor) (Debts, error) {
	if err := mayLook(actor); err != nil {
		return Debts{}, err
	}
	var d Debts
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if d.Open, err = debts(ctx, tx); err != nil {
			return err
		}
		d.WriteOffs, err = writeOffs(ctx, tx)
		return err
	})
	return d, err
}

// OneWriteOff returns one of them.
func (s *Service) OneWriteOff(ctx context.Context, actor identity.Actor, id int64) (WriteOff, error) {
	if err := mayLook(actor); err != nil {
		return WriteOff{}, err
	}
	var w WriteOff
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		w, err = oneWriteOff(ctx, tx, id)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return WriteOff{}, fault.New(fault.NotFound, "not_found")
	}
	return w, err
}

// WriteOffRequest asks that all that an order owes to the operator be forgiven.
type WriteOffRequest struct {
	Order  vouchers.OrderID `json:"order" form:"order"`
	Reason string           `json:"reason" form:"reason"`
}

// RequestWriteOff keeps the request for somebody else to decide. Nothing moves.
func (s *Service) RequestWriteOff(ctx context.Context, actor identity.Actor, req WriteOffRequest) (WriteOff, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return WriteOff{}, err
	}
	req.Reason = strings.TrimSpace(req.Reason)
	if n := len([]rune(req.Reason)); n < 5 || n > 500 {
		return WriteOff{}, fault.New(fault.Invalid, "writeoff_reason")
	}
	return s.write(ctx, actor, "request_write_off", req, func(tx *db.Tx) (WriteOff, error) {
		debt, err := orders.LockDebt(ctx, tx, req.Order)
		if err != nil {
			return WriteOff{}, err
		}
		if debt.ToOperator <= 0 {
			return WriteOff{}, fault.New(fault.Conflict, "nothing_to_write_off", "bank", debt.ToBank)
		}
		id, err := insertWriteOff(ctx, tx, actor, req, debt)
		if db.IsUnique(err, "debt_writeoffs_one_open") {
			return WriteOff{}, fault.New(fault.Conflict, "writeoff_already_asked")
		}
		if err != nil {
			return WriteOff{}, err
		}
		if err := audit.Record(ctx, tx, actor, "write_off_requested", object(id), nil, req); err != nil {
			return WriteOff{}, err
		}
		return oneWriteOff(ctx, tx, id)
	})
}

// ApproveWriteOff forgives the debt. Whoever asked cannot.
func (s *Service) ApproveWriteOff(ctx context.Context, actor identity.Actor, id int64) (WriteOff, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return WriteOff{}, err
	}
	return s.write(ctx, actor, "approve_write_off", id, func(tx *db.Tx) (WriteOff, error) {
		w, err := lockOpen(ctx, tx, id)
		if err != nil {
			return WriteOff{}, err
		}
		if w.Requester == actor.Person {
			return WriteOff{}, fault.New(fault.Forbidden, "writeoff_same_person")
		}
		if err := stillOwed(ctx, tx, w); err != nil {
			return WriteOff{}, err
		}
		if err := ledger.Post(ctx, tx, ledger.DebtForgiven(w.ID, w.FunderID, w.Amount)...); err != nil {
			return WriteOff{}, err
		}
		return decide(ctx, tx, actor, id, Approved)
	})
}

// stillOwed refuses to forgive more than the order owes now, or the funder in the books.
func stillOwed(ctx context.Context, tx *db.Tx, w WriteOff) error {
	debt, err := orders.LockDebt(ctx, tx, w.Order)
	if err != nil {
		return err
	}
	owed, err := ledger.Balance(ctx, tx, ledger.Debt(w.FunderID))
	if err != nil {
		return err
	}
	if left := min(debt.ToOperator, -owed); left < w.Amount {
		return fault.New(fault.Conflict, "writeoff_above_debt", "asked", w.Amount, "left", max(left, 0))
	}
	return nil
}

// RefuseWriteOff ends a request without effect; who asked may take it back so.
func (s *Service) RefuseWriteOff(ctx context.Context, actor identity.Actor, id int64) (WriteOff, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return WriteOff{}, err
	}
	return s.write(ctx, actor, "refuse_write_off", id, func(tx *db.Tx) (WriteOff, error) {
		if _, err := lockOpen(ctx, tx, id); err != nil {
			return WriteOff{}, err
		}
		return decide(ctx, tx, actor, id, Refused)
	})
}

// write runs effect once for the key of the request, in one transaction.
func (s *Service) write(ctx context.Context, actor identity.Actor, action string, req any, effect func(tx *db.Tx) (WriteOff, error)) (WriteOff, error) {
	var w WriteOff
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		w, err = once.Do(ctx, tx, actor.Organisation, action, req, func() (WriteOff, error) { return effect(tx) })
		return err
	})
	return w, err
}

// lockOpen takes a request that nobody has decided yet.
func lockOpen(ctx context.Context, tx *db.Tx, id int64) (WriteOff, error) {
	if err := lockWriteOff(ctx, tx, id); errors.Is(err, db.ErrNoRows) {
		return WriteOff{}, fault.New(fault.NotFound, "not_found")
	} else if err != nil {
		return WriteOff{}, err
	}
	w, err := oneWriteOff(ctx, tx, id)
	if err == nil && w.State != Requested {
		return WriteOff{}, fault.New(fault.Conflict, "writeoff_decided")
	}
	return w, err
}

func decide(ctx context.Context, tx *db.Tx, actor identity.Actor, id int64, state State) (WriteOff, error) {
	if err := setDecision(ctx, tx, actor, id, state); err != nil {
		return WriteOff{}, err
	}
	if err := audit.Record(ctx, tx, actor, "write_off_"+string(state), object(id), nil, nil); err != nil {
		return WriteOff{}, err
	}
	return oneWriteOff(ctx, tx, id)
}

func object(id int64) string { return fmt.Sprintf("write_off:%d", id) }
