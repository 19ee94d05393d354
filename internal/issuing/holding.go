package issuing

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// HeldAt is the SQL of the place of the session that voucher v is held for. It is one
// look-up by key for a voucher that is held and nothing for others, where it follows the
// test of held_until.
const HeldAt = `(SELECT a.place_id FROM bookings k JOIN agenda_sessions a ON a.id = k.session_id WHERE k.id = v.held_for)`

// Hold keeps vouchers of a booklet for a booking: nobody may spend them elsewhere before
// its end. They stay live, and no money moves.
type Hold struct {
	Booking     vouchers.BookingID
	Booklet     vouchers.BookletID
	Count       int
	Until       time.Time
	Longer      int // of Count, those that are held until LongerUntil: what a no-show would cost
	LongerUntil time.Time
}

// KeepFor holds vouchers, instead of those that the booking held before. The caller has
// the booklet locked. It refuses with vouchers_short where too few are free.
func KeepFor(ctx context.Context, tx *db.Tx, h Hold) error {
	if err := EndHold(ctx, tx, h.Booking); err != nil || h.Count == 0 {
		return err
	}
	free, err := lockFree(ctx, tx, h.Booklet)
	if err != nil {
		return err
	}
	if len(free) < h.Count {
		return fault.New(fault.Conflict, "vouchers_short", "free", len(free), "needed", h.Count)
	}
	kept := free[len(free)-h.Count:] // the counter takes the first ones first
	return hold(ctx, tx, h, kept)
}

// ShiftHold lets what a booking holds, spent or frozen as it may be, be held until other
// times.
func ShiftHold(ctx context.Context, tx *db.Tx, h Hold) error {
	_, err := tx.Exec(ctx, `
		UPDATE vouchers v SET held_until = CASE WHEN u.n <= $3 THEN $4::timestamptz ELSE $5::timestamptz END
		FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM vouchers WHERE held_for = $1 AND held_until > $2) AS u WHERE v.id = u.id`,
		h.Booking, tx.Now, h.Longer, h.LongerUntil, h.Until)
	return err
}

// EndHold frees what a booking still holds. What was redeemed of it is free as well, should
// the redemption be undone.
func EndHold(ctx context.Context, tx *db.Tx, booking vouchers.BookingID) error {
	_, err := tx.Exec(ctx, `UPDATE vouchers SET held_until = $2 WHERE held_for = $1 AND held_until > $2`, booking, tx.Now)
	return err
}

// ForgetHolds clears holds that are long over from vouchers that are still live. It is
// tidiness: a hold that is over holds nothing.
func ForgetHolds(ctx context.Context, tx *db.Tx, before time.Time) error {
	_, err := tx.Exec(ctx, `
		UPDATE vouchers SET held_for = NULL, held_until = NULL WHERE held_for IS NOT NULL AND held_until <= $1 AND state = 'live'`, before)
	return err
}

// HeldBy are the live vouchers that a booking holds now.
func HeldBy(ctx context.Context, tx *db.Tx, booking vouchers.BookingID) ([]int64, error) {
	var ids []int64
	err := tx.Select(ctx, &ids, `SELECT id FROM vouchers WHERE held_for = $1 AND held_until > $2 AND state = 'live' ORDER BY id`, booking, tx.Now)
	return ids, err
}

// BelongsTo refuses with not_found a booklet that a prescriber has not handed over.
func BelongsTo(ctx context.Context, tx *db.Tx, id vouchers.BookletID, prescriber vouchers.OrganisationID) error {
	return mustBelong(ctx, tx, id, prescriber)
}

// lockFree locks the live vouchers of a booklet that nothing holds, in the order of their
// ids.
func lockFree(ctx context.Context, tx *db.Tx, booklet vouchers.BookletID) ([]int64, error) {
	var free []int64
	err := tx.Select(ctx, &free, `
		SELECT id FROM vouchers WHERE booklet_id = $1 AND state = 'live' AND (held_until IS NULL OR held_until <= $2)
		ORDER BY id FOR UPDATE`, booklet, tx.Now)
	return free, err
}

func hold(ctx context.Context, tx *db.Tx, h Hold, ids []int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE vouchers v SET held_for = $1, held_until = CASE WHEN u.n <= $3 THEN $4::timestamptz ELSE $5::timestamptz END
		FROM unnest($2::bigint[]) WITH ORDINALITY AS u(id, n) WHERE v.id = u.id`,
		h.Booking, db.Array(ids), h.Longer, h.LongerUntil, h.Until)
	return err
}
