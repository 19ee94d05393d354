package settlement

import (
	"context"
	"maps"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// owedBack is a structure's debt of which something is left.
type owedBack struct {
	ID        int64                   `db:"id"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	Campaign  vouchers.CampaignID     `db:"campaign_id"`
	Left      vouchers.Cents          `db:"left_cents"`
}

// netting is what is taken for a debt out of what a structure is owed of one campaign.
type netting struct {
	debt   owedBack
	from   vouchers.CampaignID
	amount vouchers.Cents
}

// net takes structures' debts out of what they are owed, the oldest debts first, each of its
// own campaign first, and never more than there is.
func net(dues []due, debts []owedBack) []netting {
	of := map[vouchers.OrganisationID]due{}
	for _, d := range dues {
		of[d.Structure] = d
	}
	var taken []netting
	for _, debt := range debts {
		d, owed := of[debt.Structure]
		if !owed {
			continue
		}
		campaigns := slices.Sorted(maps.Keys(d.parts))
		if i := slices.Index(campaigns, debt.Campaign); i > 0 {
			campaigns = slices.Insert(slices.Delete(campaigns, i, i+1), 0, debt.Campaign)
		}
		for _, c := range campaigns {
			if amount := min(debt.Left, d.parts[c]); amount > 0 {
				debt.Left -= amount
				d.parts[c] -= amount
				taken = append(taken, netting{debt, c, amount})
			}
		}
	}
	return taken
}

// holdDebts locks the funds of the campaigns to which structures owe something, before the
// ledger's gate: what is taken for a debt is such a campaign's again.
func holdDebts(ctx context.Context, tx *db.Tx) ([]int64, error) {
	campaigns, err := owedCampaigns(ctx, tx)
	if err != nil {
		return nil, err
	}
	accounts := map[ledger.Account]bool{}
	for _, c := range campaigns {
		accounts[ledger.Funds(vouchers.CampaignID(c))] = true
	}
	for _, a := range slices.Sorted(maps.Keys(accounts)) {
		if _, err := ledger.LockGuarded(ctx, tx, a); err != nil {
			return nil, err
		}
	}
	return campaigns, nil
}

// takeAdjustments writes what was netted, and says of all that waits for these structures
// which payout takes it.
func takeAdjustments(ctx context.Context, tx *db.Tx, payouts map[vouchers.OrganisationID]vouchers.PayoutID, plan plan) error {
	var transfers []ledger.Transfer
	for _, n := range plan.netted {
		id, err := insertNetting(ctx, tx, n)
		if err != nil {
			return err
		}
		debt := ledger.Line{Structure: n.debt.Structure, Campaign: n.debt.Campaign, Amount: n.amount}
		transfers = append(transfers, ledger.DebtNetted(id, debt, n.from)...)
	}
	if err := ledger.Post(ctx, tx, transfers...); err != nil {
		return err
	}
	return markTaken(ctx, tx, payouts)
}
