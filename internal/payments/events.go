package payments

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Hear takes a message of Stripe's webhook: body as it came, and its signature. It is kept
// once; a job does what follows from it.
func (s *Service) Hear(ctx context.Context, body []byte, signature string) error {
	if err := s.mustBeOn(); err != nil {
		return err
	}
	e, err := stripe.Verify(s.WebhookSecrets, s.db.Now(), body, signature)
	if err != nil {
		return fault.New(fault.Malformed, "webhook_signature")
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		if err := keepEvent(ctx, tx, e); err != nil {
			return err
		}
		if s.Structures != nil {
			if taken, err := s.Structures(ctx, tx, e); err != nil || taken {
				return err
			}
		}
		return enqueue(ctx, tx, "stripe:"+e.ID, task{e.Kind, e.ObjectID})
	})
}

// Work does a job of this room.
func (s *Service) Work(ctx context.Context, work jobs.Work) error {
	var t task
	if err := json.Unmarshal(work.Payload, &t); err != nil {
		return jobs.GiveUp(err)
	}
	if !s.On() {
		return errors.New("payments: there is no key for Stripe any more")
	}
	return s.sync(ctx, t)
}

// sync brings our rows to what Stripe says now of one object.
func (s *Service) sync(ctx context.Context, t task) error {
	switch t.Kind {
	case "checkout.session":
		return s.syncSession(ctx, t.ID)
	case "payment_intent":
		return s.syncIntent(ctx, t.ID)
	case "dispute":
		return s.syncDispute(ctx, t.ID)
	case "refund":
		return s.syncStripeRefund(ctx, t.ID)
	case "payout":
		return s.syncStripePayout(ctx, t.ID)
	}
	id, err := strconv.ParseInt(t.ID, 10, 64)
	switch {
	case err != nil:
		return nil // about nothing of ours
	case t.Kind == ourCheckout:
		return s.syncCheckout(ctx, vouchers.CheckoutID(id))
	case t.Kind == ourPayout:
		return s.syncPayout(ctx, id)
	case t.Kind == ourRefund:
		return s.syncRefund(ctx, id)
	}
	return nil
}

// syncIntent finds the checkout of a payment that is known by its own id.
func (s *Service) syncIntent(ctx context.Context, intent string) error {
	var id vouchers.CheckoutID
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		id, err = checkoutOfIntent(ctx, tx, intent)
		return err
	})
	if err != nil || id == 0 {
		return err
	}
	return s.syncCheckout(ctx, id)
}

// overlap is how far back events are read again: they may be listed late.
const overlap = 48 * time.Hour

// Reconcile looks at everything that is not settled, as if no webhook had ever come. What
// Stripe has done without our hearing of it is found by its events before anything is asked
// for again: Stripe may have forgotten our keys since.
func (s *Service) Reconcile(ctx context.Context) error {
	if !s.On() {
		return nil
	}
	failed, err := s.readEvents(ctx)
	if err != nil {
		return err
	}
	var open []task
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if err := askWaiting(ctx, tx); err != nil {
			return err
		}
		open, err = unsettled(ctx, tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, t := range open {
		if err := s.sync(ctx, t); err != nil {
			failed = append(failed, fmt.Errorf("%s %s: %w", t.Kind, t.ID, err))
		}
	}
	failed = append(failed, s.thawRepaid(ctx), s.sweep(ctx))
	return errors.Join(failed...)
}

// readEvents follows every event that is not known yet. One that cannot be followed is
// tried again next time.
func (s *Service) readEvents(ctx context.Context) (failed []error, err error) {
	var since time.Time
	err = s.db.Read(ctx, func(tx *db.Tx) (err error) {
		since, err = lastEvent(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	found, err := s.Stripe.Events(ctx, since.Add(-overlap))
	if err != nil {
		return nil, err
	}
	for _, e := range found {
		var known bool
		err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
			known, err = knowsEvent(ctx, tx, e.ID)
			return err
		})
		if err != nil {
			return nil, err
		}
		if known {
			continue
		}
		if err := s.sync(ctx, task{e.Kind, e.ObjectID}); err != nil {
			failed = append(failed, fmt.Errorf("event %s: %w", e.ID, err))
			continue
		}
		if err := s.db.InTx(ctx, func(tx *db.Tx) error { return keepEvent(ctx, tx, e) }); err != nil {
			return nil, err
		}
	}
	return failed, nil
}

// thawRepaid lets vouchers run again whose debt has been repaid.
func (s *Service) thawRepaid(ctx context.Context) error {
	var all []Dispute
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = stopping(ctx, tx)
		return err
	})
	for _, d := range all {
		err = errors.Join(err, s.db.InTx(ctx, func(tx *db.Tx) error {
			if _, err := lockCheckout(ctx, tx, d.Checkout); err != nil {
				return err
			}
			o, err := orders.Get(ctx, tx, d.Order)
			if err != nil || o.Debt > 0 {
				return err
			}
			return thaw(ctx, tx, d.ID)
		}))
	}
	return err
}

// Desk is what the operator sees of online payments, the latest first, 200 of each at most.
type Desk struct {
	Checkouts []Checkout `json:"checkouts"`
	Payouts   []Payout   `json:"payouts"`
	Disputes  []Dispute  `json:"disputes"`
	Refunds   []Refund   `json:"refunds"`
}

// Desk reads it.
func (s *Service) Desk(ctx context.Context, actor identity.Actor) (Desk, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Desk{}, err
	}
	var d Desk
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = desk(ctx, tx)
		return err
	})
	return d, err
}
