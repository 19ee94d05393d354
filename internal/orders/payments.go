package orders

import (
	"context"
	"maps"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Payment is a bank line that brought money, with the references that it carries.
type Payment struct {
	Line   int64
	Amount vouchers.Cents
	Stated []string // in fields made for a reference, the surest first
	Found  []string // readings of the free text
}

// Find chooses the order that each payment names, and locks those orders: whoever moves the
// money of orders locks them before funds, and both before the ledger. A text that names
// several orders has order 0, a payment that names none is left out.
func (s *Service) Find(ctx context.Context, tx *db.Tx, payments []Payment) (map[int64]vouchers.OrderID, error) {
	issued, err := ordersNamed(ctx, tx, payments)
	if err != nil {
		return nil, err
	}
	chosen := map[int64]vouchers.OrderID{}
	var ids []int64
	for _, p := range payments {
		id, several := sepa.Pick(p.Stated, p.Found, issued)
		if id != 0 || several {
			chosen[p.Line] = id
			ids = append(ids, int64(id))
		}
	}
	if len(ids) == 0 {
		return chosen, nil
	}
	_, err = lock(ctx, tx, ids)
	return chosen, err
}

// Paid is what a payment did to its order.
type Paid struct {
	Order vouchers.OrderID
	ledger.Received
	Lacked vouchers.Cents // before
	Lacks  vouchers.Cents // after
}

// PayFromLines gives payments to the orders that Find chose for them. What an order lacks
// becomes funds of its campaign, the rest its funder's credit.
func (s *Service) PayFromLines(ctx context.Context, tx *db.Tx, payments []Payment, chosen map[int64]vouchers.OrderID) (map[int64]Paid, error) {
	ids := make([]int64, 0, len(payments))
	for _, p := range payments {
		ids = append(ids, int64(chosen[p.Line]))
	}
	orders, err := lock(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	paid := make(map[int64]Paid, len(payments))
	var receipts []receipt
	var transfers []ledger.Transfer
	for _, p := range payments {
		o := orders[chosen[p.Line]]
		lacked := o.lacks()
		r := o.receive(Source{Line: p.Line}, p.Amount)
		paid[p.Line] = Paid{Order: o.ID, Received: r.shared, Lacked: lacked, Lacks: o.lacks()}
		receipts = append(receipts, r)
		transfers = append(transfers, ledger.OrderPaid(p.Line, r.shared)...)
	}
	return paid, s.record(ctx, tx, receipts, transfers)
}

// AttributeLine gives the cash of a line that waited in suspense to an order.
func (s *Service) AttributeLine(ctx context.Context, tx *db.Tx, line int64, order vouchers.OrderID, amount vouchers.Cents) error {
	return s.Receive(ctx, tx, Incoming{order, Source{Line: line}, amount}, func(r ledger.Received) []ledger.Transfer {
		return ledger.Attributed(line, r)
	})
}

// Incoming is money that is known to be for an order.
type Incoming struct {
	Order  vouchers.OrderID
	Source Source
	Amount vouchers.Cents
}

// Receive shares the money out, keeps the receipt and posts what recipe makes of it. The
// same source is received once: the table refuses a second time.
func (s *Service) Receive(ctx context.Context, tx *db.Tx, in Incoming, recipe func(ledger.Received) []ledger.Transfer) error {
	o, err := lockOne(ctx, tx, in.Order)
	if err != nil {
		return err
	}
	r := o.receive(in.Source, in.Amount)
	return s.record(ctx, tx, []receipt{r}, recipe(r.shared))
}

// record keeps receipts, moves their money and tells the funders, once per order.
func (s *Service) record(ctx context.Context, tx *db.Tx, receipts []receipt, transfers []ledger.Transfer) error {
	if err := insertReceipts(ctx, tx, receipts); err != nil {
		return err
	}
	if err := lockFunds(ctx, tx, receipts); err != nil {
		return err
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return err
	}
	return s.tell(ctx, tx, receipts)
}

// lockFunds takes the funds of the campaigns before the ledger's gate, as a hand-over
// does: the two never wait for each other crosswise.
func lockFunds(ctx context.Context, tx *db.Tx, receipts []receipt) error {
	accounts := map[ledger.Account]bool{}
	for _, r := range receipts {
		accounts[ledger.Funds(r.order.Campaign)] = true
	}
	for _, a := range slices.Sorted(maps.Keys(accounts)) {
		if _, err := ledger.LockGuarded(ctx, tx, a); err != nil {
			return err
		}
	}
	return nil
}

// tell enqueues one notice for each order that received something.
func (s *Service) tell(ctx context.Context, tx *db.Tx, receipts []receipt) error {
	last := map[vouchers.OrderID]Source{}
	var ids []int64
	for _, r := range receipts {
		last[r.order.ID] = r.source
		ids = append(ids, int64(r.order.ID))
	}
	rows, err := withFunders(ctx, tx, ids)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := s.notify(ctx, tx, r.Email, r.order(), last[r.ID]); err != nil {
			return err
		}
	}
	return nil
}
