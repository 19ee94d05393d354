package catalogue

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/territory"
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

type query struct {
	from         *territory.Commune // nil: nowhere
	terms        terms
	labelledOnly bool
	after        after
	limit        int
}

// point is where distances start; nil for a commune whose centre is unknown.
func (q query) point() (lat, lon *float64) {
	if q.from == nil || !q.from.Located {
		return nil, nil
	}
	return &q.from.Lat, &q.from.Lon
}

// hit is a place that was found.
type hit struct {
	ID vouchers.PlaceID `db:"id"`
	Km *float64         `db:"km"` // nil when unknown
}

// unknownKm is farther than any place: those whose position is unknown come last.
const unknownKm = 100_000

func (h hit) order() float64 {
	if h.Km == nil {
		return unknownKm
	}
	return *h.Km
}

// find keeps the places that answer every word, by their name, their town, what they
// offer or what their source says they do.
func find(ctx context.Context, tx *db.Tx, q query) ([]hit, error) {
	lat, lon := q.point()
	var hits []hit
	err := tx.Select(ctx, &hits, `
		WITH named AS (SELECT * FROM unnest($3::text[], $4::text[]) AS n(word, theme)),
		near AS (
			SELECT p.id, km_between($1, $2, p.lat, p.lon) AS km FROM places p
			WHERE NOT EXISTS (
				SELECT 1 FROM unnest($5::text[]) AS w(word)
				WHERE p.folded NOT LIKE '%' || w.word || '%'
					AND NOT EXISTS (SELECT 1 FROM named n WHERE n.word = w.word AND (n.theme = ANY (p.themes)
						OR EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.theme = n.theme AND s.withdrawn_at IS NULL))))
			AND (NOT $6 OR EXISTS (SELECT 1 FROM labels l
				WHERE l.place_id = p.id AND l.ended_at IS NULL AND $7::date BETWEEN l.starts_on AND l.ends_on)))
		SELECT id, km FROM near
		WHERE (COALESCE(km, $8), id) > ($9, $10)
		ORDER BY COALESCE(km, $8), id LIMIT $11`,
		lat, lon, db.Array(q.terms.themed), db.Array(q.terms.ofThemes), db.Array(q.terms.words), q.labelledOnly,
		vouchers.DayOf(tx.Now), float64(unknownKm), q.after.km, q.after.id, q.limit)
	return hits, err
}
