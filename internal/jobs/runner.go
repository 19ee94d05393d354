package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// Runner does jobs. Any number of runners, on any number of nodes, share the work.
type Runner struct {
	Workers int           // jobs at once in Run; 4
	Lease   time.Duration // the longest a job may take before another runner may take it over; 5 minutes
	Poll    time.Duration // how often to look without being woken; 5 seconds
	Grace   time.Duration // how long a stopping runner lets work in hand go on; 10 seconds

	db       *db.DB
	log      *slog.Logger
	handlers map[string]Handler
	periodic []period
	wake     chan struct{}

	// inHand is read-locked around each job of Run, so that Drain can wait for them.
	inHand sync.RWMutex

	mu      sync.Mutex
	planned map[string]string // kind → key of the last period that was planned
}

type period struct {
	kind, name string
	interval   time.Duration
}

// NewRunner makes a runner of the kinds that have a handler; it leaves other kinds to
// other programs. Change its fields before Run or Drain only.
func NewRunner(d *db.DB, log *slog.Logger, handlers map[string]Handler) *Runner {
	return &Runner{
		Workers: 4, Lease: 5 * time.Minute, Poll: 5 * time.Second, Grace: 10 * time.Second,
		db: d, log: log, handlers: maps.Clone(handlers), wake: make(chan struct{}, 1), planned: map[string]string{},
	}
}

// Every has do run once per interval, by one node only. Periods are counted from the
// clock's zero, in UTC; a period is left out while an earlier one is still at work.
// Call it before Run or Drain.
func (r *Runner) Every(name string, interval time.Duration, do func(ctx context.Context) error) {
	kind := periodicPrefix + name
	if interval <= 0 || r.handlers[kind] != nil {
		panic("jobs: the periodic work " + name + " needs an interval and a name of its own")
	}
	if r.handlers == nil {
		r.handlers = map[string]Handler{}
	}
	r.handlers[kind] = func(ctx context.Context, _ Work) error { return do(ctx) }
	r.periodic = append(r.periodic, period{kind: kind, name: name, interval: interval})
}

// Run does jobs until ctx ends, then lets the work in hand finish within Grace and
// returns once nothing of it runs any more.
func (r *Runner) Run(ctx context.Context) {
	hands, drop := r.outliving(ctx)
	defer drop()
	var all sync.WaitGroup
	defer all.Wait()
	for range r.Workers {
		all.Go(func() { r.toil(ctx, hands) })
	}
	all.Go(func() { r.listen(ctx) })
	ticker := time.NewTicker(r.Poll)
	defer ticker.Stop()
	for {
		if err := r.plan(ctx); err != nil && ctx.Err() == nil {
			r.log.Error("periodic jobs could not be planned", "err", err)
		}
		r.nudge()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// outliving makes the context that handlers see: it ends a grace period after ctx.
func (r *Runner) outliving(ctx context.Context) (context.Context, context.CancelFunc) {
	hands, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(r.Grace):
			cancel()
		case <-hands.Done():
		}
	})
	return hands, func() { stop(); cancel() }
}

// listen turns notifications into wakes. Without them the poll still finds the work.
func (r *Runner) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := r.db.Listen(ctx, channel, r.nudge); err != nil {
			r.log.Warn("listening for jobs failed, polling goes on", "err", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(r.Poll):
		}
	}
}

// nudge wakes one idle worker. One that finds work nudges the next, so as many wake
// as there is work for.
func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *Runner) toil(ctx, hands context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		}
		for r.takeOne(ctx, hands) {
		}
	}
}

// takeOne does one job and reports whether there may be more.
func (r *Runner) takeOne(ctx, hands context.Context) bool {
	r.inHand.RLock()
	defer r.inHand.RUnlock()
	found, err := r.step(ctx, hands)
	if err != nil && ctx.Err() == nil {
		r.log.Error("no job could be taken", "err", err)
	}
	return found
}

// Drain does all that is due now, one job after the other, those that come up on the
// way included, and waits for what Run has in hand. Failed jobs come due later and are
// not waited for; the error is the database's or ctx's.
func (r *Runner) Drain(ctx context.Context) error {
	for {
		if err := r.plan(ctx); err != nil {
			return err
		}
		found, err := r.step(ctx, ctx)
		if err == nil && !found {
			r.inHand.Lock()
			found, err = r.step(ctx, ctx)
			r.inHand.Unlock()
		}
		if err != nil || !found {
			return err
		}
	}
}

// plan enqueues the periodic work whose period has begun.
func (r *Runner) plan(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.periodic {
		key := periodKey(p.name, p.interval, r.db.Now())
		if r.planned[p.kind] == key {
			continue
		}
		err := r.db.InTx(ctx, func(tx *db.Tx) error {
			added, err := insertPeriod(ctx, tx, p.kind, key)
			if err != nil || added == 0 {
				return err
			}
			return notify(ctx, tx)
		})
		if err != nil {
			return err
		}
		r.planned[p.kind] = key
	}
	return nil
}

// step claims one job, does it under hands and records what came of it.
func (r *Runner) step(ctx, hands context.Context) (found bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	var got []claimed
	err = r.db.InTx(ctx, func(tx *db.Tx) error {
		got, err = claim(ctx, tx, slices.Collect(maps.Keys(r.handlers)), r.Lease)
		return err
	})
	if err != nil || len(got) == 0 {
		return false, err
	}
	c := got[0]
	if c.State == "dead" {
		r.log.Error("job is dead", "job", c.ID, "kind", c.Kind, "attempts", c.Attempts, "err", "abandoned during the last attempt")
		return true, nil
	}
	r.nudge() // there may be work for another worker too
	cause := r.attempt(hands, c.work())
	if err := r.record(ctx, c, cause); err != nil {
		r.log.Warn("the end of a job was not recorded", "job", c.ID, "kind", c.Kind, "err", err)
	}
	return true, nil
}

// attempt calls the handler for at most the lease and turns a panic into an error.
func (r *Runner) attempt(ctx context.Context, w Work) (err error) {
	ctx, cancel := context.WithTimeout(ctx, r.Lease)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			r.log.Error("job panicked", "job", w.ID, "kind", w.Kind, "stack", string(debug.Stack()))
		}
	}()
	return r.handlers[w.Kind](ctx, w)
}

// record writes the end of an attempt. It goes on after ctx has ended, since work that
// was done and not recorded would be done twice.
func (r *Runner) record(ctx context.Context, c claimed, cause error) error {
	stopping := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if errors.Is(cause, ErrLost) {
		return cause
	}
	if cause == nil {
		return r.db.InTx(ctx, func(tx *db.Tx) error { return finish(ctx, tx, c.work()) })
	}
	longest := r.longestPause(c.Kind)
	if stopping {
		longest = 0 // the failure came with the runner's end: another may begin at once
	}
	o := afterFailure(c, cause, longest, rand.Float64())
	err := r.db.InTx(ctx, func(tx *db.Tx) error {
		if o.dead {
			return bury(ctx, tx, c.work(), o.reason)
		}
		return putBack(ctx, tx, c.work(), tx.Now.Add(o.pause), o.reason)
	})
	if err != nil {
		return err
	}
	level, message := slog.LevelWarn, "job failed and will be tried again"
	if o.dead {
		level, message = slog.LevelError, "job is dead"
	}
	r.log.Log(ctx, level, message, "job", c.ID, "kind", c.Kind, "attempts", c.Attempts, "err", o.reason)
	return nil
}

// longestPause keeps periodic work from missing periods once it can succeed again.
func (r *Runner) longestPause(kind string) time.Duration {
	for _, p := range r.periodic {
		if p.kind == kind {
			return min(p.interval, longestPause)
		}
	}
	return longestPause
}
