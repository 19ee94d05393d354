package booking

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// selectBookings tells what a booking is and where. Its vouchers were taken at the counter
// where one of those it held was redeemed while it held it, and that was not undone.
const selectBookings = `
	SELECT k.id, k.session_id, k.booklet_id, k.vouchers, b.face_cents, k.state, k.no_show, k.booked_at, k.booked_by, k.ended_at,
		COALESCE(k.ended_by, '') AS ended_by, COALESCE(k.redemption_id, 0) AS redemption_id, k.email, k.phone,
		CASE WHEN k.state = 'waiting' THEN
			(SELECT count(*) FROM bookings q WHERE q.session_id = k.session_id AND q.state = 'waiting' AND q.id < k.id) ELSE 0 END AS ahead,
		k.state = 'booked' AND EXISTS (SELECT 1 FROM vouchers v JOIN redeemed_vouchers t ON t.voucher_id = v.id AND NOT t.undone
			JOIN redemptions r ON r.id = t.redemption_id WHERE v.held_for = k.id AND v.state = 'redeemed' AND r.at < v.held_until) AS attended,
		COALESCE((SELECT r.vouchers FROM redemptions r WHERE r.id = k.redemption_id AND r.undone_at IS NULL), 0) AS charged,
		a.place_id, p.name AS place_name, concat_ws(', ', NULLIF(p.address, ''), NULLIF(concat_ws(' ', p.postcode, p.town), '')) AS address,
		p.phone AS place_phone, COALESCE(p.structure_id, 0) AS structure_id, b.prescriber_id, a.kind, s.theme, s.title, s.extra_cents,
		a.starts_at, a.ends_at, a.note, COALESCE(a.cancel_reason, '') AS off
	FROM bookings k
	JOIN agenda_sessions a ON a.id = k.session_id
	JOIN services s ON s.id = a.service_id
	JOIN places p ON p.id = a.place_id
	JOIN booklets b ON b.id = k.booklet_id `

func get(ctx context.Context, tx *db.Tx, id vouchers.BookingID) (Booking, error) {
	all, err := list(ctx, tx, `WHERE k.id = $1`, id)
	if err == nil && len(all) == 0 {
		return Booking{}, notFound()
	}
	if err != nil {
		return Booking{}, err
	}
	return all[0], nil
}

// list reads bookings with all meetings of their sessions.
func list(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Booking, error) {
	all := []Booking{}
	if err := tx.Select(ctx, &all, selectBookings+where, args...); err != nil {
		return nil, err
	}
	var sessions []vouchers.SessionID
	for _, b := range all {
		if b.Kind == agenda.Course {
			sessions = append(sessions, b.Session)
		}
	}
	later, err := agenda.LaterOf(ctx, tx, sessions)
	for i := range all {
		b := &all[i]
		b.Later = append([]agenda.Meeting{}, later[b.Session]...)
		b.CancelUntil = b.cancelUntil()
	}
	return all, err
}

func ofBooklet(ctx context.Context, tx *db.Tx, booklet vouchers.BookletID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.booklet_id = $1
		ORDER BY k.state IN ('booked', 'waiting') AND a.ends_at > $2 DESC, CASE WHEN a.ends_at > $2 THEN a.starts_at END, a.starts_at DESC, k.id LIMIT 50`,
		booklet, tx.Now)
}

func ofSession(ctx context.Context, tx *db.Tx, id vouchers.SessionID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.session_id = $1 ORDER BY array_position('{booked,no_show,waiting,cancelled}', k.state), k.id`, id)
}

// standing are the bookings of a session that are to be kept, those with a seat first.
func standing(ctx context.Context, tx *db.Tx, id vouchers.SessionID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.session_id = $1 AND k.state IN ('booked', 'waiting') ORDER BY k.state, k.id`, id)
}

func waitingFor(ctx context.Context, tx *db.Tx, id vouchers.SessionID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.session_id = $1 AND k.state = 'waiting' AND a.cancelled_at IS NULL ORDER BY k.id`, id)
}

// bookletsWith are the booklets of a booking and of those who wait for a session.
func bookletsWith(ctx context.Context, tx *db.Tx, id vouchers.BookingID, waiting vouchers.SessionID) ([]int64, error) {
	var all []int64
	err := tx.Select(ctx, &all, `
		SELECT DISTINCT booklet_id FROM bookings WHERE id = $1 OR session_id = $2 AND state = 'waiting' ORDER BY booklet_id`, id, waiting)
	return all, err
}

func readFacts(ctx context.Context, tx *db.Tx, w who, s agenda.Session) (facts, error) {
	var f facts
	err := tx.Get(ctx, &f, `
		SELECT b.from_on, b.until_on + c.tolerance_days AS last_day, c.price_cap, c.no_show, p.listed AND p.closed_at IS NULL AS shown,
			cardinality(c.themes) = 0 OR $3 = ANY (c.themes) AS theme_open,
			p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements)
				OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0 AS in_area,
			EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $4::date BETWEEN l.starts_on AND l.ends_on) AS labelled,
			EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $4::date BETWEEN l.starts_on AND l.ends_on
				AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels)) AS label_taken,
			v.left, v.held, k.standing, k.here
		FROM booklets b JOIN campaigns c ON c.id = b.campaign_id JOIN places p ON p.id = $2
		CROSS JOIN LATERAL (SELECT count(*) AS left, count(*) FILTER (WHERE held_until > $5) AS held
			FROM vouchers WHERE booklet_id = b.id AND state = 'live') AS v
		CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE a.starts_at > $5) AS standing, COALESCE(bool_or(q.session_id = $6), false) AS here
			FROM bookings q JOIN agenda_sessions a ON a.id = q.session_id WHERE q.booklet_id = b.id AND q.state IN ('booked', 'waiting')) AS k
		WHERE b.id = $1`, w.booklet, s.Place, s.Theme, vouchers.DayOf(s.StartsAt), tx.Now, s.ID)
	if errors.Is(err, db.ErrNoRows) {
		return f, notFound()
	}
	return f, err
}

// newBooking is what is decided of a booking when it gets its session.
type newBooking struct {
	price  int
	state  State
	noShow campaigns.NoShow
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, w who, r Request, n newBooking) (vouchers.BookingID, error) {
	var id vouchers.BookingID
	err := tx.Get(ctx, &id, `
		INSERT INTO bookings (session_id, booklet_id, vouchers, state, no_show, email, phone, booked_at, booked_by, person_id, seated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, CASE WHEN $9 <> 'holder' THEN NULLIF($10::bigint, 0) END, CASE WHEN $4 = 'booked' THEN $8::timestamptz END)
		RETURNING id`, r.Session, w.booklet, n.price, n.state, n.noShow, r.Email, r.Phone, tx.Now, w.by, actor.Person)
	return id, err
}

func setSession(ctx context.Context, tx *db.Tx, id vouchers.BookingID, to vouchers.SessionID, n newBooking) error {
	_, err := tx.Exec(ctx, `
		UPDATE bookings SET session_id = $2, vouchers = $3, state = $4, no_show = $5, seated_at = $6, reminded_at = NULL WHERE id = $1`,
		id, to, n.price, n.state, n.noShow, tx.Now)
	return err
}

func setSeated(ctx context.Context, tx *db.Tx, b Booking) error {
	_, err := tx.Exec(ctx, `UPDATE bookings SET state = 'booked', seated_at = $2, no_show = $3 WHERE id = $1`, b.ID, tx.Now, b.Rule)
	return err
}

// end ends a booking. How its person can be reached is needed no more, but for what is
// being told now.
func end(ctx context.Context, tx *db.Tx, id vouchers.BookingID, state State, by By) error {
	_, err := tx.Exec(ctx, `UPDATE bookings SET state = $2, ended_at = $3, ended_by = $4, email = '', phone = '' WHERE id = $1`, id, state, tx.Now, by)
	return err
}

func setCharged(ctx context.Context, tx *db.Tx, id vouchers.BookingID, by vouchers.RedemptionID) error {
	_, err := tx.Exec(ctx, `UPDATE bookings SET redemption_id = NULLIF($2::bigint, 0) WHERE id = $1`, id, by)
	return err
}

// forgive lets bookings cost nothing where nobody comes, because the session is no longer
// what was booked.
func forgive(ctx context.Context, tx *db.Tx, all []Booking) error {
	ids := make([]int64, len(all))
	for i, b := range all {
		ids[i] = int64(b.ID)
	}
	_, err := tx.Exec(ctx, `UPDATE bookings SET no_show = 'none', reminded_at = NULL WHERE id = ANY ($1)`, db.Array(ids))
	return err
}

func setReminded(ctx context.Context, tx *db.Tx, id vouchers.BookingID) error {
	_, err := tx.Exec(ctx, `UPDATE bookings SET reminded_at = $2 WHERE id = $1`, id, tx.Now)
	return err
}

func forgetContact(ctx context.Context, tx *db.Tx, id vouchers.BookingID) error {
	_, err := tx.Exec(ctx, `UPDATE bookings SET email = '', phone = '' WHERE id = $1`, id)
	return err
}

// remindable are bookings of sessions within two days whose person was not yet told since.
func remindable(ctx context.Context, tx *db.Tx, now time.Time, after vouchers.BookingID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.id > $1 AND k.state = 'booked' AND k.email <> '' AND k.reminded_at IS NULL
		AND a.cancelled_at IS NULL AND a.starts_at > $2 AND a.starts_at <= $3 AND k.seated_at < a.starts_at - make_interval(secs => $4)
		ORDER BY k.id LIMIT $5 FOR UPDATE OF k SKIP LOCKED`, after, now, now.Add(remindBefore), remindBefore.Seconds(), dueAtOnce)
}

// waitedInVain are those who wait for a session that has begun.
func waitedInVain(ctx context.Context, tx *db.Tx, now time.Time, after vouchers.BookingID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.id > $1 AND k.state = 'waiting' AND a.starts_at <= $2
		ORDER BY k.id LIMIT $3 FOR UPDATE OF k SKIP LOCKED`, after, now, dueAtOnce)
}

// contactNoMore are bookings whose hold is over: nobody wants to reach the person any more.
func contactNoMore(ctx context.Context, tx *db.Tx, now time.Time, after vouchers.BookingID) ([]Booking, error) {
	return list(ctx, tx, `WHERE k.id > $1 AND (k.email <> '' OR k.phone <> '')
		AND GREATEST(a.ends_at, (SELECT max(m.ends_at) FROM agenda_meetings m WHERE m.session_id = a.id)) <=
			CASE WHEN k.no_show = 'none' OR k.vouchers = 0 THEN $2::timestamptz ELSE $3::timestamptz END
		ORDER BY k.id LIMIT $4 FOR UPDATE OF k SKIP LOCKED`, after, now.Add(-grace), now.Add(-MissWithin), dueAtOnce)
}
