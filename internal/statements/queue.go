package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Line is one payment on a statement.
type Line struct {
	ID           int64                `json:"id" db:"id"`
	Statement    vouchers.StatementID `json:"statement" db:"statement_id"`
	BookedOn     vouchers.Day         `json:"booked_on" db:"booked_on"`
	Amount       vouchers.Cents       `json:"amount_cents" db:"amount_cents"`
	Credit       bool                 `json:"credit" db:"credit"` // the account received it
	EndToEnd     string               `json:"end_to_end_id" db:"end_to_end"`
	Counterparty string               `json:"counterparty" db:"counterparty"` // "" where the bank does not say
	IBAN         sepa.IBAN            `json:"-" db:"counterparty_iban"`
	Account      string               `json:"counterparty_account"` // the IBAN, masked
	Remittance   string               `json:"remittance" db:"remittance"`
	ReturnReason string               `json:"return_reason" db:"return_reason"`
	Outcome      Outcome              `json:"outcome" db:"outcome"`
	Cause        *int64               `json:"cause" db:"cause"`     // the row that it is about; nil where nobody knows
	Waits        Kind                 `json:"open_case" db:"waits"` // why it waits for a person; "" where it does not
}

// AgeDays is how many days ago the bank booked the line.
func (l Line) AgeDays(today vouchers.Day) int { return int(today - l.BookedOn) }

// Unexplained returns the lines that nobody knows and that wait for a person, the oldest
// first, 200 at most. Cases returns more: those that are known and not as they should be.
func (s *Service) Unexplained(ctx context.Context, actor identity.Actor) ([]Line, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var lines []Line
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		lines, err = waiting(ctx, tx, 200)
		return err
	})
	return lines, err
}

// AttributeRequest says which order a waiting credit was for.
type AttributeRequest struct {
	Line  int64            `json:"line"`
	Order vouchers.OrderID `json:"order"`
}

// Attribute gives the cash of a waiting credit to an order.
func (s *Service) Attribute(ctx context.Context, actor identity.Actor, req AttributeRequest) (Line, error) {
	if err := mayImport(actor); err != nil {
		return Line{}, err
	}
	var l Line
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		l, err = once.Do(ctx, tx, actor.Organisation, "attribute_line", req, func() (Line, error) {
			return s.attribute(ctx, tx, actor, req)
		})
		return err
	})
	return l, err
}

// attribute decides a line that waits, and no other.
func (s *Service) attribute(ctx context.Context, tx *db.Tx, actor identity.Actor, req AttributeRequest) (Line, error) {
	if err := lockLines(ctx, tx, req.Line); err != nil {
		return Line{}, err
	}
	before, err := s.caseOf(ctx, tx, req.Line)
	if err != nil {
		return Line{}, err
	}
	if before.Outcome != Unattributed {
		return Line{}, fault.New(fault.Conflict, "line_already_explained")
	}
	c, err := s.decide(ctx, tx, actor, DecisionRequest{Line: req.Line, Decision: ForOrder, Order: req.Order})
	return c.Line, err
}
