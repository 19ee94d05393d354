package catalogue

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// labelled reads the places that hold a label today, by number.
func labelled(ctx context.Context, tx *db.Tx) ([]published, error) {
	var rows []struct {
		ID      vouchers.PlaceID `db:"id"`
		Pivot   string           `db:"pivot"`
		Emails  db.Strings       `db:"other_emails"`
		Sites   db.Strings       `db:"other_websites"`
		Updated vouchers.Day     `db:"updated"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT p.id, COALESCE(NULLIF(o.siret, ''), NULLIF(p.siret, ''), p.other_id) AS pivot, p.other_emails, p.other_websites,
			GREATEST(p.updated_on, (p.corrected_at AT TIME ZONE 'Europe/Paris')::date, (l.granted_at AT TIME ZONE 'Europe/Paris')::date) AS updated
		FROM (SELECT place_id, max(granted_at) AS granted_at FROM labels
			WHERE ended_at IS NULL AND suspended_at IS NULL AND $1::date BETWEEN starts_on AND ends_on GROUP BY place_id) AS l
		JOIN places p ON p.id = l.place_id LEFT JOIN organisations o ON o.id = p.structure_id WHERE p.closed_at IS NULL ORDER BY p.id`, vouchers.DayOf(tx.Now))
	if err != nil {
		return nil, err
	}
	ids := make([]vouchers.PlaceID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	places, err := labelling.Places(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	all := make([]published, len(places))
	for i, p := range places {
		if c, known := territory.Lookup(p.INSEE); known && p.Lat != nil && p.Lon != nil && *p.Lat == c.Lat && *p.Lon == c.Lon {
			p.Lat, p.Lon = nil, nil // its commune's: where it stands is unknown
		}
		all[i] = published{p, rows[i].Pivot, rows[i].Emails, rows[i].Sites, rows[i].Updated}
	}
	return all, nil
}

// acceptances knows what redemption asks of a place, as labelling.Nearest does.
func acceptances(ctx context.Context, tx *db.Tx) ([]Acceptance, error) {
	var rows []struct {
		Place    vouchers.PlaceID    `db:"place_id"`
		Campaign vouchers.CampaignID `db:"campaign_id"`
		Name     string              `db:"name"`
		Funder   string              `db:"funder"`
		From     vouchers.Day        `db:"starts_on"`
		Until    vouchers.Day        `db:"until_on"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT p.id AS place_id, c.id AS campaign_id, c.name, f.name AS funder, c.starts_on, c.ends_on + c.tolerance_days AS until_on
		FROM places p
		JOIN campaigns c ON c.closed_at IS NULL AND $1::date BETWEEN c.starts_on AND c.ends_on + c.tolerance_days
			AND (cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0
				OR p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements))
			AND EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL AND s.price_vouchers > 0
				AND (cardinality(c.themes) = 0 OR s.theme = ANY (c.themes)))
		JOIN organisations f ON f.id = c.funder_id
		WHERE EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $1::date BETWEEN l.starts_on AND l.ends_on
				AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels))
			AND p.closed_at IS NULL
		ORDER BY p.id, c.id`, vouchers.DayOf(tx.Now))
	all := make([]Acceptance, len(rows))
	for i, r := range rows {
		all[i] = Acceptance{fmt.Sprintf("passerelle-%d", r.Place), r.Campaign, r.Name, r.Funder, r.From, r.Until}
	}
	return all, err
}
