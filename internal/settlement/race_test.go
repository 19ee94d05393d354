package settlement

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// Four counters redeem and undo while four people close settlements: nothing is paid
// twice, nothing skipped, and no two wait for each other crosswise.
func TestSettlementsWhileTheCountersAreOpen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.NewCampaign("Ateliers d’hiver", 200)
	structures := []world.Structure{b.Structure, b.NewStructure("Bonlieu"), b.NewStructure("Faverges"), b.NewStructure("Cluses")}
	var counters, tills sync.WaitGroup
	var open atomic.Bool
	open.Store(true)
	for i, s := range structures {
		booklets := []issuing.Booklet{b.HandOver(b.Campaign, 60), b.HandOver(second, 40)}
		counters.Go(func() { b.serves(s, booklets, fmt.Sprint("counter ", i)) })
	}
	for range 4 {
		tills.Go(func() {
			for open.Load() {
				closed, err := b.Close(t.Context(), b.Operator, CloseRequest{})
				if fault.Code(err) == "nothing_to_settle" {
					continue
				}
				if err != nil {
					t.Errorf("closing: %v", err)
					return
				}
				if _, err := b.Approve(t.Context(), b.second, ApproveRequest{ID: closed.ID, SHA256: closed.SHA256}); err != nil {
					t.Errorf("approving: %v", err)
				}
			}
		})
	}
	counters.Wait()
	open.Store(false)
	tills.Wait()
	if last, err := b.Close(t.Context(), b.Operator, CloseRequest{}); err == nil {
		b.approves(last)
	} else {
		b.refused(err, "nothing_to_settle")
	}
	b.holds()
	var closed int
	var paid vouchers.Cents
	for page := b.page(0); len(page) > 0; page = b.page(page[len(page)-1].ID) {
		for _, s := range page {
			closed++
			paid += s.Total
			b.file(s.ID)
		}
	}
	// 400 vouchers, of which every tenth was given back unless a settlement came first.
	if closed < 3 || paid < 4*90*10_00 || paid > 400*10_00 {
		t.Errorf("%d settlements paid %s", closed, paid)
	}
	for _, s := range structures {
		if m := b.money(s.Actor); m.Owed != 0 {
			t.Errorf("%s is still owed %s", s.OrganisationName, m.Owed)
		}
	}
}

// node is the room at another node, with connections of its own.
func (b bundle) node() *Service {
	b.t.Helper()
	return New(pgtest.Open(b.t, b.URL, b.Clock).WithoutRetries(), payer, func(context.Context, *db.Tx, string, Payout) error { return nil })
}

// Somebody presses twice, and the two requests reach two nodes: with one key there is one
// settlement, one approval and one cancellation, and both hear the same.
func TestTheSameKeyAtTwoNodesIsDoneOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	nodes := []*Service{b.Service, b.node()}
	booklet := b.HandOver(b.Campaign, 20)
	both := func(key string, do func(ctx context.Context, at *Service) (Settlement, error)) Settlement {
		t.Helper()
		var all sync.WaitGroup
		answers, replayed := make([]Settlement, 6), make([]bool, 6)
		for i := range answers {
			all.Go(func() {
				ctx, token := once.With(t.Context(), key)
				var err error
				if answers[i], err = do(ctx, nodes[i%2]); err != nil {
					t.Errorf("%s: %v", key, err)
				}
				replayed[i] = token.Replayed
			})
		}
		all.Wait()
		first := 0
		for i, a := range answers {
			if !replayed[i] {
				first++
			}
			if a.ID != answers[0].ID || a.State != answers[0].State || a.SHA256 != answers[0].SHA256 {
				t.Errorf("%s: %+v and %+v", key, answers[0], a)
			}
		}
		if first != 1 {
			t.Errorf("%s: done %d times", key, first)
		}
		b.holds()
		return answers[0]
	}
	for round := range 5 {
		b.Redeem(b.Structure, booklet, 2)
		closed := both(fmt.Sprint("closing-", round), func(ctx context.Context, at *Service) (Settlement, error) {
			return at.Close(ctx, b.Operator, CloseRequest{})
		})
		both(fmt.Sprint("approval-", round), func(ctx context.Context, at *Service) (Settlement, error) {
			return at.Approve(ctx, b.second, ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
		})
		if round%2 == 0 {
			continue
		}
		both(fmt.Sprint("cancellation-", round), func(ctx context.Context, at *Service) (Settlement, error) {
			return at.Cancel(ctx, b.Operator, closed.ID, "Wrong day")
		})
	}
	if all := b.page(0); len(all) != 5 || all[0].Total != 40_00 { // its own and what the one before it paid
		t.Errorf("%d settlements, the last of %s", len(all), all[0].Total)
	}
}

// Two people approve at two nodes, neither knowing of the other: one of them has, the other
// hears that it is decided.
func TestOneOfTwoApprovalsAtTwoNodesCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	third, nodes := b.Colleague(), []*Service{b.Service, b.node()}
	booklet := b.HandOver(b.Campaign, 20)
	for range 10 {
		b.Redeem(b.Structure, booklet, 1)
		closed := b.closes()
		results := make([]error, 2)
		var all sync.WaitGroup
		for i, who := range []identity.Actor{b.second, third} {
			all.Go(func() {
				_, results[i] = nodes[i].Approve(t.Context(), who, ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
			})
		}
		all.Wait()
		if results[0] == nil {
			results[0], results[1] = results[1], results[0]
		}
		b.refused(results[0], "settlement_decided")
		b.ok(results[1])
		b.holds()
	}
	if n := b.count(`SELECT count(*) FROM audit_entries WHERE action = 'settlement_approved'`); n != 10 {
		t.Errorf("the trail tells of %d approvals", n)
	}
}

// One fetches the file while another cancels: what has left is not owed again, and what is
// owed again has not left.
func TestAFileIsFetchedOrItsSettlementCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	other := b.node()
	booklet := b.HandOver(b.Campaign, 40)
	fetched, cancelled := 0, 0
	for round := range 20 {
		b.Redeem(b.Structure, booklet, 1)
		closed := b.closes()
		b.approves(closed)
		var file bytes.Buffer
		var fetching, cancelling error
		var all sync.WaitGroup
		fetch := func() { _, fetching = b.File(t.Context(), b.second, closed.ID, 0, &file) }
		cancel := func() { _, cancelling = other.Cancel(t.Context(), b.Operator, closed.ID, "Wrong day") }
		if round%2 == 0 {
			fetch, cancel = cancel, fetch
		}
		all.Go(fetch)
		all.Go(cancel)
		all.Wait()
		after := b.opens(closed.ID)
		switch {
		case fetching == nil && cancelling != nil && file.Len() > 0 && after.State == Approved && after.TakenAt != nil:
			b.refused(cancelling, "settlement_decided")
			fetched++
			b.books(after.List[0])
		case fetching != nil && cancelling == nil && file.Len() == 0 && after.State == Cancelled && after.TakenAt == nil:
			b.refused(fetching, "settlement_unapproved")
			cancelled++
		default:
			t.Errorf("fetched %d bytes: %v; cancelled: %v; then %s", file.Len(), fetching, cancelling, after.State)
		}
		b.holds()
	}
	t.Logf("%d were fetched, %d cancelled", fetched, cancelled)
}

func (b bundle) count(query string) (n int) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error { return tx.Get(b.t.Context(), &n, query) })
	return n
}

// page is the settlements below the cursor.
func (b bundle) page(before vouchers.SettlementID) []Settlement {
	all, err := b.List(b.t.Context(), b.Operator, before, 200)
	b.ok(err)
	return all
}

// serves spends booklets one voucher at a time and tries to give every tenth back.
func (b bundle) serves(s world.Structure, booklets []issuing.Booklet, name string) {
	for _, booklet := range booklets {
		for n := range booklet.Count {
			r, err := b.Counter.Redeem(b.t.Context(), s.Actor, world.Request(booklet, 1))
			for tries := 0; fault.Code(err) == "busy" && tries < 50; tries++ { // on a slow machine a closing takes longer than a counter waits
				r, err = b.Counter.Redeem(b.t.Context(), s.Actor, world.Request(booklet, 1))
			}
			if err != nil {
				b.t.Errorf("%s: %v", name, err)
				return
			}
			if n%10 != 9 {
				continue
			}
			_, err = b.Counter.Undo(b.t.Context(), s.Actor, redemption.UndoRequest{ID: r.ID, Reason: "wrong person"})
			if err != nil && fault.Code(err) != "already_settled" {
				b.t.Errorf("%s: %v", name, err)
				return
			}
		}
	}
}
