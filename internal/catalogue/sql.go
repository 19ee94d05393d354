package catalogue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

const selectServices = `
	SELECT id, theme, title, description, topics, level, modes, audiences, price_vouchers, extra_cents, duration_minutes, meetings FROM services `

func servicesOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]Offer, error) {
	offers := []Offer{}
	err := tx.Select(ctx, &offers, selectServices+`
		WHERE place_id = $1 AND withdrawn_at IS NULL
		ORDER BY array_position($2::text[], theme), id`, place, db.Array(Themes()))
	return offers, err
}

// replaceServices knows a service again by its theme and title; the others are withdrawn.
func replaceServices(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, offers []Offer) error {
	rows, err := json.Marshal(offers)
	if err != nil {
		return fmt.Errorf("catalogue: services: %w", err)
	}
	const asRows = `json_to_recordset($2::json) AS r(theme text, title text, description text, topics text[], level text, modes text[],
		audiences text[], price_vouchers integer, extra_cents bigint, duration_minutes integer, meetings integer)`
	_, err = tx.Exec(ctx, `
		UPDATE services s SET withdrawn_at = $3 WHERE s.place_id = $1 AND s.withdrawn_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM `+asRows+` WHERE r.theme = s.theme AND r.title = s.title)`, place, string(rows), tx.Now)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO services (place_id, theme, title, description, topics, level, modes, audiences, price_vouchers, extra_cents,
			duration_minutes, meetings)
		SELECT $1, r.theme, r.title, r.description, r.topics, r.level, r.modes, r.audiences, r.price_vouchers, r.extra_cents,
			r.duration_minutes, r.meetings FROM `+asRows+`
		ON CONFLICT (place_id, theme, title) WHERE withdrawn_at IS NULL
		DO UPDATE SET (description, topics, level, modes, audiences, price_vouchers, extra_cents, duration_minutes, meetings)
			= (excluded.description, excluded.topics, excluded.level, excluded.modes, excluded.audiences, excluded.price_vouchers,
				excluded.extra_cents, excluded.duration_minutes, excluded.meetings)`, place, string(rows))
	return err
}

func withdrawnOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]Offer, error) {
	var offers []Offer
	err := tx.Select(ctx, &offers, selectServices+`WHERE place_id = $1 AND withdrawn_at IS NOT NULL ORDER BY withdrawn_at DESC, id DESC LIMIT 20`, place)
	return offers, err
}

func insertService(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, o Offer) (vouchers.ServiceID, error) {
	var id vouchers.ServiceID
	err := tx.Get(ctx, &id, `
		INSERT INTO services (place_id, theme, title, description, topics, level, modes, audiences, price_vouchers, extra_cents, duration_minutes, meetings)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		place, o.Theme, o.Title, o.Description, o.Topics, o.Level, o.Modes, o.Audiences, o.PriceVouchers, o.Extra, o.DurationMinutes, o.Meetings)
	return id, err
}

func updateService(ctx context.Context, tx *db.Tx, o Offer) error {
	_, err := tx.Exec(ctx, `
		UPDATE services SET (theme, title, description, topics, level, modes, audiences, price_vouchers, extra_cents, duration_minutes, meetings)
			= ($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) WHERE id = $1`,
		o.ID, o.Theme, o.Title, o.Description, o.Topics, o.Level, o.Modes, o.Audiences, o.PriceVouchers, o.Extra, o.DurationMinutes, o.Meetings)
	return err
}

func setWithdrawn(ctx context.Context, tx *db.Tx, id vouchers.ServiceID, withdrawn bool) error {
	_, err := tx.Exec(ctx, `UPDATE services SET withdrawn_at = CASE WHEN $2 THEN $3::timestamptz END WHERE id = $1`, id, withdrawn, tx.Now)
	return err
}
