package invoicing

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Statuses are what can become of an invoice on Chorus Pro.
var Statuses = []string{"deposited", "received", "accepted", "rejected", "paid"}

// Deposit is what somebody has learnt of an invoice on Chorus Pro.
type Deposit struct {
	Status string    `json:"status" db:"status"`
	Note   string    `json:"note" db:"note"`
	At     time.Time `json:"at" db:"at"`
	By     string    `json:"by" db:"by"`
}

// DepositRequest keeps one.
type DepositRequest struct {
	Invoice vouchers.InvoiceID `json:"invoice"`
	Status  string             `json:"status"`
	Note    string             `json:"note"` // at most 500 characters; may be empty
}

// Deposit lets the finance of the operator or of the invoice's funder keep what became of
// it on Chorus Pro.
func (s *Service) Deposit(ctx context.Context, actor identity.Actor, req DepositRequest) error {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return err
	}
	if err := actor.Needs(actor.Kind, identity.Finance); err != nil {
		return err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, actor.Organisation, "deposit_invoice", req, func() (struct{}, error) {
			return struct{}{}, deposit(ctx, tx, actor, req)
		})
		return err
	})
}

func deposit(ctx context.Context, tx *db.Tx, actor identity.Actor, req DepositRequest) error {
	i, _, err := owned(ctx, tx, actor, req.Invoice)
	if err != nil {
		return err
	}
	if !slices.Contains(Statuses, req.Status) {
		return fault.New(fault.Invalid, "chorus_status_unknown")
	}
	if utf8.RuneCountInString(req.Note) > 500 {
		return fault.New(fault.Invalid, "chorus_note_length")
	}
	if err := insertDeposit(ctx, tx, actor.Person, req); err != nil {
		return err
	}
	return audit.Record(ctx, tx, actor, "invoice_deposited", object(i.ID), i.Chorus, req)
}

// CreditFeesRequest gives a part of the fees back.
type CreditFeesRequest struct {
	Invoice vouchers.InvoiceID `json:"invoice"`
	Net     vouchers.Cents     `json:"net_cents"` // without VAT
	Reason  string             `json:"reason"`    // 3 to 200 characters, printed
}

// CreditFees lets the operator issue a credit note of fees. Face value is given back by the
// closing of its campaign only.
func (s *Service) CreditFees(ctx context.Context, actor identity.Actor, req CreditFeesRequest) (Invoice, error) {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return Invoice{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Invoice{}, err
	}
	req.Reason = strings.TrimSpace(req.Reason)
	if n := utf8.RuneCountInString(req.Reason); n < 3 || n > 200 {
		return Invoice{}, fault.New(fault.Invalid, "credit_reason_length")
	}
	var c Invoice
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		c, err = once.Do(ctx, tx, actor.Organisation, "credit_fees", req, func() (Invoice, error) {
			return creditFees(ctx, tx, actor, req)
		})
		return err
	})
	return c, err
}

func creditFees(ctx context.Context, tx *db.Tx, actor identity.Actor, req CreditFeesRequest) (Invoice, error) {
	of, err := one(ctx, tx, req.Invoice)
	if err != nil {
		return Invoice{}, err
	}
	if of.Kind != Fees {
		return Invoice{}, fault.New(fault.Conflict, "credit_of_face_value")
	}
	c, err := Credit(ctx, tx, CreditDraft{Invoice: of.ID, Net: req.Net, Text: creditText, Reason: req.Reason})
	if err != nil {
		return Invoice{}, err
	}
	return c, audit.Record(ctx, tx, actor, "fees_credited", object(c.ID), nil, req)
}

// creditText names what a credit note of fees gives back. Invoices are in French.
const creditText = "Frais de service rendus"
