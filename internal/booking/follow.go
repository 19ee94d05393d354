package booking

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/vouchers"
)

// Told says what a person is told of a booking.
type Told string

// What people are told, those who have left an e-mail address.
const (
	ToldBooked    Told = "booked"
	ToldWaiting   Told = "waiting"
	ToldPromoted  Told = "promoted"
	ToldMoved     Told = "moved"
	ToldChanged   Told = "changed"
	ToldCancelled Told = "cancelled"
	ToldOff       Told = "off" // the place has called the session off
	ToldReminder  Told = "reminder"
	ToldFreed     Told = "freed" // nobody came, and the vouchers are free again
)

// Tell enqueues a message to b.Email in the transaction of what it tells.
type Tell func(ctx context.Context, tx *db.Tx, told Told, b Booking) error

func (s *Service) toldTo(ctx context.Context, tx *db.Tx, told Told, b Booking) error {
	if b.Email == "" {
		return nil
	}
	return s.tell(ctx, tx, told, b)
}

// Follow keeps bookings true when their session is changed or called off. The session is
// locked.
func (s *Service) Follow(ctx context.Context, tx *db.Tx, before, after agenda.Session) error {
	all, err := standing(ctx, tx, after.ID)
	if err != nil || len(all) == 0 {
		return err
	}
	booklets := make([]int64, len(all))
	for i, b := range all {
		booklets[i] = int64(b.Booklet)
	}
	if err := issuing.Lock(ctx, tx, booklets...); err != nil {
		return err
	}
	if after.CancelledAt != nil {
		return s.callOff(ctx, tx, all)
	}
	if !sameTimes(before, after) {
		if err := s.shift(ctx, tx, all); err != nil {
			return err
		}
	}
	return s.promote(ctx, tx, after.ID)
}

func sameTimes(a, b agenda.Session) bool {
	same := a.StartsAt.Equal(b.StartsAt) && a.EndsAt.Equal(b.EndsAt) && len(a.Later) == len(b.Later)
	for i := 0; same && i < len(a.Later); i++ {
		same = a.Later[i].StartsAt.Equal(b.Later[i].StartsAt) && a.Later[i].EndsAt.Equal(b.Later[i].EndsAt)
	}
	return same
}

func (s *Service) callOff(ctx context.Context, tx *db.Tx, all []Booking) error {
	for _, b := range all {
		if err := release(ctx, tx, b, Cancelled, Place); err != nil {
			return err
		}
		if err := s.toldTo(ctx, tx, ToldOff, b); err != nil {
			return err
		}
	}
	return nil
}

// shift holds the vouchers of bookings until their session's new end. Whoever booked for
// another time may cancel like somebody who has just booked, and pays nothing for not coming.
func (s *Service) shift(ctx context.Context, tx *db.Tx, all []Booking) error {
	if err := forgive(ctx, tx, all); err != nil {
		return err
	}
	for _, b := range all {
		b, err := get(ctx, tx, b.ID)
		if err != nil {
			return err
		}
		if err := issuing.ShiftHold(ctx, tx, b.hold()); err != nil {
			return err
		}
		if err := s.toldTo(ctx, tx, ToldChanged, b); err != nil {
			return err
		}
	}
	return nil
}

// dueAtOnce is how many bookings one transaction reminds or clears.
const dueAtOnce = 200

// Remind tells those who left an address of their session two days before, once. Whoever
// booked later than that was told then.
func (s *Service) Remind(ctx context.Context) error {
	return s.forDue(ctx, remindable, func(ctx context.Context, tx *db.Tx, b Booking) error {
		if err := setReminded(ctx, tx, b.ID); err != nil {
			return err
		}
		return s.toldTo(ctx, tx, ToldReminder, b)
	})
}

// Clear ends waiting for sessions that have begun, tells those who left an address and did
// not come that their vouchers are free again, and forgets how people can be reached once
// nobody needs it any more.
func (s *Service) Clear(ctx context.Context) error {
	err := s.forDue(ctx, waitedInVain, func(ctx context.Context, tx *db.Tx, b Booking) error {
		return release(ctx, tx, b, Cancelled, Time)
	})
	if err != nil {
		return err
	}
	err = s.forDue(ctx, contactNoMore, func(ctx context.Context, tx *db.Tx, b Booking) error {
		if err := forgetContact(ctx, tx, b.ID); err != nil || b.State != Booked || b.Attended || b.Vouchers == 0 {
			return err
		}
		return s.toldTo(ctx, tx, ToldFreed, b)
	})
	if err != nil {
		return err
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error { return issuing.ForgetHolds(ctx, tx, tx.Now.Add(-MissWithin)) })
}

// forDue does something for each booking that is due, in transactions of a few.
func (s *Service) forDue(ctx context.Context, due func(context.Context, *db.Tx, time.Time, vouchers.BookingID) ([]Booking, error), do func(context.Context, *db.Tx, Booking) error) error {
	last := vouchers.BookingID(0)
	for {
		var some []Booking
		err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
			if some, err = due(ctx, tx, tx.Now, last); err != nil {
				return err
			}
			for _, b := range some {
				if err := do(ctx, tx, b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || len(some) == 0 {
			return err
		}
		last = some[len(some)-1].ID
		s.log.Info("bookings that were due", "bookings", len(some))
	}
}
