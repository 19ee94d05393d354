package issuing

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// expireAtOnce is how many booklets one transaction expires.
const expireAtOnce = 200

// ExpireDue ends the unused vouchers of booklets whose last day, tolerance included,
// is over. Their value waits for the end of the campaign. It returns how many booklets it
// ended, and may be run as often as one likes.
func (s *Service) ExpireDue(ctx context.Context) (int, error) {
	total := 0
	for {
		var n int
		err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			n, err = expireSome(ctx, tx)
			return err
		})
		if err != nil || n == 0 {
			return total, err
		}
		total += n
		s.log.Info("booklets expired", "booklets", n)
	}
}

func expireSome(ctx context.Context, tx *db.Tx) (int, error) {
	due, err := dueBooklets(ctx, tx, vouchers.DayOf(tx.Now), expireAtOnce)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	if err := Lock(ctx, tx, due...); err != nil {
		return 0, err
	}
	ended, err := expire(ctx, tx, due, vouchers.DayOf(tx.Now))
	if err != nil {
		return 0, err
	}
	var transfers []ledger.Transfer
	for _, e := range ended {
		transfers = append(transfers, ledger.Expired(e.Booklet, e.Campaign, e.Value)...)
	}
	return len(ended), ledger.Post(ctx, tx, transfers...)
}
