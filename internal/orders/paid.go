package orders

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// PaidBy tells what each funder has paid for a campaign: what has arrived for its orders
// and was not taken back, up to their face value.
func PaidBy(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (map[vouchers.OrganisationID]vouchers.Cents, error) {
	var rows []struct {
		Funder vouchers.OrganisationID `db:"funder_id"`
		Paid   vouchers.Cents          `db:"paid"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT o.funder_id, sum(m.received)::bigint AS paid
		FROM orders o CROSS JOIN LATERAL (`+MoneyOfOrder+`) AS m WHERE o.campaign_id = $1 GROUP BY o.funder_id`, id)
	paid := make(map[vouchers.OrganisationID]vouchers.Cents, len(rows))
	for _, r := range rows {
		paid[r.Funder] = r.Paid
	}
	return paid, err
}
