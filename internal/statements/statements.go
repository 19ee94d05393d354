// Package statements reads what the bank says happened on the segregated account, and
// gives each line of it exactly one outcome: an order's money, a payout booked or come
// back, or a question for the operator.
package statements

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
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

// Rooms are those that lines concern.
type Rooms struct {
	Orders Orders
	Movers []Mover
}

// Service is the use cases of statements.
type Service struct {
	db      *db.DB
	account sepa.IBAN
	rooms   Rooms
	log     *slog.Logger
}

// New makes the service. account is the segregated account, the only one whose
// statements are taken.
func New(d *db.DB, account sepa.IBAN, rooms Rooms, log *slog.Logger) *Service {
	return &Service{db: d, account: account, rooms: rooms, log: log}
}

// Outcome is what a line turned out to be.
type Outcome string

const (
	OrderFunded     Outcome = "order_funded"
	Unattributed    Outcome = "unattributed" // a credit that waits for somebody to say what it is for
	PayoutBooked    Outcome = "payout_booked"
	PayoutReturned  Outcome = "payout_returned"
	UnexpectedDebit Outcome = "unexpected_debit" // nobody ordered it: the alarm
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
	Account    string               `json:"account"`   // masked
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
	Unattributed     Tally `json:"unattributed"`
	UnexpectedDebits Tally `json:"unexpected_debits"`
}

// Agreement compares the bank's closing balance with our books on the same day.
type Agreement struct {
	On   vouchers.Day   `json:"on"`
	Bank vouchers.Cents `json:"bank_cents"`
	Book vouchers.Cents `json:"books_cents"`
}

// Gap is how much more the bank holds than our books say; 0 is what it should be.
func (a Agreement) Gap() vouchers.Cents { return a.Bank - a.Book }

// Report is what an import did.
type Report struct {
	Statements []Statement `json:"statements"`
	Agreement  *Agreement  `json:"agreement"` // at the latest closing balance known; nil as long as there is none

	AlreadyImported bool `json:"-"` // the same file had been imported before: nothing has changed
}

// Import takes a camt.053 or camt.054 file, all of it or nothing. The same file, or the
// same line in another file, changes nothing.
func (s *Service) Import(ctx context.Context, actor identity.Actor, file io.Reader) (Report, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Report{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Report{}, err
	}
	in := incoming{actor: actor}
	hash := sha256.New()
	var err error
	if in.statements, err = sepa.ReadStatements(io.TeeReader(file, hash)); err != nil {
		return Report{}, err
	}
	in.sha256 = hash.Sum(nil)
	if err := s.checkAccounts(in.statements); err != nil {
		return Report{}, err
	}
	var report Report
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		report, err = s.importOnce(ctx, tx, in)
		return err
	})
	if err != nil {
		return Report{}, err
	}
	s.alarm(report)
	return report, nil
}

// checkAccounts refuses statements of any other account than the segregated one.
func (s *Service) checkAccounts(all []sepa.Statement) error {
	for _, one := range all {
		if one.Account != s.account {
			return fault.New(fault.Invalid, "statement_other_account", "account", one.Account.Masked(), "expected", s.account.Masked())
		}
	}
	return nil
}

// importOnce imports a file that is new by its key and by its content, and reports.
func (s *Service) importOnce(ctx context.Context, tx *db.Tx, in incoming) (Report, error) {
	var report Report
	ids, err := once.Do(ctx, tx, in.actor.Organisation, "import_statements", hex.EncodeToString(in.sha256), func() ([]int64, error) {
		if err := oneAtATime(ctx, tx); err != nil {
			return nil, err
		}
		ids, err := importedBefore(ctx, tx, in.sha256)
		if report.AlreadyImported = len(ids) > 0; err != nil || report.AlreadyImported {
			return ids, err
		}
		return s.importAll(ctx, tx, in)
	})
	if err != nil {
		return Report{}, err
	}
	if report.Statements, err = byIDs(ctx, tx, ids); err != nil {
		return Report{}, err
	}
	report.Agreement, err = agreement(ctx, tx)
	return report, err
}

// alarm tells the log of debits that nobody ordered: cover has shrunk by them.
func (s *Service) alarm(r Report) {
	if r.AlreadyImported {
		return
	}
	for _, one := range r.Statements {
		if one.UnexpectedDebits.Count > 0 {
			s.log.Error("the bank shows debits that nobody ordered", "statement", int64(one.ID),
				"lines", one.UnexpectedDebits.Count, "amount", one.UnexpectedDebits.Amount.String())
		}
	}
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

// Agreement compares the latest closing balance that the bank has told with our books;
// nil as long as it has told none.
func (s *Service) Agreement(ctx context.Context, actor identity.Actor) (*Agreement, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var a *Agreement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		a, err = agreement(ctx, tx)
		return err
	})
	return a, err
}

// agreement takes out of our books what the bank booked after its closing balance, so
// that statements may come in any order.
func agreement(ctx context.Context, tx *db.Tx) (*Agreement, error) {
	closing, err := latestClosing(ctx, tx)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	owed, err := ledger.Balance(ctx, tx, ledger.Segregated)
	if err != nil {
		return nil, err
	}
	return &Agreement{On: closing.On, Bank: closing.Amount, Book: -owed - closing.Later}, nil
}

func object(id vouchers.StatementID) string { return fmt.Sprintf("statement:%d", id) }
