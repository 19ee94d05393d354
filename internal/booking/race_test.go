package booking_test

import (
	"context"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

// Somebody spends vouchers at another place while they are being booked, cancelled and booked
// again: what is held is never taken there, and nobody is told an untruth.
func TestWhatIsHeldIsNeverTakenElsewhereMeanwhile(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	other := s.NewStructure("Le Relais")
	at := s.session(72, 100)
	var booklets []issuing.Booklet
	for range 12 {
		booklets = append(booklets, s.HandOver(s.Campaign, 6))
	}
	var all sync.WaitGroup
	for _, b := range booklets {
		all.Go(func() {
			for range 3 {
				_, err := s.Counter.Redeem(context.Background(), other.Actor, world.Request(b, 1))
				if code := fault.Code(err); err != nil && code != "vouchers_held" {
					t.Errorf("redeeming: %v", err)
				}
			}
		})
		all.Go(func() {
			for range 3 {
				k, err := s.room.Book(context.Background(), nobody, request(b, at))
				if err == nil {
					_, err = s.room.Cancel(context.Background(), nobody, booking.CancelRequest{Booking: k.ID, Code: b.QR})
				}
				if err != nil {
					t.Errorf("booking: %v", err)
				}
			}
			if _, err := s.room.Book(context.Background(), nobody, request(b, at)); err != nil {
				t.Errorf("booking: %v", err)
			}
		})
	}
	all.Wait()
	if n := s.number(`SELECT count(*) FROM vouchers WHERE state = 'redeemed' AND held_until > $1`, s.Clock.Now()); n != 0 {
		t.Errorf("%d vouchers were taken elsewhere although they are held", n)
	}
	if n := s.number(`SELECT count(*) FROM vouchers WHERE state = 'live' AND held_until > $1`, s.Clock.Now()); n != 24 {
		t.Errorf("%d vouchers are held, want 24", n)
	}
}
