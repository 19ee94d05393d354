package redemption

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	batchMost   = 128             // requests in one transaction
	queueMost   = 4096            // requests in line; above it the answer is "busy"
	batchWithin = 5 * time.Second // for one transaction
	lockBatch   = 100 * time.Millisecond
	lockSingle  = 2 * time.Second
)

// item is one request on its way through the batcher.
type item struct {
	req     Request
	code    code
	actor   identity.Actor
	key     string
	hash    []byte
	ctx     context.Context
	booklet vouchers.BookletID // once found

	answer   Redemption
	replayed bool
	err      error
	done     chan struct{}
}

func (it *item) scope() scopedKey { return scopedKey{it.actor.Organisation, it.key} }

type scopedKey struct {
	organisation vouchers.OrganisationID
	key          string
}

// batcher puts the requests that arrive while one transaction is in flight into the
// next one: a group commit without a timer, so that a lone request never waits.
type batcher struct {
	db      *db.DB
	log     *slog.Logger
	queue   chan *item
	stopped chan struct{}
}

func startBatcher(d *db.DB, log *slog.Logger) *batcher {
	b := &batcher{db: d, log: log, queue: make(chan *item, queueMost), stopped: make(chan struct{})}
	go b.work()
	return b
}

func (b *batcher) stop() {
	close(b.queue)
	<-b.stopped
	b.db.Close()
}

// submit puts an item in line and waits for its answer or for the caller's patience
// to end; then the outcome is unknown.
func (b *batcher) submit(ctx context.Context, it *item) error {
	select {
	case b.queue <- it:
	default:
		return fault.New(fault.Unavailable, "busy")
	}
	select {
	case <-it.done:
		return nil
	case <-ctx.Done():
		return db.ErrUnknown
	}
}

func (b *batcher) work() {
	defer close(b.stopped)
	var carried []*item
	for {
		batch, open := b.gather(carried)
		if len(batch) == 0 && !open {
			return
		}
		now, later := distinct(batch)
		b.run(now)
		for _, it := range now {
			close(it.done)
		}
		carried = later
	}
}

// gather takes what is in line, waiting only when there is nothing at all.
func (b *batcher) gather(batch []*item) ([]*item, bool) {
	if len(batch) == 0 {
		it, open := <-b.queue
		if !open {
			return nil, false
		}
		batch = append(batch, it)
	}
	for len(batch) < batchMost {
		select {
		case it, open := <-b.queue:
			if !open {
				return batch, false
			}
			batch = append(batch, it)
		default:
			return batch, true
		}
	}
	return batch, true
}

// distinct keeps one item per key; its twins go with the next batch, as replays.
func distinct(batch []*item) (now, later []*item) {
	seen := make(map[scopedKey]bool, len(batch))
	for _, it := range batch {
		if seen[it.scope()] {
			later = append(later, it)
			continue
		}
		seen[it.scope()] = true
		now = append(now, it)
	}
	return now, later
}

// run redeems a batch. Whatever goes wrong for the batch as a whole, each request is
// then redone by itself: one bad request never spoils another's, one locked booklet
// never holds the others up, and a doubtful COMMIT is resolved by replay.
func (b *batcher) run(batch []*item) {
	err := b.transact(batch, lockBatch)
	if err == nil {
		return
	}
	if len(batch) > 1 {
		b.log.Warn("redemption batch redone one by one", "requests", len(batch), "error", err)
	}
	for _, it := range batch {
		if err := b.transact([]*item{it}, lockSingle); err != nil {
			it.err = outcome(err)
		}
	}
}

// outcome turns what went wrong for one request into what its sender is told.
func outcome(err error) error {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case db.IsLockTimeout(err):
		return fault.New(fault.Unavailable, "busy")
	default:
		return fmt.Errorf("redeem: %w", err)
	}
}

func (b *batcher) transact(batch []*item, lockWait time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), batchWithin)
	defer cancel()
	for _, it := range batch {
		it.answer, it.replayed, it.err = Redemption{}, false, nil
	}
	return b.db.InTx(ctx, func(tx *db.Tx) error { return redeem(ctx, tx, batch, lockWait) })
}

// redeem is one transaction: lock, read, decide, write.
func redeem(ctx context.Context, tx *db.Tx, batch []*item, lockWait time.Duration) error {
	if err := lockBooklets(ctx, tx, batch, lockWait); err != nil {
		return err
	}
	all, err := readFacts(ctx, tx, batch)
	if err != nil {
		return err
	}
	var granted grants
	var replays []*item
	today := vouchers.DayOf(tx.Now)
	taken := map[int64]int{} // vouchers of a booklet granted to earlier requests of this batch
	for i, it := range batch {
		f := &all[i]
		if f.Stored != nil {
			if it.replay(f); it.err == nil {
				replays = append(replays, it)
			}
			continue
		}
		used := min(taken[f.Booklet], len(f.Live))
		f.Live, f.Redeemed = f.Live[used:], f.Redeemed+used
		if refusal := decide(f, it.req, today); refusal != nil {
			it.err = refusal
			continue
		}
		taken[f.Booklet] += it.req.Count
		if err := granted.add(it, f, tx.Now); err != nil {
			return err
		}
	}
	if err := explain(ctx, tx, batch, all); err != nil {
		return err
	}
	if err := touchReplays(ctx, tx, replays); err != nil {
		return err
	}
	return granted.write(ctx, tx)
}

// replay answers from what was stored.
func (it *item) replay(f *facts) {
	if !bytes.Equal(f.StoredHash, it.hash) {
		it.err = once.Conflict
		return
	}
	it.replayed = true
	if err := json.Unmarshal([]byte(*f.Stored), &it.answer); err != nil {
		it.err = fmt.Errorf("redeem: stored answer: %w", err)
	}
}

// grants collects what a batch writes.
type grants struct {
	rows      []row
	vouchers  []int64 // all vouchers taken,
	takenBy   []int64 // and the redemption that takes each
	transfers []ledger.Transfer
	scopes    []int64
	keys      []string
	hashes    [][]byte
	answers   []string
}

func (g *grants) add(it *item, f *facts, now time.Time) error {
	take := f.Live[:it.req.Count]
	amount := vouchers.Cents(f.Face * int64(it.req.Count))
	it.answer = Redemption{
		ID: vouchers.RedemptionID(f.ID), At: now, Campaign: vouchers.CampaignID(f.Campaign), Booklet: vouchers.BookletID(f.Booklet),
		Place: vouchers.PlaceID(f.Place), PlaceName: f.PlaceName, Theme: it.req.Theme, DurationMinutes: it.req.DurationMinutes,
		Mode: it.req.Mode, Count: it.req.Count, Amount: amount, Left: len(f.Live) - it.req.Count, UndoUntil: now.Add(undoWindow),
	}
	answer, err := json.Marshal(it.answer)
	if err != nil {
		return fmt.Errorf("redeem: answer: %w", err)
	}
	g.rows = append(g.rows, row{it, it.answer})
	for _, id := range take {
		g.vouchers, g.takenBy = append(g.vouchers, id), append(g.takenBy, f.ID)
	}
	g.transfers = append(g.transfers, ledger.Redeemed(it.answer.ID, it.answer.Campaign, it.actor.Organisation, amount)...)
	g.scopes, g.keys = append(g.scopes, int64(it.actor.Organisation)), append(g.keys, it.key)
	g.hashes, g.answers = append(g.hashes, it.hash), append(g.answers, string(answer))
	return nil
}

func (g *grants) write(ctx context.Context, tx *db.Tx) error {
	if len(g.rows) == 0 {
		return nil
	}
	return tx.Together(ctx,
		insertStep(tx, g.rows),
		takeStep(g.takenBy, g.vouchers),
		issuing.MarkRedeemedStep(g.vouchers),
		ledger.PostStep(tx, g.transfers),
		once.KeepStep(tx, g.scopes, g.keys, g.hashes, g.answers),
	)
}

func touchReplays(ctx context.Context, tx *db.Tx, replays []*item) error {
	if len(replays) == 0 {
		return nil
	}
	scopes, keys := make([]int64, len(replays)), make([]string, len(replays))
	for i, it := range replays {
		scopes[i], keys[i] = int64(it.actor.Organisation), it.key
	}
	return once.TouchMany(ctx, tx, scopes, keys)
}

// explain adds to "already redeemed" when and where, so that the mediator can tell the
// person.
func explain(ctx context.Context, tx *db.Tx, batch []*item, all []facts) error {
	for i, it := range batch {
		if fault.Code(it.err) != "voucher_already_redeemed" {
			continue
		}
		last, err := lastRedemption(ctx, tx, vouchers.BookletID(all[i].Booklet))
		if errors.Is(err, db.ErrNoRows) { // spent by this very batch
			it.err = fault.New(fault.Conflict, "voucher_already_redeemed", "place", all[i].PlaceName, "at", tx.Now)
			continue
		}
		if err != nil {
			return err
		}
		it.err = fault.New(fault.Conflict, "voucher_already_redeemed", "place", last.Place, "at", last.At)
	}
	return nil
}
