package jobs

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest"
)

// The pool that stays open for the whole test program is pgtest's own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// world is a database, its clock and the log of the runners.
type world struct {
	*testing.T
	ctx   context.Context
	db    *db.DB
	clock *pgtest.Clock
	log   *journal
}

func setup(t *testing.T) *world {
	t.Helper()
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	t.Cleanup(cancel)
	d, clock := pgtest.NewWithClock(t)
	return &world{T: t, ctx: ctx, db: d, clock: clock, log: &journal{}}
}

func (w *world) runner(handlers map[string]Handler) *Runner {
	return NewRunner(w.db, slog.New(slog.NewTextHandler(w.log, nil)), handlers)
}

func (w *world) inTx(do func(tx *db.Tx) error) {
	w.Helper()
	if err := w.db.InTx(w.ctx, do); err != nil {
		w.Fatal(err)
	}
}

func (w *world) enqueue(jobs ...Job) {
	w.Helper()
	w.inTx(func(tx *db.Tx) error {
		for _, j := range jobs {
			if err := Enqueue(w.ctx, tx, j); err != nil {
				return err
			}
		}
		return nil
	})
}

func (w *world) drain(r *Runner) {
	w.Helper()
	if err := r.Drain(w.ctx); err != nil {
		w.Fatal(err)
	}
}

// starts runs r in the background; the returned function stops it and waits.
func (w *world) starts(r *Runner) (stop func()) {
	ctx, cancel := context.WithCancel(w.ctx)
	var running sync.WaitGroup
	running.Go(func() { r.Run(ctx) })
	stop = func() { cancel(); running.Wait() }
	w.Cleanup(stop)
	return stop
}

type row struct {
	ID       ID        `db:"id"`
	State    string    `db:"state"`
	Attempts int       `db:"attempts"`
	RunAt    time.Time `db:"run_at"`
	Error    string    `db:"last_error"`
	Payload  string    `db:"payload"`
}

func (w *world) rows() []row {
	w.Helper()
	var rows []row
	w.inTx(func(tx *db.Tx) error {
		return tx.Select(w.ctx, &rows, `SELECT id, state, attempts, run_at, last_error, payload::text AS payload FROM jobs ORDER BY id`)
	})
	return rows
}

// only gives the single job there is.
func (w *world) only() row {
	w.Helper()
	rows := w.rows()
	if len(rows) != 1 {
		w.Fatalf("%d jobs, want 1: %+v", len(rows), rows)
	}
	return rows[0]
}

func (w *world) soon(what string, happened func() bool) {
	w.Helper()
	for range 1000 {
		if happened() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.Fatalf("not within ten seconds: %s", what)
}

// journal collects log lines.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}
