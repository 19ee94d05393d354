package campaigns

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// Hold locks a campaign until the end of tx, then reads it: whoever extends or closes it
// comes one after the other. Redemptions are not undone meanwhile.
func Hold(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (Campaign, error) {
	if _, err := tx.Exec(ctx, `SELECT 1 FROM campaigns WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
		return Campaign{}, err
	}
	return Get(ctx, tx, id)
}

// Extend gives a campaign that the caller holds a later end.
func Extend(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, until vouchers.Day) error {
	_, err := tx.Exec(ctx, `UPDATE campaigns SET ends_on = $2 WHERE id = $1`, id, until)
	return err
}

// Close ends a campaign that the caller holds. Money that arrives for it from now on is
// its funders' credit.
func Close(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) error {
	_, err := tx.Exec(ctx, `UPDATE campaigns SET closed_at = $2 WHERE id = $1 AND closed_at IS NULL`, id, tx.Now)
	return err
}

// MayEndOn says whether a campaign that is not over can last until that day.
func (c Campaign) MayEndOn(until vouchers.Day) error {
	switch {
	case until <= c.EndsOn:
		return fault.New(fault.Invalid, "extension_not_later", "on", c.EndsOn)
	case int(until-c.StartsOn) > longest:
		return fault.New(fault.Invalid, "campaign_too_long")
	}
	return nil
}
