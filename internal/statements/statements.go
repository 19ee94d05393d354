// Package statements reads what the bank says happened on our accounts, and gives each
// line of it exactly one outcome: an order's money, fees, a transfer that another room
// ordered or expects, or a case that waits for the operator's decision.
package statements

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to import statements and explain their lines.
const Scope = "statements"

// Orders is what lines do to orders, within the caller's transaction.
// *orders.Service fits.
type Orders interface {
	Find(ctx context.Context, tx *db.Tx, payments []orders.Payment) (map[int64]vouchers.OrderID, error)
	PayFromLines(ctx context.Context, tx *db.Tx, payments []orders.Payment, chosen map[int64]vouchers.OrderID) (map[int64]orders.Paid, error)
	AttributeLine(ctx context.Context, tx *db.Tx, line int64, order vouchers.OrderID, amount vouchers.Cents) error
}

// Refunds gives a funder's credit back. It is nil where no room does that yet: then it is
// not offered.
type Refunds interface {
	// ToPayer asks for the transfer of a funder's credit to an account that has paid before.
	ToPayer(ctx context.Context, tx *db.Tx, actor identity.Actor, r Refund) error
}

// Refund is credit to be given back to whoever paid too much.
type Refund struct {
	Line     int64 // that brought it
	Funder   vouchers.OrganisationID
	Campaign vouchers.CampaignID
	Amount   vouchers.Cents
	IBAN     sepa.IBAN
	Holder   string
}

// Reminder is a notice that a payment was less than was asked.
type Reminder struct {
	Key       string // names the notice: one a day
	Path      string // of the page that tells more
	Reference string
	Received  vouchers.Cents
	Lacks     vouchers.Cents
}

// Remind enqueues a reminder to a funder, in the transaction that asks for it.
type Remind func(ctx context.Context, tx *db.Tx, to string, r Reminder) error

// Rooms are those that lines concern.
type Rooms struct {
	Orders  Orders
	Movers  []Mover
	Filer   Filer // nil where no room sends files: then no line is the sum of one
	Refunds Refunds
	Remind  Remind
}

// Account is which of our bank accounts a statement is of.
type Account string

const (
	Segregated Account = "segregated" // face value and nothing else
	Operating  Account = "operating"  // the operator's own
)

// Accounts are ours. Operating is "" as long as the operator has not said it.
type Accounts struct{ Segregated, Operating sepa.IBAN }

// of tells which account has an IBAN; "" for none of ours.
func (a Accounts) of(iban sepa.IBAN) Account {
	switch {
	case iban == "":
	case iban == a.Segregated:
		return Segregated
	case iban == a.Operating:
		return Operating
	}
	return ""
}

// Service is the use cases of statements.
type Service struct {
	db       *db.DB
	accounts Accounts
	rooms    Rooms
	log      *slog.Logger
}

// New makes the service.
func New(d *db.DB, accounts Accounts, rooms Rooms, log *slog.Logger) *Service {
	return &Service{db: d, accounts: accounts, rooms: rooms, log: log}
}

// Outcome is what a line turned out to be.
type Outcome string

const (
	OrderFunded     Outcome = "order_funded"
	Unattributed    Outcome = "unattributed" // a credit that waits for somebody to say what it is for
	PayoutBooked    Outcome = "payout_booked"
	PayoutReturned  Outcome = "payout_returned"
	UnexpectedDebit Outcome = "unexpected_debit" // nobody ordered it: the alarm
	PaymentReturned Outcome = "payment_returned" // the bank gave an order's payment back
	ToppedUp        Outcome = "topped_up"        // the operator made an order's debt good
	FeesPaid        Outcome = "fees_paid"
	DebtPaid        Outcome = "debt_paid"       // an order's debt, to the operator
	BatchBooked     Outcome = "batch_booked"    // the debit of a whole file, which booked its payouts
	DebtRepaid      Outcome = "debt_repaid"     // a structure's debt, or what the operator had forgiven of one
	OperatingOther  Outcome = "operating_other" // of the operating account, and not about vouchers or not explained
)

// Tally counts lines.
type Tally struct {
	Count  int            `json:"count"`
	Amount vouchers.Cents `json:"amount_cents"`
}

// Statement is an imported statement and what became of its lines. Amounts that the
// bank does not say are nil.
type Statement struct {
	ID         vouchers.StatementID `json:"id"`
	Kind       sepa.Kind            `json:"kind"`
	Reference  string               `json:"reference"` // the bank's
	Ours       Account              `json:"account_kind"`
	Account    string               `json:"account"` // masked
	Opening    *vouchers.Cents      `json:"opening_cents"`
	Closing    *vouchers.Cents      `json:"closing_cents"`
	ClosingOn  *vouchers.Day        `json:"closing_on"`
	Complete   bool                 `json:"complete"` // its movements lead from the opening to the closing balance
	Known      int                  `json:"known"`    // lines that an earlier statement had brought: not counted again
	Pending    int                  `json:"pending"`  // announced by the bank and not booked: not counted at all
	ImportedAt time.Time            `json:"imported_at"`

	Lines            int   `json:"lines"` // those that this statement brought
	OrdersFunded     Tally `json:"orders_funded"`
	PayoutsBooked    Tally `json:"payouts_booked"`
	PayoutsReturned  Tally `json:"payouts_returned"`
	FeesPaid         Tally `json:"fees_paid"`
	Unattributed     Tally `json:"unattributed"`
	UnexpectedDebits Tally `json:"unexpected_debits"`
	Others           Tally `json:"others"` // the rest
	Cases            int   `json:"open_cases"`
}

// List returns the statements below the cursor (0: the latest), newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor, before vouchers.StatementID, limit int) ([]Statement, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Statement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, before, min(max(limit, 1), 100))
		return err
	})
	return all, err
}

// Detail is a statement with a page of its lines, in the order of the file.
type Detail struct {
	Statement
	Items []Line `json:"items"`
	Next  *int64 `json:"next"` // the cursor of the next page; null on the last
}

// linesPerPage bounds a page of lines.
const linesPerPage = 200

// Open returns one statement with its lines above the cursor.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.StatementID, after int64) (Detail, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return Detail{}, err
	}
	var d Detail
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if d.Statement, err = one(ctx, tx, id); errors.Is(err, db.ErrNoRows) {
			return fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		d.Items, err = linesOfStatement(ctx, tx, id, after, linesPerPage+1)
		return err
	})
	if len(d.Items) > linesPerPage {
		d.Items = d.Items[:linesPerPage]
		d.Next = &d.Items[linesPerPage-1].ID
	}
	return d, err
}

func object(id vouchers.StatementID) string { return fmt.Sprintf("statement:%d", id) }
