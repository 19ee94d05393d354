package orders

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Taker is what takes money out of an order again: exactly one is set.
type Taker struct {
	Line       int64 // a payment that the bank returned
	CardRefund int64
	Dispute    int64 // a payment that Stripe took back
}

// Taken says where the money comes from: Credit was above the order and the funder's; Funds
// has not become live and leaves the campaign's funds; Debt has, and is the funder's debt.
type Taken struct {
	Campaign vouchers.CampaignID
	Funder   vouchers.OrganisationID
	Credit   vouchers.Cents // only of what the bank returned
	Funds    vouchers.Cents
	Debt     vouchers.Cents
}

// TakeBack takes amount, at most what the order has received and what is the funder's credit
// above it, out of it and posts what recipe makes of it. Prescribers can no longer hand over what is not funded any more.
func TakeBack(ctx context.Context, tx *db.Tx, order vouchers.OrderID, by Taker, amount vouchers.Cents, recipe func(Taken) []ledger.Transfer) (Taken, error) {
	orders, err := lock(ctx, tx, []int64{int64(order)})
	if err != nil {
		return Taken{}, err
	}
	o, there := orders[order]
	if !there {
		return Taken{}, fault.New(fault.Invalid, "order_unknown")
	}
	funds, err := ledger.LockGuarded(ctx, tx, ledger.Funds(o.Campaign))
	if err != nil {
		return Taken{}, err
	}
	t := Taken{Campaign: o.Campaign, Funder: o.Funder}
	if by.Line != 0 {
		credit, err := ledger.LockCredit(ctx, tx, o.Funder, o.Campaign)
		if err != nil {
			return Taken{}, err
		}
		t.Credit = o.creditOf(amount, credit)
	}
	if amount > o.Received+t.Credit {
		return Taken{}, fault.New(fault.Conflict, "more_than_received", "received", o.Received+t.Credit, "asked", amount)
	}
	t.Funds = o.takeable(amount-t.Credit, funds)
	t.Debt = amount - t.Credit - t.Funds
	if err := insertTakeback(ctx, tx, order, by, t); err != nil {
		return Taken{}, err
	}
	if err := ledger.Post(ctx, tx, recipe(t)...); err != nil {
		return Taken{}, err
	}
	return t, issuing.FitAllocations(ctx, tx, o.Campaign)
}

// GiveBack undoes what was taken: a dispute was won, a refund did not go through. It posts
// what recipe makes of it.
func GiveBack(ctx context.Context, tx *db.Tx, order vouchers.OrderID, by Taker, recipe func(Taken) []ledger.Transfer) error {
	orders, err := lock(ctx, tx, []int64{int64(order)})
	if err != nil {
		return err
	}
	o, there := orders[order]
	if !there {
		return fault.New(fault.Invalid, "order_unknown")
	}
	t := Taken{Campaign: o.Campaign, Funder: o.Funder}
	if t.Funds, t.Debt, err = undoTakeback(ctx, tx, by); err != nil {
		return err
	}
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(o.Campaign)); err != nil {
		return err
	}
	return ledger.Post(ctx, tx, recipe(t)...)
}

// Late is what becomes of money that was taken and came back after something had been
// decided on it: it pays what is left of the debt that it had made, and what was forgiven of
// that is no loss any more. Both are 0 where nothing was live.
type Late struct {
	Debt     vouchers.Cents `db:"back_cents"`
	Forgiven vouchers.Cents `db:"forgiven_back_cents"`
}

// ComesLate keeps what becomes of it. The order's other debts stay as they are.
func ComesLate(ctx context.Context, tx *db.Tx, order vouchers.OrderID, by Taker) (Late, error) {
	debt, err := LockDebt(ctx, tx, order)
	if err != nil {
		return Late{}, err
	}
	return comesLate(ctx, tx, by, max(debt.ToOperator, 0))
}

// Debt is what an order owes for money that was taken back after it had become live.
type Debt struct {
	Funder     vouchers.OrganisationID
	ToBank     vouchers.Cents // the segregated account lacks it
	ToOperator vouchers.Cents // it came out of the operator's money, and no dispute about it is open
}

// LockDebt locks an order and returns what it owes.
func LockDebt(ctx context.Context, tx *db.Tx, order vouchers.OrderID) (Debt, error) {
	orders, err := lock(ctx, tx, []int64{int64(order)})
	if err != nil {
		return Debt{}, err
	}
	o, there := orders[order]
	if !there {
		return Debt{}, fault.New(fault.NotFound, "not_found")
	}
	return Debt{o.Funder, o.DebtToBank, o.DebtToOperator}, nil
}
