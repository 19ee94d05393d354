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
	SELECT a.id, a.place_id, COALESCE(p.structure_id, 0) AS structure_id, a.service_id, s.theme, s.title, s.price_vouchers, s.extra_cents, a.mediator_id,
		a.kind, a.starts_at, a.ends_at, a.seats, a.note, a.published_at, a.cancelled_at, COALESCE(a.cancel_reason, '') AS cancel_reason
	FROM agenda_sessions a JOIN places p ON p.id = a.place_id JOIN services s ON s.id = a.service_id `

func session(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	var s Session
	err := tx.Get(ctx, &s, selectSessions+`WHERE a.id = $1`, id)
	return s, err
}

func upcoming(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, from, to time.Time) ([]Session, error) {
	all := []Session{}
	err := tx.Select(ctx, &all, selectSessions+`
		WHERE a.place_id = $1 AND a.starts_at > $2 AND a.starts_at <= $3 ORDER BY a.starts_at, a.id LIMIT 500`, place, from, to)
	return all, err
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

func cancelAll(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, reason string) error {
	_, err := tx.Exec(ctx, `
		UPDATE agenda_sessions SET cancelled_at = $2, cancel_reason = $3 WHERE place_id = $1 AND cancelled_at IS NULL AND starts_at > $2`,
		place, tx.Now, reason)
	return err
}
