package settlement

import (
	"testing"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

func TestAnAttestationTellsWhatWasPaidAndWhen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 10)
	b.Redeem(b.Structure, booklet, 3) // on a Monday
	b.books(b.settles().List[0])      // paid on Tuesday
	b.Clock.Add(24 * time.Hour)
	b.Redeem(b.Structure, booklet, 2)
	b.settles()
	b.Redeem(b.Structure, booklet, 1)
	a, err := b.Attest(t.Context(), b.Structure.Actor)
	b.ok(err)
	if a.Structure.Name != b.Structure.OrganisationName || a.Operator.Name != payer.Name || a.Longest != 8 || a.Redemptions != 1 || a.Kept != 1 || a.Worst != 1 ||
		a.Paid != 30_00 || a.UnderWay != 20_00 || a.Owed != 10_00 || a.Oldest == nil || *a.Oldest != day(t, "2026-03-10") {
		t.Errorf("it says %+v", a)
	}
	_, err = b.Attest(t.Context(), b.Funder)
	b.refused(err, "forbidden")
}

func TestStatementsRespectTheVATRegime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	p := b.settles().List[0]
	for _, regime := range []string{"", "exempt", "franchise", "liable"} {
		_, err := b.SetVAT(t.Context(), b.Structure.Actor, VATRegime{regime})
		b.ok(err)
		s, err := b.Statement(t.Context(), b.Structure.Actor, p.ID)
		b.ok(err)
		want := map[string]vouchers.Cents{"liable": 5_00}[regime]
		if s.Regime != regime || s.VAT != want || b.money(b.Structure.Actor).VAT != regime {
			t.Errorf("%q: the statement says %q, %s", regime, s.Regime, s.VAT)
		}
	}
	_, err := b.SetVAT(t.Context(), b.Structure.Actor, VATRegime{"reduced"})
	b.refused(err, "vat_regime")
	_, err = b.SetVAT(t.Context(), b.Operator, VATRegime{"liable"})
	b.refused(err, "forbidden")
	for amount, want := range map[vouchers.Cents]vouchers.Cents{0: 0, 1: 0, 3: 1, 120: 20, 100: 17, 1_000_001: 166_667} {
		if got := vatIn(amount); got != want {
			t.Errorf("VAT in %s: %s, not %s", amount, got, want)
		}
	}
}
