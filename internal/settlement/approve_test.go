package settlement

import (
	"bytes"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
)

func (b bundle) approve(by identity.Actor, closed Settlement, sha256 string) error {
	_, err := b.Approve(b.t.Context(), by, ApproveRequest{ID: closed.ID, SHA256: sha256})
	return err
}

func TestNothingLeavesBeforeASecondPersonHasApproved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	closed := b.closes()
	if closed.State != Waiting || closed.CloserName == "" || closed.ApprovedAt != nil {
		t.Errorf("closed as %+v", closed)
	}
	p := b.opens(closed.ID).List[0]
	b.keeps(closed.ID, "settlement_unapproved")
	b.refused(b.approve(b.Operator, closed, closed.SHA256), "own_request")
	b.refused(b.approve(b.second, closed, ""), "settlement_changed")
	b.refused(b.approve(b.second, closed, closed.SHA256[1:]+"0"), "settlement_changed")
	b.refused(b.approve(b.Structure.Actor, closed, closed.SHA256), "forbidden")
	b.InTx(func(tx *db.Tx) error { // the bank shows what we have not ordered
		outcome, _, err := b.Book(t.Context(), tx, debit(p))
		if outcome != "" {
			t.Errorf("booked as %q", outcome)
		}
		return err
	})
	b.keeps(closed.ID, "settlement_unapproved")

	for range 2 { // the same key again changes nothing
		ctx, _ := once.With(t.Context(), "approval-of-monday")
		after, err := b.Approve(ctx, b.second, ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
		b.ok(err)
		if after.State != Approved || after.ApproverName != "Alix Bernard" || after.CloserName == after.ApproverName {
			t.Errorf("approved as %+v", after)
		}
	}
	b.refused(b.approve(b.second, closed, closed.SHA256), "settlement_decided")
	_, err := b.Send(t.Context(), b.Operator, closed.ID)
	b.refused(err, "settlement_not_taken")
	first := b.file(closed.ID)
	sent, err := b.Send(t.Context(), b.Operator, closed.ID)
	b.ok(err)
	if sent.State != Sent || sent.TakenAt == nil || !b.money(b.Structure.Actor).Payouts[0].Sent {
		t.Errorf("sent as %+v", sent)
	}
	_, err = b.Cancel(t.Context(), b.second, closed.ID, "Wrong day")
	b.refused(err, "settlement_decided")
	b.books(p)
	if done := b.opens(closed.ID); done.State != Done || !bytes.Equal(b.file(closed.ID), first) {
		t.Errorf("in the end %+v", done.Settlement)
	}
}

func TestACancelledSettlementIsOwedAgainAndPaidOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.NewCampaign("Ateliers d’hiver", 100)
	bonlieu := b.NewStructure("Bonlieu")
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	b.Redeem(b.Structure, b.HandOver(second, 10), 1)
	b.Redeem(bonlieu, b.HandOver(second, 10), 2)
	closed := b.closes()
	p := b.opens(closed.ID).List[0]
	_, err := b.Cancel(t.Context(), b.Operator, closed.ID, "  ")
	b.refused(err, "reason_missing")
	cancelled, err := b.Cancel(t.Context(), b.Operator, closed.ID, " Bonlieu a fermé ")
	b.ok(err)
	b.holds()
	if cancelled.State != Cancelled || cancelled.CancelReason != "Bonlieu a fermé" || cancelled.Rejected != 2 {
		t.Errorf("cancelled as %+v", cancelled)
	}
	if m := b.money(b.Structure.Actor); m.Owed != 40_00 || m.UnderWay != 0 || m.Payouts[0].ReturnReason != CancelledCode {
		t.Errorf("the structure is told %+v", m)
	}
	b.refused(b.approve(b.second, closed, closed.SHA256), "settlement_decided")
	b.keeps(closed.ID, "settlement_unapproved")
	_, err = b.Send(t.Context(), b.Operator, closed.ID)
	b.refused(err, "settlement_unapproved")
	_, err = b.Cancel(t.Context(), b.Operator, closed.ID, "Again")
	b.refused(err, "settlement_decided")
	_, err = b.Cancel(t.Context(), b.Operator, closed.ID+1, "Again")
	b.refused(err, "not_found")
	b.InTx(func(tx *db.Tx) error {
		outcome, _, err := b.Book(t.Context(), tx, debit(p))
		if outcome != "" {
			t.Errorf("a cancelled payout is booked as %q", outcome)
		}
		return err
	})

	again := b.settles()
	if again.Total != closed.Total || len(again.List) != 2 || again.List[0].EndToEnd == p.EndToEnd {
		t.Errorf("the next settlement is %+v", again)
	}
	b.books(again.List[0])
	b.books(again.List[1])
}

// An approved settlement can be cancelled until its file was fetched; a file whose day is
// over does not leave any more.
func TestAFileWhoseDayIsOverDoesNotLeave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	late := b.closes()
	b.Clock.Set(late.ExecutionOn.AddDays(1).Time())
	b.refused(b.approve(b.second, late, late.SHA256), "settlement_late")
	_, err := b.Cancel(t.Context(), b.second, late.ID, "Too late")
	b.ok(err)

	fetched := b.settles()
	first := b.file(fetched.ID)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	forgotten := b.settles()
	b.Clock.Set(forgotten.ExecutionOn.AddDays(30).Time())
	b.keeps(forgotten.ID, "settlement_late")
	_, err = b.Cancel(t.Context(), b.second, forgotten.ID, "Nobody fetched it")
	b.ok(err)
	b.holds()
	if !bytes.Equal(b.file(fetched.ID), first) {
		t.Error("a month later the file is another one")
	}
}

// One approves while another cancels: exactly one of them decides, and the file goes or is
// owed again accordingly.
func TestOneOfApprovalAndCancellationWins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 20)
	for range 10 {
		b.Redeem(b.Structure, booklet, 1)
		closed := b.closes()
		results := make([]error, 4)
		var all sync.WaitGroup
		for i := range results {
			all.Go(func() {
				if i%2 == 0 {
					results[i] = b.approve(b.second, closed, closed.SHA256)
				} else {
					_, results[i] = b.Cancel(t.Context(), b.Operator, closed.ID, "Wrong day")
				}
			})
		}
		all.Wait()
		done := map[bool]int{}
		for i, err := range results {
			if err == nil {
				done[i%2 == 0]++
			} else if fault.Code(err) != "settlement_decided" {
				t.Errorf("decision %d: %v", i, err)
			}
		}
		after := b.opens(closed.ID)
		if done[true] > 1 || done[false] > 1 || (after.State == Cancelled) != (done[false] == 1) || (after.ApprovedAt != nil) != (done[true] == 1) {
			t.Errorf("%d approvals, %d cancellations, then %s", done[true], done[false], after.State)
		}
		b.holds()
	}
}
