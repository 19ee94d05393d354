package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest"
)

func TestEightRunnersDoFiveHundredJobsOnceEach(t *testing.T) {
	w := setup(t)
	const total = 500
	var mu sync.Mutex
	times := map[ID]int{}
	for range 8 {
		w.starts(w.runner(map[string]Handler{"count": func(_ context.Context, work Work) error {
			mu.Lock()
			defer mu.Unlock()
			times[work.ID]++
			return nil
		}}))
	}
	for range total / 50 {
		batch := make([]Job, 50)
		for i := range batch {
			batch[i] = Job{Kind: "count"}
		}
		w.enqueue(batch...)
	}
	w.soon("all jobs done", func() bool {
		var open int
		w.inTx(func(tx *db.Tx) error { return tx.Get(w.ctx, &open, `SELECT count(*) FROM jobs WHERE state <> 'done'`) })
		return open == 0
	})
	mu.Lock()
	defer mu.Unlock()
	for id, n := range times {
		if n != 1 {
			t.Errorf("job %d was done %d times", id, n)
		}
	}
	if len(times) != total {
		t.Errorf("%d jobs done, want %d", len(times), total)
	}
}

func TestACommitWakesARunnerLongBeforeItsPoll(t *testing.T) {
	w := setup(t)
	done := make(chan ID, 10)
	r := w.runner(map[string]Handler{"ring": func(_ context.Context, work Work) error { done <- work.ID; return nil }})
	r.Poll = time.Hour
	stop := w.starts(r)
	w.soon("the runner listens", func() (listens bool) {
		w.inTx(func(tx *db.Tx) error {
			return tx.Get(w.ctx, &listens, `SELECT count(*) > 0 FROM pg_stat_activity
				WHERE datname = current_database() AND query LIKE 'LISTEN%' AND state = 'idle'`)
		})
		return listens
	})
	for range 3 {
		time.Sleep(100 * time.Millisecond) // lets the workers find nothing and fall asleep
		w.enqueue(Job{Kind: "ring"})
		select {
		case <-done:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody woke")
		}
	}
	stop()
	w.enqueue(Job{Kind: "ring"})
	if rows := w.rows(); rows[3].State != "queued" {
		t.Errorf("a stopped runner works: %+v", rows[3])
	}
}

func TestARunnerStopsWhileItsDatabaseIsAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Durable(t, nil)
	d, err := db.Open(t.Context(), server.URL(), pgtest.NewClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := server.Kill(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	log := &journal{}
	returned := make(chan struct{})
	go func() {
		NewRunner(d, slog.New(slog.NewTextHandler(log, nil)), map[string]Handler{}).Run(ctx)
		close(returned)
	}()
	select {
	case <-returned:
	case <-time.After(10 * time.Second):
		t.Fatal("it still runs")
	}
	if !strings.Contains(log.String(), "no job could be taken") {
		t.Errorf("the log keeps quiet about it: %s", log)
	}
}

// kill takes the only job as a process does that dies before it can say how it went.
func (w *world) kill(r *Runner) Work {
	w.Helper()
	var got []claimed
	w.inTx(func(tx *db.Tx) (err error) {
		got, err = claim(w.ctx, tx, []string{"work"}, r.Lease)
		return err
	})
	if len(got) != 1 {
		w.Fatalf("claimed %+v", got)
	}
	return got[0].work()
}

func TestAnotherDoesTheWorkOfTheKilled(t *testing.T) {
	w := setup(t)
	var attempts []int
	r := w.runner(map[string]Handler{"work": func(_ context.Context, work Work) error { attempts = append(attempts, work.Attempt); return nil }})
	w.enqueue(Job{Kind: "work"})
	w.kill(r)
	w.clock.Add(r.Lease - time.Second)
	w.drain(r)
	if len(attempts) != 0 {
		t.Fatalf("taken over before the lease ran out: %v", attempts)
	}
	w.clock.Add(time.Second)
	w.drain(r)
	if fmt.Sprint(attempts) != "[2]" || w.only().State != "done" {
		t.Errorf("attempts %v, %+v", attempts, w.only())
	}
}

func TestAJobThatKillsItsProcessEndsDead(t *testing.T) {
	w := setup(t)
	r := w.runner(map[string]Handler{"work": func(context.Context, Work) error { t.Error("tried once too often"); return nil }})
	w.enqueue(Job{Kind: "work", MaxAttempts: 2})
	for range 2 {
		w.kill(r)
		w.clock.Add(r.Lease)
	}
	w.drain(r)
	got := w.only()
	if got.State != "dead" || got.Attempts != 2 || got.Error != "abandoned during the last attempt" || !strings.Contains(w.log.String(), "level=ERROR") {
		t.Errorf("%+v\n%s", got, w.log)
	}
}

func TestAStaleHolderChangesNothing(t *testing.T) {
	w := setup(t)
	r := w.runner(map[string]Handler{"work": func(context.Context, Work) error { return errors.New("not yet") }})
	w.enqueue(Job{Kind: "work"})
	stale := w.kill(r)
	w.clock.Add(r.Lease)
	current := w.kill(r)
	if current.Attempt != stale.Attempt+1 {
		t.Fatalf("%+v after %+v", current, stale)
	}
	for name, say := range map[string]func(tx *db.Tx, work Work) error{
		"done":  func(tx *db.Tx, work Work) error { return Finish(w.ctx, tx, work) },
		"again": func(tx *db.Tx, work Work) error { return putBack(w.ctx, tx, work, tx.Now, "stale") },
		"dead":  func(tx *db.Tx, work Work) error { return bury(w.ctx, tx, work, "stale") },
	} {
		err := w.db.InTx(w.ctx, func(tx *db.Tx) error { return say(tx, stale) })
		if got := w.only(); !errors.Is(err, ErrLost) || got.State != "running" || got.Attempts != 2 {
			t.Errorf("a stale holder said %s: %v, %+v", name, err, got)
		}
	}
	w.inTx(func(tx *db.Tx) error { return Finish(w.ctx, tx, current) })
	w.inTx(func(tx *db.Tx) error { return Finish(w.ctx, tx, current) })
	if got := w.only(); got.State != "done" {
		t.Errorf("the holder finished: %+v", got)
	}
}

func TestAHandlerMayFinishInItsOwnTransaction(t *testing.T) {
	w := setup(t)
	r := w.runner(map[string]Handler{"work": func(ctx context.Context, work Work) error {
		return w.db.InTx(ctx, func(tx *db.Tx) error { return Finish(ctx, tx, work) })
	}})
	w.enqueue(Job{Kind: "work"})
	w.drain(r)
	if got := w.only(); got.State != "done" || w.log.String() != "" {
		t.Errorf("%+v\n%s", got, w.log)
	}
}

func TestPeriodicWorkIsDoneOncePerPeriodByOneNode(t *testing.T) {
	w := setup(t)
	var times atomic.Int32
	nodes := make([]*Runner, 3)
	for i := range nodes {
		nodes[i] = w.runner(nil)
		nodes[i].Every("seal", time.Hour, func(context.Context) error { times.Add(1); return nil })
	}
	for period := int32(1); period <= 3; period++ {
		var all sync.WaitGroup
		for range 2 {
			for _, r := range nodes {
				all.Go(func() { w.drain(r) })
			}
		}
		all.Wait()
		if times.Load() != period {
			t.Fatalf("after period %d: done %d times", period, times.Load())
		}
		w.clock.Add(time.Hour)
	}
}

func TestAPeriodIsLeftOutWhileAnEarlierOneIsAtWork(t *testing.T) {
	w := setup(t)
	fails := true
	r := w.runner(nil)
	r.Every("import", time.Minute, func(context.Context) error {
		if fails {
			return errors.New("no answer")
		}
		return nil
	})
	for range 10 {
		w.drain(r)
		w.clock.Add(time.Minute + time.Second)
	}
	got := w.only()
	if pause := got.RunAt.Sub(w.db.Now()); got.State != "queued" || pause > 72*time.Second {
		t.Errorf("%+v, pause %s", got, pause)
	}
	fails = false
	w.clock.Add(72 * time.Second)
	w.drain(r)
	w.clock.Add(time.Minute)
	w.drain(r)
	if rows := w.rows(); len(rows) != 2 || rows[0].State != "done" || rows[1].State != "done" {
		t.Errorf("%+v", rows)
	}
}

func TestAStoppingRunnerLetsWorkInHandFinish(t *testing.T) {
	w := setup(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	r := w.runner(map[string]Handler{"work": func(ctx context.Context, _ Work) error {
		close(begun)
		<-goOn
		return ctx.Err()
	}})
	w.enqueue(Job{Kind: "work"})
	stop := w.starts(r)
	<-begun
	time.AfterFunc(50*time.Millisecond, func() { close(goOn) })
	stop()
	if got := w.only(); got.State != "done" || got.Attempts != 1 {
		t.Errorf("%+v", got)
	}
}

func TestAStoppingRunnerGivesBackWhatDoesNotFinish(t *testing.T) {
	w := setup(t)
	begun := make(chan struct{})
	r := w.runner(map[string]Handler{"work": func(ctx context.Context, _ Work) error {
		close(begun)
		<-ctx.Done()
		return ctx.Err()
	}})
	r.Grace = 20 * time.Millisecond
	w.enqueue(Job{Kind: "work"})
	stop := w.starts(r)
	<-begun
	stop()
	if got := w.only(); got.State != "queued" || got.RunAt.After(w.db.Now()) {
		t.Errorf("not to be had at once: %+v", got)
	}
}

func TestDrainWaitsForWhatRunHasInHand(t *testing.T) {
	w := setup(t)
	begun := make(chan struct{})
	var finished atomic.Bool
	r := w.runner(map[string]Handler{"work": func(context.Context, Work) error {
		close(begun)
		time.Sleep(100 * time.Millisecond)
		finished.Store(true)
		return nil
	}})
	w.starts(r)
	w.enqueue(Job{Kind: "work"})
	<-begun
	w.drain(r)
	if !finished.Load() {
		t.Error("Drain returned while a job was in hand")
	}
}
