// Package payments takes money through Stripe: by card, by SEPA direct debit, by transfer to
// an account that Stripe opens for the payer. Money that was charged is not money that was
// received: by default it counts once the bank shows it on the segregated account.
//
// Whatever Stripe tells only names an object. The object's current state is read from
// Stripe and our rows are brought to it, so that order, repetition, delay and loss of what
// Stripe tells change nothing (INV-15). Every request to Stripe follows a row of ours whose
// name is its idempotency key: an answer that was lost is found by asking again.
package payments

import (
	"context"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// Options are the operator's choices. Without a Stripe client nothing can be paid online.
type Options struct {
	Stripe         *stripe.Client // nil: off
	WebhookSecrets []string
	PublicURL      string
	Text           Text
	Structures     Structures

	Lenient      bool // money counts as soon as Stripe says that it is available
	Freeze       bool // vouchers that a disputed payment had paid for are stopped
	Segregated   sepa.IBAN
	SegregatedTo string // Stripe's id of the segregated bank account; "" is the account's default
	OperatingTo  string // Stripe's id of the operating one; "": what is the operator's stays at Stripe
}

// Text says a sentence of the catalogue, for what payers read on Stripe's pages.
type Text func(key string, pairs ...any) string

// Structures takes what Stripe tells of structures' accounts and of money for them, and says
// whether it is that. Package connect has it.
type Structures func(ctx context.Context, tx *db.Tx, e stripe.Event) (bool, error)

// Receiver takes money into an order's books. Package orders has it.
type Receiver interface {
	Receive(ctx context.Context, tx *db.Tx, in orders.Incoming, recipe func(ledger.Received) []ledger.Transfer) error
}

// Alert enqueues the operator's notice that a payment was taken back, in its transaction.
type Alert func(ctx context.Context, tx *db.Tx, to string, d Dispute) error

// Service is the use cases of payment through Stripe.
type Service struct {
	Options
	db     *db.DB
	orders Receiver
	alert  Alert
	log    *slog.Logger
}

// New makes the service.
func New(d *db.DB, o Options, orders Receiver, alert Alert, log *slog.Logger) *Service {
	return &Service{Options: o, db: d, orders: orders, alert: alert, log: log}
}

// On tells whether anything can be paid online.
func (s *Service) On() bool { return s.Stripe != nil }

func (s *Service) mustBeOn() error {
	if !s.On() {
		return fault.New(fault.NotFound, "payments_off")
	}
	return nil
}

// State is what has become of a checkout's page.
type State string

const (
	Asked   State = "asked" // of Stripe, which has not answered yet
	Open    State = "open"
	Pending State = "pending" // the payer is done, the money is on its way to Stripe
	Paid    State = "paid"    // Stripe has it
	Failed  State = "failed"
	Expired State = "expired"
)

// Checkout is one attempt to pay an order online. Its amounts are fixed when it is made.
type Checkout struct {
	ID          vouchers.CheckoutID     `json:"id" db:"id"`
	Order       vouchers.OrderID        `json:"order" db:"order_id"`
	Campaign    vouchers.CampaignID     `json:"campaign" db:"campaign_id"`
	Funder      vouchers.OrganisationID `json:"funder" db:"funder_id"`
	FunderName  string                  `json:"funder_name" db:"funder_name"`
	Means       stripe.Means            `json:"means" db:"means"`
	Face        vouchers.Cents          `json:"face_cents" db:"face_cents"`
	Fees        vouchers.Cents          `json:"fees_cents" db:"fees_cents"` // VAT included
	State       State                   `json:"state" db:"state"`
	URL         string                  `json:"url" db:"url"`                     // where to pay, or to read where to transfer to
	Missing     vouchers.Cents          `json:"missing_cents" db:"missing_cents"` // of a transfer in parts
	Problem     string                  `json:"problem" db:"problem"`
	CreatedAt   time.Time               `json:"created_at" db:"created_at"`
	ExpiresAt   time.Time               `json:"expires_at" db:"expires_at"`
	PaidAt      *time.Time              `json:"paid_at" db:"paid_at"`
	AvailableOn *time.Time              `json:"available_on" db:"available_on"`
	Received    bool                    `json:"received" db:"received"` // its face value counts, and may be handed over
	Refunded    vouchers.Cents          `json:"refunded_cents" db:"refunded"`
	Disputed    vouchers.Cents          `json:"disputed_cents" db:"disputed"` // face value that went back to the payer

	Invoice     *vouchers.InvoiceID `json:"-" db:"invoice_id"`
	Customer    string              `json:"-" db:"customer"`
	Session     string              `json:"-" db:"session"`
	Intent      string              `json:"-" db:"intent"`
	Cost        *vouchers.Cents     `json:"-" db:"cost_cents"`
	AvailableAt *time.Time          `json:"-" db:"available_at"`
	CountedAt   *time.Time          `json:"-" db:"counted_at"`
}

// Total is what the payer pays.
func (k Checkout) Total() vouchers.Cents { return k.Face + k.Fees }

// OnItsWay tells whether the payer has done its part and the money does not count yet.
func (k Checkout) OnItsWay() bool {
	return k.State == Pending || k.State == Paid && !k.Received && k.Face > k.Disputed
}

// Refundable is how much of its face value can go back, as far as it is unspent.
func (k Checkout) Refundable() vouchers.Cents {
	if !k.Received || k.Disputed > 0 {
		return 0
	}
	return k.Face - k.Refunded
}

// Kind of the jobs that bring our rows to what Stripe says.
const Kind = "stripe"

// task is the payload of such a job: an object of Stripe's by its kind and id, or a row of
// ours that Stripe is to be asked about.
type task struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// The kinds of rows of ours; those of Stripe's objects are its own words.
const (
	ourCheckout = "our_checkout"
	ourPayout   = "our_payout"
	ourRefund   = "our_refund"
)
