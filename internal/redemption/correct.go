package redemption

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// Standing is a redemption as a complaint about it, or its correction, needs to know it.
type Standing struct {
	ID        vouchers.RedemptionID   `db:"id"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	Campaign  vouchers.CampaignID     `db:"campaign_id"`
	Booklet   vouchers.BookletID      `db:"booklet_id"`
	Amount    vouchers.Cents          `db:"amount_cents"`
	Undone    bool                    `db:"undone"`   // by the counter or by a correction
	LastDay   vouchers.Day            `db:"last_day"` // of the booklet, tolerance included
	Closed    bool                    `db:"closed"`   // the campaign
}

// Lives says whether the vouchers can be spent again if they go back to the person.
func (s Standing) Lives(today vouchers.Day) bool { return !s.Closed && today <= s.LastDay }

// KeepOpen keeps a redemption's campaign from being closed until the end of tx. It comes
// before guarded funds and the ledger's gate.
func KeepOpen(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) error {
	return keepOpen(ctx, tx, id)
}

// Lock holds a redemption's booklet, so that nobody undoes or corrects it meanwhile. The
// caller has entered the ledger's gate.
func Lock(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (Standing, error) {
	s, err := Read(ctx, tx, id)
	if err != nil {
		return s, err
	}
	if err := issuing.Lock(ctx, tx, int64(s.Booklet)); err != nil {
		return s, err
	}
	return Read(ctx, tx, id)
}

// LockAll holds the booklets of several redemptions, before Lock holds each.
func LockAll(ctx context.Context, tx *db.Tx, ids []vouchers.RedemptionID) error {
	all := make([]int64, len(ids))
	for i, id := range ids {
		all[i] = int64(id)
	}
	var booklets []int64
	err := tx.Select(ctx, &booklets, `SELECT DISTINCT booklet_id FROM redemptions WHERE id = ANY ($1) ORDER BY booklet_id`, db.Array(all))
	if err != nil || len(booklets) == 0 {
		return err
	}
	return issuing.Lock(ctx, tx, booklets...)
}

// Read tells how a redemption stands.
func Read(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (Standing, error) {
	var s Standing
	err := tx.Get(ctx, &s, `
		SELECT r.id, r.structure_id, r.campaign_id, r.booklet_id, r.amount_cents, r.undone_at IS NOT NULL AS undone,
			b.until_on + c.tolerance_days AS last_day, c.closed_at IS NOT NULL AS closed
		FROM redemptions r JOIN booklets b ON b.id = r.booklet_id JOIN campaigns c ON c.id = r.campaign_id WHERE r.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return s, fault.New(fault.NotFound, "not_found")
	}
	return s, err
}

// Correct undoes a redemption that Lock holds, whatever was paid for it. Its vouchers are
// live again, or else given back to the campaign. The caller moves the money.
func Correct(ctx context.Context, tx *db.Tx, actor identity.Actor, s Standing, live bool, reason string) error {
	ids, err := markUndone(ctx, tx, actor, UndoRequest{ID: s.ID, Reason: reason})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE redemptions SET corrected = true WHERE id = $1`, s.ID); err != nil {
		return err
	}
	if live {
		return issuing.GiveBack(ctx, tx, s.Booklet, ids)
	}
	return issuing.Return(ctx, tx, ids)
}
