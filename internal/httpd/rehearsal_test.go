package httpd

import (
	"slices"
	"testing"

	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

func TestEffectsAreNettedByAccount(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	parts := map[vouchers.CampaignID]vouchers.Cents{3: 50}
	would := slices.Concat(
		ledger.Attributed(1, ledger.Received{Campaign: 3, Funder: 5, Funds: 100, Excess: 50}), ledger.RefundOrdered(2, 5, parts))
	got := effectsOf(site.Words.For("fr"), would)
	want := []effectLine{
		{"Lignes sans explication, compte réservé", 0, -150},
		{"Compte réservé, à la banque", 0, -150},
		{"Compte réservé, à la banque", 3, 150},
		{"Reçu et pas encore remis, campagne n°\u00a03", 3, 100},
		{"Remboursements en route", 3, 50},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
