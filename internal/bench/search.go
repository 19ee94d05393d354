package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/search"
)

// SearchOptions sizes a run.
type SearchOptions struct {
	Places int // in the database, spread over the communes as people are
	Rounds int // of all judged questions
	Log    *slog.Logger
}

// SearchResult is how long a question takes in the program, beside the plainest look-up that
// PostgreSQL can do for it: the places of a commune. Milliseconds; a higher ratio is better.
type SearchResult struct {
	Bench      string  `json:"bench"`
	Clients    int     `json:"clients"`
	Rows       int     `json:"rows"`
	Limit      float64 `json:"limit"` // median
	Value      float64 `json:"value"` // median
	Unit       string  `json:"unit"`
	Ratio      float64 `json:"ratio"`
	LimitP95MS float64 `json:"limit_p95_ms"`
	ValueP95MS float64 `json:"value_p95_ms"`
	ValueP99MS float64 `json:"value_p99_ms"`
	PeakRSSMB  int     `json:"peak_rss_mb"`
	Slices     int     `json:"slices"`

	Quality search.Score `json:"quality"` // on the invented territory
}

// Search asks the judged questions of a database with many places, after it has judged the
// answers on the invented territory.
func Search(ctx context.Context, opts SearchOptions) (result SearchResult, err error) {
	result = SearchResult{Bench: "search", Clients: 1, Rows: opts.Places, Unit: "ms", Slices: opts.Rounds}
	err = withDatabase(ctx, opts.Log, func(d *db.DB) (err error) {
		if err := bringInvented(ctx, d); err != nil {
			return err
		}
		result.Quality, err = search.Judge(ctx, search.New(d))
		return err
	})
	if err != nil {
		return result, err
	}
	err = withDatabase(ctx, opts.Log, func(d *db.DB) error {
		if err := spreadPlaces(ctx, d, opts.Places); err != nil {
			return err
		}
		return result.measure(ctx, d, opts)
	})
	return result, err
}

func (r *SearchResult) measure(ctx context.Context, d *db.DB, opts SearchOptions) error {
	questions, err := search.JudgedSet()
	if err != nil {
		return err
	}
	room := search.New(d)
	var limits, values []time.Duration
	for round := range opts.Rounds + 1 {
		for _, q := range questions {
			began := time.Now()
			err := d.Read(ctx, func(tx *db.Tx) error {
				var ids []int64
				return tx.Select(ctx, &ids, `SELECT id FROM places WHERE insee = $1 ORDER BY id LIMIT 20`, q.Commune)
			})
			if err != nil {
				return err
			}
			looked := time.Since(began)
			began = time.Now()
			if _, err := room.Find(ctx, identity.Actor{}, search.Request{Query: q.Query}); err != nil {
				return err
			}
			if round > 0 { // the first warms caches up
				limits, values = append(limits, looked), append(values, time.Since(began))
			}
		}
	}
	slices.Sort(limits)
	slices.Sort(values)
	at := func(sorted []time.Duration, percent int) float64 {
		return sorted[len(sorted)*percent/100].Seconds() * 1000
	}
	r.Limit, r.Value, r.LimitP95MS, r.ValueP95MS, r.ValueP99MS = at(limits, 50), at(values, 50), at(limits, 95), at(values, 95), at(values, 99)
	r.Ratio, r.PeakRSSMB = r.Limit/r.Value, peakRSS()
	return nil
}

// Print writes the result for a person.
func (r SearchResult) Print(out io.Writer) {
	fmt.Fprintf(out, "%d judged questions: success@5 %.3f, MRR %.3f, without answer %d; held out: %d, %.3f, %.3f\n",
		r.Quality.Questions, r.Quality.Success5, r.Quality.MRR, r.Quality.Silent, r.Quality.Held.Questions, r.Quality.Held.Success5, r.Quality.Held.MRR)
	for _, q := range r.Quality.Wrong {
		fmt.Fprintf(out, "  not among the first five: %s\n", q)
	}
	fmt.Fprintf(out, "%d places: median %.1f ms, p95 %.1f ms, p99 %.1f ms; plain look-up %.1f ms, p95 %.1f ms; peak memory %d MB\n",
		r.Rows, r.Value, r.ValueP95MS, r.ValueP99MS, r.Limit, r.LimitP95MS, r.PeakRSSMB)
}

// withDatabase runs do on a migrated database of its own, which it leaves nothing of.
func withDatabase(ctx context.Context, log *slog.Logger, do func(*db.DB) error) error {
	return withServer(ctx, log, func(server *db.Embedded) error { return onDatabase(ctx, server.URL(), do) })
}

// withServer runs do with a PostgreSQL of its own, whose database is migrated.
func withServer(ctx context.Context, log *slog.Logger, do func(*db.Embedded) error) (err error) {
	dir, err := os.MkdirTemp("", "passerelle-bench-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the server's own account must enter
		return err
	}
	server, err := db.StartEmbedded(ctx, db.EmbeddedConfig{Dir: dir, Log: log})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	if err := db.Migrate(ctx, server.URL()); err != nil {
		return err
	}
	return do(server)
}

// onDatabase runs do with a pool of its own, and closes it.
func onDatabase(ctx context.Context, url string, do func(*db.DB) error) (err error) {
	d, err := db.Open(ctx, url, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return do(d)
}
