package seals

import (
	"slices"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

func TestLinesOfSeveralSealsAreProvenInTheirOrder(t *testing.T) {
	t.Parallel()
	w, room, second := counter(t)
	room.most = 2
	seal(t, w, room)
	w.Redeem(second, w.HandOver(w.Campaign, 5), 1)
	seal(t, w, room)
	w.Redeem(second, w.HandOver(w.Campaign, 5), 1) // not sealed yet
	var proven []int64
	w.InTx(func(tx *db.Tx) error {
		all, err := All(t.Context(), tx)
		if len(all) != 3 || all[0].Number != 3 {
			t.Errorf("%+v", all)
		}
		if err != nil {
			return err
		}
		return ProofsOf(t.Context(), tx, []int64{7, 6, 3, 1, 99}, func(p vouchers.Proof) error {
			if err := p.Check(w.Keys.SealKey().Ed25519); err != nil {
				t.Errorf("%+v: %v", p.Line, err)
			}
			proven = append(proven, p.Line.Transfer)
			return nil
		})
	})
	if !slices.Equal(proven, []int64{1, 3, 6}) {
		t.Errorf("%v", proven)
	}
}
