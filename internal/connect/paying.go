package connect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Transfer is how a payout of a settlement is getting on at Stripe.
type Transfer struct {
	ID        int64             `json:"-" db:"id"`
	Of        vouchers.PayoutID `json:"payout" db:"payout_id"`
	State     string            `json:"state" db:"state"`
	Problem   string            `json:"problem,omitempty" db:"problem"` // Stripe's code of its last no
	ChangedAt time.Time         `json:"changed_at" db:"changed_at"`

	Structure vouchers.OrganisationID `json:"-" db:"structure_id"`
	Account   string                  `json:"-" db:"connected"`
	Group     string                  `json:"-" db:"end_to_end"`
	Amount    vouchers.Cents          `json:"-" db:"amount_cents"`
	CreatedAt time.Time               `json:"-" db:"created_at"`
	Attempt   int                     `json:"-" db:"attempt"`
	Transfer  *string                 `json:"-" db:"transfer"` // Stripe's id
	Payout    *string                 `json:"-" db:"payout"`   // Stripe's id
}

// Stuck tells whether somebody may have to do something about it.
func (t Transfer) Stuck() bool { return t.Problem != "" && t.State != paid && t.State != back }

// MayGiveUp tells whether it can still be taken back.
func (t Transfer) MayGiveUp() bool { return t.State == waiting || t.State == transferred }

// Reconcile looks at everything that is not settled, as if no webhook had ever come: money that
// has arrived at Stripe, payouts that it lets go out, and those under way.
func (s *Service) Reconcile(ctx context.Context) error {
	if s.Stripe == nil {
		return nil
	}
	failed := []error{s.fund(ctx)}
	var open []int64
	failed = append(failed, s.db.Read(ctx, func(tx *db.Tx) (err error) {
		open, err = unsettled(ctx, tx)
		return err
	}))
	for _, id := range open {
		if err := s.advance(ctx, id); err != nil {
			failed = append(failed, fmt.Errorf("transfer %d: %w", id, err))
		}
	}
	return errors.Join(failed...)
}

// arrivedWithin is how far before a settlement's booking its money may have arrived at Stripe.
const arrivedWithin = 7 * 24 * time.Hour

// fund finds at Stripe the money that the bank has sent there, and lets the payouts go out that
// it is for.
func (s *Service) fund(ctx context.Context) error {
	var since *vouchers.Day
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		since, err = expectedSince(ctx, tx)
		return err
	})
	if err != nil || since == nil {
		return err
	}
	found, err := s.Stripe.TopUps(ctx, since.Time().Add(-arrivedWithin))
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		for _, t := range slices.Backward(found) {
			if t.State != stripe.TopUpArrived {
				continue
			}
			if err := settlement.MatchTopUp(ctx, tx, t.ID, t.Amount); err != nil {
				return err
			}
		}
		return begin(ctx, tx)
	})
}

// advanceNamed brings the row up to date that an object of Stripe's, or we, name.
func (s *Service) advanceNamed(ctx context.Context, t task) error {
	var id int64
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if t.Kind == ourTransfer {
			id, err = strconv.ParseInt(t.ID, 10, 64)
			return err
		}
		id, err = withObject(ctx, tx, t.ID)
		return err
	})
	if err != nil || id == 0 {
		return err // of nothing of ours, or not recorded yet: Reconcile finds it
	}
	return s.advance(ctx, id)
}

// advance takes a payout's steps at Stripe until one has to wait.
func (s *Service) advance(ctx context.Context, id int64) error {
	for {
		var t Transfer
		err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
			t, err = transfer(ctx, tx, id)
			return err
		})
		if err != nil {
			return err
		}
		moved, err := s.step(ctx, t)
		if err != nil || !moved {
			return err
		}
	}
}

// step takes one of them. It tells whether another may follow at once.
func (s *Service) step(ctx context.Context, t Transfer) (moved bool, err error) {
	switch t.State {
	case waiting:
		return true, s.move(ctx, t, asked, nil)
	case asked:
		return s.stepAsked(ctx, t)
	case transferred:
		return s.stepTransferred(ctx, t)
	case leaving, paid:
		return s.stepLeaving(ctx, t)
	case reversing:
		return s.stepReversing(ctx, t)
	default:
		return false, s.takeStrays(ctx, t)
	}
}

// stepAsked moves the money to the structure's account, unless it is there.
func (s *Service) stepAsked(ctx context.Context, t Transfer) (bool, error) {
	all, err := s.transfersOf(ctx, t)
	if err != nil {
		return false, err
	}
	for _, there := range all {
		if there.Reversed < there.Amount {
			return true, s.move(ctx, t, transferred, func(tx *db.Tx) error { return setTransfer(ctx, tx, t.ID, there.ID) })
		}
	}
	made, err := s.Stripe.CreateTransfer(ctx, stripe.TransferRequest{Ours: t.transferName(), Group: t.Group, Amount: t.Amount, Destination: t.Account})
	if refusal, is := refused(err); is {
		return false, s.putOff(ctx, t, waiting, refusal)
	}
	if err != nil {
		return false, err
	}
	return true, s.move(ctx, t, transferred, func(tx *db.Tx) error { return setTransfer(ctx, tx, t.ID, made.ID) })
}

// stepTransferred sends it on to the structure's bank, unless that was asked for.
func (s *Service) stepTransferred(ctx context.Context, t Transfer) (bool, error) {
	there, err := s.payoutsOf(ctx, t)
	if err != nil {
		return false, err
	}
	for _, p := range there {
		if p.Status != stripe.PayoutFailed {
			return true, s.move(ctx, t, leaving, func(tx *db.Tx) error { return setPayout(ctx, tx, t.ID, p.ID) })
		}
	}
	made, err := s.Stripe.CreatePayoutOf(ctx, t.Account, stripe.PayoutRequest{Ours: t.payoutName(), Amount: t.Amount, Descriptor: t.descriptor()})
	if refusal, is := refused(err); is {
		return false, s.putOff(ctx, t, transferred, refusal)
	}
	if err != nil {
		return false, err
	}
	return true, s.move(ctx, t, leaving, func(tx *db.Tx) error { return setPayout(ctx, tx, t.ID, made.ID) })
}

// descriptor is what the structure's bank shows: the payout's own name.
func (t Transfer) descriptor() string { return t.Group[:min(len(t.Group), stripe.DescriptorLength)] }

// stepLeaving sees whether it has arrived.
func (s *Service) stepLeaving(ctx context.Context, t Transfer) (bool, error) {
	p, err := s.Stripe.PayoutOf(ctx, t.Account, *t.Payout)
	if err != nil {
		return false, err
	}
	switch {
	case p.Status == stripe.PayoutFailed:
		return true, s.move(ctx, t, reversing, func(tx *db.Tx) error { return setProblem(ctx, tx, t.ID, p.Failure) })
	case p.Status == stripe.PayoutPaid && t.State == leaving:
		return false, s.move(ctx, t, paid, func(tx *db.Tx) error {
			return s.Books.PaidThrough(ctx, tx, t.Of, vouchers.DayOf(p.ArrivesOn))
		})
	}
	return false, nil
}

// stepReversing takes the money back from the structure's account: it is owed again, and comes
// home to the segregated account. Where it has left all the same, that is the truth.
func (s *Service) stepReversing(ctx context.Context, t Transfer) (bool, error) {
	there, err := s.payoutsOf(ctx, t)
	if err != nil {
		return false, err
	}
	for _, p := range there {
		if p.Status != stripe.PayoutFailed {
			return true, s.move(ctx, t, leaving, func(tx *db.Tx) error { return setPayout(ctx, tx, t.ID, p.ID) })
		}
	}
	after, err := s.Stripe.ReverseTransfer(ctx, *t.Transfer, t.reversalName())
	if refusal, is := refused(err); is {
		return false, s.putOff(ctx, t, reversing, refusal)
	}
	if err != nil || after.Reversed < after.Amount { // the rest is to follow
		return false, err
	}
	return true, s.move(ctx, t, back, func(tx *db.Tx) error { return s.isBack(ctx, tx, t) })
}

// isBack moves the books of a payout whose money is in our balance again.
func (s *Service) isBack(ctx context.Context, tx *db.Tx, t Transfer) error {
	amount, err := s.Books.CameBackThrough(ctx, tx, t.Of, t.Problem)
	if err != nil || amount == 0 {
		return err
	}
	return payments.BringHome(ctx, tx, t.Of, amount)
}

// takeStrays takes back transfers of a payout that is back: one that was asked for before, and
// made only afterwards.
func (s *Service) takeStrays(ctx context.Context, t Transfer) error {
	all, err := s.transfersOf(ctx, t)
	if err != nil {
		return err
	}
	for _, stray := range all {
		if stray.Reversed < stray.Amount {
			s.log.Error("a transfer was made at Stripe for a payout that is owed again: it is taken back", "payout", t.Of, "transfer", stray.ID)
			if _, err := s.Stripe.ReverseTransfer(ctx, stray.ID, "stray:"+stray.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// transfersOf are the transfers that were made for a payout, newest first.
func (s *Service) transfersOf(ctx context.Context, t Transfer) ([]stripe.Transfer, error) {
	all, err := s.Stripe.TransfersIn(ctx, t.Group)
	return slices.DeleteFunc(all, func(there stripe.Transfer) bool { return !t.made("transfer", there.Ours) }), err
}

// payoutsOf are the payouts to its structure's bank that were made for it, newest first.
func (s *Service) payoutsOf(ctx context.Context, t Transfer) ([]stripe.Payout, error) {
	all, err := s.Stripe.PayoutsOf(ctx, t.Account, t.CreatedAt.Add(-time.Hour))
	return slices.DeleteFunc(all, func(there stripe.Payout) bool { return !t.made("bank", there.Ours) }), err
}

// move takes a row from the state in which it was read to another one. Where somebody else has
// moved it meanwhile, nothing is done.
func (s *Service) move(ctx context.Context, t Transfer, to string, with func(tx *db.Tx) error) error {
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		same, err := lockSame(ctx, tx, t)
		if err != nil || !same {
			return err
		}
		if err := setState(ctx, tx, t.ID, to); err != nil || with == nil {
			return err
		}
		return with(tx)
	})
}

// putOff ends an attempt that Stripe has refused. Reconcile tries again under another name.
func (s *Service) putOff(ctx context.Context, t Transfer, to string, why *stripe.Refusal) error {
	s.log.Error("Stripe does not pay a structure", "payout", t.Of, "code", why.Code, "message", why.Message)
	return s.move(ctx, t, to, func(tx *db.Tx) error { return nextAttempt(ctx, tx, t.ID, why.Code) })
}

// GiveUp takes a payout back that Stripe does not pay: what its structure is owed, its bank
// account gets next. Its faults are not_found, reason_missing and connect_leaving, once it is on
// its way.
func (s *Service) GiveUp(ctx context.Context, actor identity.Actor, id vouchers.PayoutID, reason string) (Transfer, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Transfer{}, err
	}
	if err := actor.NeedsScope(settlement.Scope); err != nil {
		return Transfer{}, err
	}
	reason = strings.TrimSpace(reason)
	if n := len([]rune(reason)); n < 3 || n > 500 {
		return Transfer{}, fault.New(fault.Invalid, "reason_missing", "least", 3, "most", 500)
	}
	var after Transfer
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "give_up_connect", []any{id, reason}, func() (Transfer, error) {
			return s.giveUp(ctx, tx, actor, id, reason)
		})
		return err
	})
	return after, err
}

func (s *Service) giveUp(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PayoutID, reason string) (Transfer, error) {
	t, err := lockOf(ctx, tx, id)
	if err != nil {
		return Transfer{}, err
	}
	switch t.State {
	case waiting:
		if err := setState(ctx, tx, t.ID, back); err != nil {
			return Transfer{}, err
		}
		if err := s.isBack(ctx, tx, t); err != nil {
			return Transfer{}, err
		}
	case transferred:
		if err := setState(ctx, tx, t.ID, reversing); err != nil {
			return Transfer{}, err
		}
		err := jobs.Enqueue(ctx, tx, jobs.Job{Kind: Kind, Payload: task{ourTransfer, fmt.Sprint(t.ID)}, MaxAttempts: 12})
		if err != nil {
			return Transfer{}, err
		}
	default:
		return Transfer{}, fault.New(fault.Conflict, "connect_leaving")
	}
	if err := audit.Record(ctx, tx, actor, "connect_given_up", fmt.Sprintf("payout:%d", id), t, map[string]any{"reason": reason}); err != nil {
		return Transfer{}, err
	}
	return transfer(ctx, tx, t.ID)
}

// In lists the payouts of a settlement that are under way at Stripe, or were.
func (s *Service) In(ctx context.Context, actor identity.Actor, id vouchers.SettlementID) ([]Transfer, error) {
	if err := actor.Needs(identity.Operator, identity.Finance, identity.Agent, identity.Reader); err != nil {
		return nil, err
	}
	var all []Transfer
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = transfersIn(ctx, tx, id)
		return err
	})
	return all, err
}

func refused(err error) (*stripe.Refusal, bool) {
	refusal := new(stripe.Refusal)
	return refusal, errors.As(err, &refusal)
}
