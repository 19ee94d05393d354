package coverage

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// readPlaces lists the places whose position is known and which do, or say that they do,
// what may be paid: those of a campaign's area, or all of them for campaign 0. It knows what
// redemption asks of a place, as labelling.Nearest does.
func readPlaces(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID, themes []string) ([]Place, error) {
	var rows []struct {
		ID    vouchers.PlaceID `db:"id"`
		Name  string           `db:"name"`
		Town  string           `db:"town"`
		Lat   float64          `db:"lat"`
		Lon   float64          `db:"lon"`
		Takes bool             `db:"takes"`
		Phone string           `db:"phone"`
		Email string           `db:"email"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT id, name, town, lat, lon, takes, phone, email FROM (
			SELECT p.id, p.name, p.town, p.lat, p.lon, p.phone, p.email, p.themes,
				EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $3::date BETWEEN l.starts_on AND l.ends_on
					AND (c.id IS NULL OR cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels))
				AND EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL AND s.price_vouchers > 0
					AND (cardinality($2::text[]) = 0 OR s.theme = ANY ($2))) AS takes
			FROM places p
			LEFT JOIN campaigns c ON c.id = $1
			WHERE p.listed AND p.lat IS NOT NULL AND p.lon IS NOT NULL AND p.closed_at IS NULL
				AND (c.id IS NULL OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0
					OR p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements))) AS known
		WHERE takes OR cardinality($2::text[]) = 0 OR themes && $2 OR cardinality(themes) = 0
		ORDER BY id`, campaign, db.Array(append([]string{}, themes...)), vouchers.DayOf(tx.Now))
	places := make([]Place, len(rows))
	for i, r := range rows {
		places[i] = Place{ID: r.ID, Name: r.Name, Town: r.Town, Point: Point{r.Lat, r.Lon}, Takes: r.Takes, Phone: r.Phone, Email: r.Email}
	}
	return places, err
}

func readHanded(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]handedOver, error) {
	var rows []handedOver
	err := tx.Select(ctx, &rows, `
		SELECT b.insee, count(*) AS booklets, count(*) FILTER (WHERE v.live) AS live, count(*) FILTER (WHERE v.used) AS used
		FROM booklets b
		JOIN LATERAL (SELECT bool_or(state = 'live') AS live, bool_or(state = 'redeemed') AS used FROM vouchers WHERE booklet_id = b.id) AS v ON true
		WHERE b.campaign_id = $1 GROUP BY b.insee`, campaign)
	return rows, err
}

// readActivity counts what each place has taken of a campaign, and the seats that it offers
// soon and nobody has booked.
func readActivity(ctx context.Context, tx *db.Tx, campaign vouchers.CampaignID) ([]activity, error) {
	var rows []activity
	err := tx.Select(ctx, &rows, `
		SELECT place_id, sum(redemptions) AS redemptions, sum(seats) AS seats FROM (
			SELECT place_id, count(*) AS redemptions, 0 AS seats FROM redemptions WHERE campaign_id = $1 AND undone_at IS NULL GROUP BY place_id
			UNION ALL
			SELECT place_id, 0, sum(seats) FROM agenda_sessions
			WHERE cancelled_at IS NULL AND starts_at > $2 AND starts_at <= $3 GROUP BY place_id
			UNION ALL
			SELECT a.place_id, 0, -count(*) FROM agenda_sessions a JOIN bookings k ON k.session_id = a.id AND k.state IN ('booked', 'no_show')
			WHERE a.cancelled_at IS NULL AND a.starts_at > $2 AND a.starts_at <= $3 GROUP BY a.place_id) AS each
		GROUP BY place_id`, campaign, tx.Now, tx.Now.AddDate(0, 0, seatDays))
	return rows, err
}
