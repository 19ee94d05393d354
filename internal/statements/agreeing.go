package statements

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Agreement compares the bank's latest closing balance of an account with our books on the
// same day.
type Agreement struct {
	Account Account        `json:"account_kind"`
	On      vouchers.Day   `json:"on"`
	Bank    vouchers.Cents `json:"bank_cents"`
	Book    vouchers.Cents `json:"books_cents"`
	Missing []Missing      `json:"missing"` // where there is a gap: between which statements it may lie
}

// Gap is how much more the bank holds than our books say; 0 is what it should be.
func (a Agreement) Gap() vouchers.Cents { return a.Bank - a.Book }

// AgeDays is how many days ago the bank told it.
func (a Agreement) AgeDays(now time.Time) int { return int(vouchers.DayOf(now) - a.On) }

// Missing is a hole between two statements: the later one does not begin where the earlier
// one, or any other, ends.
type Missing struct {
	Account Account        `json:"-" db:"account"`
	After   string         `json:"after" db:"after"` // the bank's references
	Before  string         `json:"before" db:"before"`
	On      vouchers.Day   `json:"on" db:"closing_on"`
	Closing vouchers.Cents `json:"closing_cents" db:"closing_cents"`
	Opening vouchers.Cents `json:"opening_cents" db:"opening_cents"`
}

// Agreements compares the latest closing balances that the bank has told with our books,
// account by account.
func (s *Service) Agreements(ctx context.Context, actor identity.Actor) ([]Agreement, error) {
	if err := actor.NeedsAny(identity.Operator); err != nil {
		return nil, err
	}
	var all []Agreement
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = AgreementsNow(ctx, tx)
		return err
	})
	return all, err
}

// AgreementsNow is Agreements for another room. What the bank booked after its closing
// balance is taken out of our books, so that statements may come in any order.
func AgreementsNow(ctx context.Context, tx *db.Tx) ([]Agreement, error) {
	latest, err := latestClosings(ctx, tx)
	if err != nil {
		return nil, err
	}
	all := []Agreement{}
	for _, closing := range latest {
		owed, err := ledger.Balance(ctx, tx, ledger.Account("bank:"+closing.Account))
		if err != nil {
			return nil, err
		}
		a := Agreement{Account: closing.Account, On: closing.On, Bank: closing.Amount, Book: -owed - closing.Later, Missing: []Missing{}}
		if a.Gap() != 0 {
			if a.Missing, err = missing(ctx, tx, a.Account); err != nil {
				return nil, err
			}
		}
		all = append(all, a)
	}
	return all, nil
}
