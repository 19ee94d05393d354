package closing_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// Two jobs close a campaign while a payment for it arrives, somebody extends it and a
// counter undoes: it is closed once, no cent is given twice and none is left behind.
func TestACampaignIsClosedOnceWhateverHappensAtThatMoment(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	const campaigns = 8
	type case_ struct {
		id    vouchers.CampaignID
		order orders.Order
		taken redemption.Redemption
	}
	var all []case_
	for i := range campaigns {
		c := s.campaign(fmt.Sprintf("Campagne %d", i))
		o := s.orderedBy(s.Funder, c, 20)
		s.pays(o, 150_00)
		s.allocates(c, 15)
		all = append(all, case_{c.ID, o, s.Redeem(s.Structure, s.HandOver(c, 10), 4)})
	}
	s.on(start.AddDays(closesOn))
	// As if each had been redeemed in the last minute that counts.
	s.exec(`UPDATE redemptions SET at = $1`, s.Clock.Now())
	if _, err := s.Issuing.ExpireDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	var together sync.WaitGroup
	for range 2 {
		together.Go(func() {
			if _, err := s.room.CloseDue(t.Context()); err != nil {
				t.Errorf("closing: %v", err)
			}
		})
	}
	for _, c := range all {
		together.Go(func() { s.paysLate(c.order, 50_00) })
		together.Go(func() {
			_, err := s.Counter.Undo(t.Context(), s.Structure.Actor, redemption.UndoRequest{ID: c.taken.ID, Reason: "at that very moment"})
			if code := fault.Code(err); err != nil && code != "undo_too_late" {
				t.Errorf("undoing: %v", err)
			}
		})
		together.Go(func() {
			_, err := s.room.Extend(t.Context(), s.Funder, closing.ExtendRequest{Campaign: c.id, Until: start.AddDays(90), Name: "Camille Martin", Agreed: true})
			if code := fault.Code(err); code != "campaign_expired" && code != "campaign_closed" {
				t.Errorf("extending: %v", err)
			}
		})
	}
	together.Wait()
	for range 2 { // what was undone expires, and is closed
		if _, err := s.room.CloseDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	used := s.owed(ledger.Payable(s.Structure.Organisation))
	if got := s.credit(s.Funder); got != campaigns*200_00-used {
		t.Errorf("credit %s; %s of %d campaigns was used", got, used, campaigns)
	}
	for _, c := range all {
		if s.owed(ledger.Live(c.id)) != 0 || s.owed(ledger.Unused(c.id)) != 0 || s.owed(ledger.Funds(c.id)) != 0 {
			t.Errorf("something is left in campaign %d", c.id)
		}
	}
	s.exec(`UPDATE redemptions SET at = $1`, start.Time()) // their real day
	s.holds()
}

// paysLate lets a bank line pay an order, from a goroutine of its own.
func (s *stage) paysLate(o orders.Order, amount vouchers.Cents) {
	err := s.DB.InTx(s.t.Context(), func(tx *db.Tx) error {
		line, err := s.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "order_funded", Cause: int64(o.ID)})
		if err != nil {
			return err
		}
		_, err = s.orders.PayFromLines(s.t.Context(), tx, []orders.Payment{{Line: line, Amount: amount}}, map[int64]vouchers.OrderID{line: o.ID})
		return err
	})
	if err != nil {
		s.t.Errorf("a late payment: %v", err)
	}
}

// Somebody changes a choice while the jobs act on it and refunds are approved: credit goes
// one way only.
func TestACreditGoesOneWayOnly(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	var closed []vouchers.CampaignID
	for i := range 6 {
		closed = append(closed, s.funded(fmt.Sprintf("Campagne %d", i), 10).ID)
	}
	next := s.campaign("La suite")
	s.exec(`UPDATE campaigns SET ends_on = ends_on + 200 WHERE id = $1`, next.ID)
	s.givesAccount(s.Funder, funderIBAN)
	s.on(start.AddDays(closesOn))
	s.closes(len(closed))
	var together sync.WaitGroup
	for _, id := range closed {
		for _, kind := range []string{closing.ToBank, closing.ToCampaign} {
			together.Go(func() { s.tries(s.choose(s.Funder, id, kind, next.ID)) })
		}
	}
	for _, who := range []identity.Actor{s.finance, s.Operator} {
		together.Go(func() {
			for range 5 {
				s.tries(s.room.BringBack(t.Context()))
				all, err := s.room.Refunds(t.Context(), who, closing.Query{State: closing.Proposed, Limit: 50})
				s.tries(err)
				for _, r := range all {
					_, err := s.room.Approve(t.Context(), who, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
					s.tries(err)
				}
			}
		})
	}
	together.Wait()
	s.holds()
	rolled, refunded := s.owed(ledger.Funds(next.ID)), s.owed(ledger.RefundsInTransit)
	if sum := rolled + refunded + s.credit(s.Funder); sum != 600_00 || rolled+refunded == 0 {
		t.Errorf("%s rolled over, %s refunded, %s left", rolled, refunded, s.credit(s.Funder))
	}
}

// tries allows that somebody else was faster, from any goroutine.
func (s *stage) tries(err error) {
	if code := fault.Code(err); err != nil && code != "refund_changed" {
		s.t.Errorf("%v", err)
	}
}
