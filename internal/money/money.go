// Package money is the operator's desk for money: what there is, what waits, what is due,
// and the books behind each figure down to the single transfer. It writes one thing:
// who asked that a funder's debt be forgiven, and who agreed.
package money

import (
	"context"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to look at the books.
const Scope = "reports"

// Service is the use cases of the money desk.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// mayLook is for the operator's members.
func mayLook(actor identity.Actor) error {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// Desk is where the money is this morning.
type Desk struct {
	At       time.Time       `json:"at"`
	Holdings []Holding       `json:"holdings"`
	Tiles    []Tile          `json:"waiting"` // those with something in them
	Ageing   []Bucket        `json:"ageing"`
	Debtors  []Debtor        `json:"debtors"`
	Cover    reporting.Cover `json:"cover"`
}

// Holding is an account of ours, as the books have it and as the bank says.
type Holding struct {
	Account ledger.Account        `json:"account"`
	Books   vouchers.Cents        `json:"books_cents"`
	Bank    *statements.Agreement `json:"bank"` // null as long as no statement has told a balance
}

// Bucket is what is unpaid since a number of days: orders' face value, and fees.
type Bucket struct {
	FromDays int            `json:"from_days"`
	ToDays   int            `json:"to_days,omitempty"` // 0: without end
	Orders   int            `json:"orders"`
	Face     vouchers.Cents `json:"face_cents"`
	Invoices int            `json:"fee_invoices"`
	Fees     vouchers.Cents `json:"fees_cents"`
}

// Debtor is a funder that owes something, with what it is owed itself.
type Debtor struct {
	Funder vouchers.OrganisationID `json:"funder"`
	Name   string                  `json:"name"`
	Debt   vouchers.Cents          `json:"debt_cents"` // payments that were taken back
	Fees   vouchers.Cents          `json:"fees_due_cents"`
	Credit vouchers.Cents          `json:"credit_cents"`
}

// Open shows the desk, on one snapshot.
func (s *Service) Open(ctx context.Context, actor identity.Actor) (Desk, error) {
	if err := mayLook(actor); err != nil {
		return Desk{}, err
	}
	var d Desk
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		d, err = open(ctx, tx)
		return err
	})
	return d, err
}

func open(ctx context.Context, tx *db.Tx) (Desk, error) {
	d := Desk{At: tx.Now}
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return Desk{}, err
	}
	if d.Holdings, err = holdings(ctx, tx, sums); err != nil {
		return Desk{}, err
	}
	if d.Tiles, err = tilesNow(ctx, tx); err != nil {
		return Desk{}, err
	}
	if d.Ageing, err = ageing(ctx, tx); err != nil {
		return Desk{}, err
	}
	if d.Debtors, err = debtors(ctx, tx, sums); err != nil {
		return Desk{}, err
	}
	d.Cover, err = reporting.CoverNow(ctx, tx)
	return d, err
}

// holdings are our accounts, empty or not.
func holdings(ctx context.Context, tx *db.Tx, sums []ledger.Sum) ([]Holding, error) {
	agreed, err := statements.AgreementsNow(ctx, tx)
	if err != nil {
		return nil, err
	}
	told := map[ledger.Account]*statements.Agreement{}
	for i, a := range agreed {
		told[ledger.Account("bank:"+a.Account)] = &agreed[i]
	}
	held := heldOf(sums)
	all := []Holding{}
	for _, a := range []ledger.Account{ledger.Segregated, ledger.Operating, ledger.StripeClearing, ledger.StripeSegregated, ledger.StripePayouts} {
		all = append(all, Holding{Account: a, Books: held[a], Bank: told[a]})
	}
	return all, nil
}

// heldOf sums what accounts hold over all campaigns.
func heldOf(sums []ledger.Sum) map[ledger.Account]vouchers.Cents {
	held := map[ledger.Account]vouchers.Cents{}
	for _, s := range sums {
		held[s.Account] += s.Held()
	}
	return held
}

// debtors are the funders with something on an account of debts or fees.
func debtors(ctx context.Context, tx *db.Tx, sums []ledger.Sum) ([]Debtor, error) {
	names, err := organisations(ctx, tx)
	if err != nil {
		return nil, err
	}
	found := map[vouchers.OrganisationID]*Debtor{}
	for account, held := range heldOf(sums) {
		kind, number := account.Parts()
		id := vouchers.OrganisationID(number)
		if kind != "funder:debt" && kind != "funder:fees_due" && kind != "funder:credit" || held == 0 {
			continue
		}
		if found[id] == nil {
			found[id] = &Debtor{Funder: id, Name: names[number]}
		}
		switch kind {
		case "funder:debt":
			found[id].Debt = held
		case "funder:fees_due":
			found[id].Fees = held
		case "funder:credit":
			found[id].Credit = -held
		}
	}
	all := []Debtor{}
	for _, d := range found {
		if d.Debt != 0 || d.Fees != 0 {
			all = append(all, *d)
		}
	}
	slices.SortFunc(all, func(a, b Debtor) int { return int(a.Funder - b.Funder) })
	return all, nil
}
