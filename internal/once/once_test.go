package once_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/vouchers"
)

type answer struct {
	ID   int64  `json:"id"`
	Text string `json:"text"`
}

// desk counts how often its effect happened.
type desk struct {
	t       *testing.T
	db      *db.DB
	effects atomic.Int64
}

func setup(t *testing.T) *desk {
	t.Helper()
	return &desk{t: t, db: pgtest.New(t)}
}

// do asks for something under a key and tells whether the answer was given before.
func (d *desk) do(scope vouchers.OrganisationID, key, action string, request any) (answer, bool, error) {
	ctx, token := once.With(context.Background(), key)
	var got answer
	err := d.db.InTx(ctx, func(tx *db.Tx) (err error) {
		got, err = once.Do(ctx, tx, scope, action, request, func() (answer, error) {
			return answer{ID: d.effects.Add(1), Text: "100 % « fait »"}, nil
		})
		return err
	})
	return got, token.Replayed, err
}

func (d *desk) keys(want int) {
	d.t.Helper()
	d.value(want, `SELECT count(*) FROM idempotency_keys`)
}

func (d *desk) value(want int, query string) {
	d.t.Helper()
	err := d.db.Read(d.t.Context(), func(tx *db.Tx) error {
		var got int
		err := tx.Get(d.t.Context(), &got, query)
		if got != want {
			d.t.Errorf("%s: %d, want %d", query, got, want)
		}
		return err
	})
	if err != nil {
		d.t.Error(err)
	}
}

func TestTheSameKeyAndRequestHaveOneEffectAndOneAnswer(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first, replayed, err := d.do(1, "key-number-one", "order", 12)
	if err != nil || replayed {
		t.Fatalf("%v, replayed: %v", err, replayed)
	}
	for n := range 3 {
		d.value(n, `SELECT replays FROM idempotency_keys`)
		again, replayed, err := d.do(1, "key-number-one", "order", 12)
		if err != nil || !replayed || again != first {
			t.Errorf("asked again: %+v, replayed: %v, %v", again, replayed, err)
		}
	}
	d.value(3, `SELECT replays FROM idempotency_keys`)
	if d.effects.Load() != 1 {
		t.Errorf("%d effects", d.effects.Load())
	}
}

func TestOneKeyForTwoRequestsIsAConflict(t *testing.T) {
	t.Parallel()
	d := setup(t)
	if _, _, err := d.do(1, "key-number-one", "order", 12); err != nil {
		t.Fatal(err)
	}
	for name, other := range map[string]struct {
		action  string
		request any
	}{"values": {"order", 13}, "action": {"refund", 12}} {
		_, replayed, err := d.do(1, "key-number-one", other.action, other.request)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != "idempotency_conflict" || f.Kind != fault.Invalid || replayed {
			t.Errorf("other %s: %v, replayed: %v", name, err, replayed)
		}
	}
	d.value(0, `SELECT replays FROM idempotency_keys`)
	if _, replayed, err := d.do(2, "key-number-one", "order", 13); err != nil || replayed {
		t.Errorf("another organisation's key: %v, replayed: %v", err, replayed)
	}
	if d.effects.Load() != 2 {
		t.Errorf("%d effects", d.effects.Load())
	}
}

func TestRequestsThatComeTogetherHaveOneEffect(t *testing.T) {
	t.Parallel()
	d := setup(t)
	var fresh, repeated atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			got, replayed, err := d.do(1, "key-number-one", "order", 12)
			switch {
			case err != nil || got.Text == "":
				t.Errorf("%+v, %v", got, err)
			case replayed:
				repeated.Add(1)
			default:
				fresh.Add(1)
			}
		})
	}
	all.Wait()
	if d.effects.Load() != 1 || fresh.Load() != 1 || repeated.Load() != 15 {
		t.Errorf("%d effects, %d first answers, %d repeated", d.effects.Load(), fresh.Load(), repeated.Load())
	}
	d.value(15, `SELECT replays FROM idempotency_keys`)
}

func TestAnErrorLeavesNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ctx, token := once.With(t.Context(), "key-number-one")
	refused := fault.New(fault.Invalid, "insufficient_funds")
	err := d.db.InTx(ctx, func(tx *db.Tx) error {
		_, err := once.Do(ctx, tx, 1, "order", 12, func() (answer, error) { return answer{}, refused })
		return err
	})
	if !errors.Is(err, refused) || token.Replayed {
		t.Errorf("%v, replayed: %v", err, token.Replayed)
	}
	d.keys(0)
	if _, replayed, err := d.do(1, "key-number-one", "order", 13); err != nil || replayed {
		t.Errorf("a refused key cannot be used for the corrected request: %v", err)
	}
}

func TestWithoutAKeyEveryRequestCounts(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for range 2 {
		if _, replayed, err := d.do(1, "", "order", 12); err != nil || replayed {
			t.Errorf("%v, replayed: %v", err, replayed)
		}
	}
	if d.effects.Load() != 2 {
		t.Errorf("%d effects", d.effects.Load())
	}
	d.keys(0)
}

func TestAKeyHasALengthThatIsUniqueAndFits(t *testing.T) {
	t.Parallel()
	for length, want := range map[int]string{0: "", 1: "idempotency_key_length", 7: "idempotency_key_length", 8: "", 200: "", 201: "idempotency_key_length"} {
		if got := fault.Code(once.CheckKey(strings.Repeat("k", length))); got != want {
			t.Errorf("%d characters: %q, want %q", length, got, want)
		}
	}
}
