package labelling

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// selectPlaces reads places as of day $1; %s is the distance in kilometres, or NULL.
var selectPlaces = `
	SELECT p.id, COALESCE(p.structure_id, 0) AS structure_id, p.postcode, p.town, p.insee, p.lat, p.lon,
		` + each(corrected, "p.?") + `, p.themes, p.updated_on, p.corrected_at, p.listed, p.sure_at, p.closed_at,
		COALESCE(ph.sha256, '') AS photo_sha256, COALESCE(ph.alt, '') AS photo_alt,
		COALESCE(l.id, 0) AS label_id, l.starts_on, l.ends_on, COALESCE(l.kind, '') AS kind, l.suspended_at, %s AS km,
		COALESCE((SELECT json_agg(json_build_object('id', s.id, 'theme', s.theme, 'title', s.title, 'description', s.description,
				'topics', s.topics, 'level', s.level, 'modes', s.modes, 'audiences', s.audiences, 'price_vouchers', s.price_vouchers,
				'extra_cents', s.extra_cents, 'duration_minutes', s.duration_minutes, 'meetings', s.meetings) ORDER BY s.theme COLLATE "C", s.id)
			FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL), '[]') AS services
	FROM places p
	LEFT JOIN place_photos ph ON ph.place_id = p.id
	LEFT JOIN LATERAL (SELECT id, starts_on, ends_on, kind, suspended_at FROM labels
		WHERE place_id = p.id AND ended_at IS NULL AND ends_on >= $1::date
		ORDER BY suspended_at IS NULL AND starts_on <= $1::date DESC, ends_on DESC LIMIT 1) AS l ON true `

var selectPlacesAnywhere = fmt.Sprintf(selectPlaces, "NULL::double precision")

type placeRow struct {
	Place
	SourceThemes db.Strings       `db:"themes"`
	LabelID      vouchers.LabelID `db:"label_id"`
	StartsOn     *vouchers.Day    `db:"starts_on"`
	EndsOn       *vouchers.Day    `db:"ends_on"`
	Kind         string           `db:"kind"`
	Suspended    *time.Time       `db:"suspended_at"`
	PhotoSHA256  string           `db:"photo_sha256"`
	PhotoAlt     string           `db:"photo_alt"`
	ServicesJSON []byte           `db:"services"`
}

func (r placeRow) place(today vouchers.Day) (Place, error) {
	p := r.Place
	p.Themes = r.SourceThemes
	if r.PhotoSHA256 != "" {
		p.Photo = &Photo{SHA256: r.PhotoSHA256, Alt: r.PhotoAlt}
	}
	if r.LabelID != 0 {
		p.Label = &Label{ID: r.LabelID, Place: p.ID, StartsOn: *r.StartsOn, EndsOn: *r.EndsOn, Kind: r.Kind, Suspended: r.Suspended}
		p.Labelled = p.Label.InForce(today)
	}
	return p, json.Unmarshal(r.ServicesJSON, &p.Services)
}

// read runs a query made from selectPlaces. Its first argument is today.
func read(ctx context.Context, tx *db.Tx, query string, args ...any) ([]Place, error) {
	today := vouchers.DayOf(tx.Now)
	var rows []placeRow
	if err := tx.Select(ctx, &rows, query, append([]any{today}, args...)...); err != nil {
		return nil, err
	}
	all := make([]Place, len(rows))
	for i, r := range rows {
		p, err := r.place(today)
		if err != nil {
			return nil, err
		}
		p.age(tx.Now)
		all[i] = p
	}
	return all, nil
}

func placesByID(ctx context.Context, tx *db.Tx, ids []vouchers.PlaceID) ([]Place, error) {
	list := make([]int64, len(ids))
	for i, id := range ids {
		list[i] = int64(id)
	}
	return read(ctx, tx, selectPlacesAnywhere+`
		JOIN unnest($2::bigint[]) WITH ORDINALITY AS wanted(id, position) ON wanted.id = p.id
		ORDER BY wanted.position`, db.Array(list))
}

func placesOfStructure(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) ([]Place, error) {
	return read(ctx, tx, selectPlacesAnywhere+`WHERE p.structure_id = $2 ORDER BY p.name COLLATE "fr-x-icu", p.id`, structure)
}

// nearest knows what redemption asks of a place: label, area, and a service that the
// campaign pays.
func nearest(ctx context.Context, tx *db.Tx, q NearQuery) ([]Place, error) {
	if q.Limit == 0 {
		q.Limit = 3
	}
	b := around(q.Lat, q.Lon, q.RadiusKm)
	return read(ctx, tx, fmt.Sprintf(selectPlaces, "km_between($2, $3, p.lat, p.lon)")+`
		LEFT JOIN campaigns c ON c.id = $4
		WHERE p.closed_at IS NULL AND EXISTS (SELECT 1 FROM labels g WHERE g.place_id = p.id AND g.ended_at IS NULL AND g.suspended_at IS NULL AND $1::date BETWEEN g.starts_on AND g.ends_on
				AND (c.id IS NULL OR cardinality(c.accepted_labels) = 0 OR g.kind = ANY (c.accepted_labels)
					OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels))
			AND p.lat BETWEEN $5 AND $6 AND p.lon BETWEEN $7 AND $8
			AND ($9::double precision <= 0 OR km_between($2, $3, p.lat, p.lon) <= $9)
			AND (c.id IS NOT NULL OR $4 = 0)
			AND (c.id IS NULL OR cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0
				OR p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements))
			AND EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL AND s.price_vouchers > 0
				AND (c.id IS NULL OR cardinality(c.themes) = 0 OR s.theme = ANY (c.themes)))
		ORDER BY km, p.id LIMIT $10`,
		q.Lat, q.Lon, q.Campaign, b.south, b.north, b.west, b.east, q.RadiusKm, q.Limit)
}

func selectForUpdate(ctx context.Context, tx *db.Tx, id vouchers.PlaceID) (holder, error) {
	var h holder
	err := tx.Get(ctx, &h, `
		SELECT COALESCE(structure_id, 0) AS structure_id, name, siret, listed FROM places WHERE id = $1 FOR NO KEY UPDATE`, id)
	return h, err
}

func setStructure(ctx context.Context, tx *db.Tx, id vouchers.PlaceID, structure vouchers.OrganisationID) error {
	_, err := tx.Exec(ctx, `UPDATE places SET structure_id = $2, claimed_at = $3 WHERE id = $1`, id, structure, tx.Now)
	return err
}

type labelRow struct {
	ID        vouchers.LabelID `db:"id"`
	Place     vouchers.PlaceID `db:"place_id"`
	StartsOn  vouchers.Day     `db:"starts_on"`
	EndsOn    vouchers.Day     `db:"ends_on"`
	EndedAt   *time.Time       `db:"ended_at"`
	EndReason string           `db:"end_reason"`
	Kind      string           `db:"kind"`
	Suspended *time.Time       `db:"suspended_at"`
}

const selectLabels = `SELECT id, place_id, starts_on, ends_on, ended_at, COALESCE(end_reason, '') AS end_reason, kind, suspended_at FROM labels `

func label(ctx context.Context, tx *db.Tx, id vouchers.LabelID) (Label, error) {
	var r labelRow
	err := tx.Get(ctx, &r, selectLabels+`WHERE id = $1`, id)
	return Label(r), err
}

// openLabel is the label of a kind that a place has and that was never taken back; it may
// have run out.
func openLabel(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, kind string) (Label, error) {
	var r labelRow
	err := tx.Get(ctx, &r, selectLabels+`WHERE place_id = $1 AND kind = $2 AND ended_at IS NULL`, place, kind)
	return Label(r), err
}

// lastEnded finds, for each place of a structure, its latest label where that was taken
// back.
func lastEnded(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) (map[vouchers.PlaceID]Label, error) {
	var rows []labelRow
	err := tx.Select(ctx, &rows, `
		SELECT DISTINCT ON (l.place_id) l.id, l.place_id, l.starts_on, l.ends_on, l.ended_at, COALESCE(l.end_reason, '') AS end_reason, l.kind, l.suspended_at
		FROM labels l JOIN places p ON p.id = l.place_id
		WHERE p.structure_id = $1 ORDER BY l.place_id, l.id DESC`, structure)
	ended := map[vouchers.PlaceID]Label{}
	for _, r := range rows {
		if r.EndedAt != nil {
			ended[r.Place] = Label(r)
		}
	}
	return ended, err
}

func insertLabel(ctx context.Context, tx *db.Tx, actor identity.Actor, g Grant) (Label, error) {
	l := Label{Place: g.Place, StartsOn: g.StartsOn, EndsOn: g.EndsOn, Kind: g.Kind}
	err := tx.Get(ctx, &l.ID, `
		INSERT INTO labels (place_id, granted_at, granted_by, starts_on, ends_on, kind) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`,
		g.Place, tx.Now, actor.Person, g.StartsOn, g.EndsOn, g.Kind)
	return l, err
}

func knowsKind(ctx context.Context, tx *db.Tx, kind string) (bool, error) {
	var known bool
	err := tx.Get(ctx, &known, `SELECT EXISTS (SELECT 1 FROM label_kinds WHERE code = $1)`, kind)
	return known, err
}

func suspend(ctx context.Context, tx *db.Tx, actor identity.Actor, why End) error {
	_, err := tx.Exec(ctx, `INSERT INTO label_suspensions (label_id, from_at, from_by, reason) VALUES ($1, $2, $3, $4)`,
		why.Label, tx.Now, actor.Person, why.Reason)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE labels SET suspended_at = $2 WHERE id = $1`, why.Label, tx.Now)
	return err
}

func lift(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.LabelID) error {
	_, err := tx.Exec(ctx, `UPDATE label_suspensions SET lifted_at = $2, lifted_by = $3 WHERE label_id = $1 AND lifted_at IS NULL`, id, tx.Now, actor.Person)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE labels SET suspended_at = NULL WHERE id = $1`, id)
	return err
}

func endLabel(ctx context.Context, tx *db.Tx, id vouchers.LabelID, reason string) error {
	_, err := tx.Exec(ctx, `UPDATE labels SET ended_at = $2, end_reason = $3 WHERE id = $1`, id, tx.Now, reason)
	return err
}

func waiting(ctx context.Context, tx *db.Tx) ([]Waiting, error) {
	all := []Waiting{}
	err := tx.Select(ctx, &all, `
		SELECT p.id, p.name, p.town, p.structure_id, o.name AS structure_name,
			GREATEST(p.claimed_at, (SELECT max(LEAST(l.ended_at, (l.ends_on + 1)::timestamp AT TIME ZONE 'Europe/Paris'))
				FROM labels l WHERE l.place_id = p.id)) AS since,
			(SELECT count(*) FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL) AS services,
			EXISTS (SELECT 1 FROM bank_details b WHERE b.structure_id = p.structure_id AND b.ended_at IS NULL AND b.replaced_at IS NULL) AS has_bank,
			o.unverified_since IS NOT NULL AS unverified
		FROM places p JOIN organisations o ON o.id = p.structure_id
		WHERE NOT EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.ends_on >= $1::date)
		ORDER BY since, p.id`, vouchers.DayOf(tx.Now))
	return all, err
}

func ending(ctx context.Context, tx *db.Tx) ([]Ending, error) {
	all, today := []Ending{}, vouchers.DayOf(tx.Now)
	err := tx.Select(ctx, &all, `
		SELECT l.id AS label_id, p.id, p.name, p.town, o.name AS structure_name, l.ends_on
		FROM labels l JOIN places p ON p.id = l.place_id JOIN organisations o ON o.id = p.structure_id
		WHERE l.ended_at IS NULL AND l.ends_on BETWEEN $1::date AND $2::date
		ORDER BY l.ends_on, p.id`, today, today.AddDays(RenewalDays))
	return all, err
}

// lockOrganisation lets a structure add one place at a time.
func lockOrganisation(ctx context.Context, tx *db.Tx, id vouchers.OrganisationID) error {
	return tx.Get(ctx, &id, `SELECT id FROM organisations WHERE id = $1 FOR NO KEY UPDATE`, id)
}
