package redemption_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// race lets n goroutines loose at once and counts how each ended: by fault code, ""
// where it succeeded, "?" where the error was no fault.
func race(n int, try func(i int) error) map[string]int {
	ended := map[string]int{}
	var mu sync.Mutex
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range n {
		done.Go(func() {
			ready.Wait()
			err := try(i)
			code := fault.Code(err)
			if err != nil && code == "" {
				code = "?"
			}
			mu.Lock()
			ended[code]++
			mu.Unlock()
		})
	}
	ready.Done()
	done.Wait()
	return ended
}

// insist sends the same request with the same key until its outcome is known, as a client
// is told to.
func insist(s *redemption.Service, at world.Structure, key string, req redemption.Request) (r redemption.Redemption, err error) {
	for range 100 {
		r, _, err = redeem(s, at, key, req)
		if code := fault.Code(err); code != "busy" && code != "outcome_unknown" {
			return r, err
		}
		time.Sleep(5 * time.Millisecond)
	}
	return r, err
}

func TestOneVoucherIsSpentOnceHoweverManyAsk(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	nodes := []*redemption.Service{w.Counter, node(t, w, w.URL)}
	for round := range 5 {
		b := w.HandOver(w.Campaign, 1)
		ended := race(64, func(i int) error {
			_, err := insist(nodes[i%2], w.Structure, key(round, i), world.Request(b, 1))
			return err
		})
		if ended[""] != 1 || ended["voucher_already_redeemed"] != 63 {
			t.Errorf("round %d: %v", round, ended)
		}
	}
	holds(t, w)
}

// The positive control: the same race must catch the naive way, or it proves nothing.
func TestTheRaceCatchesANaiveRedemption(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	naive := func(b issuing.Booklet) error {
		ctx := context.Background()
		return w.DB.InTx(ctx, func(tx *db.Tx) error {
			var id int64
			err := tx.Get(ctx, &id, `SELECT id FROM vouchers WHERE booklet_id = $1 AND state = 'live' LIMIT 1`, b.ID)
			if err != nil {
				return fault.New(fault.Conflict, "voucher_already_redeemed")
			}
			_, err = tx.Exec(ctx, `UPDATE vouchers SET state = 'redeemed' WHERE id = $1`, id)
			return err
		})
	}
	spent := 0
	for range 10 {
		b := w.HandOver(w.Campaign, 1)
		spent += race(64, func(int) error { return naive(b) })[""]
	}
	if spent <= 10 {
		t.Errorf("10 vouchers were spent %d times: the race does not race", spent)
	}
}

func TestReplaysInAnyOrderOnTwoNodesHaveNoSecondEffect(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	nodes := []*redemption.Service{w.Counter, node(t, w, w.URL)}
	const requests, copies = 1000, 3
	var booklets []issuing.Booklet
	for range requests / 10 {
		booklets = append(booklets, w.HandOver(w.Campaign, 10))
	}
	order := rand.New(rand.NewPCG(1, 2)).Perm(requests * copies)
	var mu sync.Mutex
	next, first := 0, map[int]redemption.Redemption{}
	ended := race(16, func(i int) error {
		for {
			mu.Lock()
			if next == len(order) {
				mu.Unlock()
				return nil
			}
			n := order[next] % requests
			next++
			mu.Unlock()
			r, err := insist(nodes[i%2], w.Structure, key(n), world.Request(booklets[n/10], 1))
			if err != nil {
				return err
			}
			mu.Lock()
			if earlier, there := first[n]; there && earlier.ID != r.ID {
				err = fmt.Errorf("request %d: redemption %d, then %d", n, earlier.ID, r.ID)
			}
			first[n] = r
			mu.Unlock()
			if err != nil {
				return err
			}
		}
	})
	if ended[""] != 16 {
		t.Errorf("%v", ended)
	}
	if n := number(t, w, `SELECT count(*) FROM redemptions`); n != requests {
		t.Errorf("%d requests made %d redemptions", requests, n)
	}
	if n := number(t, w, `SELECT sum(replays) FROM idempotency_keys WHERE key LIKE 'key-of-test-%'`); n < requests*(copies-1) {
		t.Errorf("%d replays were written, at least %d were answered", n, requests*(copies-1))
	}
	holds(t, w)
}

func TestABadRequestSpoilsNoOtherOfItsBatch(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	var good, frozen []issuing.Booklet
	for range 30 {
		good = append(good, w.HandOver(w.Campaign, 2))
	}
	for range 10 {
		b := w.HandOver(w.Campaign, 1)
		freeze(t, w, b, true)
		frozen = append(frozen, b)
	}
	unknown := world.Request(good[0], 1)
	unknown.Code = unknownCode(t, w)
	ended := race(60, func(i int) error {
		req := world.Request(good[i%30], 1)
		switch i % 6 {
		case 4:
			req = world.Request(frozen[i/6], 1)
		case 5:
			req = unknown
		}
		_, err := insist(w.Counter, w.Structure, key(i), req)
		return err
	})
	if ended[""] != 40 || ended["voucher_frozen"] != 10 || ended["code_unknown"] != 10 {
		t.Errorf("%v", ended)
	}
	holds(t, w)
}

func TestALockedBookletHoldsNoOtherUp(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	held := w.HandOver(w.Campaign, 1)
	var others []issuing.Booklet
	for range 20 {
		others = append(others, w.HandOver(w.Campaign, 1))
	}
	locked, release := make(chan struct{}), make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		ctx := context.Background()
		err := w.DB.InTx(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec(ctx, `SELECT 1 FROM booklets b JOIN vouchers v ON v.booklet_id = b.id WHERE b.id = $1 FOR UPDATE`, held.ID)
			close(locked)
			<-release
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-locked
	var slow sync.WaitGroup
	slow.Go(func() {
		_, _, err := redeem(w.Counter, w.Structure, "the-held-one", world.Request(held, 1))
		if code := fault.Code(err); err != nil && code != "busy" && code != "outcome_unknown" {
			t.Errorf("the held booklet: %v", err)
		}
	})
	time.Sleep(20 * time.Millisecond)
	started := time.Now()
	ended := race(20, func(i int) error {
		_, _, err := redeem(w.Counter, w.Structure, key(i), world.Request(others[i], 1))
		return err
	})
	if took := time.Since(started); ended[""] != 20 || took > time.Second {
		t.Errorf("the others took %s: %v", took, ended)
	}
	time.AfterFunc(time.Until(started.Add(3*time.Second)), func() { close(release) })
	slow.Wait()
	holder.Wait()
	if _, err := insist(w.Counter, w.Structure, "the-held-one", world.Request(held, 1)); err != nil {
		t.Errorf("asked again: %v", err)
	}
	if n := number(t, w, `SELECT count(*) FROM redemptions WHERE booklet_id = $1`, held.ID); n != 1 {
		t.Errorf("the held booklet was redeemed %d times", n)
	}
	holds(t, w)
}

// The unique index is the last wall: it stands when everything above it is wrong.
func TestASecondRedemptionIsImpossibleEvenWithABugAbove(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	b := w.HandOver(w.Campaign, 1)
	w.Redeem(w.Structure, b, 1)
	exec(t, w, `UPDATE vouchers SET state = 'live' WHERE booklet_id = $1`, b.ID)
	if r, _, err := redeem(w.Counter, w.Structure, "second-key", world.Request(b, 1)); err == nil {
		t.Errorf("redeemed again: %+v", r)
	}
	if n := number(t, w, `SELECT count(*) FROM redemptions`); n != 1 {
		t.Errorf("%d redemptions", n)
	}
	err := w.DB.InTx(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `INSERT INTO redeemed_vouchers SELECT 999, voucher_id, false FROM redeemed_vouchers`)
		return err
	})
	if !db.IsUnique(err, "redeemed_vouchers_once") {
		t.Errorf("the wall let it through: %v", err)
	}
}

const rounds = 50

func TestRedeemingRacesWithFreezing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for round := range rounds {
		b := w.HandOver(w.Campaign, 1)
		ended := race(2, func(i int) error {
			if i == 0 {
				_, err := w.Issuing.Freeze(context.Background(), w.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: true})
				return err
			}
			_, err := insist(w.Counter, w.Structure, key(round), world.Request(b, 1))
			return err
		})
		want := vouchers.Redeemed
		if ended["voucher_frozen"] == 1 {
			want = vouchers.Frozen
		}
		if ended["?"] != 0 || number(t, w, `SELECT count(*) FROM vouchers WHERE booklet_id = $1 AND state = $2`, b.ID, want) != 1 {
			t.Errorf("round %d: %v", round, ended)
		}
	}
	holds(t, w)
}

func TestRedeemingRacesWithUndoing(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	for round := range rounds {
		b := w.HandOver(w.Campaign, 1)
		first := w.Redeem(w.Structure, b, 1)
		ended := race(3, func(i int) error {
			if i == 0 {
				_, err := w.Counter.Undo(context.Background(), w.Structure.Actor, redemption.UndoRequest{ID: first.ID, Reason: "race"})
				return err
			}
			_, err := insist(w.Counter, w.Structure, key(round, i), world.Request(b, 1))
			return err
		})
		spent := number(t, w, `SELECT count(*) FROM redemptions WHERE booklet_id = $1 AND undone_at IS NULL`, b.ID)
		if ended["?"] != 0 || spent != ended[""]-1 || spent > 1 {
			t.Errorf("round %d: %v, %d spent", round, ended, spent)
		}
	}
	holds(t, w)
}

// Nodes' clocks differ: one still redeems on the last day while another already expires.
func TestRedeemingRacesWithExpiry(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	early := pgtest.NewClock()
	counter, err := redemption.New(t.Context(), pgtest.Open(t, w.URL, early), w.Keys, quiet)
	wantCode(t, err, "")
	t.Cleanup(counter.Stop)
	var booklets []issuing.Booklet
	for range rounds {
		booklets = append(booklets, w.HandOver(w.Campaign, 1))
	}
	w.Clock.Set(w.Campaign.EndsOn.AddDays(16).Time())
	exec(t, w, `UPDATE booklets SET until_on = '2040-01-01'`)
	for round, b := range booklets {
		exec(t, w, `UPDATE booklets SET until_on = $2 WHERE id = $1`, b.ID, b.Until)
		ended := race(2, func(i int) error {
			if i == 0 {
				_, err := w.Issuing.ExpireDue(context.Background())
				return err
			}
			_, err := insist(counter, w.Structure, key(round), world.Request(b, 1))
			return err
		})
		if ended["?"] != 0 || ended[""]+ended["voucher_expired"] != 2 {
			t.Errorf("round %d: %v", round, ended)
		}
	}
	holds(t, w)
}
