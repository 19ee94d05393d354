package issuing

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Holdings are the booklets of a campaign that can still be spent, and what is left on
// them; frozen vouchers count.
type Holdings struct {
	Booklets int            `json:"booklets" db:"booklets"`
	Vouchers int            `json:"vouchers" db:"vouchers"`
	Value    vouchers.Cents `json:"value_cents" db:"value_cents"`
}

// HeldIn counts a campaign's live and frozen vouchers.
func HeldIn(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (Holdings, error) {
	var h Holdings
	err := tx.Get(ctx, &h, `
		SELECT count(DISTINCT v.booklet_id) AS booklets, count(*) AS vouchers, COALESCE(sum(v.face_cents), 0)::bigint AS value_cents
		FROM booklets b JOIN vouchers v ON v.booklet_id = b.id
		WHERE b.campaign_id = $1 AND v.state IN ('live', 'frozen')`, id)
	return h, err
}

// Extend lets the booklets of a campaign run until a later day: those that are not over,
// even where all is spent, because a redemption may be undone. The caller holds the
// campaign's funds, so that no booklet is handed over meanwhile. The codes stay as they
// are: the day printed on paper is not the one that counts.
func Extend(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, until vouchers.Day) error {
	if err := ledger.Enter(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		WITH held AS (
			SELECT b.id FROM booklets b JOIN campaigns c ON c.id = b.campaign_id
			WHERE b.campaign_id = $1 AND b.until_on + c.tolerance_days >= $2 ORDER BY b.id FOR UPDATE OF b)
		UPDATE booklets b SET until_on = $3 FROM held WHERE b.id = held.id`, id, vouchers.DayOf(tx.Now), until)
	return err
}
