package search

import (
	"context"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// candidate is a place that answers, in the order of its worth.
type candidate struct {
	ID    vouchers.PlaceID `db:"id"`
	Km    *float64         `db:"km"`
	Named int              `db:"named"` // words of the question in its name
	Kind  bool             `db:"kind"`
	Seats bool             `db:"seats"`
}

// unknownKm is farther than any place: those whose position is unknown come last.
const unknownKm = 100_000

// kmPerDegree is a little less than a degree of latitude, so that a box errs outwards.
const kmPerDegree = 110.5

// candidates finds the places that do what is asked, or are called or are of the kind asked
// for, within a radius. The nearest come first; a place that offers the very thing, that
// takes vouchers or that the question names is worth some kilometres.
func candidates(ctx context.Context, tx *db.Tx, q query, radiusKm float64) ([]candidate, error) {
	lat, lon := q.point()
	high := radiusKm / kmPerDegree
	today := vouchers.DayOf(tx.Now)
	m := q.meaning
	list := func(values []string) any { return db.Array(append([]string{}, values...)) }
	starts, kind := queries(q.names, m.KindNames)
	var found []candidate
	err := tx.Select(ctx, &found, `
		WITH labelled AS (SELECT place_id FROM labels WHERE ended_at IS NULL AND suspended_at IS NULL AND $8::date BETWEEN starts_on AND ends_on),
			offering AS (SELECT place_id FROM services WHERE withdrawn_at IS NULL AND theme = ANY ($6)),
			booked_up AS (SELECT a.id FROM agenda_sessions a JOIN bookings k ON k.session_id = a.id AND k.state IN ('booked', 'no_show')
				WHERE a.starts_at > $9 AND a.starts_at <= $10 GROUP BY a.id, a.seats HAVING count(*) >= a.seats),
			seated AS (SELECT place_id FROM agenda_sessions WHERE cancelled_at IS NULL AND starts_at > $9 AND starts_at <= $10 AND id NOT IN (SELECT id FROM booked_up)),
			called AS (SELECT s.place_id, q.start FROM unnest($3::tsquery[]) AS q(start) JOIN services s ON s.words @@ q.start AND s.withdrawn_at IS NULL)
		SELECT id, km, named, kind, seats FROM (
			SELECT p.id, km_between($1, $2, p.lat, p.lon) AS km,
				CASE WHEN p.words @@ $22::tsquery OR p.id IN (SELECT place_id FROM called) THEN
					(SELECT count(*) FROM unnest($3::tsquery[]) AS q(start) WHERE p.words @@ q.start
						OR EXISTS (SELECT 1 FROM called c WHERE c.place_id = p.id AND c.start = q.start)) ELSE 0 END AS named,
				p.kinds && $4 OR p.words @@ $5::tsquery AS kind,
				p.themes && $6 AS says,
				p.id IN (SELECT place_id FROM offering) AS offers,
				p.id IN (SELECT place_id FROM services WHERE withdrawn_at IS NULL AND topics && $7) AS exactly,
				p.id IN (SELECT place_id FROM labelled) AS labelled,
				p.id IN (SELECT place_id FROM seated) AS seats
			FROM places p
			LEFT JOIN campaigns c ON c.id = $11
			WHERE p.listed AND ($12 = 0 OR p.lat BETWEEN $1 - $13 AND $1 + $13 AND p.lon BETWEEN $2 - $13 / cos(radians($1)) AND $2 + $13 / cos(radians($1)))
				AND (NOT $14 OR p.id IN (SELECT place_id FROM labelled))
				AND ($23 OR p.closed_at IS NULL AND (p.sure_at > $24 OR p.id IN (SELECT place_id FROM labelled)))
				AND ($11 = 0 OR c.id IS NOT NULL
					AND EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id AND l.ended_at IS NULL AND l.suspended_at IS NULL AND $8::date BETWEEN l.starts_on AND l.ends_on
						AND (cardinality(c.accepted_labels) = 0 OR l.kind = ANY (c.accepted_labels) OR p.programmes && c.accepted_labels OR p.trainings && c.accepted_labels))
					AND (cardinality(c.communes) + cardinality(c.epcis) + cardinality(c.departements) = 0
						OR p.insee = ANY (c.communes) OR p.epci = ANY (c.epcis) OR p.departement = ANY (c.departements))
					AND EXISTS (SELECT 1 FROM services s WHERE s.place_id = p.id AND s.withdrawn_at IS NULL AND s.price_vouchers > 0
						AND (cardinality(c.themes) = 0 OR s.theme = ANY (c.themes))))
				AND (NOT $15 OR p.special_care @> '{Handicaps moteurs}' OR p.accessibility <> '')
				AND (NOT $16 OR p.fees @> '{Gratuit}'
					OR p.id IN (SELECT place_id FROM services WHERE withdrawn_at IS NULL AND price_vouchers = 0 AND extra_cents = 0))
				AND (NOT $17 OR p.id IN (SELECT place_id FROM seated))
				AND ($18 = '' OR p.languages @> ARRAY[$18] OR $18 = 'en' AND p.special_care @> '{Langues étrangères (anglais)}'
					OR $18 = 'fsl' AND p.special_care @> '{Surdité}'
					OR $18 NOT IN ('en', 'fr', 'fsl') AND p.special_care @> '{Langues étrangères (autres)}')) AS near
		WHERE ($12 = 0 OR km <= $12) AND (NOT $19 OR says OR offers OR named > 0 OR kind)
		ORDER BY CASE WHEN $19 THEN
				CASE WHEN km IS NULL AND $1::double precision IS NOT NULL THEN $20 ELSE COALESCE(km, 0) END
				- 30 * named - CASE WHEN kind THEN 30 ELSE 0 END + CASE WHEN says OR offers THEN 0 ELSE 15 END
				- CASE WHEN exactly THEN 3 ELSE 0 END - CASE WHEN offers THEN 2 ELSE 0 END - CASE WHEN labelled THEN 3 ELSE 0 END
			ELSE COALESCE(km, $20) END, id
		LIMIT $21`,
		lat, lon, list(starts), list(m.Kinds), kind, list(m.Themes), list(m.Topics), today, tx.Now, tx.Now.AddDate(0, 0, seatDays),
		q.wishes.Campaign, radiusKm, high, q.wishes.Labelled || q.wishes.Campaign != 0, q.wishes.Wheelchair, q.wishes.Free, q.wishes.Seats,
		q.wishes.Language, q.asks(), float64(unknownKm), q.reads(), strings.Join(starts, " | "),
		q.old, labelling.Since(tx.Now, labelling.HiddenMonths))
	return found, err
}

// queries writes words for PostgreSQL's text search: one query for each word of a name, which
// may go on, and one for all names of kinds of place.
func queries(names, kinds []string) (starts []string, kind string) {
	for _, name := range names {
		starts = append(starts, "'"+name+"':*")
	}
	phrases := make([]string, len(kinds))
	for i, words := range kinds {
		phrases[i] = "'" + strings.Join(strings.Fields(words), "' <-> '") + "'"
	}
	return starts, strings.Join(phrases, " | ")
}

// reads is how many candidates are read: more than are shown where some may be closed.
func (q query) reads() int {
	if q.wishes.OpenNow {
		return max(q.limit, 300)
	}
	return q.limit
}

// placeWordsOf lists the words of places' names and towns, sorted.
func placeWordsOf(ctx context.Context, tx *db.Tx) ([]string, error) {
	words := []string{}
	err := tx.Select(ctx, &words, `SELECT word FROM ts_stat('SELECT words FROM places WHERE listed') WHERE length(word) >= 3`)
	slices.Sort(words)
	return words, err
}
