package invoicing

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// HoldAll locks the invoices of a campaign until the end of tx and reads them with its
// credit notes, in the order of their issue: nobody else credits them meanwhile.
func HoldAll(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]Invoice, error) {
	var ids []vouchers.InvoiceID
	err := tx.Select(ctx, &ids, `SELECT id FROM invoices WHERE campaign_id = $1 AND corrects IS NULL ORDER BY id`, campaign)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if err := lock(ctx, tx, id); err != nil {
			return nil, err
		}
	}
	return OfCampaign(ctx, tx, campaign)
}

// OfCampaign returns the invoices and credit notes of a campaign, in the order of their
// issue.
func OfCampaign(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]Invoice, error) {
	return invoices(ctx, tx, `i.campaign_id = $1`, campaign)
}
