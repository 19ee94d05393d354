package catalogue

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

func servicesOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) ([]Offer, error) {
	offers := []Offer{}
	err := tx.Select(ctx, &offers, `
		SELECT theme, price_vouchers, duration_minutes FROM services WHERE place_id = $1
		ORDER BY array_position($2::text[], theme)`, place, db.Array(Themes()))
	return offers, err
}

func replaceServices(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, offers []Offer) error {
	if _, err := tx.Exec(ctx, `DELETE FROM services WHERE place_id = $1`, place); err != nil {
		return err
	}
	n := len(offers)
	themes, prices, minutes := make([]string, n), make([]int64, n), make([]int64, n)
	for i, o := range offers {
		themes[i], prices[i], minutes[i] = o.Theme, int64(o.PriceVouchers), int64(o.DurationMinutes)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO services (place_id, theme, price_vouchers, duration_minutes)
		SELECT $1, u.theme, u.price, u.minutes
		FROM unnest($2::text[], $3::integer[], $4::integer[]) AS u(theme, price, minutes)`,
		place, db.Array(themes), db.Array(prices), db.Array(minutes))
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
						OR EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.theme = n.theme))))
			AND (NOT $6 OR EXISTS (SELECT 1 FROM labels l
				WHERE l.place_id = p.id AND l.ended_at IS NULL AND $7::date BETWEEN l.starts_on AND l.ends_on)))
		SELECT id, km FROM near
		WHERE (COALESCE(km, $8), id) > ($9, $10)
		ORDER BY COALESCE(km, $8), id LIMIT $11`,
		lat, lon, db.Array(q.terms.themed), db.Array(q.terms.ofThemes), db.Array(q.terms.words), q.labelledOnly,
		vouchers.DayOf(tx.Now), float64(unknownKm), q.after.km, q.after.id, q.limit)
	return hits, err
}
