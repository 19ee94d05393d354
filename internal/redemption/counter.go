package redemption

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Place is where a mediator may stand.
type Place struct {
	ID   vouchers.PlaceID `json:"id" db:"id"`
	Name string           `json:"name" db:"name"`
	Town string           `json:"town" db:"town"`
}

// Places lists the places of the structure that have a label today.
func (s *Service) Places(ctx context.Context, actor identity.Actor) ([]Place, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	places := []Place{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		return tx.Select(ctx, &places, `
			SELECT p.id, p.name, p.town FROM places p
			WHERE p.structure_id = $1 AND EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL
				AND $2::date BETWEEN l.starts_on AND l.ends_on)
			ORDER BY p.name, p.id`, actor.Organisation, vouchers.DayOf(tx.Now))
	})
	return places, err
}

// Receipt is a redemption as it stands now, with what is left of its booklet.
type Receipt struct {
	Line
	DurationMinutes int            `json:"duration_minutes" db:"duration_minutes"`
	Mode            string         `json:"mode" db:"mode"`
	Left            int            `json:"vouchers_left" db:"vouchers_left"`
	LeftValue       vouchers.Cents `json:"left_cents" db:"left_cents"`
	Until           vouchers.Day   `json:"last_day" db:"last_day"` // of the booklet, tolerance included
	UndoUntil       time.Time      `json:"undo_until"`
	UndoReason      string         `json:"undo_reason,omitempty" db:"undo_reason"`
}

// Receipt returns one of the structure's redemptions.
func (s *Service) Receipt(ctx context.Context, actor identity.Actor, id vouchers.RedemptionID) (Receipt, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Receipt{}, err
	}
	var r Receipt
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = receipt(ctx, tx, actor.Organisation, id)
		r.CanUndo = r.Line.canUndo(tx.Now)
		r.UndoUntil = r.At.Add(undoWindow)
		return err
	})
	return r, err
}

func receipt(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, id vouchers.RedemptionID) (Receipt, error) {
	var r Receipt
	err := tx.Get(ctx, &r, `
		SELECT r.id, r.at, r.booklet_id, r.place_id, p.name AS place_name, r.theme, r.vouchers, r.amount_cents,
			r.duration_minutes, r.mode, r.undone_at IS NOT NULL AS undone, COALESCE(r.undo_reason, '') AS undo_reason,
			EXISTS (SELECT 1 FROM payouts o WHERE o.structure_id = r.structure_id AND o.up_to_id >= r.id) AS settled, `+withheldSQL+` AS withheld,`+wayColumns+`,
			v.live AS vouchers_left, v.live * b.face_cents AS left_cents, b.until_on + c.tolerance_days AS last_day
		FROM redemptions r
		JOIN places p ON p.id = r.place_id
		JOIN booklets b ON b.id = r.booklet_id
		JOIN campaigns c ON c.id = r.campaign_id
		CROSS JOIN LATERAL (SELECT count(*) AS live FROM vouchers WHERE booklet_id = b.id AND state = 'live') AS v`+wayOf+`
		WHERE r.id = $1 AND r.structure_id = $2`, id, structure)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.New(fault.NotFound, "not_found")
	}
	return r, err
}
