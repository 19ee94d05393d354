package issuing_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func TestTheDatabaseAllowsTheMovesOfPackageVouchersAndNoOther(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 1)
	states := []vouchers.State{vouchers.Reserved, vouchers.Live, vouchers.Redeemed, vouchers.Frozen, vouchers.Replaced, vouchers.Expired, vouchers.Returned}
	for _, from := range states {
		for _, to := range states {
			want := from == to || vouchers.CanMove(from, to)
			if got := s.databaseMoves(b.ID, from, to); got != want {
				t.Errorf("from %s to %s: the database says %v", from, to, got)
			}
		}
	}
}

// databaseMoves tries one change of state and takes it back.
func (s *stage) databaseMoves(b vouchers.BookletID, from, to vouchers.State) bool {
	s.t.Helper()
	moved := false
	err := s.DB.InTx(s.t.Context(), func(tx *db.Tx) error {
		var id int64
		err := tx.Get(s.t.Context(), &id, `
			INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state) VALUES ($1, 1, 1000, $2) RETURNING id`, b, from)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(s.t.Context(), `UPDATE vouchers SET state = $2 WHERE id = $1`, id, to); err != nil {
			return err
		}
		moved = true
		return errGiveUp
	})
	if !moved && !db.IsCheck(err, "voucher_moves") || moved && !errors.Is(err, errGiveUp) {
		s.t.Fatal(err)
	}
	return moved
}

func TestVouchersExpireWhenTheLastDayIsOverInParis(t *testing.T) {
	t.Parallel()
	s := setup(t)
	b := s.HandOver(s.Campaign, 8)
	s.Redeem(s.Structure, b, 2)
	frozen := s.HandOver(s.Campaign, 4)
	if _, err := s.Issuing.Freeze(t.Context(), s.Prescriber, issuing.FreezeRequest{Booklet: frozen.ID, Frozen: true}); err != nil {
		t.Fatal(err)
	}
	lastDay := s.Campaign.LastDay()

	s.Clock.Set(endOf(lastDay)) // 23:59:59.999999
	s.wantExpired(0)
	if r := s.Redeem(s.Structure, b, 1); r.Left != 5 {
		t.Errorf("in the last microsecond of the tolerance: %d left", r.Left)
	}
	s.wantBooks(s.Campaign, books{funds: 9_880_00, live: 90_00})

	s.Clock.Set(lastDay.AddDays(1).Time())
	_, err := s.Counter.Redeem(t.Context(), s.Structure.Actor, world.Request(b, 1))
	wantFault(t, err, "voucher_expired") // even before the night's work
	s.wantExpired(2)
	s.wantBooks(s.Campaign, books{funds: 9_880_00, unused: 90_00})
	s.wantExpired(0)
	s.wantBooks(s.Campaign, books{funds: 9_880_00, unused: 90_00})
	if card := s.card(b); card.Expired != 5 || card.Used() != 3 || card.Left != 0 {
		t.Errorf("%+v", card)
	}
	card, err := s.Issuing.Freeze(t.Context(), s.Prescriber, issuing.FreezeRequest{Booklet: frozen.ID, Frozen: false})
	if err != nil || card.Left != 0 || card.Expired != 4 {
		t.Errorf("what is over does not come back: %+v, %v", card, err)
	}
}

func (s *stage) wantExpired(want int) {
	s.t.Helper()
	if n, err := s.Issuing.ExpireDue(s.t.Context()); n != want || err != nil {
		s.t.Errorf("%d booklets expired, want %d; %v", n, want, err)
	}
}

func TestNoOrderOfWorkDeadlocks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	other := s.Organisation(identity.Prescriber, "Mairie d’Annecy")
	var booklets []issuing.Booklet
	for range 20 {
		booklets = append(booklets, s.HandOver(s.Campaign, 4))
	}
	s.Fund(s.Campaign, 400_00)
	today := vouchers.DayOf(s.Clock.Now())
	ended := s.NewCampaign("Déjà finie", 80)
	for range 20 {
		s.HandOver(ended, 4)
	}
	s.InTx(func(tx *db.Tx) error { // its last day was yesterday
		_, err := tx.Exec(t.Context(), `UPDATE campaigns SET ends_on = $2, tolerance_days = 0 WHERE id = $1`, ended.ID, today.AddDays(-1))
		if err == nil {
			_, err = tx.Exec(t.Context(), `UPDATE booklets SET until_on = $2 WHERE campaign_id = $1`, ended.ID, today.AddDays(-1))
		}
		return err
	})

	room := s.impatient()
	allocating := func() error {
		_, err := room.Allocate(t.Context(), s.Funder, issuing.AllocateRequest{Campaign: s.Campaign.ID, Prescriber: other.Organisation, Vouchers: 1})
		return err
	}
	handing := func() error {
		_, err := room.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: s.Campaign.ID, Count: 1})
		return err
	}
	freezing := func() error { return freezeAll(t.Context(), room, s.Prescriber, booklets) }
	expiring := func() error { _, err := room.ExpireDue(t.Context()); return err }
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { s.repeat(10, allocating) })
		all.Go(func() { s.repeat(10, handing) })
		all.Go(func() { s.repeat(1, freezing) })
		all.Go(func() { s.repeat(1, expiring) })
	}
	all.Wait()
	s.wantBooks(s.Campaign, books{funds: 10_000_00 + 400_00 - 800_00 - 400_00, live: 1_200_00})
	s.wantBooks(ended, books{unused: 800_00})
}

func (s *stage) repeat(times int, work func() error) {
	for range times {
		if err := work(); err != nil {
			s.t.Error(err)
			return
		}
	}
}

func freezeAll(ctx context.Context, room *issuing.Service, prescriber identity.Actor, booklets []issuing.Booklet) error {
	for _, frozen := range []bool{true, false} {
		for _, b := range booklets {
			if _, err := room.Freeze(ctx, prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: frozen}); err != nil {
				return err
			}
		}
	}
	return nil
}
