package orders

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// TakeOut takes what a bank line brought out of its order again: it was for something else,
// and waits in suspense. All of it must still be there.
func TakeOut(ctx context.Context, tx *db.Tx, line int64) (vouchers.OrderID, error) {
	id, err := orderOfLine(ctx, tx, line)
	if errors.Is(err, db.ErrNoRows) {
		return 0, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return 0, err
	}
	orders, err := lock(ctx, tx, []int64{int64(id)})
	if err != nil {
		return 0, err
	}
	o := orders[id]
	funds, err := ledger.LockGuarded(ctx, tx, ledger.Funds(o.Campaign))
	if err != nil {
		return 0, err
	}
	credit, err := ledger.LockCredit(ctx, tx, o.Funder, o.Campaign)
	if err != nil {
		return 0, err
	}
	r, err := deleteReceipt(ctx, tx, line)
	if err != nil {
		return 0, err
	}
	r.Campaign, r.Funder = o.Campaign, o.Funder
	if !o.canLose(r, funds, credit) {
		return 0, fault.New(fault.Conflict, "payment_already_used", "order", id)
	}
	if err := ledger.Post(ctx, tx, ledger.Unattributed(line, r)...); err != nil {
		return 0, err
	}
	return id, issuing.FitAllocations(ctx, tx, o.Campaign)
}

// TopUp makes good what the segregated account lacks for an order's debt, with cash of the
// operator that waited in suspense.
func TopUp(ctx context.Context, tx *db.Tx, order vouchers.OrderID, line int64, amount vouchers.Cents) error {
	o, err := lockOne(ctx, tx, order)
	if err != nil {
		return err
	}
	if amount > o.DebtToBank {
		return fault.New(fault.Conflict, "top_up_above_debt", "owed", max(o.DebtToBank, 0), "amount", amount)
	}
	if err := topUp(ctx, tx, order, amount); err != nil {
		return err
	}
	return ledger.Post(ctx, tx, ledger.ToppedUp(line, o.Campaign, amount)...)
}

// PayDebt says that a line of the operating account pays the operator a debt that the
// operator has made good before.
func PayDebt(ctx context.Context, tx *db.Tx, order vouchers.OrderID, line int64, amount vouchers.Cents) error {
	o, err := lockOne(ctx, tx, order)
	if err != nil {
		return err
	}
	if amount > o.DebtToOperator {
		return fault.New(fault.Conflict, "payment_above_debt", "owed", max(o.DebtToOperator, 0), "amount", amount)
	}
	if err := payDebt(ctx, tx, order, amount); err != nil {
		return err
	}
	return ledger.Post(ctx, tx, ledger.DebtPaid(line, o.Funder, amount)...)
}

// Unpaid returns the latest orders for which money is missing, of all funders.
func Unpaid(ctx context.Context, tx *db.Tx) ([]Order, error) {
	return list(ctx, tx, 0, Query{Unfunded: true, Limit: 200})
}

// ByIDs reads orders.
func ByIDs(ctx context.Context, tx *db.Tx, ids []int64) (map[vouchers.OrderID]Order, error) {
	rows, err := withFunders(ctx, tx, ids)
	all := make(map[vouchers.OrderID]Order, len(rows))
	for _, r := range rows {
		all[r.ID] = r.order()
	}
	return all, err
}

// Indebted returns the orders with a debt.
func Indebted(ctx context.Context, tx *db.Tx) ([]Order, error) {
	ids, err := indebted(ctx, tx)
	if err != nil {
		return nil, err
	}
	rows, err := withFunders(ctx, tx, ids)
	all := make([]Order, len(rows))
	for i, r := range rows {
		all[i] = r.order()
	}
	return all, err
}

func lockOne(ctx context.Context, tx *db.Tx, id vouchers.OrderID) (*locked, error) {
	orders, err := lock(ctx, tx, []int64{int64(id)})
	if err == nil && orders[id] == nil {
		err = fault.New(fault.Invalid, "order_unknown")
	}
	return orders[id], err
}
