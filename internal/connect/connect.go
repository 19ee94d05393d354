// Package connect pays structures through Stripe, where a structure has chosen so: it opens an
// account of its own there (Stripe says Connect, Express), answers Stripe's questions, and is
// paid out of the operator's balance by a transfer to that account and a payout from there to
// its bank. The settlement is the same as everybody's; only its last step is Stripe's.
//
// As in package payments, what Stripe tells only names an object, every request follows a row of
// ours, and each step first looks whether it is done already: an answer that was lost, a message
// that came twice or never, and a key that Stripe has forgotten change nothing (INV-15).
package connect

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Books are the settlement's part of what happens at Stripe. Package settlement has them.
type Books interface {
	PaidThrough(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, on vouchers.Day) error
	CameBackThrough(ctx context.Context, tx *db.Tx, id vouchers.PayoutID, why string) (vouchers.Cents, error)
}

// Notify writes to somebody in the transaction of what it tells.
type Notify func(ctx context.Context, tx *db.Tx, to string, a Account) error

// Options are what the room needs of others.
type Options struct {
	Stripe    *stripe.Client // nil: nobody is paid through Stripe
	Offered   bool           // structures may choose it; without it, what is under way goes on
	PublicURL string
	Books     Books
	Notify    Notify
	Prove     func(ctx context.Context, actor identity.Actor, password string) error // refuses who does not know their password
}

// Service is the use cases of payment of structures through Stripe.
type Service struct {
	Options
	db  *db.DB
	log *slog.Logger
}

// New makes the service.
func New(d *db.DB, o Options, log *slog.Logger) *Service { return &Service{o, d, log} }

// On tells whether structures can choose to be paid through Stripe.
func (s *Service) On() bool { return s.Stripe != nil && s.Offered }

func (s *Service) mustBeOn() error {
	if !s.On() {
		return fault.New(fault.NotFound, "connect_off")
	}
	return nil
}

// Kind of the jobs that bring our rows to what Stripe says.
const Kind = "connect"

// task is the payload of such a job: an object of Stripe's by its kind and id, or a row of ours.
type task struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// ourTransfer is the kind of a row of ours; the others are Stripe's own words.
const ourTransfer = "our_transfer"

// Hear takes what a message of Stripe's webhook names, in the transaction that keeps it, where
// it is about structures' accounts and payouts; it says whether it is.
func Hear(ctx context.Context, tx *db.Tx, e stripe.Event) (bool, error) {
	if e.Account == "" && e.Kind != "topup" && e.Kind != "transfer" {
		return false, nil
	}
	return true, jobs.Enqueue(ctx, tx, jobs.Job{Kind: Kind, Unique: "connect:" + e.ID, Payload: task{e.Kind, e.ObjectID}, MaxAttempts: 12})
}

// Work does a job of this room.
func (s *Service) Work(ctx context.Context, work jobs.Work) error {
	var t task
	if err := json.Unmarshal(work.Payload, &t); err != nil {
		return jobs.GiveUp(err)
	}
	if s.Stripe == nil {
		return nil
	}
	switch t.Kind {
	case "account":
		return s.syncAccount(ctx, t.ID)
	case "topup":
		return s.Reconcile(ctx)
	case "payout", "transfer", ourTransfer:
		return s.advanceNamed(ctx, t)
	}
	return nil
}
