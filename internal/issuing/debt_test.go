package issuing_test

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/issuing"
)

// A voucher that is spent while a debt stops others stays spent, and another is stopped for it.
func TestADebtStopsOthersThanWhatIsSpentMeanwhile(t *testing.T) {
	t.Parallel()
	s := setup(t)
	ctx := t.Context()
	b := s.HandOver(s.Campaign, 3)
	var spent int64
	stopped := make(chan []int64, 1)
	s.InTx(func(tx *db.Tx) error {
		err := tx.Get(ctx, &spent, `UPDATE vouchers SET state = 'redeemed' WHERE id = (SELECT max(id) FROM vouchers WHERE booklet_id = $1) RETURNING id`, b.ID)
		if err != nil {
			return err
		}
		go s.DB.InTx(ctx, func(tx *db.Tx) error {
			ids, err := issuing.FreezeForDebt(ctx, tx, s.Campaign.ID, 2*s.Campaign.Face)
			if err != nil {
				t.Error(err)
			}
			stopped <- ids
			return err
		})
		for waits := 0; waits == 0; time.Sleep(5 * time.Millisecond) {
			if err := tx.Get(ctx, &waits, `SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'`); err != nil {
				return err
			}
		}
		return nil
	})
	ids := <-stopped
	if len(ids) != 2 || ids[0] == spent || ids[1] == spent {
		t.Errorf("%v are stopped while %d is spent", ids, spent)
	}
}
