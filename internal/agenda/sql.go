package agenda

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const selectSessions = `
	SELECT a.id, a.place_id, p.name AS place_name, COALESCE(p.structure_id, 0) AS structure_id, a.service_id, s.theme, s.title, s.price_vouchers, s.extra_cents, a.mediator_id,
		a.kind, a.starts_at, a.ends_at, a.seats, a.note, a.published_at, a.cancelled_at, COALESCE(a.cancel_reason, '') AS cancel_reason, a.changes,
		CASE WHEN a.kind = 'course' THEN s.meetings ELSE 1 END AS meetings, k.taken, k.waiting
	FROM agenda_sessions a JOIN places p ON p.id = a.place_id JOIN services s ON s.id = a.service_id
	CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE state IN ('booked', 'no_show')) AS taken, count(*) FILTER (WHERE state = 'waiting') AS waiting
		FROM bookings WHERE session_id = a.id) AS k `

// Get reads a session.
func Get(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	var s Session
	err := tx.Get(ctx, &s, selectSessions+`WHERE a.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return s, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return s, err
	}
	one := []Session{s}
	err = withMeetings(ctx, tx, one)
	return one[0], err
}

// withMeetings completes courses with their later meetings.
func withMeetings(ctx context.Context, tx *db.Tx, all []Session) error {
	var courses []vouchers.SessionID
	for _, s := range all {
		if s.Kind == Course {
			courses = append(courses, s.ID)
		}
	}
	later, err := LaterOf(ctx, tx, courses)
	for i := range all {
		all[i].Later = append([]Meeting{}, later[all[i].ID]...)
	}
	return err
}

// LaterOf reads the later meetings of courses.
func LaterOf(ctx context.Context, tx *db.Tx, courses []vouchers.SessionID) (map[vouchers.SessionID][]Meeting, error) {
	if len(courses) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(courses))
	for i, id := range courses {
		ids[i] = int64(id)
	}
	var rows []struct {
		Session vouchers.SessionID `db:"session_id"`
		Meeting
	}
	err := tx.Select(ctx, &rows, `
		SELECT session_id, starts_at, ends_at FROM agenda_meetings WHERE session_id = ANY ($1) ORDER BY session_id, number`, db.Array(ids))
	later := map[vouchers.SessionID][]Meeting{}
	for _, r := range rows {
		later[r.Session] = append(later[r.Session], r.Meeting)
	}
	return later, err
}

// setMeetings writes the later meetings of a session instead of those that it had.
func setMeetings(ctx context.Context, tx *db.Tx, id vouchers.SessionID, later []Meeting) error {
	if _, err := tx.Exec(ctx, `DELETE FROM agenda_meetings WHERE session_id = $1`, id); err != nil {
		return err
	}
	for i, m := range later {
		_, err := tx.Exec(ctx, `INSERT INTO agenda_meetings (session_id, number, starts_at, ends_at) VALUES ($1, $2, $3, $4)`, id, i+2, m.StartsAt, m.EndsAt)
		if err != nil {
			return err
		}
	}
	return nil
}

func upcoming(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, from, to time.Time) ([]Session, error) {
	all := []Session{}
	err := tx.Select(ctx, &all, selectSessions+`
		WHERE a.place_id = $1 AND a.starts_at > $2 AND a.starts_at <= $3 ORDER BY a.starts_at, a.id LIMIT 500`, place, from, to)
	if err != nil {
		return nil, err
	}
	return all, withMeetings(ctx, tx, all)
}

// ofStructure are the sessions of all places of a structure that begin between two times.
func ofStructure(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, from, to time.Time) ([]Session, error) {
	all := []Session{}
	err := tx.Select(ctx, &all, selectSessions+`
		WHERE p.structure_id = $1 AND a.starts_at > $2 AND a.starts_at <= $3 ORDER BY a.starts_at, a.id LIMIT 2000`, structure, from, to)
	if err != nil {
		return nil, err
	}
	return all, withMeetings(ctx, tx, all)
}

// slotsThere are the times at which a person has a slot at a place.
func slotsThere(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID) ([]time.Time, error) {
	var at []time.Time
	err := tx.Select(ctx, &at, `
		SELECT starts_at FROM agenda_sessions
		WHERE place_id = $1 AND mediator_id = $2 AND kind = 'slot' AND cancelled_at IS NULL AND starts_at > $3`, place, actor.Person, tx.Now)
	return at, err
}

func updateSession(ctx context.Context, tx *db.Tx, c Change) error {
	_, err := tx.Exec(ctx, `
		UPDATE agenda_sessions SET starts_at = $2, ends_at = $3, seats = $4, note = $5, changes = changes + 1 WHERE id = $1`,
		c.Session, c.StartsAt, c.EndsAt, c.Seats, c.Note)
	return err
}

func keepFeed(ctx context.Context, tx *db.Tx, actor identity.Actor, hash []byte) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO agenda_feeds (person_id, structure_id, token_hash, made_at) VALUES ($1, $2, $3, $4)
		ON CONFLICT ON CONSTRAINT agenda_feeds_pkey DO UPDATE SET token_hash = excluded.token_hash, made_at = excluded.made_at`,
		actor.Person, actor.Organisation, hash, tx.Now)
	return err
}

// feedOf is the structure whose member holds the address of a calendar.
func feedOf(ctx context.Context, tx *db.Tx, hash []byte) (Feed, error) {
	var f Feed
	err := tx.Get(ctx, &f, `
		SELECT f.structure_id, o.name FROM agenda_feeds f
		JOIN memberships m ON m.person_id = f.person_id AND m.organisation_id = f.structure_id AND m.ended_at IS NULL
		JOIN organisations o ON o.id = f.structure_id WHERE f.token_hash = $1`, hash)
	if errors.Is(err, db.ErrNoRows) {
		return f, fault.New(fault.NotFound, "not_found")
	}
	return f, err
}

func lockSession(ctx context.Context, tx *db.Tx, id vouchers.SessionID) error {
	err := tx.Get(ctx, &id, `SELECT id FROM agenda_sessions WHERE id = $1 FOR NO KEY UPDATE`, id)
	if errors.Is(err, db.ErrNoRows) {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

func insertSession(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, kind Kind, n NewSession) (vouchers.SessionID, error) {
	var id vouchers.SessionID
	err := tx.Get(ctx, &id, `
		INSERT INTO agenda_sessions (place_id, service_id, mediator_id, kind, starts_at, ends_at, seats, note, published_at, published_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $3) RETURNING id`,
		place, n.Service, actor.Person, kind, n.StartsAt, n.EndsAt, n.Seats, n.Note, tx.Now)
	return id, err
}

func setCancelled(ctx context.Context, tx *db.Tx, c Cancellation) error {
	_, err := tx.Exec(ctx, `UPDATE agenda_sessions SET cancelled_at = $2, cancel_reason = $3 WHERE id = $1`, c.Session, tx.Now, c.Reason)
	return err
}

// lockComingOf locks the sessions of a place that still take place.
func lockComingOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]vouchers.SessionID, error) {
	var ids []vouchers.SessionID
	err := tx.Select(ctx, &ids, `
		SELECT id FROM agenda_sessions WHERE place_id = $1 AND cancelled_at IS NULL AND starts_at > $2 ORDER BY id FOR NO KEY UPDATE`, place, tx.Now)
	return ids, err
}
