// Package bench measures the program beside the best that PostgreSQL itself can do, in
// one run: ratios travel from machine to machine, seconds do not. It makes its own data
// in a PostgreSQL of its own and leaves nothing behind.
package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/app"
	"github.com/passerelle/passerelle/internal/db"
)

// Options sizes a run.
type Options struct {
	Clients int           // redeeming at the same time; 1 client is measured besides
	Rows    int           // vouchers in the database
	Slices  int           // of each kind, alternating
	Slice   time.Duration // how long each lasts
	Log     *slog.Logger
	Out     io.Writer // for progress
}

// Result is one line of a bench. Rates are redemptions per second; limit is what
// hand-written SQL reaches in pgbench, value what the service reaches over HTTP. All are
// medians over the slices. Higher ratios are better.
type Result struct {
	Bench          string  `json:"bench"`
	Clients        int     `json:"clients"`
	Rows           int     `json:"rows"`
	Limit          float64 `json:"limit"`
	Value          float64 `json:"value"`
	Unit           string  `json:"unit"`
	Ratio          float64 `json:"ratio"`
	LimitLatencyMS float64 `json:"limit_latency_ms"` // median
	ValueLatencyMS float64 `json:"value_latency_ms"`
	LimitP99MS     float64 `json:"limit_p99_ms"`
	ValueP99MS     float64 `json:"value_p99_ms"`
	PeakRSSMB      int     `json:"peak_rss_mb"` // of the service and the load generator, one process
	Slices         int     `json:"slices"`
	Verified       bool    `json:"verified"` // every invariant holds over all that both wrote

	Single *Result `json:"single,omitempty"` // the same with one client
}

// Redeem measures redemptions with opts.Clients clients and with one.
func Redeem(ctx context.Context, opts Options) (result Result, err error) {
	dir, err := os.MkdirTemp("", "passerelle-bench-")
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := os.Chmod(dir, 0o755); err != nil { // the server's own account must enter
		return Result{}, err
	}
	server, err := db.StartEmbedded(ctx, db.EmbeddedConfig{Dir: dir, Log: opts.Log})
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	cfg, err := app.ReadConfig([]string{"DATABASE_URL=" + server.URL(), "PASSERELLE_DATA=" + filepath.Join(dir, "data"), "PORT=0", "PUBLIC_URL=http://localhost"})
	if err != nil {
		return Result{}, err
	}
	program, err := app.Start(ctx, cfg, time.Now, opts.Log)
	if err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, program.Stop()) }()
	s, err := newStage(ctx, opts, server, program, cfg)
	if err != nil {
		return Result{}, err
	}
	defer s.close()
	single, err := s.compare(ctx, 1)
	if err != nil {
		return Result{}, err
	}
	result, err = s.compare(ctx, opts.Clients)
	if err != nil {
		return Result{}, err
	}
	result.Single = &single
	result.Verified, err = s.verify(ctx)
	single.Verified = result.Verified
	return result, err
}

// slice is what one slice measured.
type slice struct {
	rate        float64 // per second
	median, p99 time.Duration
}

func sliceOf(latencies []time.Duration, lasted time.Duration) (slice, error) {
	if len(latencies) == 0 {
		return slice{}, errors.New("bench: a slice in which nothing was done")
	}
	slices.Sort(latencies)
	return slice{
		rate:   float64(len(latencies)) / lasted.Seconds(),
		median: latencies[len(latencies)/2],
		p99:    latencies[len(latencies)*99/100],
	}, nil
}

// compare alternates slices of both kinds and takes medians.
func (s *stage) compare(ctx context.Context, clients int) (Result, error) {
	var limits, values []slice
	for i := range s.opts.Slices + 1 {
		limit, err := s.pgbench(ctx, clients)
		if err != nil {
			return Result{}, err
		}
		value, err := s.service(ctx, clients)
		if err != nil {
			return Result{}, err
		}
		if i == 0 {
			continue // caches and plans warm up
		}
		limits, values = append(limits, limit), append(values, value)
		fmt.Fprintf(s.opts.Out, "%2d clients, slice %d of %d: pgbench %.0f/s, service %.0f/s\n", clients, i, s.opts.Slices, limit.rate, value.rate)
	}
	r := Result{
		Bench: "redeem", Clients: clients, Rows: s.opts.Rows, Unit: "redemptions/s", Slices: s.opts.Slices,
		Limit: middle(limits, func(x slice) float64 { return x.rate }), Value: middle(values, func(x slice) float64 { return x.rate }),
		LimitLatencyMS: middle(limits, medianMS), ValueLatencyMS: middle(values, medianMS),
		LimitP99MS: middle(limits, p99MS), ValueP99MS: middle(values, p99MS),
		PeakRSSMB: peakRSS(),
	}
	r.Ratio = r.Value / r.Limit
	return r, nil
}

func medianMS(x slice) float64 { return float64(x.median.Microseconds()) / 1000 }
func p99MS(x slice) float64    { return float64(x.p99.Microseconds()) / 1000 }

func middle[T any](all []T, of func(T) float64) float64 {
	sorted := slices.SortedFunc(slices.Values(all), func(a, b T) int { return cmp.Compare(of(a), of(b)) })
	return of(sorted[len(sorted)/2])
}

// Print writes results as a table.
func (r Result) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%-8s %12s %12s %7s %14s %14s %12s %12s\n", "clients", "pgbench/s", "service/s", "ratio", "pgbench median", "service median", "pgbench p99", "service p99")
	for _, x := range []Result{*r.Single, r} {
		fmt.Fprintf(out, "%-8d %12.0f %12.0f %7.2f %11.2f ms %11.2f ms %9.2f ms %9.2f ms\n",
			x.Clients, x.Limit, x.Value, x.Ratio, x.LimitLatencyMS, x.ValueLatencyMS, x.LimitP99MS, x.ValueP99MS)
	}
	fmt.Fprintf(out, "\n%d vouchers, %d slices each, peak memory %d MB, invariants afterwards: %v\n", r.Rows, r.Slices, r.PeakRSSMB, r.Verified)
}
