package booking_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/db"
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

// Somebody moves a booking while another cancels or moves it: whoever comes second waits for
// the session in which the booking is now, whose seat it gives to the next.
func TestNoSeatIsGivenOfASessionThatIsNotLocked(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *town, k booking.Booking, code string, third agenda.Session) error{
		"cancel": func(s *town, k booking.Booking, code string, _ agenda.Session) error {
			return second(s.room.Cancel(context.Background(), nobody, booking.CancelRequest{Booking: k.ID, Code: code}))
		},
		"move": func(s *town, k booking.Booking, code string, third agenda.Session) error {
			return second(s.room.Move(context.Background(), nobody, booking.MoveRequest{Booking: k.ID, Session: third.ID, Code: code}))
		},
	} {
		s := newTown(t)
		first, then, third := s.session(72, 6), s.session(73, 6), s.session(74, 6)
		b := s.HandOver(s.Campaign, 4)
		k, done := s.books(b, first), make(chan error, 1)
		s.InTx(func(outer *db.Tx) error {
			s.must(second(agenda.Lock(t.Context(), outer, then.ID)))
			s.InTx(func(tx *db.Tx) error {
				s.must(second(agenda.Lock(t.Context(), tx, first.ID)))
				go func() { done <- change(s, k, b.QR, third) }()
				for s.locksAwaited() == 0 {
					time.Sleep(5 * time.Millisecond)
				}
				return second(tx.Exec(t.Context(), `UPDATE bookings SET session_id = $2 WHERE id = $1`, k.ID, then.ID))
			})
			select {
			case err := <-done:
				t.Errorf("%s: nobody waited for the session of the booking: %v", name, err)
				done <- err
			case <-time.After(300 * time.Millisecond):
			}
			return nil
		})
		if err := <-done; err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// locksAwaited is how many connections to the test's database wait for a lock.
func (s *town) locksAwaited() int {
	return s.number(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
}
