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
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// The states of a refund.
const (
	refundAsked   = "asked"   // of Stripe, which has not answered yet
	refundPending = "pending" // on its way to the payer
	refundDone    = "done"
	refundFailed  = "failed"  // did not go through: all is as before
	refundBounced = "bounced" // came back after something had been decided on it: the operator owes it to the funder
)

// Refund is face value that we give back to a payer.
type Refund struct {
	ID         int64               `json:"id" db:"id"`
	Checkout   vouchers.CheckoutID `json:"checkout" db:"checkout_id"`
	Order      vouchers.OrderID    `json:"order" db:"order_id"`
	FunderName string              `json:"funder_name" db:"funder_name"`
	Amount     vouchers.Cents      `json:"amount_cents" db:"amount_cents"`
	State      string              `json:"state" db:"state"`
	Problem    string              `json:"problem" db:"problem"` // Stripe's code
	CreatedAt  time.Time           `json:"created_at" db:"created_at"`

	Refund *string `json:"-" db:"refund"` // Stripe's id
	Intent string  `json:"-" db:"intent"`
}

func (r Refund) name() string { return fmt.Sprintf("refund:%d", r.ID) }

// RefundRequest gives a part of an online payment back to the payer.
type RefundRequest struct {
	Checkout vouchers.CheckoutID `json:"checkout"`
	Amount   vouchers.Cents      `json:"amount_cents"`
}

// Refund gives face value back to the payer's card or account: only what has not become
// live. The books change at once, Stripe is asked by a job.
func (s *Service) Refund(ctx context.Context, actor identity.Actor, req RefundRequest) (Refund, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Refund{}, err
	}
	if err := s.mustBeOn(); err != nil {
		return Refund{}, err
	}
	var r Refund
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		r, err = once.Do(ctx, tx, actor.Organisation, "refund_checkout", req, func() (Refund, error) {
			return giveBack(ctx, tx, actor, req)
		})
		return err
	})
	return r, err
}

func giveBack(ctx context.Context, tx *db.Tx, actor identity.Actor, req RefundRequest) (Refund, error) {
	k, err := lockCheckout(ctx, tx, req.Checkout)
	if err != nil {
		return Refund{}, err
	}
	switch {
	case !k.Received:
		return Refund{}, fault.New(fault.Conflict, "refund_too_early")
	case k.Disputed > 0:
		return Refund{}, fault.New(fault.Conflict, "payment_disputed")
	case req.Amount < 1 || req.Amount > k.Refundable():
		return Refund{}, fault.New(fault.Invalid, "refund_out_of_range", "left", k.Refundable())
	}
	id, err := insertRefund(ctx, tx, actor, req)
	if err != nil {
		return Refund{}, err
	}
	taken, err := orders.TakeBack(ctx, tx, k.Order, orders.Taker{CardRefund: id}, req.Amount, func(t orders.Taken) []ledger.Transfer {
		return ledger.CardRefunded(id, t.Campaign, t.Funds)
	})
	if err != nil {
		return Refund{}, err
	}
	if taken.Debt > 0 {
		return Refund{}, fault.New(fault.Conflict, "refund_above_unspent", "unspent", taken.Funds)
	}
	if err := enqueue(ctx, tx, "", task{ourRefund, fmt.Sprint(id)}); err != nil {
		return Refund{}, err
	}
	if err := audit.Record(ctx, tx, actor, "checkout_refunded", name(k.ID), nil, req); err != nil {
		return Refund{}, err
	}
	return refund(ctx, tx, id)
}

// syncRefund asks Stripe for a refund, or how one is getting on.
func (s *Service) syncRefund(ctx context.Context, id int64) error {
	var r Refund
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = refund(ctx, tx, id)
		return err
	})
	if err != nil || r.State == refundFailed || r.State == refundBounced {
		return err
	}
	if r.Refund != nil {
		return s.syncStripeRefund(ctx, *r.Refund)
	}
	made, err := s.Stripe.CreateRefund(ctx, stripe.RefundRequest{Ours: r.name(), Intent: r.Intent, Amount: r.Amount})
	refusal := new(stripe.Refusal)
	if errors.As(err, &refusal) {
		s.log.Error("Stripe does not refund", "refund", r.ID, "code", refusal.Code, "message", refusal.Message)
		return s.db.InTx(ctx, func(tx *db.Tx) error {
			return s.applyRefund(ctx, tx, id, stripe.Refund{Status: stripe.RefundFailed, Failure: refusal.Code})
		})
	}
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return s.applyRefund(ctx, tx, id, made) })
}

func (s *Service) syncStripeRefund(ctx context.Context, id string) error {
	found, err := s.Stripe.Refund(ctx, id)
	if err != nil {
		return err
	}
	if found.Ours == "" {
		return s.syncByHand(ctx, found.Payment)
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return s.applyRefund(ctx, tx, numberIn("refund", found.Ours), found) })
}

func (s *Service) applyRefund(ctx context.Context, tx *db.Tx, id int64, found stripe.Refund) error {
	r, err := refund(ctx, tx, id)
	if err != nil {
		return err
	}
	k, err := lockCheckout(ctx, tx, r.Checkout)
	if err != nil {
		return err
	}
	if r, err = refund(ctx, tx, id); err != nil {
		return err
	}
	state := string(found.Status)
	if state == refundFailed && r.State == refundDone {
		intact, err := takenIsIntact(ctx, tx, k, orders.Taker{CardRefund: id})
		if err != nil {
			return err
		}
		if !intact {
			state = refundBounced
		}
	}
	if rank(state) < rank(r.State) || r.State == refundFailed || r.State == refundBounced {
		return nil
	}
	if err := updateRefund(ctx, tx, id, state, found); err != nil {
		return err
	}
	switch state {
	case refundBounced:
		s.log.Error("a refund came back: it is owed to the funder out of the operating account", "refund", id, "code", found.Failure)
		return ledger.Post(ctx, tx, ledger.CardRefundBounced(id, k.Campaign, k.Funder, r.Amount)...)
	case refundFailed:
		return orders.GiveBack(ctx, tx, k.Order, orders.Taker{CardRefund: id}, func(t orders.Taken) []ledger.Transfer {
			return ledger.CardRefundUndone(id, t.Campaign, t.Funds)
		})
	}
	return nil
}

// ClaimsHeld are claims of the operator on the segregated account, by campaign, that may
// still have to be given back: of disputes that are open and of refunds that are not done.
// They must not be swept.
func ClaimsHeld(ctx context.Context, tx *db.Tx) (map[vouchers.CampaignID]vouchers.Cents, error) {
	return claimsHeld(ctx, tx)
}
