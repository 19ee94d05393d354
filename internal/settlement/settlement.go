// Package settlement pays the structures: the operator closes a settlement, which
// makes one payout per structure that is owed something and the file that orders them
// from the bank; the bank's statement then says which were booked and which came back.
package settlement

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to close settlements and fetch their files.
const Scope = "settlements"

// Debtor is who pays: the operator's segregated account.
type Debtor struct {
	Name     string    `db:"debtor_name"`
	IBAN     sepa.IBAN `db:"debtor_iban"` // "" as long as the operator has not said it: nothing can be settled
	BIC      sepa.BIC  `db:"debtor_bic"`  // may be empty
	Street   string    `db:"debtor_street"`
	Postcode string    `db:"debtor_postcode"`
	Town     string    `db:"debtor_town"`
}

// Notify enqueues a notice to a structure in the transaction of what it tells: a payout is
// booked, or the bank has refused its account.
type Notify func(ctx context.Context, tx *db.Tx, to string, p Payout) error

// Service is the use cases of settlement.
type Service struct {
	db     *db.DB
	debtor Debtor
	notify Notify

	tellDebt TellDebt // nil: nobody is told
}

// New makes the service.
func New(d *db.DB, debtor Debtor, notify Notify) *Service {
	return &Service{db: d, debtor: debtor, notify: notify}
}

// CloseRequest asks for a settlement.
type CloseRequest struct {
	ExecutionOn vouchers.Day `json:"execution_on,omitempty"` // when the bank is to pay; absent: the next working day
}

// Settlement is a dated batch of payouts. Each of them is in transit, booked, returned or
// rejected.
type Settlement struct {
	ID          vouchers.SettlementID `json:"id" db:"id"`
	MessageID   string                `json:"message_id" db:"message_id"`
	ClosedAt    time.Time             `json:"closed_at" db:"closed_at"`
	ExecutionOn vouchers.Day          `json:"execution_on" db:"execution_on"`
	Payouts     int                   `json:"payouts" db:"payouts"`
	Total       vouchers.Cents        `json:"total_cents" db:"total_cents"`
	SHA256      string                `json:"file_sha256" db:"file_sha256"` // of the pain.001 file, in hexadecimal
	InTransit   int                   `json:"in_transit" db:"in_transit"`
	Booked      int                   `json:"booked" db:"booked"`
	Returned    int                   `json:"returned" db:"returned"`
	Rejected    int                   `json:"rejected" db:"rejected"`
	Held        []Held                `json:"held,omitempty"` // told by Close only
}

// Held is a structure that is owed money and not paid now. What it is owed stays owed
// and goes into the first settlement after the reason is gone.
type Held struct {
	Structure vouchers.OrganisationID `json:"structure"`
	Name      string                  `json:"structure_name"`
	Amount    vouchers.Cents          `json:"amount_cents"`
	Reason    string                  `json:"reason"` // bank_details_missing or bank_details_changing (given, and not in force yet), account_refused (by the bank), booked_after_all (the bank took what it had rejected: a case waits), or the fault for which a bank would refuse the transfer
}

// Preview is what a settlement closed now would do.
type Preview struct {
	ExecutionOn vouchers.Day   `json:"execution_on"`
	Payouts     int            `json:"payouts"`
	Total       vouchers.Cents `json:"total_cents"`
	Netted      vouchers.Cents `json:"netted_cents"` // taken out of what is owed, for structures' debts
	Held        []Held         `json:"held"`
}

// Close makes the payouts of all that structures are owed up to now, moves their
// amounts to the account of what is under way, and fixes the file for the bank by its
// hash. Redemptions wait for the moment that it takes.
//
// Faults: nothing_to_settle, payer_unknown, execution_in_the_past,
// execution_not_a_working_day, execution_too_far. Figures that disagree with the
// ledger refuse the whole settlement.
func (s *Service) Close(ctx context.Context, actor identity.Actor, req CloseRequest) (Settlement, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Settlement{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Settlement{}, err
	}
	if s.debtor.IBAN == "" {
		return Settlement{}, fault.New(fault.Conflict, "payer_unknown")
	}
	var closed Settlement
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		closed, err = once.Do(ctx, tx, actor.Organisation, "close_settlement", req, func() (Settlement, error) {
			return s.close(ctx, tx, actor, req)
		})
		return err
	})
	return closed, err
}

func (s *Service) close(ctx context.Context, tx *db.Tx, actor identity.Actor, req CloseRequest) (Settlement, error) {
	on, err := sepa.ExecutionDay(req.ExecutionOn, vouchers.DayOf(tx.Now))
	if err != nil {
		return Settlement{}, err
	}
	owing, err := holdDebts(ctx, tx)
	if err != nil {
		return Settlement{}, err
	}
	if err := ledger.Close(ctx, tx); err != nil {
		return Settlement{}, err
	}
	plan, err := planNow(ctx, tx, owing)
	if err != nil {
		return Settlement{}, err
	}
	if len(plan.pay) == 0 {
		return Settlement{}, fault.New(fault.Conflict, "nothing_to_settle")
	}
	id, err := insertSettlement(ctx, tx, actor, s.debtor, on, plan)
	if err != nil {
		return Settlement{}, err
	}
	if err := order(ctx, tx, id, plan); err != nil {
		return Settlement{}, err
	}
	if err := fixFile(ctx, tx, id); err != nil {
		return Settlement{}, err
	}
	closed, err := settlement(ctx, tx, id)
	if err != nil {
		return Settlement{}, err
	}
	closed.Held = plan.held
	return closed, audit.Record(ctx, tx, actor, "settlement_closed", objectName(id), nil, closed)
}

// order writes the payouts and moves their money.
func order(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, plan plan) error {
	payouts, err := insertPayouts(ctx, tx, id, plan)
	if err != nil {
		return err
	}
	if err := insertParts(ctx, tx, payouts, plan.pay); err != nil {
		return err
	}
	if err := markReissued(ctx, tx, payouts, plan.pay); err != nil {
		return err
	}
	if err := takeAdjustments(ctx, tx, payouts, plan); err != nil {
		return err
	}
	var transfers []ledger.Transfer
	for _, p := range plan.pay {
		transfers = append(transfers, ledger.Settled(payouts[p.Structure], p.Structure, p.parts)...)
	}
	return ledger.Post(ctx, tx, transfers...)
}

// planNow reads what each structure is owed and compares it with the ledger. Debts to the
// campaigns are taken out of it (nil: to all).
func planNow(ctx context.Context, tx *db.Tx, owing []int64) (plan, error) {
	upTo, err := redemption.LastID(ctx, tx)
	if err != nil {
		return plan{}, err
	}
	owed, err := redemption.OwedUpTo(ctx, tx, upTo)
	if err != nil {
		return plan{}, err
	}
	back, err := returnedParts(ctx, tx)
	if err != nil {
		return plan{}, err
	}
	waiting, err := waitingAdjustments(ctx, tx)
	if err != nil {
		return plan{}, err
	}
	dues := adjusted(gather(owed, back), waiting)
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return plan{}, err
	}
	if err := agree(dues, sums); err != nil {
		return plan{}, err
	}
	debts, err := openDebts(ctx, tx, owing)
	if err != nil {
		return plan{}, err
	}
	netted := net(dues, debts)
	dues = payable(dues)
	recipients, err := recipients(ctx, tx, dues)
	if err != nil {
		return plan{}, err
	}
	p := arrange(upTo, dues, recipients)
	p.netted = netted
	return p, nil
}

// Preview tells what Close would do now, and does nothing.
func (s *Service) Preview(ctx context.Context, actor identity.Actor) (Preview, error) {
	if err := mayRead(actor); err != nil {
		return Preview{}, err
	}
	var p Preview
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		plan, err := planNow(ctx, tx, nil)
		if err != nil {
			return err
		}
		p = Preview{ExecutionOn: sepa.NextWorkingDay(vouchers.DayOf(tx.Now)), Payouts: len(plan.pay), Total: plan.total(), Held: plan.held}
		for _, n := range plan.netted {
			p.Netted += n.amount
		}
		return nil
	})
	return p, err
}

// List returns settlements below the cursor (0: the latest), newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor, before vouchers.SettlementID, limit int) ([]Settlement, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	var all []Settlement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = settlements(ctx, tx, before, min(max(limit, 1), 200))
		return err
	})
	return all, err
}

// Detail is a settlement with its payouts.
type Detail struct {
	Settlement
	List []Payout `json:"list"`
}

// Open returns one settlement with all its payouts, by structure's name.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.SettlementID) (Detail, error) {
	if err := mayRead(actor); err != nil {
		return Detail{}, err
	}
	var d Detail
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if d.Settlement, err = settlement(ctx, tx, id); err != nil {
			return err
		}
		d.List, err = payoutsIn(ctx, tx, id)
		return err
	})
	if errors.Is(err, db.ErrNoRows) {
		return Detail{}, fault.New(fault.NotFound, "not_found")
	}
	return d, err
}

// mayRead is for the operator's people, whatever their role.
func mayRead(actor identity.Actor) error {
	return actor.Needs(identity.Operator, identity.Finance, identity.Agent, identity.Reader)
}

func redemptionName(id vouchers.RedemptionID) string { return fmt.Sprintf("redemption:%d", id) }

func objectName(id vouchers.SettlementID) string { return fmt.Sprintf("settlement:%d", id) }
