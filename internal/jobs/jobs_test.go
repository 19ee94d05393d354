package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
)

func TestAJobExistsExactlyWhenItsTransactionCommits(t *testing.T) {
	w := setup(t)
	changedMyMind := errors.New("changed my mind")
	err := w.db.InTx(w.ctx, func(tx *db.Tx) error {
		if err := Enqueue(w.ctx, tx, Job{Kind: "greet"}); err != nil {
			return err
		}
		return changedMyMind
	})
	if !errors.Is(err, changedMyMind) || len(w.rows()) != 0 {
		t.Fatalf("%v left %v", err, w.rows())
	}
	var got Work
	w.enqueue(Job{Kind: "greet", Payload: map[string]string{"name": "Zoé"}})
	w.drain(w.runner(map[string]Handler{"greet": func(_ context.Context, work Work) error { got = work; return nil }}))
	var payload struct{ Name string }
	if err := json.Unmarshal(got.Payload, &payload); err != nil || payload.Name != "Zoé" || got.Attempt != 1 || got.Kind != "greet" {
		t.Errorf("handler got %+v, %v", got, err)
	}
	if r := w.only(); r.State != "done" || r.Payload != "{}" || r.ID != got.ID {
		t.Errorf("afterwards the row is %+v", r)
	}
}

func TestANoticeIsNeverDoubled(t *testing.T) {
	w := setup(t)
	var times atomic.Int32
	r := w.runner(map[string]Handler{"notice": func(context.Context, Work) error { times.Add(1); return nil }})
	notice := Job{Kind: "notice", Unique: "payout:7"}
	w.enqueue(notice, notice)
	w.enqueue(notice)
	w.drain(r)
	w.enqueue(notice)
	w.drain(r)
	w.clock.Add(30 * 24 * time.Hour)
	w.inTx(func(tx *db.Tx) error { _, err := Sweep(w.ctx, tx); return err })
	w.enqueue(notice)
	w.drain(r)
	if times.Load() != 1 {
		t.Errorf("noticed %d times", times.Load())
	}
}

func TestWorkForLaterWaitsForItsTime(t *testing.T) {
	w := setup(t)
	var done []string
	r := w.runner(map[string]Handler{"say": func(_ context.Context, work Work) error {
		done = append(done, string(work.Payload))
		return nil
	}})
	later := w.db.Now().Add(time.Hour)
	w.enqueue(Job{Kind: "say", Payload: "later", RunAt: later}, Job{Kind: "say", Payload: "now"})
	w.drain(r)
	w.clock.Add(59 * time.Minute)
	w.drain(r)
	if got := strings.Join(done, " "); got != `"now"` {
		t.Fatalf("done after 59 minutes: %s", got)
	}
	w.clock.Add(time.Minute)
	w.drain(r)
	if got := strings.Join(done, " "); got != `"now" "later"` {
		t.Errorf("done after an hour: %s", got)
	}
}

func TestDrainDoesWhatComesUpOnTheWay(t *testing.T) {
	w := setup(t)
	var seconds int
	r := w.runner(map[string]Handler{
		"first": func(ctx context.Context, _ Work) error {
			return w.db.InTx(ctx, func(tx *db.Tx) error { return Enqueue(ctx, tx, Job{Kind: "second"}) })
		},
		"second": func(context.Context, Work) error { seconds++; return nil },
	})
	w.enqueue(Job{Kind: "first"})
	w.drain(r)
	if seconds != 1 {
		t.Errorf("the second job was done %d times", seconds)
	}
}

func TestAFailingJobIsTriedWithPausesThenDead(t *testing.T) {
	w := setup(t)
	down := true
	r := w.runner(map[string]Handler{"send": func(context.Context, Work) error {
		if down {
			return errors.New("no answer")
		}
		return nil
	}})
	w.enqueue(Job{Kind: "send", Payload: "kept", MaxAttempts: 3})
	for attempt := 1; attempt < 3; attempt++ {
		w.drain(r)
		got := w.only()
		pause := got.RunAt.Sub(w.db.Now())
		if got.State != "queued" || got.Attempts != attempt || got.Error != "no answer" || pause < 8*time.Second || pause > 24*time.Second {
			t.Fatalf("after attempt %d: %+v, pause %s", attempt, got, pause)
		}
		w.clock.Add(time.Minute)
	}
	w.drain(r)
	dead := w.only()
	if dead.State != "dead" || dead.Attempts != 3 || dead.Payload != `"kept"` || !strings.Contains(w.log.String(), "level=ERROR msg=\"job is dead\"") {
		t.Fatalf("after the last attempt: %+v\n%s", dead, w.log)
	}
	w.clock.Add(240 * time.Hour)
	w.drain(r)
	if got := w.only(); got.Attempts != 3 {
		t.Fatalf("a dead job was tried again: %+v", got)
	}

	down = false
	w.inTx(func(tx *db.Tx) error {
		list, err := Dead(w.ctx, tx)
		if err != nil || len(list) != 1 || list[0].LastError != "no answer" || list[0].Attempts != 3 {
			t.Fatalf("dead letters: %+v, %v", list, err)
		}
		return Retry(w.ctx, tx, list[0].ID)
	})
	w.drain(r)
	if got := w.only(); got.State != "done" || got.Attempts != 4 {
		t.Errorf("after the retry: %+v", got)
	}
	err := w.db.InTx(w.ctx, func(tx *db.Tx) error { return Retry(w.ctx, tx, dead.ID) })
	if fault.Code(err) != "job_not_dead" {
		t.Errorf("retrying a job that is done: %v", err)
	}
}

func TestAPanicIsAFailedAttemptAndTheRunnerGoesOn(t *testing.T) {
	w := setup(t)
	fine := false
	r := w.runner(map[string]Handler{
		"poison": func(context.Context, Work) error { panic("poisoned") },
		"fine":   func(context.Context, Work) error { fine = true; return nil },
	})
	w.enqueue(Job{Kind: "poison", MaxAttempts: 1}, Job{Kind: "fine"})
	w.drain(r)
	rows := w.rows()
	if rows[0].State != "dead" || rows[0].Error != "panic: poisoned" || !fine {
		t.Errorf("%+v, the other job done: %t", rows, fine)
	}
	if !strings.Contains(w.log.String(), "jobs_test.go") {
		t.Errorf("the log does not tell where it panicked:\n%s", w.log)
	}
}

func TestKindsWithoutAHandlerAreLeftToOthers(t *testing.T) {
	w := setup(t)
	w.enqueue(Job{Kind: "of a newer program"})
	w.drain(w.runner(map[string]Handler{"known": func(context.Context, Work) error { return nil }}))
	if got := w.only(); got.State != "queued" || got.Attempts != 0 {
		t.Errorf("%+v", got)
	}
}

func TestStatsCountByKindAndState(t *testing.T) {
	w := setup(t)
	r := w.runner(map[string]Handler{
		"good": func(context.Context, Work) error { return nil },
		"bad":  func(context.Context, Work) error { return GiveUp(errors.New("hopeless")) },
	})
	w.enqueue(Job{Kind: "good"}, Job{Kind: "good"}, Job{Kind: "bad"})
	w.drain(r)
	w.enqueue(Job{Kind: "stuck"})
	w.clock.Add(time.Hour)
	w.enqueue(Job{Kind: "stuck", RunAt: w.db.Now().Add(time.Hour)})
	want := []Stat{{"bad", "dead", 1, time.Hour}, {"good", "done", 2, time.Hour}, {"stuck", "queued", 2, time.Hour}}
	w.inTx(func(tx *db.Tx) error {
		got, err := Stats(w.ctx, tx)
		for i := range max(len(got), len(want)) {
			if i >= len(got) || i >= len(want) || got[i] != want[i] {
				t.Fatalf("Stats = %+v, want %+v", got, want)
			}
		}
		return err
	})
}

func TestSweepForgetsWhatIsDoneButNoKey(t *testing.T) {
	w := setup(t)
	r := w.runner(map[string]Handler{"work": func(context.Context, Work) error { return nil }})
	r.Every("tick", time.Hour, func(context.Context) error { return nil })
	w.enqueue(Job{Kind: "work"}, Job{Kind: "work", Unique: "k"}, Job{Kind: "not yet"})
	w.drain(r)
	sweep := func() (n int64) {
		w.inTx(func(tx *db.Tx) (err error) { n, err = Sweep(w.ctx, tx); return err })
		return n
	}
	if n := sweep(); n != 0 {
		t.Errorf("%d rows swept at once", n)
	}
	w.clock.Add(8 * 24 * time.Hour)
	if n := sweep(); n != 2 || len(w.rows()) != 2 {
		t.Errorf("%d rows swept after a week, left %+v", n, w.rows())
	}
}

func TestWorkThatAnotherProgramLeftIsNotDoneAgain(t *testing.T) {
	w := setup(t)
	letter := Job{Kind: "letter", Unique: "receipt:7", Payload: "to somebody"}
	w.enqueue(letter, Job{Kind: "count", RunAt: w.db.Now().Add(time.Hour)})
	r := w.runner(map[string]Handler{"count": func(context.Context, Work) error { return nil }})
	r.Every("sweep", time.Hour, func(context.Context) error { return errors.New("not now") })
	w.drain(r)
	w.inTx(func(tx *db.Tx) error {
		ended, err := Shelve(w.ctx, tx, "count")
		if ended != 1 {
			t.Errorf("%d ended", ended)
		}
		return err
	})
	rows := w.rows()
	if len(rows) != 2 || rows[0].State != "done" || rows[0].Payload != "{}" || rows[1].State != "queued" {
		t.Errorf("%+v", rows)
	}
	w.enqueue(letter)
	if again := w.rows(); len(again) != 2 {
		t.Errorf("what was said may be said again: %+v", again)
	}
}
