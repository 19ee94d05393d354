// Package settlement pays the structures: the operator closes a settlement, which
// makes one payout per structure that is owed something and the file that orders them
// from the bank; a second person approves it; the bank's statement then says which were
// booked and which came back.
package settlement

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
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

// Debtor is who pays: the operator's segregated account. It is the only one from which payouts
// leave, so a settlement has one, closed into its rows; refunds, which may leave another, have
// files of their own (package closing).
type Debtor struct {
	Stripe   StripeAccount `db:"-"` // where the money of payouts through Stripe is sent
	Name     string        `db:"debtor_name"`
	IBAN     sepa.IBAN     `db:"debtor_iban"` // "" as long as the operator has not said it: nothing can be settled
	BIC      sepa.BIC      `db:"debtor_bic"`  // may be empty
	Street   string        `db:"debtor_street"`
	Postcode string        `db:"debtor_postcode"`
	Town     string        `db:"debtor_town"`
	SIRET    string        `db:"-"` // for papers
	Profile
}

// Profile is what the debtor's bank asks of a file. The one in force when a settlement is closed
// is closed into its rows: another one changes no file that there is.
type Profile struct {
	Version sepa.Version `db:"file_version"`     // "": 09
	Purpose string       `db:"category_purpose"` // of all transfers, as "SUPP"; "": none
	Batch   bool         `db:"batch_booking"`    // one debit for a whole file, not one for each transfer
	Limit   int          `db:"-"`                // most transfers in a file; 0: DefaultLimit
}

// DefaultLimit is how many transfers a file has at most, where the bank has not said.
const DefaultLimit = 10_000

// Notify enqueues a notice to a structure in the transaction of what it tells: a payout is
// booked, or the bank has refused its account.
type Notify func(ctx context.Context, tx *db.Tx, to string, p Payout) error

// Remind enqueues a notice to the operator in the transaction of what it tells: there is
// something to settle since the day of settlement p.Due.
type Remind func(ctx context.Context, tx *db.Tx, to string, p Preview) error

// Service is the use cases of settlement.
type Service struct {
	db     *db.DB
	debtor Debtor
	notify Notify
	policy Policy
	remind Remind

	tellDebt TellDebt // nil: nobody is told
}

// New makes the service, which settles on Tuesdays and reminds nobody.
func New(d *db.DB, debtor Debtor, notify Notify) *Service {
	debtor.Version, debtor.Limit = cmp.Or(debtor.Version, sepa.Version09), cmp.Or(debtor.Limit, DefaultLimit)
	return &Service{db: d, debtor: debtor, notify: notify, remind: func(context.Context, *db.Tx, string, Preview) error { return nil }}
}

// With gives the service a policy, somebody to remind of it, and how structures are told of
// what is decided about their debts.
func (s *Service) With(p Policy, remind Remind, tell TellDebt) *Service {
	s.policy, s.remind, s.tellDebt = p, remind, tell
	return s
}

// CloseRequest asks for a settlement.
type CloseRequest struct {
	ExecutionOn vouchers.Day `json:"execution_on,omitempty"` // when the bank is to pay; absent: the next working day
	Asked       bool         `json:"asked,omitempty"`        // pays only the structures that asked not to wait
}

// The states of a settlement.
const (
	Waiting   = "waiting"   // closed: a second person must approve it
	Approved  = "approved"  // its file may be fetched
	Sent      = "sent"      // the bank has its file
	Done      = "done"      // the bank has said of each payout what became of it
	Cancelled = "cancelled" // before its file was fetched: what it paid is owed again
)

// Settlement is a dated batch of payouts. Each of them is in transit, booked, returned or
// rejected.
type Settlement struct {
	ID          vouchers.SettlementID `json:"id" db:"id"`
	MessageID   string                `json:"message_id" db:"message_id"`
	ClosedAt    time.Time             `json:"closed_at" db:"closed_at"`
	ExecutionOn vouchers.Day          `json:"execution_on" db:"execution_on"`
	Payouts     int                   `json:"payouts" db:"payouts"`
	Total       vouchers.Cents        `json:"total_cents" db:"total_cents"`
	SHA256      string                `json:"file_sha256" db:"file_sha256"`     // of its pain.001 files, one after the other; in hexadecimal
	Batch       bool                  `json:"batch_booking" db:"batch_booking"` // its files ask the bank for one debit each
	InTransit   int                   `json:"in_transit" db:"in_transit"`
	Booked      int                   `json:"booked" db:"booked"`
	Returned    int                   `json:"returned" db:"returned"`
	Rejected    int                   `json:"rejected" db:"rejected"`
	Files       []File                `json:"files,omitempty"`  // told by Close and Open
	TopUp       *TopUp                `json:"stripe,omitempty"` // the transfer to Stripe, for the payouts that go through it
	Held        []Held                `json:"held,omitempty"`   // told by Close only

	State        string            `json:"state" db:"state"`
	ClosedBy     vouchers.PersonID `json:"-" db:"closed_by"`
	CloserName   string            `json:"closed_by" db:"closer_name"`
	ApprovedAt   *time.Time        `json:"approved_at" db:"approved_at"`
	ApproverName string            `json:"approved_by,omitempty" db:"approver_name"`
	TakenAt      *time.Time        `json:"taken_at" db:"taken_at"` // its file was fetched for the first time
	SentAt       *time.Time        `json:"sent_at" db:"sent_at"`   // somebody said that the bank has it, or the bank has shown so
	CancelledAt  *time.Time        `json:"cancelled_at" db:"cancelled_at"`
	CancelReason string            `json:"cancel_reason,omitempty" db:"cancel_reason"`
}

// Held is a structure that is owed money and not paid now. What it is owed stays owed
// and goes into the first settlement after the reason is gone.
type Held struct {
	Structure vouchers.OrganisationID `json:"structure"`
	Name      string                  `json:"structure_name"`
	Amount    vouchers.Cents          `json:"amount_cents"`
	Reason    string                  `json:"reason"` // below_minimum, bank_details_missing or bank_details_changing (given, and not in force yet), account_refused (by the bank), booked_after_all (the bank took what it had rejected: a case waits), or the fault for which a bank would refuse the transfer
}

// Preview is what a settlement closed now would do.
type Preview struct {
	ExecutionOn vouchers.Day   `json:"execution_on"`
	Payouts     int            `json:"payouts"`
	Total       vouchers.Cents `json:"total_cents"`
	Netted      vouchers.Cents `json:"netted_cents"` // taken out of what is owed, for structures' debts
	Held        []Held         `json:"held"`
	Asked       int            `json:"asked"` // of the payouts, those of structures that asked not to wait
	AskedTotal  vouchers.Cents `json:"asked_total_cents"`
	Due         *vouchers.Day  `json:"due"` // a day of settlement that has come, and from before which something waits to be paid; nil: none
}

// Close makes the payouts of all that structures are owed up to now, moves their
// amounts to the account of what is under way, and fixes the files for the bank by their
// hash. Redemptions wait for the moment that it takes.
//
// Faults: nothing_to_settle, payer_unknown, execution_in_the_past,
// execution_not_a_working_day, execution_too_far. Figures that disagree with the
// ledger refuse the whole settlement.
func (s *Service) Close(ctx context.Context, actor identity.Actor, req CloseRequest) (Settlement, error) {
	if err := mayPay(actor); err != nil {
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
	plan, err := s.planNow(ctx, tx, scope{owing: owing, asked: req.Asked})
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
	if err := order(ctx, tx, id, plan, s.debtor); err != nil {
		return Settlement{}, err
	}
	if err := fixFiles(ctx, tx, id); err != nil {
		return Settlement{}, err
	}
	closed, err := settlement(ctx, tx, id)
	if err != nil {
		return Settlement{}, err
	}
	if closed.Files, err = filesOf(ctx, tx, id); err != nil {
		return Settlement{}, err
	}
	closed.Held = plan.held
	return closed, audit.Record(ctx, tx, actor, "settlement_closed", objectName(id), nil, closed)
}

// order writes the payouts, so many to a file, and moves their money.
func order(ctx context.Context, tx *db.Tx, id vouchers.SettlementID, plan plan, from Debtor) error {
	payouts, err := insertPayouts(ctx, tx, id, plan, from.Limit)
	if err != nil {
		return err
	}
	if t := plan.topUp(id, from); t.Amount > 0 {
		if err := insertTopUp(ctx, tx, t); err != nil {
			return err
		}
	}
	if err := insertParts(ctx, tx, payouts, plan.pay); err != nil {
		return err
	}
	if err := markReissued(ctx, tx, payouts, plan.pay); err != nil {
		return err
	}
	if err := answerRequests(ctx, tx, id); err != nil {
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

// scope is what a plan is made of.
type scope struct {
	owing []int64 // campaigns, to which debts are taken out of what is paid; nil: all
	asked bool    // only of structures that asked not to wait
}

// planNow reads what each structure is owed and compares all of it with the ledger.
func (s *Service) planNow(ctx context.Context, tx *db.Tx, of scope) (plan, error) {
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
	debts, err := openDebts(ctx, tx, of.owing)
	if err != nil {
		return plan{}, err
	}
	netted := net(dues, debts)
	dues = payable(dues)
	recipients, err := s.recipients(ctx, tx, dues)
	if err != nil {
		return plan{}, err
	}
	if of.asked {
		dues = slices.DeleteFunc(dues, func(d due) bool { return !recipients[d.Structure].Asked })
	}
	p := arrange(upTo, dues, recipients, s.policy.Minimum, vouchers.DayOf(tx.Now))
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
		plan, err := s.planNow(ctx, tx, scope{})
		if err != nil {
			return err
		}
		today := vouchers.DayOf(tx.Now)
		p = Preview{ExecutionOn: sepa.NextWorkingDay(today), Payouts: len(plan.pay), Total: plan.total(), Held: plan.held}
		for _, n := range plan.netted {
			p.Netted += n.amount
		}
		for _, one := range plan.pay {
			if one.to.Asked {
				p.Asked, p.AskedTotal = p.Asked+1, p.AskedTotal+one.amount()
			}
		}
		if due := s.policy.Days.last(today); plan.waitedSince(due) {
			p.Due = &due
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
		if d.Files, err = filesOf(ctx, tx, id); err != nil {
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

// mayPay is for the operator's finance people.
func mayPay(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

func redemptionName(id vouchers.RedemptionID) string { return fmt.Sprintf("redemption:%d", id) }

func objectName(id vouchers.SettlementID) string { return fmt.Sprintf("settlement:%d", id) }
