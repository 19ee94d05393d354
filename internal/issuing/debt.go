package issuing

import (
	"context"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// FreezeForDebt stops live vouchers of a campaign worth at most debt, those of the newest
// booklets first, and returns which. Fewer are stopped where fewer are live.
func FreezeForDebt(ctx context.Context, tx *db.Tx, id vouchers.CampaignID, debt vouchers.Cents) ([]int64, error) {
	c, err := campaigns.Get(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	most := int(debt / c.Face)
	booklets, err := newestLive(ctx, tx, id, most)
	if err != nil || len(booklets) == 0 {
		return nil, err
	}
	if err := Lock(ctx, tx, booklets...); err != nil {
		return nil, err
	}
	var stopped []int64
	for len(stopped) < most {
		more, err := freezeNewest(ctx, tx, booklets, most-len(stopped))
		if err != nil || len(more) == 0 {
			return stopped, err
		}
		stopped = append(stopped, more...)
	}
	return stopped, nil
}

// Thaw lets vouchers run again that FreezeForDebt had stopped and that have not expired
// since.
func Thaw(ctx context.Context, tx *db.Tx, stopped []int64) error {
	booklets, err := bookletsOf(ctx, tx, stopped)
	if err != nil {
		return err
	}
	if err := Lock(ctx, tx, booklets...); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE vouchers SET state = 'live' WHERE id = ANY ($1) AND state = 'frozen'`, db.Array(stopped))
	return err
}

// newestLive are the newest booklets of a campaign that together hold most live vouchers.
func newestLive(ctx context.Context, tx *db.Tx, c vouchers.CampaignID, most int) ([]int64, error) {
	var ids []int64
	err := tx.Select(ctx, &ids, `
		SELECT id FROM (
			SELECT b.id, sum(count(v.id)) OVER (ORDER BY b.id DESC) - count(v.id) AS newer
			FROM booklets b JOIN vouchers v ON v.booklet_id = b.id AND v.state = 'live'
			WHERE b.campaign_id = $1 GROUP BY b.id) AS live
		WHERE newer < $2 ORDER BY id`, c, most)
	return ids, err
}

// freezeNewest stops at most so many vouchers. One that is spent at this moment, by the counter
// that waits for no booklet, is not among them.
func freezeNewest(ctx context.Context, tx *db.Tx, booklets []int64, most int) ([]int64, error) {
	var stopped []int64
	err := tx.Select(ctx, &stopped, `
		UPDATE vouchers SET state = 'frozen' WHERE id IN (
			SELECT id FROM vouchers WHERE booklet_id = ANY ($1) AND state = 'live' ORDER BY booklet_id DESC, id DESC LIMIT $2)
			AND state = 'live'
		RETURNING id`, db.Array(booklets), most)
	return stopped, err
}

func bookletsOf(ctx context.Context, tx *db.Tx, ids []int64) ([]int64, error) {
	var booklets []int64
	err := tx.Select(ctx, &booklets, `SELECT DISTINCT booklet_id FROM vouchers WHERE id = ANY ($1) ORDER BY booklet_id`, db.Array(ids))
	return booklets, err
}
