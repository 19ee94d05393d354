package continuity

import (
	"cmp"
	"context"
	"io"
	"slices"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// share is what a funder has in one campaign. Funds, live and unused are of the funder that
// leads it; credit is each funder's own.
type share struct {
	funder, campaign            int64
	funds, live, unused, credit vouchers.Cents
}

// shares sorts the ledger's sums; lead is the funder that leads each campaign.
func shares(sums []ledger.Sum, lead map[int64]int64) []share {
	all := map[[2]int64]*share{}
	of := func(funder, campaign int64) *share {
		key := [2]int64{funder, campaign}
		if all[key] == nil {
			all[key] = &share{funder: funder, campaign: campaign}
		}
		return all[key]
	}
	for _, sum := range sums {
		switch kind, number := sum.Account.Parts(); kind {
		case "campaign:funds":
			of(lead[number], number).funds += sum.Owed()
		case "campaign:live":
			of(lead[number], number).live += sum.Owed()
		case "campaign:unused":
			of(lead[number], number).unused += sum.Owed()
		case "funder:credit":
			of(number, int64(sum.Campaign)).credit += sum.Owed()
		}
	}
	list := make([]share, 0, len(all))
	for _, s := range all {
		if s.funds != 0 || s.live != 0 || s.unused != 0 || s.credit != 0 {
			list = append(list, *s)
		}
	}
	slices.SortFunc(list, func(a, b share) int {
		return cmp.Or(cmp.Compare(a.funder, b.funder), cmp.Compare(a.campaign, b.campaign))
	})
	return list
}

// funders writes what is held for funders, by campaign.
func (w *snapshot) funders(ctx context.Context) error {
	campaigns, err := campaignNames(ctx, w.tx)
	if err != nil {
		return err
	}
	names, err := funderNames(ctx, w.tx)
	if err != nil {
		return err
	}
	sums, err := ledger.Sums(ctx, w.tx)
	if err != nil {
		return err
	}
	lead, campaignOf, funderOf := map[int64]int64{}, map[int64]name{}, map[int64]name{}
	for _, c := range campaigns {
		lead[c.ID], campaignOf[c.ID] = c.Funder, c
	}
	for _, f := range names {
		funderOf[f.ID] = f
	}
	return w.f.create("funders.csv", func(out io.Writer) error {
		columns := []documents.Column{column("numero", documents.Integer), column("siret", documents.Text), column("financeur", documents.Text),
			column("campagne", documents.Integer), column("nom_campagne", documents.Text)}
		for _, what := range []string{"fonds", "vivants", "non_utilises", "avoir"} {
			columns = append(columns, column(what+"_centimes", documents.Integer), column(what+"_euros", documents.Money))
		}
		return sheet(out, columns, func(row func(...documents.Cell) error) error {
			for _, s := range shares(sums, lead) {
				f := funderOf[s.funder]
				cells := []documents.Cell{documents.IntegerCell(s.funder), documents.TextCell(f.SIRET), documents.TextCell(f.Name),
					documents.IntegerCell(s.campaign), documents.TextCell(campaignOf[s.campaign].Name)}
				for _, cents := range []vouchers.Cents{s.funds, s.live, s.unused, s.credit} {
					cells = append(cells, documents.IntegerCell(int64(cents)), documents.MoneyCell(cents))
				}
				if err := row(cells...); err != nil {
					return err
				}
			}
			return nil
		})
	})
}
