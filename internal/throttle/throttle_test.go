package throttle

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/pgtest"
)

// take tries once, in a transaction of its own, and gives the seconds to wait.
func take(t *testing.T, d *db.DB, bucket string, limit int, per time.Duration) (wait int) {
	t.Helper()
	err := d.InTx(context.Background(), func(tx *db.Tx) error {
		return Take(context.Background(), tx, bucket, limit, per)
	})
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.RateLimited && f.Code == "rate_limited" {
		return int(f.Args["wait"].(time.Duration) / time.Second)
	}
	if err != nil {
		t.Error(err)
	}
	return 0
}

func TestTriesWithinTheLimitPassAndTheNextOneWaits(t *testing.T) {
	t.Parallel()
	d, clock := pgtest.NewWithClock(t)
	for i := range 5 {
		if wait := take(t, d, "sign-in:zoe", 5, time.Minute); wait != 0 {
			t.Fatalf("try %d has to wait %d s", i+1, wait)
		}
	}
	wait := take(t, d, "sign-in:zoe", 5, time.Minute)
	if wait < 1 || wait > 61 {
		t.Fatalf("the sixth try has to wait %d s", wait)
	}
	if other := take(t, d, "sign-in:ali", 5, time.Minute); other != 0 {
		t.Errorf("somebody else has to wait %d s", other)
	}
	if other := take(t, d, "sign-in:zoe", 5, 2*time.Minute); other != 0 {
		t.Errorf("another period has to wait %d s", other)
	}
	for range 20 {
		take(t, d, "sign-in:zoe", 5, time.Minute)
	}
	clock.Add(time.Duration(wait) * time.Second)
	if again := take(t, d, "sign-in:zoe", 5, time.Minute); again != 0 {
		t.Errorf("insisting prolonged the wait by %d s", again)
	}
}

func TestTriesThatComeTogetherShareTheLimit(t *testing.T) {
	t.Parallel()
	d, _ := pgtest.NewWithClock(t)
	var passed atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if take(t, d, "check:1", 30, time.Minute) == 0 {
					passed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if passed.Load() != 30 {
		t.Errorf("%d tries passed, want 30", passed.Load())
	}
}

func TestTheTableHoldsNoNameAndIsSwept(t *testing.T) {
	t.Parallel()
	d, clock := pgtest.NewWithClock(t)
	take(t, d, "sign-in:zoe@example.org", 5, Longest)
	err := d.InTx(context.Background(), func(tx *db.Tx) error {
		var bucket string
		if err := tx.Get(context.Background(), &bucket, `SELECT bucket FROM throttle`); err != nil {
			return err
		}
		if len(bucket) != 64 || strings.Contains(bucket, "zoe") {
			t.Errorf("stored as %q", bucket)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		after time.Duration
		want  int64
	}{{Longest, 0}, {2 * Longest, 1}, {0, 0}} {
		clock.Add(c.after)
		err := d.InTx(context.Background(), func(tx *db.Tx) error {
			n, err := Sweep(context.Background(), tx)
			if n != c.want {
				t.Errorf("%s later: %d rows swept, want %d", c.after, n, c.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoLimitMayLockAnybodyOutForLong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int
		per   time.Duration
	}{{0, time.Minute}, {-1, time.Minute}, {1, 0}, {1, time.Hour}, {1, Longest + 1}} {
		err := Take(context.Background(), &db.Tx{}, "b", c.limit, c.per)
		if err == nil || fault.Code(err) != "" {
			t.Errorf("Take(%d, %s) = %v", c.limit, c.per, err)
		}
	}
}

// meter does in memory what the table does, by the same rules.
type meter struct {
	limit  int
	per    time.Duration
	counts map[int64]int
	passed []time.Duration
}

func (m *meter) take(at time.Duration) (wait int) {
	n := int64(at / m.per)
	w := window{limit: m.limit, per: m.per, elapsed: at % m.per, before: m.counts[n-1], current: m.counts[n]}
	if w.current >= w.room() {
		return w.wait()
	}
	m.counts[n]++
	m.passed = append(m.passed, at)
	return 0
}

func TestWhoeverWaitsAsToldPassesAndNobodyGetsTwiceTheLimit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &meter{
			limit:  rapid.IntRange(1, 20).Draw(t, "limit"),
			per:    time.Duration(rapid.IntRange(1, 900).Draw(t, "per")) * time.Second,
			counts: map[int64]int{},
		}
		var at time.Duration
		for range rapid.IntRange(1, 120).Draw(t, "tries") {
			at += time.Duration(rapid.Int64Range(0, int64(m.per)/2).Draw(t, "gap"))
			wait := m.take(at)
			if wait == 0 {
				continue
			}
			if told := time.Duration(wait) * time.Second; told > m.per+time.Second {
				t.Fatalf("told to wait %s by a limit per %s", told, m.per)
			} else if rapid.Bool().Draw(t, "waits") {
				at += told
				if again := m.take(at); again != 0 {
					t.Fatalf("waited %s as told, then told %d s", told, again)
				}
			}
		}
		for i, from := range m.passed {
			if j := i + 2*m.limit; j < len(m.passed) && m.passed[j]-from < m.per {
				t.Fatalf("%d tries within %s", 2*m.limit+1, m.per)
			}
		}
	})
}
