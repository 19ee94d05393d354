package settlement

import (
	"bytes"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
)

func TestTheSettlementToComeIsTheOneThatIsClosed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	homeless := b.NewStructureWithoutBank("Tiers-lieu de Manigod")
	book := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, book, 2)
	b.Redeem(homeless, book, 3)
	next := func(from Debtor) (n Next, err error) {
		err = b.DB.Read(t.Context(), func(tx *db.Tx) (err error) {
			n, err = NextOf(t.Context(), tx, from)
			return err
		})
		return n, err
	}
	told, err := next(payer)
	b.ok(err)
	followsSchema(t, "09", told.File)
	if again, err := next(payer); err != nil || !bytes.Equal(again.File, told.File) || told.Total() != 20_00 || len(told.Held) != 1 || told.Held[0].Amount != 30_00 {
		t.Errorf("%+v, %v", told, err)
	}
	if _, err := next(Debtor{}); fault.Code(err) != "payer_unknown" {
		t.Errorf("from no account: %v", err)
	}
	d := b.settles()
	if d.MessageID != told.MessageID || d.List[0].EndToEnd != told.Payouts[0].EndToEnd || !bytes.Equal(b.file(d.ID), told.File) {
		t.Errorf("told %+v, closed %+v", told, d)
	}
	after, err := next(Debtor{})
	if err != nil || after.File != nil || after.MessageID == told.MessageID {
		t.Errorf("%+v, %v", after, err)
	}
}

func TestWhatATrusteeHasPaidIsClosedUnderTheSameNames(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 2)
	var told Next
	b.ok(b.DB.Read(t.Context(), func(tx *db.Tx) (err error) {
		told, err = NextOf(t.Context(), tx, payer)
		return err
	}))
	b.Clock.Add(240 * time.Hour)
	if err := b.DB.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := CloseAsPaid(t.Context(), tx, payer, b.Clock.Now(), sha256.Sum256(told.File))
		return err
	}); err == nil || !strings.Contains(err.Error(), "not the one that was paid") {
		t.Errorf("as of another moment: %v", err)
	}
	// The id that was drawn is gone, as after every settlement that was refused.
	b.ok(b.DB.Read(t.Context(), func(tx *db.Tx) (err error) {
		told, err = NextOf(t.Context(), tx, payer)
		return err
	}))
	b.InTx(func(tx *db.Tx) error {
		closed, err := CloseAsPaid(t.Context(), tx, payer, b.Clock.Now(), sha256.Sum256(told.File))
		if closed.MessageID != told.MessageID || closed.InTransit != 1 {
			t.Errorf("%+v", closed)
		}
		return err
	})
	b.holds()
}
