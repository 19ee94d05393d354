package bench

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// CoverageOptions sizes a run.
type CoverageOptions struct {
	Places int // in the database, spread over the communes as people are
	Runs   int // of each area
	Log    *slog.Logger
}

// CoverageResult is one area's coverage, from the request to the whole answer. Limit is how
// long PostgreSQL takes to read the same places, in seconds as Value. Medians over the
// slices; a higher ratio is better.
type CoverageResult struct {
	Bench     string  `json:"bench"`
	Area      string  `json:"area"`
	Communes  int     `json:"communes"`
	Rows      int     `json:"rows"` // places
	Limit     float64 `json:"limit"`
	Value     float64 `json:"value"`
	Unit      string  `json:"unit"`
	Ratio     float64 `json:"ratio"`
	PeakRSSMB int     `json:"peak_rss_mb"`
	Slices    int     `json:"slices"`
}

// Coverage measures a région and the whole country.
func Coverage(ctx context.Context, opts CoverageOptions) (results []CoverageResult, err error) {
	err = withDatabase(ctx, opts.Log, func(d *db.DB) error {
		if err := spreadPlaces(ctx, d, opts.Places); err != nil {
			return err
		}
		for _, area := range []struct {
			name string
			req  coverage.Request
		}{{"Auvergne-Rhône-Alpes", coverage.Request{Region: "84"}}, {"France", coverage.Request{}}} {
			r, err := measureCoverage(ctx, d, opts, area.req)
			if err != nil {
				return err
			}
			r.Area = area.name
			results = append(results, r)
		}
		return nil
	})
	return results, err
}

// placeKinds begin the names of places.
var placeKinds = []string{"Médiathèque", "Maison France services", "Centre social", "Espace numérique", "CCAS", "MJC", "Atelier des clics"}

// spreadPlaces puts places where people live: the most populated communes have several, a
// little apart. One in eight takes vouchers.
func spreadPlaces(ctx context.Context, d *db.DB, count int) error {
	var communes []territory.Commune
	for _, c := range (territory.Area{}).Members() {
		if c.Located && c.Population > 0 {
			communes = append(communes, c)
		}
	}
	slices.SortStableFunc(communes, func(a, b territory.Commune) int { return b.Population - a.Population })
	var insee, departements, names, towns, folded, themes []string
	var lats, lons []float64
	for i := range count {
		c := communes[i%min(len(communes), max(1, count*3/4))]
		shift := float64(i%7-3) / 200
		insee, departements = append(insee, c.INSEE), append(departements, c.Departement)
		lats, lons = append(lats, c.Lat+shift), append(lons, c.Lon-shift)
		name := placeKinds[i%len(placeKinds)] + " de " + c.Name
		names, towns, folded = append(names, name), append(towns, c.Name), append(folded, territory.Fold(name+" "+c.Name))
		themes = append(themes, string(catalogue.Themes()[i%9]))
	}
	return d.InTx(ctx, func(tx *db.Tx) error {
		for _, f := range []struct {
			sql  string
			args []any
		}{
			{`INSERT INTO people (email, name, password_hash, created_at) VALUES ('bench@passerelle.example', 'Bench', '', $1)`, []any{tx.Now}},
			{`INSERT INTO places (source, source_id, siret, name, address, postcode, insee, town, epci, departement, lat, lon,
					phone, email, website, hours, themes, presentation, accessibility, folded, imported_at)
				SELECT 'bench', u.n::text, '', u.name, '', '', u.insee, u.town, '', u.departement, u.lat, u.lon,
					'', '', '', '', ARRAY[u.theme, 'everyday_tools'], '', '', u.folded, $5
				FROM unnest($1::text[], $2::text[], $3::double precision[], $4::double precision[], $6::text[], $7::text[], $8::text[], $9::text[])
					WITH ORDINALITY AS u(insee, departement, lat, lon, name, town, folded, theme, n)`,
				[]any{db.Array(insee), db.Array(departements), db.Array(lats), db.Array(lons), tx.Now, db.Array(names), db.Array(towns), db.Array(folded), db.Array(themes)}},
			{`INSERT INTO labels (place_id, granted_at, granted_by, starts_on, ends_on)
				SELECT id, $1, 1, $2, $2::date + 365 FROM places WHERE id % 8 = 0`, []any{tx.Now, vouchers.DayOf(tx.Now)}},
			{`INSERT INTO services (place_id, theme, price_vouchers, duration_minutes) SELECT id, 'everyday_tools', 1, 60 FROM places WHERE id % 8 = 0`, nil},
			{`ANALYZE`, nil},
		} {
			if _, err := tx.Exec(ctx, f.sql, f.args...); err != nil {
				return fmt.Errorf("bench: %w", err)
			}
		}
		return nil
	})
}

func measureCoverage(ctx context.Context, d *db.DB, opts CoverageOptions, req coverage.Request) (CoverageResult, error) {
	room := coverage.New(d)
	var limits, values []time.Duration
	r := CoverageResult{Bench: "coverage", Rows: opts.Places, Unit: "s", Slices: opts.Runs}
	for i := range opts.Runs + 1 {
		began := time.Now()
		err := d.Read(ctx, func(tx *db.Tx) error {
			var rows []struct {
				ID    int64   `db:"id"`
				Lat   float64 `db:"lat"`
				Lon   float64 `db:"lon"`
				Takes bool    `db:"takes"`
			}
			return tx.Select(ctx, &rows, `SELECT id, lat, lon, EXISTS (SELECT 1 FROM labels l WHERE l.place_id = p.id) AS takes FROM places p ORDER BY id`)
		})
		if err != nil {
			return r, err
		}
		read := time.Since(began)
		began = time.Now()
		s, err := room.Simulate(ctx, identity.Actor{}, req)
		if err != nil {
			return r, err
		}
		if r.Communes = len(s.Communes); i > 0 { // the first run warms caches up
			limits, values = append(limits, read), append(values, time.Since(began))
		}
	}
	seconds := func(d time.Duration) float64 { return d.Seconds() }
	r.Limit, r.Value, r.PeakRSSMB = middle(limits, seconds), middle(values, seconds), peakRSS()
	r.Ratio = r.Limit / r.Value
	return r, nil
}

// PrintCoverage writes the results for a person.
func PrintCoverage(out io.Writer, results []CoverageResult) {
	fmt.Fprintf(out, "%-22s %9s %9s %12s %12s %7s\n", "area", "communes", "places", "read", "coverage", "ratio")
	for _, r := range results {
		fmt.Fprintf(out, "%-22s %9d %9d %10.3f s %10.3f s %7.2f\n", r.Area, r.Communes, r.Rows, r.Limit, r.Value, r.Ratio)
	}
}

// bringInvented imports the invented territory.
func bringInvented(ctx context.Context, d *db.DB) error {
	places, _, err := catalogue.ReadPlaces(catalogue.InventedPlaces())
	if err != nil {
		return err
	}
	return d.InTx(ctx, func(tx *db.Tx) error {
		_, err := labelling.UpsertPlaces(ctx, tx, "invented", catalogue.Records(places))
		return err
	})
}
