package labelling

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// How long a card is believed, in months after somebody was last sure of it. Hours and
// telephones of places change about once a year, so a card is asked about yearly; after half
// a year more without an answer, sending people there does more harm than one place less.
const (
	NoticeMonths = 11 // a month is left to confirm the card before the public reads that it is old
	StaleMonths  = 12
	HiddenMonths = 18 // a place that holds a label is not hidden: the operator looks at it instead
)

// Since is the moment so many months ago: a card that nobody was sure of since is as old.
func Since(now time.Time, months int) time.Time { return now.AddDate(0, -months, 0) }

// age says what the public reads of the card's age.
func (p *Place) age(now time.Time) {
	p.Stale = !p.SureAt.After(Since(now, StaleMonths))
	p.Hidden = p.ClosedAt != nil || !p.Labelled && !p.SureAt.After(Since(now, HiddenMonths))
}

// Lock locks a place until the transaction ends, whoever answers for it.
func Lock(ctx context.Context, tx *db.Tx, id vouchers.PlaceID) error {
	_, err := lockPlace(ctx, tx, id)
	return err
}

// Confirm says that a locked place is there and that its card is right. A place that was
// closed is open again.
func Confirm(ctx context.Context, tx *db.Tx, actor identity.Actor, now Place) (Place, error) {
	return setStanding(ctx, tx, actor, now, "place_confirmed", false)
}

// CloseForGood says that a locked place has closed for good: it is found no more.
func CloseForGood(ctx context.Context, tx *db.Tx, actor identity.Actor, now Place) (Place, error) {
	return setStanding(ctx, tx, actor, now, "place_closed", true)
}

// standing is what an audit keeps of a place's card.
type standing struct {
	SureAt   time.Time  `json:"sure_at"`
	ClosedAt *time.Time `json:"closed_at"`
}

func setStanding(ctx context.Context, tx *db.Tx, actor identity.Actor, now Place, action string, closed bool) (Place, error) {
	_, err := tx.Exec(ctx, `UPDATE places SET confirmed_at = $2, closed_at = CASE WHEN $3 THEN $2::timestamptz END WHERE id = $1`, now.ID, tx.Now, closed)
	if err != nil {
		return Place{}, err
	}
	after, err := PlaceOf(ctx, tx, now.ID)
	if err != nil {
		return Place{}, err
	}
	return after, audit.Record(ctx, tx, actor, action, object(now.ID), standing{now.SureAt, now.ClosedAt}, standing{after.SureAt, after.ClosedAt})
}
