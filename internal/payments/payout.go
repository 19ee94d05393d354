package payments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// The states of a payout from Stripe to our bank.
const (
	payoutAsked   = "asked"   // of Stripe, which has not answered yet
	payoutWaiting = "waiting" // Stripe has not done it: Problem says why
	payoutSent    = "sent"
	payoutPaid    = "paid"   // at the bank, says Stripe
	payoutBanked  = "banked" // at the bank, says the bank
)

// Payout is money from Stripe to one of our bank accounts: the face value of one checkout,
// what came back of a payout to a structure, or what is left for the operator.
type Payout struct {
	ID        int64                `json:"id" db:"id"`
	Checkout  *vouchers.CheckoutID `json:"checkout" db:"checkout_id"`
	BackOf    *vouchers.PayoutID   `json:"back_of" db:"back_of"` // a payout to a structure; nil as the checkout is: the operator's
	Order     vouchers.OrderID     `json:"order" db:"order_id"`  // of the checkout; 0 for the operator's
	Amount    vouchers.Cents       `json:"amount_cents" db:"amount_cents"`
	Reference string               `json:"reference" db:"reference"` // on the bank's statement
	State     string               `json:"state" db:"state"`
	Problem   string               `json:"problem" db:"problem"` // Stripe's code
	CreatedAt time.Time            `json:"created_at" db:"created_at"`

	Attempt int     `json:"-" db:"attempt"`
	Payout  *string `json:"-" db:"payout"` // Stripe's id
}

// face tells whether it is face value, for the segregated account.
func (p Payout) face() bool { return p.Checkout != nil || p.BackOf != nil }

// name is what Stripe knows the present attempt by.
func (p Payout) name() string { return fmt.Sprintf("payout:%d:%d", p.ID, p.Attempt) }

// settle sends the face value of a payment to the segregated account once Stripe says that
// it is available, and under the lenient policy counts it as received. A payment in dispute
// waits.
func (s *Service) settle(ctx context.Context, tx *db.Tx, id vouchers.CheckoutID) error {
	k, err := checkout(ctx, tx, id)
	if err != nil {
		return err
	}
	ready, err := readyToSend(ctx, tx, id)
	amount := k.Face - k.Disputed
	if err != nil || !ready || amount <= 0 {
		return err
	}
	if s.Lenient {
		if err := s.receive(ctx, tx, k, amount, func(r ledger.Received) []ledger.Transfer { return ledger.CardCounted(id, r) }); err != nil {
			return err
		}
		if err := markCounted(ctx, tx, id); err != nil {
			return err
		}
	}
	return send(ctx, tx, Payout{Checkout: &id, Amount: amount})
}

// BringHome sends what came back of a payout to a structure from Stripe to the segregated
// account.
func BringHome(ctx context.Context, tx *db.Tx, of vouchers.PayoutID, amount vouchers.Cents) error {
	return send(ctx, tx, Payout{BackOf: &of, Amount: amount})
}

func (s *Service) receive(ctx context.Context, tx *db.Tx, k Checkout, amount vouchers.Cents, recipe func(ledger.Received) []ledger.Transfer) error {
	return s.orders.Receive(ctx, tx, orders.Incoming{Order: k.Order, Source: orders.Source{Checkout: k.ID}, Amount: amount}, recipe)
}

// send orders a payout, which a job asks Stripe for.
func send(ctx context.Context, tx *db.Tx, p Payout) (err error) {
	if p.ID, err = nextPayout(ctx, tx); err != nil {
		return err
	}
	if p.Reference, err = sepa.MakeRF(fmt.Sprintf("STR%06d", p.ID)); err != nil {
		return err
	}
	if err := insertPayout(ctx, tx, p); err != nil {
		return err
	}
	return enqueue(ctx, tx, "", task{ourPayout, fmt.Sprint(p.ID)})
}

// enqueue has a job bring something up to date. It gives up within hours: the regular
// reconciliation does not.
func enqueue(ctx context.Context, tx *db.Tx, unique string, t task) error {
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: Kind, Unique: unique, Payload: t, MaxAttempts: 12})
}

// syncPayout asks Stripe for a payout, or how one is getting on.
func (s *Service) syncPayout(ctx context.Context, id int64) error {
	var p Payout
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = payout(ctx, tx, id)
		return err
	})
	if err != nil || p.State == payoutWaiting || p.State == payoutBanked {
		return err
	}
	if p.Payout != nil {
		return s.syncStripePayout(ctx, *p.Payout)
	}
	to := s.SegregatedTo
	if !p.face() {
		to = s.OperatingTo
	}
	made, err := s.Stripe.CreatePayout(ctx, stripe.PayoutRequest{Ours: p.name(), Amount: p.Amount, Destination: to, Descriptor: p.Reference})
	refusal := new(stripe.Refusal)
	if errors.As(err, &refusal) {
		s.log.Error("Stripe does not pay out", "payout", p.ID, "code", refusal.Code, "message", refusal.Message)
		return s.db.InTx(ctx, func(tx *db.Tx) error { return putOff(ctx, tx, p, refusal.Code) })
	}
	if err != nil {
		return err
	}
	return s.applyPayout(ctx, made)
}

func (s *Service) syncStripePayout(ctx context.Context, id string) error {
	found, err := s.Stripe.Payout(ctx, id)
	if err != nil {
		return err
	}
	return s.applyPayout(ctx, found)
}

func (s *Service) applyPayout(ctx context.Context, found stripe.Payout) error {
	id := numberIn("payout", found.Ours)
	if id == 0 {
		s.log.Error("Stripe pays out what we did not order: its payouts must be set to manual", "payout", found.ID, "amount", found.Amount.String())
		return nil
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		p, err := lockPayout(ctx, tx, id)
		if err != nil || found.Ours != p.name() {
			return err // an earlier attempt
		}
		switch {
		case found.Status == stripe.PayoutFailed && p.State == payoutBanked:
			s.log.Error("a payout that the bank has booked has failed, says Stripe", "payout", id)
			return nil
		case found.Status == stripe.PayoutFailed:
			s.log.Error("a payout has failed", "payout", id, "code", found.Failure)
			return putOff(ctx, tx, p, found.Failure)
		case rank(string(found.Status)) <= rank(p.State):
			return nil
		}
		return updatePayout(ctx, tx, id, found)
	})
}

// RetryPayout asks Stripe again for a payout that waits, once its reason is gone.
func (s *Service) RetryPayout(ctx context.Context, actor identity.Actor, id int64) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		p, err := lockPayout(ctx, tx, id)
		if err != nil {
			return err
		}
		if p.State != payoutWaiting {
			return fault.New(fault.Conflict, "payout_not_waiting")
		}
		if err := askAgain(ctx, tx, id); err != nil {
			return err
		}
		return audit.Record(ctx, tx, actor, "stripe_payout_retried", fmt.Sprintf("stripe_payout:%d", id), nil, nil)
	})
}

func askAgain(ctx context.Context, tx *db.Tx, id int64) error {
	if err := setAsked(ctx, tx, id); err != nil {
		return err
	}
	return enqueue(ctx, tx, "", task{ourPayout, fmt.Sprint(id)})
}

// Names tells which of the names on a statement are payouts that the bank has not shown
// yet, and locks what Book will change: orders, then payments, then funds.
func (s *Service) Names(ctx context.Context, tx *db.Tx, names []string) (map[string]bool, error) {
	found, err := payoutsNamed(ctx, tx, names)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	known := map[string]bool{}
	for _, p := range found {
		known[p.Reference] = true
	}
	campaigns, err := lockPayees(ctx, tx, found)
	for _, c := range campaigns {
		if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(c)); err != nil {
			return nil, err
		}
	}
	return known, err
}

// Outcomes of a line that brings money from Stripe.
const (
	CardBanked   = "card_banked"   // face value, on the segregated account
	PayoutsHome  = "payouts_home"  // what came back of a payout to a structure, on the same
	StripePayout = "stripe_payout" // the operator's, on the operating account
)

// Book takes a line of a statement into the books that brings one of our payouts. Its cause
// is the payout. outcome is "" where the line does not fit: another amount, or the wrong
// account.
func (s *Service) Book(ctx context.Context, tx *db.Tx, m sepa.Movement) (outcome string, cause int64, err error) {
	p, found, err := payoutWithReference(ctx, tx, m.Name)
	onSegregated := m.Account == s.Segregated
	if err != nil || !found || !m.Credit || m.Returned || m.Amount != p.Amount || p.State == payoutBanked || onSegregated != p.face() {
		return "", 0, err
	}
	if err := markBanked(ctx, tx, p.ID, m.Line); err != nil {
		return "", 0, err
	}
	if p.BackOf != nil {
		parts, err := partsOf(ctx, tx, *p.BackOf)
		if err != nil {
			return "", 0, err
		}
		return PayoutsHome, p.ID, ledger.Post(ctx, tx, ledger.PayoutsHome(m.Line, parts)...)
	}
	if p.Checkout == nil {
		return StripePayout, p.ID, ledger.Post(ctx, tx, ledger.StripePaidOut(m.Line, m.Amount)...)
	}
	k, err := lockCheckout(ctx, tx, *p.Checkout)
	if err != nil {
		return "", 0, err
	}
	if k.CountedAt != nil {
		return CardBanked, p.ID, ledger.Post(ctx, tx, ledger.CardCountedBanked(m.Line, k.Campaign, m.Amount)...)
	}
	err = s.receive(ctx, tx, k, m.Amount, func(r ledger.Received) []ledger.Transfer { return ledger.CardBanked(m.Line, r) })
	if err != nil {
		return "", 0, err
	}
	return CardBanked, p.ID, s.secureLate(ctx, tx, k)
}

// sweep sends what is the operator's at Stripe, fees less costs, to the operating account:
// all of it that is available and not on its way, once a day at most.
func (s *Service) sweep(ctx context.Context) error {
	if s.OperatingTo == "" {
		return nil
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := oneSweepAtATime(ctx, tx); err != nil {
			return err
		}
		amount, err := sweepable(ctx, tx)
		if err != nil || amount <= 0 {
			return err
		}
		return send(ctx, tx, Payout{Amount: amount})
	})
}
