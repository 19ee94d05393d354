package orders

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// HoldAll locks the orders of a campaign until the end of tx and reads them, the newest
// first: no payment arrives for them meanwhile.
func HoldAll(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]Order, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM orders WHERE campaign_id = $1 ORDER BY id FOR UPDATE`, campaign); err != nil {
		return nil, err
	}
	var rows []row
	err := tx.Select(ctx, &rows, selectOrders+`WHERE o.campaign_id = $1 ORDER BY o.id DESC`, campaign)
	all := make([]Order, len(rows))
	for i, r := range rows {
		all[i] = r.order()
	}
	return all, err
}

// Order orders vouchers within the caller's transaction. It is for a room that decides
// by itself what somebody has asked of it before; actor is that somebody. prepaid: the fees
// were paid with another order, and not given back.
func (s *Service) Order(ctx context.Context, tx *db.Tx, actor identity.Actor, req PlaceRequest, prepaid bool) (Order, error) {
	return s.place(ctx, tx, actor, req, prepaid)
}

// FaceOf is the face value of all orders of a campaign.
func FaceOf(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) (vouchers.Cents, error) {
	var face vouchers.Cents
	err := tx.Get(ctx, &face, `SELECT COALESCE(sum(face_cents), 0)::bigint FROM orders WHERE campaign_id = $1`, campaign)
	return face, err
}
