package world

import (
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAVoucherCanBeSpentInANewWorld(t *testing.T) {
	t.Parallel()
	w := New(t)
	b := w.HandOver(w.Campaign, 10)
	if r := w.Redeem(w.Structure, b, 2); r.Left != 8 || r.Amount != 20_00 {
		t.Errorf("2 vouchers of 10: %d left, %s", r.Left, r.Amount)
	}
	r := w.Redeem(w.Structure, b, 3)
	w.Undo(w.Structure, r.ID)
	w.InTx(func(tx *db.Tx) error {
		owed, err := ledger.Balance(t.Context(), tx, ledger.Payable(w.Structure.Organisation))
		if owed != 20_00 {
			t.Errorf("the structure is owed %s", owed)
		}
		return err
	})
}

func TestEveryStructureHasItsOwnAccount(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for n := range int64(50) {
		iban := ibanOf(n)
		if _, err := sepa.ParseIBAN(iban); err != nil || seen[iban] {
			t.Errorf("%s: %v, seen before: %v", iban, err, seen[iban])
		}
		seen[iban] = true
	}
}

func TestTheCampaignIsOfTheFunder(t *testing.T) {
	t.Parallel()
	w := New(t)
	all, err := w.Campaigns.List(t.Context(), w.Funder)
	if err != nil || len(all) != 1 || all[0].ID != w.Campaign.ID || all[0].Face != vouchers.Cents(10_00) {
		t.Errorf("%+v, %v", all, err)
	}
}
