package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

// rounds of two failovers each: a primary is killed and its standby takes over.
const rounds = 3

// pair is a counter on a primary with a synchronous standby.
type pair struct {
	t        *testing.T
	w        *world.World // its actors and keys; its own database is the first primary
	primary  *node
	standby  *node
	db       *db.DB
	counter  *redemption.Service
	acked    map[string]redemption.Redemption // by key
	unknowns int
}

// follow gives the primary a standby, and the counter a new line to it.
func (p *pair) follow() {
	p.t.Helper()
	p.standby = p.primary.follower()
	p.db = p.primary.open()
	p.primary.waitsForStandby(p.db)
	counter, err := redemption.New(p.t.Context(), p.db, p.w.Keys, slog.New(slog.DiscardHandler))
	must(p.t, err)
	p.counter = counter
	p.t.Cleanup(counter.Stop)
}

// failOver kills the primary, and lets the standby take its place.
func (p *pair) failOver() {
	p.t.Helper()
	p.primary.end()
	p.standby.promote()
	p.primary = p.standby
}

func (p *pair) ask(ctx context.Context, key, code string) (r redemption.Redemption, replayed bool, err error) {
	return redeem(ctx, p.counter, p.w, key, code)
}

// unknown wants the outcome of a redemption to be told as unknown.
func (p *pair) unknown(key, code string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	r, _, err := p.ask(ctx, key, code)
	if fault.Code(err) != "outcome_unknown" || ctx.Err() != nil {
		p.t.Fatalf("without its standby the primary answers %+v, %v (%v)", r, err, ctx.Err())
	}
	p.unknowns++
}

// done wants a receipt.
func (p *pair) done(key, code string) redemption.Redemption {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 20*time.Second)
	defer cancel()
	r, _, err := p.ask(ctx, key, code)
	if err != nil {
		p.t.Fatalf("%s: %v", key, err)
	}
	if first, there := p.acked[key]; there && first != r {
		p.t.Errorf("%s: first %+v, then %+v", key, first, r)
	}
	p.acked[key] = r
	return r
}

// impatient cancels every wait for the standby, until the returned function is called.
// The server then says that the transaction is committed, with a warning that the
// standby may not have it.
func (p *pair) impatient() (stop func() (cancelled int)) {
	ctx, cancel := context.WithCancel(p.t.Context())
	var working sync.WaitGroup
	cancelled := 0
	working.Go(func() {
		for ctx.Err() == nil {
			var pids []int
			p.db.Read(ctx, func(tx *db.Tx) error { // an error is the end of ctx
				return tx.Select(ctx, &pids, `
					WITH waiting AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep')
					SELECT pid FROM waiting WHERE pg_cancel_backend(pid)`)
			})
			cancelled += len(pids)
			time.Sleep(10 * time.Millisecond)
		}
	})
	return func() int {
		cancel()
		working.Wait()
		return cancelled
	}
}

// Finding 2 of the threat model: without its standby a primary commits,
// but nobody may be told so, however often they ask; with it, the same key gives the same
// receipt; and after a failover everything that was acknowledged is there.
func TestNothingIsAcknowledgedThatTheStandbyLacks(t *testing.T) {
	t.Parallel()
	primary := firstPrimary(t)
	p := &pair{t: t, w: onDisk(t, primary.url), primary: primary, acked: map[string]redemption.Redemption{}}
	all := booklets(t, p.w, rounds*2)
	p.w.Counter.Stop()
	must(t, p.w.DB.Close()) // before its server is killed
	cancelled := 0
	for round := range rounds {
		p.follow()
		b, lost := all[2*round], all[2*round+1]
		before := p.done(fmt.Sprint("before-", round), b.Typed)
		if before.Left != 9 {
			t.Errorf("round %d: %d left", round, before.Left)
		}
		p.standby.pause()
		stop := p.impatient()
		p.unknown(fmt.Sprint("waiting-", round), b.Typed)
		p.unknown(fmt.Sprint("waiting-", round), b.Typed)
		p.onlyHere(b, 2)
		p.standby.resume()
		cancelled += stop()
		p.done(fmt.Sprint("waiting-", round), b.Typed)
		p.done(fmt.Sprint("waiting-", round), b.Typed)

		p.standby.pause()
		stop = p.impatient()
		p.unknown(fmt.Sprint("never-seen-", round), lost.Typed)
		cancelled += stop()
		p.loseWhatWaits()
		p.follow()
		p.holds(lost)
		p.failOver()
	}
	if cancelled < rounds*3 || p.unknowns != rounds*3 {
		t.Errorf("%d waits were cancelled, %d outcomes unknown: the standby was not waited for", cancelled, p.unknowns)
	}
	t.Logf("%d failovers, %d acknowledged, %d unknown (%d waits cancelled by the server), 0 lost, 0 doubled",
		2*rounds, len(p.acked), p.unknowns, cancelled)
}

// onlyHere is the positive control: the primary shows the redemptions, so whoever
// answered from what it reads would promise what the standby may not have.
func (p *pair) onlyHere(b issuing.Booklet, redeemed int) {
	p.t.Helper()
	if n := number(p.t, p.db, `SELECT count(*) FROM vouchers WHERE booklet_id = $1 AND state = 'redeemed'`, b.ID); n != redeemed {
		p.t.Errorf("the primary shows %d redeemed vouchers, want %d", n, redeemed)
	}
}

// loseWhatWaits kills the primary while its standby still sleeps: what the standby has
// not received is gone with it.
func (p *pair) loseWhatWaits() {
	p.t.Helper()
	p.primary.end()
	p.standby.resume()
	p.standby.promote()
	p.primary = p.standby
}

// holds checks after a failover that all receipts are true, and that the redemption whose
// outcome nobody knew can be asked for again and happens once.
func (p *pair) holds(lost issuing.Booklet) {
	p.t.Helper()
	for key, receipt := range p.acked {
		query := `SELECT count(*) FROM redemptions r JOIN idempotency_keys k ON k.key = $2 AND (k.answer::jsonb ->> 'id')::bigint = r.id WHERE r.id = $1`
		if n := number(p.t, p.db, query, receipt.ID, key); n != 1 {
			p.t.Errorf("%s was acknowledged and is there %d times after the failover", key, n)
		}
	}
	key := "again-" + lost.Typed
	if r := p.done(key, lost.Typed); r.Left < 8 || r.Left > 9 {
		p.t.Errorf("the booklet has %d vouchers left", r.Left)
	}
	if ids := broken(p.t, p.db); len(ids) != 0 {
		p.t.Errorf("after the failover: %v", ids)
	}
}
