package settlement

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
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
