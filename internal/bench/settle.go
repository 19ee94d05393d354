package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// SettleOptions sizes a run.
type SettleOptions struct {
	Rows   int // redemptions to settle, a hundred to a structure
	Slices int // of each kind, alternating
	Log    *slog.Logger
	Out    io.Writer // for progress
}

// SettleResult is one settlement of all redemptions that there are, from closing to the bytes
// of the file for the bank. Limit is what PostgreSQL takes to sum the same redemptions by
// structure and campaign and to copy them out into a file on its own machine; value is what the
// service takes to close a settlement, to approve it and to fetch its file. Seconds, medians over the slices; a
// higher ratio is better.
type SettleResult struct {
	Bench      string  `json:"bench"`
	Clients    int     `json:"clients"`
	Rows       int     `json:"rows"`
	Limit      float64 `json:"limit"`
	Value      float64 `json:"value"`
	Unit       string  `json:"unit"`
	Ratio      float64 `json:"ratio"`
	LimitP99MS float64 `json:"limit_p99_ms"` // of the slowest slice
	ValueP99MS float64 `json:"value_p99_ms"`
	PeakRSSMB  int     `json:"peak_rss_mb"`
	Slices     int     `json:"slices"`
	Verified   bool    `json:"verified"` // every invariant holds after the last slice

	Structures int     `json:"structures"`
	Payouts    int     `json:"payouts"`
	FileMB     float64 `json:"file_mb"`
	AggregateS float64 `json:"aggregate_s"`
	CopyS      float64 `json:"copy_s"`
	CloseS     float64 `json:"close_s"`
	ApproveS   float64 `json:"approve_s"`
	FileS      float64 `json:"file_s"`
	GateMS     float64 `json:"gate_ms"` // the longest that a redemption would have waited
}

// Settle measures settlements. A settlement changes what there is to settle, so each slice
// has a copy of the whole database for itself.
func Settle(ctx context.Context, opts SettleOptions) (result SettleResult, err error) {
	result = SettleResult{Bench: "settle", Clients: 1, Rows: opts.Rows, Unit: "s", Slices: opts.Slices, Structures: max(1, opts.Rows/100)}
	err = withServer(ctx, opts.Log, func(server *db.Embedded) error {
		fmt.Fprintf(opts.Out, "filling a database with %d redemptions of %d structures…\n", opts.Rows, result.Structures)
		if err := onDatabase(ctx, server.URL(), func(d *db.DB) error { return redeemed(ctx, d, opts.Rows, result.Structures) }); err != nil {
			return err
		}
		return onDatabase(ctx, server.URLOf("postgres"), func(admin *db.DB) error { return result.compare(ctx, opts, server, admin) })
	})
	return result, err
}

// settled is what one slice measured.
type settled struct {
	aggregate, copied, closed, approved, fetched, gate time.Duration
	payouts, bytes                                     int
}

func (x settled) limit() float64 { return (x.aggregate + x.copied).Seconds() }
func (x settled) value() float64 { return (x.closed + x.approved + x.fetched).Seconds() }

// compare runs slices on copies of the database, the first to warm up.
func (r *SettleResult) compare(ctx context.Context, opts SettleOptions, server *db.Embedded, admin *db.DB) error {
	var all []settled
	for i := range opts.Slices + 1 {
		name := fmt.Sprintf("slice_%d", i)
		if err := alone(ctx, admin, `CREATE DATABASE `+name+` TEMPLATE passerelle STRATEGY file_copy`); err != nil {
			return err
		}
		err := onDatabase(ctx, server.URLOf(name), func(d *db.DB) error {
			x, err := settleOn(ctx, d, opts.Rows)
			if err != nil {
				return err
			}
			if i > 0 {
				all = append(all, x)
				fmt.Fprintf(opts.Out, "slice %d of %d: PostgreSQL %.2f s, settlement %.2f s\n", i, opts.Slices, x.limit(), x.value())
			}
			if i == opts.Slices {
				r.sum(all)
				r.Verified, err = verify(ctx, d, opts.Out)
			}
			return err
		})
		if err != nil {
			return err
		}
		if err := alone(ctx, admin, `DROP DATABASE `+name); err != nil {
			return err
		}
	}
	return nil
}

// sum takes medians.
func (r *SettleResult) sum(all []settled) {
	seconds := func(of func(settled) time.Duration) float64 {
		return middle(all, func(x settled) float64 { return of(x).Seconds() })
	}
	r.Limit, r.Value = middle(all, settled.limit), middle(all, settled.value)
	r.Ratio, r.PeakRSSMB = r.Limit/r.Value, peakRSS()
	for _, x := range all {
		r.LimitP99MS, r.ValueP99MS = max(r.LimitP99MS, x.limit()*1000), max(r.ValueP99MS, x.value()*1000)
		r.Payouts, r.FileMB = x.payouts, float64(x.bytes)/1e6
	}
	r.AggregateS = seconds(func(x settled) time.Duration { return x.aggregate })
	r.CopyS = seconds(func(x settled) time.Duration { return x.copied })
	r.CloseS = seconds(func(x settled) time.Duration { return x.closed })
	r.ApproveS = seconds(func(x settled) time.Duration { return x.approved })
	r.FileS = seconds(func(x settled) time.Duration { return x.fetched })
	r.GateMS = seconds(func(x settled) time.Duration { return x.gate }) * 1000
}

// alone runs a statement that may not be part of a transaction.
func alone(ctx context.Context, d *db.DB, statement string) error {
	var none []struct{}
	return d.Alone(ctx, &none, statement)
}

// settleOn measures the limit and then a settlement on a database of its own, both with what
// they read in memory.
func settleOn(ctx context.Context, d *db.DB, rows int) (settled, error) {
	if _, err := plain(ctx, d); err != nil {
		return settled{}, err
	}
	x, err := plain(ctx, d)
	if err != nil {
		return x, err
	}
	return x, x.settle(ctx, d, rows)
}

// plain sums the redemptions as one statement, reads the sums, and lets PostgreSQL copy the
// same rows out.
func plain(ctx context.Context, d *db.DB) (x settled, err error) {
	err = d.InTx(ctx, func(tx *db.Tx) error {
		began := time.Now()
		var sums []struct {
			Structure int64 `db:"structure_id"`
			Campaign  int64 `db:"campaign_id"`
			Count     int   `db:"count"`
			Amount    int64 `db:"amount"`
		}
		if err := tx.Select(ctx, &sums, `
			SELECT structure_id, campaign_id, count(*) AS count, sum(amount_cents)::bigint AS amount FROM redemptions
			WHERE undone_at IS NULL GROUP BY structure_id, campaign_id`); err != nil {
			return err
		}
		x.aggregate = time.Since(began)
		var data string
		if err := tx.Get(ctx, &data, `SELECT current_setting('data_directory')`); err != nil {
			return err
		}
		began = time.Now()
		_, err := tx.Exec(ctx, `COPY redemptions TO '`+path.Join(data, "bench.copy")+`'`)
		x.copied = time.Since(began)
		return err
	})
	return x, err
}

// settle closes a settlement by the service's own use cases and fetches its file.
func (x *settled) settle(ctx context.Context, d *db.DB, rows int) error {
	closer, approver, err := financePeople(ctx, d)
	if err != nil {
		return err
	}
	room := settlement.New(d, settlement.Debtor{Name: "Passerelle", IBAN: inventedIBAN(0), Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	waited := watchGate(ctx, d)
	began := time.Now()
	closed, err := room.Close(ctx, closer, settlement.CloseRequest{})
	x.closed = time.Since(began)
	var waiting error
	x.gate, waiting = waited()
	if err := errors.Join(err, waiting); err != nil {
		return err
	}
	if closed.Total != vouchers.Cents(rows)*face || len(closed.Held) > 0 {
		return fmt.Errorf("bench: %s of %s were settled, %d held", closed.Total, vouchers.Cents(rows)*face, len(closed.Held))
	}
	began = time.Now()
	if _, err := room.Approve(ctx, approver, settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256}); err != nil {
		return err
	}
	x.approved = time.Since(began)
	began = time.Now()
	for _, f := range closed.Files {
		var size counter
		if _, err := room.File(ctx, closer, closed.ID, f.Number, &size); err != nil {
			return err
		}
		x.bytes += int(size)
	}
	x.fetched, x.payouts = time.Since(began), closed.Payouts
	return nil
}

// counter counts what is written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

// watchGate enters the ledger's gate again and again, as redemptions do, until the function is
// called that it returns; that one tells the longest wait.
func watchGate(ctx context.Context, d *db.DB) func() (time.Duration, error) {
	stop, done := make(chan struct{}), make(chan error)
	var longest time.Duration
	go func() {
		var err error
		for err == nil {
			select {
			case <-stop:
				done <- nil
				return
			case <-time.After(time.Millisecond):
			}
			began := time.Now()
			err = d.InTx(ctx, func(tx *db.Tx) error { return ledger.Enter(ctx, tx) })
			longest = max(longest, time.Since(began))
		}
		<-stop
		done <- err
	}()
	return func() (time.Duration, error) {
		close(stop)
		err := <-done
		return longest, err
	}
}

// financePeople are the two of the operator.
func financePeople(ctx context.Context, d *db.DB) (closer, approver identity.Actor, err error) {
	closer = identity.Actor{Kind: identity.Operator, Role: identity.Finance}
	err = d.Read(ctx, func(tx *db.Tx) error {
		if err := tx.Get(ctx, &closer.Organisation, `SELECT id FROM organisations WHERE kind = 'operator'`); err != nil {
			return err
		}
		return tx.Get(ctx, &closer.Person, `SELECT min(person_id) FROM memberships WHERE organisation_id = $1`, closer.Organisation)
	})
	approver = closer
	approver.Person++
	return closer, approver, err
}

// Print writes the result for a person.
func (r SettleResult) Print(out io.Writer) {
	fmt.Fprintf(out, "\n%-34s %8.2f s\n%-34s %8.2f s\n%-34s %8.2f s\n", "sum by structure and campaign", r.AggregateS, "COPY of the same rows", r.CopyS, "both: the limit", r.Limit)
	fmt.Fprintf(out, "%-34s %8.2f s\n%-34s %8.2f s\n%-34s %8.2f s\n%-34s %8.2f s\n", "settlement closed", r.CloseS, "approved", r.ApproveS,
		"file fetched", r.FileS, "all three", r.Value)
	fmt.Fprintf(out, "\nratio %.2f: %.2f times the limit; a redemption waits %.0f ms at most\n", r.Ratio, 1/r.Ratio, r.GateMS)
	fmt.Fprintf(out, "%d redemptions, %d structures, %d payouts, %.1f MB of files, %d slices each, peak memory %d MB, invariants afterwards: %v\n",
		r.Rows, r.Structures, r.Payouts, r.FileMB, r.Slices, r.PeakRSSMB, r.Verified)
}
