package labelling

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
)

// column is one that an import writes, with its type.
type column struct{ name, kind string }

// followed are the columns of a place that its source alone writes.
var followed = []column{
	{"siret", "text"}, {"other_id", "text"}, {"other_emails", "text[]"}, {"other_websites", "text[]"}, {"collected_by", "text"},
	{"themes", "text[]"}, {"updated_on", "date"},
}

// located are the columns that say where a place is. A structure writes them together: once
// it has moved its place, all of them follow the source no more, nor does the name, which a
// place is found by together with its town.
var located = []column{
	{"postcode", "text"}, {"insee", "text"}, {"town", "text"}, {"epci", "text"}, {"departement", "text"}, {"lat", "double precision"},
	{"lon", "double precision"},
}

// moved are the names that a move leaves in the column "corrected".
var moved = func() []string {
	names := []string{"name", "address"}
	for _, c := range located {
		names = append(names, c.name)
	}
	return names
}()

// corrected are the columns that a structure may write too.
var corrected = func() []column {
	var all []column
	for _, text := range (&Correction{}).Texts(Place{}) {
		all = append(all, column{text.Name, "text"})
	}
	for _, list := range (&Correction{}).Lists(Place{}) {
		all = append(all, column{list.Name, "text[]"})
	}
	return all
}()

// each writes a pattern for every column, "?" its name and "!" its type.
func each(columns []column, pattern string) string {
	all := make([]string, len(columns))
	for i, c := range columns {
		all[i] = strings.NewReplacer("?", c.name, "!", c.kind).Replace(pattern)
	}
	return strings.Join(all, ", ")
}

// upsertPlaces writes the records of a source. A known place follows its source, the
// columns apart that its structure corrected; one that would not change is left alone.
var upsertPlaces = func() string {
	columns := slices.Concat(followed, located, corrected, []column{{"folded", "text"}})
	const unless = "CASE WHEN '%s' = ANY (places.corrected) THEN places.? ELSE excluded.? END"
	becoming := each(followed, "excluded.?") + ", " + each(located, fmt.Sprintf(unless, "?")) + ", " + each(corrected, fmt.Sprintf(unless, "?")) + ", " +
		each([]column{{name: "folded"}}, fmt.Sprintf(unless, "name"))
	return fmt.Sprintf(`
		INSERT INTO places (source, source_id, %[1]s, imported_at)
		SELECT $1, r.source_id, %[2]s, $3
		FROM json_to_recordset($2::json) AS r(source_id text, %[3]s)
		ON CONFLICT ON CONSTRAINT places_source DO UPDATE SET (%[1]s, imported_at) = ROW(%[4]s, excluded.imported_at)
		WHERE (%[5]s) IS DISTINCT FROM (%[4]s)
		RETURNING xmax = 0`,
		each(columns, "?"), each(columns, "r.?"), each(columns, "? !"), becoming, each(columns, "places.?"))
}()

// correctPlace writes the columns that a correction names.
var correctPlace = fmt.Sprintf(`
	UPDATE places AS p SET (%s, folded, corrected_at, corrected) = ROW(%s, $4, $5,
		ARRAY(SELECT DISTINCT u.name FROM unnest(p.corrected || $3::text[]) AS u(name) ORDER BY u.name))
	FROM json_to_record($2::json) AS r(%s)
	WHERE p.id = $1`, each(corrected, "?"), each(corrected, "COALESCE(r.?, p.?)"), each(corrected, "? !"))

// setCorrected writes a correction and remembers which columns it was of.
func setCorrected(ctx context.Context, tx *db.Tx, now Place, c Correction, columns []string) error {
	row, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("labelling: correction: %w", err)
	}
	if c.Name != nil {
		now.Name = *c.Name
	}
	_, err = tx.Exec(ctx, correctPlace, now.ID, string(row), db.Array(columns), folded(now.Name, now.Town, now.INSEE), tx.Now)
	return err
}

// upsert tells which rows it changed and whether each was added.
func upsert(ctx context.Context, tx *db.Tx, source string, places []stored) (added []bool, err error) {
	rows, err := json.Marshal(places)
	if err != nil {
		return nil, fmt.Errorf("labelling: places: %w", err)
	}
	// A row that was just added has no earlier version: its xmax is 0.
	err = tx.Select(ctx, &added, upsertPlaces, source, string(rows), tx.Now)
	return added, err
}

// findSame tells which records are a place that another source has brought: known so
// already, or now found in the same commune by the same SIRET within 150 metres, or by the
// same name unless both are known to be further apart: a city has many a "Médiathèque". It
// remembers what it finds.
func findSame(ctx context.Context, tx *db.Tx, source string, places []stored) (map[string]Known, error) {
	rows, err := json.Marshal(places)
	if err != nil {
		return nil, fmt.Errorf("labelling: places: %w", err)
	}
	var found []struct {
		SourceID string `db:"source_id"`
		Known
	}
	err = tx.Select(ctx, &found, `
		WITH records AS (
			SELECT r.* FROM json_to_recordset($2::json) AS r(source_id text, siret text, insee text, folded text, lat double precision, lon double precision,
				centre_lat double precision, centre_lon double precision)),
		found AS (
			SELECT DISTINCT ON (r.source_id) r.source_id, p.id AS place_id, p.name
			FROM records r
			JOIN places p ON p.insee = r.insee AND p.source <> $1 AND p.listed
				AND (p.folded = r.folded AND NOT COALESCE(km_between(p.lat, p.lon, r.lat, r.lon) > 0.15
						AND (p.lat, p.lon) IS DISTINCT FROM (r.centre_lat, r.centre_lon)
						AND (r.lat, r.lon) IS DISTINCT FROM (r.centre_lat, r.centre_lon), false)
					OR r.siret <> '' AND p.siret = r.siret AND km_between(p.lat, p.lon, r.lat, r.lon) <= 0.15)
			WHERE NOT EXISTS (SELECT 1 FROM places WHERE source = $1 AND source_id = r.source_id)
				AND NOT EXISTS (SELECT 1 FROM place_aliases WHERE source = $1 AND source_id = r.source_id)
			ORDER BY r.source_id, p.id),
		kept AS (
			INSERT INTO place_aliases (source, source_id, place_id, found_at) SELECT $1, source_id, place_id, $3 FROM found)
		SELECT source_id, place_id, name FROM found
		UNION ALL
		SELECT a.source_id, a.place_id, p.name FROM place_aliases a JOIN places p ON p.id = a.place_id
		WHERE a.source = $1 AND a.source_id IN (SELECT source_id FROM records)`, source, string(rows), tx.Now)
	same := make(map[string]Known, len(found))
	for _, f := range found {
		same[f.SourceID] = f.Known
	}
	return same, err
}
