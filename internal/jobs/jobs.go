// Package jobs holds work to do later or outside. A job is enqueued in the
// transaction that asks for it, so it exists exactly when that transaction commits.
//
// A job is done at least once. Its effects are done once when they are recorded in a
// transaction that also calls Finish, or when the other side recognises a repetition
// (a mail by its Message-ID, a payment by our row's id).
package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
)

// ID identifies a job.
type ID int64

// DefaultAttempts is how often a job is tried before it is dead. With the back-off
// it takes about a day, longer than any outage outside that we plan for.
const DefaultAttempts = 30

// ErrLost says that the job is no longer the caller's: its lease ran out and somebody
// else has taken it over. The caller's transaction must be rolled back.
var ErrLost = errors.New("jobs: the lease ran out and the job was taken over")

// Job is what to do.
type Job struct {
	Kind        string    // names the handler
	Unique      string    // a second job with this key is never made; "" allows any number. No personal data: it is kept
	Payload     any       // given to the handler as JSON, erased once done
	RunAt       time.Time // zero: at once
	MaxAttempts int       // zero: DefaultAttempts
}

// Work is one attempt at a job.
type Work struct {
	ID      ID
	Kind    string
	Attempt int // 1 for the first
	Payload json.RawMessage
}

// Handler does one job. An error or a panic is an attempt that failed; ctx ends with
// the lease, after which another runner may begin the same job.
type Handler func(ctx context.Context, work Work) error

// Enqueue adds a job to the caller's transaction; runners wake when it commits. A job
// whose Unique key has ever been used is not added again, and that is no error.
// A job for now costs a NOTIFY, which serialises commits: the counter's fast path
// gives its jobs a RunAt in the future instead.
func Enqueue(ctx context.Context, tx *db.Tx, job Job) error {
	payload, err := json.Marshal(job.Payload)
	if err != nil {
		return fmt.Errorf("the payload of job %s cannot be written: %w", job.Kind, err)
	}
	if job.RunAt.IsZero() {
		job.RunAt = tx.Now
	}
	if job.MaxAttempts == 0 {
		job.MaxAttempts = DefaultAttempts
	}
	added, err := insert(ctx, tx, job, payload)
	if err != nil || added == 0 || job.RunAt.After(tx.Now) {
		return err
	}
	return notify(ctx, tx)
}

// Finish records in the caller's own transaction that work is done, so that its
// effects and its end are one. It returns ErrLost to a holder whose lease was taken
// over, and nothing when the same holder has said so before.
func Finish(ctx context.Context, tx *db.Tx, work Work) error {
	return finish(ctx, tx, work)
}

// Retry gives a dead job another DefaultAttempts tries, the first at once. It refuses
// with job_not_dead when there is no such dead job.
func Retry(ctx context.Context, tx *db.Tx, id ID) error {
	revived, err := revive(ctx, tx, id)
	if err != nil {
		return err
	}
	if revived == 0 {
		return fault.New(fault.NotFound, "job_not_dead")
	}
	return notify(ctx, tx)
}

// Stat counts the jobs of one kind in one state. Done jobs count for one day.
type Stat struct {
	Kind   string
	State  string // queued, running, done or dead
	Count  int64
	Oldest time.Duration // since the oldest was due (queued), enqueued (running) or finished (done, dead); never negative
}

// Stats counts jobs by kind and state.
func Stats(ctx context.Context, tx *db.Tx) ([]Stat, error) {
	return selectStats(ctx, tx)
}

// DeadJob is a job that was given up, for the operator to look at and retry.
type DeadJob struct {
	ID         ID        `db:"id"`
	Kind       string    `db:"kind"`
	Attempts   int       `db:"attempts"`
	LastError  string    `db:"last_error"`
	CreatedAt  time.Time `db:"created_at"`
	FinishedAt time.Time `db:"finished_at"`
}

// Dead lists the dead jobs, the latest hundred first.
func Dead(ctx context.Context, tx *db.Tx) ([]DeadJob, error) {
	return selectDead(ctx, tx)
}

// Sweep deletes jobs done more than a week ago, except those whose unique key must
// stay known. It returns how many it deleted.
func Sweep(ctx context.Context, tx *db.Tx) (int64, error) {
	return deleteDone(ctx, tx, tx.Now.Add(-7*24*time.Hour))
}

// GiveUp marks an error that no further attempt can mend: the job is dead at once.
func GiveUp(err error) error { return hopeless{err} }

type hopeless struct{ error }

func (h hopeless) Unwrap() error { return h.error }
