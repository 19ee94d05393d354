package money

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Balance is an account with what is on it, in its own sense: what we have, or what we
// owe.
type Balance struct {
	Account  ledger.Account `json:"account"`
	Asset    bool           `json:"asset"` // of what we have: it grows by debits
	Of       string         `json:"of"`    // the organisation or campaign; "" for accounts that exist once
	Debited  vouchers.Cents `json:"debited_cents"`
	Credited vouchers.Cents `json:"credited_cents"`
	Balance  vouchers.Cents `json:"balance_cents"`
}

// AccountsQuery selects accounts. Zero values exclude nothing.
type AccountsQuery struct {
	Campaign vouchers.CampaignID
	After    ledger.Account // the cursor
	Limit    int
}

// Accounts returns the accounts that were ever used, by kind and number.
func (s *Service) Accounts(ctx context.Context, actor identity.Actor, q AccountsQuery) ([]Balance, error) {
	if err := mayLook(actor); err != nil {
		return nil, err
	}
	var all []Balance
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = balances(ctx, tx, q.Campaign)
		return err
	})
	if q.After != "" {
		after := slices.IndexFunc(all, func(b Balance) bool { return byKind(b.Account, q.After) > 0 })
		if after < 0 {
			after = len(all)
		}
		all = all[after:]
	}
	return all[:min(len(all), q.Limit)], err
}

// balances sums accounts over campaigns, or takes those of one.
func balances(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]Balance, error) {
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return nil, err
	}
	of, err := owners(ctx, tx)
	if err != nil {
		return nil, err
	}
	found := map[ledger.Account]*Balance{}
	for _, s := range sums {
		if campaign != 0 && s.Campaign != campaign {
			continue
		}
		b := found[s.Account]
		if b == nil {
			b = &Balance{Account: s.Account, Asset: s.Account.Asset(), Of: of.name(s.Account)}
			found[s.Account] = b
		}
		b.Debited, b.Credited = b.Debited+s.Debited, b.Credited+s.Credited
		b.Balance = inItsSense(s.Account, b.Debited-b.Credited)
	}
	all := make([]Balance, 0, len(found))
	for _, b := range found {
		all = append(all, *b)
	}
	slices.SortFunc(all, func(a, b Balance) int { return byKind(a.Account, b.Account) })
	return all, nil
}

func byKind(a, b ledger.Account) int {
	kindA, numberA := a.Parts()
	kindB, numberB := b.Parts()
	return cmp.Or(cmp.Compare(kindA, kindB), cmp.Compare(numberA, numberB))
}

// inItsSense is what was debited as the account counts it.
func inItsSense(a ledger.Account, debited vouchers.Cents) vouchers.Cents {
	if a.Asset() {
		return debited
	}
	return -debited
}

// Move is a transfer as one of its two accounts sees it.
type Move struct {
	ID       int64               `json:"id"`
	At       time.Time           `json:"at"`
	Event    ledger.Event        `json:"event"`
	Cause    int64               `json:"cause"`
	Other    ledger.Account      `json:"other_account"`
	Campaign vouchers.CampaignID `json:"campaign"`      // 0 for none
	Change   vouchers.Cents      `json:"change_cents"`  // in the account's sense
	Balance  vouchers.Cents      `json:"balance_cents"` // after it
}

// MovesQuery selects the transfers of an account. Zero values exclude nothing.
type MovesQuery struct {
	Account  ledger.Account
	Campaign vouchers.CampaignID
	Before   int64 // below this id: the cursor
	Limit    int
}

// Statement is an account with a page of its transfers, newest first.
type Statement struct {
	Balance
	Moves []Move
}

// Statement returns an account's transfers with the balance after each. An account that
// was never used does not exist.
func (s *Service) Statement(ctx context.Context, actor identity.Actor, q MovesQuery) (Statement, error) {
	if err := mayLook(actor); err != nil {
		return Statement{}, err
	}
	var found Statement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		found, err = statement(ctx, tx, q)
		return err
	})
	return found, err
}

func statement(ctx context.Context, tx *db.Tx, q MovesQuery) (Statement, error) {
	b, err := balanceOf(ctx, tx, q)
	if err != nil {
		return Statement{}, err
	}
	found := Statement{Balance: b, Moves: []Move{}}
	debited := b.Debited - b.Credited
	if q.Before == 0 {
		q.Before = math.MaxInt64
	} else {
		later, err := debitedFrom(ctx, tx, q)
		if err != nil {
			return Statement{}, err
		}
		debited -= later
	}
	rows, err := newest(ctx, tx, q)
	for _, r := range rows {
		found.Moves = append(found.Moves, r.move(q.Account, debited))
		debited -= r.debited(q.Account)
	}
	return found, err
}

// balanceOf is the balance of a query's account.
func balanceOf(ctx context.Context, tx *db.Tx, q MovesQuery) (Balance, error) {
	all, err := balances(ctx, tx, q.Campaign)
	if err != nil {
		return Balance{}, err
	}
	i := slices.IndexFunc(all, func(b Balance) bool { return b.Account == q.Account })
	if i < 0 {
		return Balance{}, fault.New(fault.NotFound, "not_found")
	}
	return all[i], nil
}

// Whole visits all transfers of an account, the oldest first, however many there are.
func (s *Service) Whole(ctx context.Context, actor identity.Actor, q MovesQuery, visit func(Move) error) error {
	if err := mayLook(actor); err != nil {
		return err
	}
	return s.db.Read(ctx, func(tx *db.Tx) error {
		if _, err := balanceOf(ctx, tx, q); err != nil {
			return err
		}
		debited := vouchers.Cents(0)
		return eachOf(ctx, tx, q, func(r row) error {
			debited += r.debited(q.Account)
			return visit(r.move(q.Account, debited))
		})
	})
}

// move is the transfer as account a sees it; debited is the account's balance after it.
func (r row) move(a ledger.Account, debited vouchers.Cents) Move {
	other := r.Debit
	if a == r.Debit {
		other = r.Credit
	}
	return Move{ID: r.ID, At: r.At, Event: r.Event, Cause: r.Cause, Other: other, Campaign: r.Campaign,
		Change: inItsSense(a, r.debited(a)), Balance: inItsSense(a, debited)}
}

// debited is by how much the transfer debits a; below zero where it credits it.
func (r row) debited(a ledger.Account) vouchers.Cents {
	if a == r.Debit {
		return r.Amount
	}
	return -r.Amount
}
