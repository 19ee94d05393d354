package redemption

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	batchMost   = 128  // requests in one transaction
	lineMost    = 4096 // requests waiting; above it the answer is "busy"
	singleTries = 8    // of a request that is redone by itself
	singlesMost = 2    // requests that are redone at the same time
)

// item is one request on its way through the batcher.
type item struct {
	req     Request
	code    code
	actor   identity.Actor
	key     string
	hash    []byte
	booklet vouchers.BookletID // that a typed code means; 0: unknown

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
// next one: a group commit without a timer. Whoever arrives when none is in flight runs
// its own at once, on its own goroutine, so that a lone request never waits for anybody.
type batcher struct {
	db      *db.DB
	log     *slog.Logger
	singles chan struct{}  // as many as are redone now
	working sync.WaitGroup // on batches and singles

	mu       sync.Mutex
	line     []*item // waiting
	inFlight bool
	stopped  bool
}

func newBatcher(d *db.DB, log *slog.Logger) *batcher {
	return &batcher{db: d, log: log, singles: make(chan struct{}, singlesMost)}
}

// stop takes no more requests and waits for those that are being answered.
func (b *batcher) stop() {
	b.mu.Lock()
	b.stopped = true
	b.mu.Unlock()
	b.working.Wait()
	b.db.Close()
}

// submit waits for the item's answer, or for the caller's patience to end, and then the
// outcome is unknown. Whoever leads waits for its batch in any case.
func (b *batcher) submit(ctx context.Context, it *item) error {
	b.mu.Lock()
	if b.stopped || len(b.line) >= lineMost {
		b.mu.Unlock()
		return fault.New(fault.Unavailable, "busy")
	}
	b.line = append(b.line, it)
	b.working.Add(1)
	leads := !b.inFlight
	b.inFlight = true
	b.mu.Unlock()
	if leads {
		b.lead()
	}
	select {
	case <-it.done:
		return nil
	case <-ctx.Done():
		return db.ErrUnknown
	}
}

// lead runs one batch and then, if others have come, lets another goroutine lead.
func (b *batcher) lead() {
	b.run(b.next())
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.inFlight = len(b.line) > 0; b.inFlight {
		go b.lead()
	}
}

// next takes a batch out of the line.
func (b *batcher) next() []*item {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := min(len(b.line), batchMost)
	batch, later := distinct(b.line[:n])
	b.line = append(later, b.line[n:]...)
	return batch
}

// answer lets the item's sender go on.
func (b *batcher) answer(it *item) {
	close(it.done)
	b.working.Done()
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

// run redeems a batch. Whatever goes wrong for the batch as a whole (a booklet that
// another node changed or holds, a deadlock, a lost answer), each request is then redone
// by itself and beside the next batches: one bad request never spoils another's, one
// locked booklet never holds the others up, and a doubtful outcome is resolved by replay.
func (b *batcher) run(batch []*item) {
	err := b.transact(batch)
	if err == nil {
		for _, it := range batch {
			b.answer(it)
		}
		return
	}
	b.log.Warn("redemption batch redone one by one", "requests", len(batch), "error", err)
	for _, it := range batch {
		go b.redo(it)
	}
}

// redo redeems one request by itself, a few times if others are in its way.
func (b *batcher) redo(it *item) {
	b.singles <- struct{}{}
	defer func() { <-b.singles }()
	var err error
	for range singleTries {
		if err = b.transact([]*item{it}); err == nil {
			break
		}
	}
	if err != nil {
		it.err = outcome(err)
	}
	b.answer(it)
}

// outcome turns what went wrong for one request into what its sender is told.
func outcome(err error) error {
	var known *fault.Error
	switch {
	case errors.As(err, &known):
		return err
	case db.IsLockTimeout(err) || db.IsDemand(err):
		return fault.New(fault.Unavailable, "busy")
	default:
		return fmt.Errorf("redeem: %w", err)
	}
}

func (b *batcher) transact(batch []*item) error {
	for _, it := range batch {
		it.answer, it.replayed, it.err = Redemption{}, false, nil
	}
	return redeem(context.Background(), b.db, batch) // the pool's own patience bounds it
}
