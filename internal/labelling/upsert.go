package labelling

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
)

// followed are the columns of a place that its source alone writes.
var followed = []string{"siret", "name", "postcode", "insee", "town", "epci", "departement", "lat", "lon", "themes", "updated_on", "folded"}

// upsertPlaces writes the records of a source. A known place follows its source, the
// columns apart that its structure corrected; one that would not change is left alone.
var upsertPlaces = func() string {
	columns, become := append([]string{}, followed...), make([]string, 0, 20)
	for _, name := range followed {
		become = append(become, "excluded."+name)
	}
	for _, t := range (&Correction{}).Texts(Place{}) {
		columns = append(columns, t.Name)
		become = append(become, strings.ReplaceAll("CASE WHEN '?' = ANY (places.corrected) THEN places.? ELSE excluded.? END", "?", t.Name))
	}
	list, becoming := strings.Join(columns, ", "), strings.Join(become, ", ")
	return fmt.Sprintf(`
		INSERT INTO places (source, source_id, %s, imported_at)
		SELECT $1, r.source_id, r.%s, $3
		FROM json_to_recordset($2::json) AS r(source_id text, siret text, name text, address text, postcode text, insee text,
			town text, epci text, departement text, lat double precision, lon double precision, phone text, email text,
			website text, hours text, themes text[], presentation text, accessibility text, updated_on date, folded text)
		ON CONFLICT ON CONSTRAINT places_source DO UPDATE SET (%s, imported_at) = ROW(%s, excluded.imported_at)
		WHERE (places.%s) IS DISTINCT FROM (%s)
		RETURNING xmax = 0`,
		list, strings.Join(columns, ", r."), list, becoming, strings.Join(columns, ", places."), becoming)
}()

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
