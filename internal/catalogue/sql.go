package catalogue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

func servicesOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]Offer, error) {
	offers := []Offer{}
	err := tx.Select(ctx, &offers, `
		SELECT id, theme, title, description, topics, level, modes, audiences, price_vouchers, extra_cents, duration_minutes, meetings
		FROM services WHERE place_id = $1 AND withdrawn_at IS NULL
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
