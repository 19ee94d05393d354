package settlement

import (
	"testing"

	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// A structure follows each redemption until it is on its account, and through a return.
func TestEachRedemptionIsFollowedToTheAccount(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 10)
	first := b.Redeem(b.Structure, booklet, 3)
	gone := b.Redeem(b.Structure, booklet, 1)
	b.Undo(b.Structure, gone.ID)
	is := func(id vouchers.RedemptionID, state, payout string) {
		t.Helper()
		receipt, err := b.Counter.Receipt(t.Context(), b.Structure.Actor, id)
		b.ok(err)
		lines, err := b.Counter.List(t.Context(), b.Structure.Actor, 0, 10)
		b.ok(err)
		for _, line := range append(lines, receipt.Line) {
			if w := line.Way; line.ID == id && (w.State != state || w.EndToEnd != payout || (w.PaidOn != nil) != (state == "paid") || (w.Payout != nil) != (payout != "")) {
				t.Errorf("redemption %d is %+v, not %s in %q", id, w, state, payout)
			}
		}
	}
	is(first.ID, "owed", "")
	is(gone.ID, "taken_back", "")
	closed := b.closes()
	p := b.opens(closed.ID).List[0]
	later := b.Redeem(b.Structure, booklet, 1)
	is(first.ID, "in_settlement", p.EndToEnd)
	is(later.ID, "owed", "")
	is(gone.ID, "taken_back", "")
	b.approves(closed)
	b.file(closed.ID)
	is(first.ID, "in_settlement", p.EndToEnd)
	_, err := b.Send(t.Context(), b.Operator, closed.ID)
	b.ok(err)
	is(first.ID, "sent", p.EndToEnd)
	b.books(p)
	is(first.ID, "paid", p.EndToEnd)
	b.returns(p)
	is(first.ID, "came_back", p.EndToEnd)
	again := b.settles().List[0]
	is(first.ID, "in_settlement", again.EndToEnd)
	is(later.ID, "in_settlement", again.EndToEnd)
	b.books(again)
	b.returns(again)
	third := b.settles().List[0]
	b.books(third)
	for _, r := range []redemption.Redemption{first, later} {
		is(r.ID, "paid", third.EndToEnd)
	}
}
