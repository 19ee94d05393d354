package booking

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// CancelRequest gives a seat back.
type CancelRequest struct {
	Booking vouchers.BookingID `json:"booking"`
	Code    string             `json:"code,omitempty"` // of a holder
}

// Cancel gives a seat back: the vouchers are free, and the first of the waiting list takes
// it. Its faults are not_found, booking_ended, session_over and cancel_too_late.
func (s *Service) Cancel(ctx context.Context, actor identity.Actor, req CancelRequest) (Booking, error) {
	if err := s.mayTry(ctx, actor, req.Code); err != nil {
		return Booking{}, err
	}
	return s.onceFor(ctx, actor, "cancel_booking", req.Booking, req.Code, req.Booking, func(tx *db.Tx) error {
		return s.cancel(ctx, tx, actor, req)
	})
}

// errMoved is a booking that somebody moved while its session was being locked: seats of the
// other session would be given without its lock.
var errMoved = errors.New("booking: moved meanwhile")

// startsMost bounds how often a change starts over because of that.
const startsMost = 5

// onceFor runs a change of a booking once for the key, and reads the booking as it is then.
// what is the request, without a code.
func (s *Service) onceFor(ctx context.Context, actor identity.Actor, act string, what any, code string, id vouchers.BookingID, change func(tx *db.Tx) error) (Booking, error) {
	for start := 1; ; start++ {
		b, err := s.tryOnce(ctx, actor, act, what, code, id, change)
		if start == startsMost || !errors.Is(err, errMoved) {
			return b, err
		}
	}
}

func (s *Service) tryOnce(ctx context.Context, actor identity.Actor, act string, what any, code string, id vouchers.BookingID, change func(tx *db.Tx) error) (Booking, error) {
	var b Booking
	err := s.db.InTx(ctx, func(tx *db.Tx) error {
		_, by, err := s.own(ctx, tx, actor, id, code)
		if err != nil {
			return err
		}
		_, err = once.Do(ctx, tx, actor.Organisation, act, what, func() (vouchers.BookingID, error) { return id, change(tx) })
		if err != nil {
			return err
		}
		b, err = get(ctx, tx, id)
		b = b.shownTo(by)
		return err
	})
	return b, err
}

func (s *Service) cancel(ctx context.Context, tx *db.Tx, actor identity.Actor, req CancelRequest) error {
	before, by, err := s.own(ctx, tx, actor, req.Booking, req.Code)
	if err != nil {
		return err
	}
	session, err := agenda.Lock(ctx, tx, before.Session)
	if err != nil {
		return err
	}
	if before, err = lockWith(ctx, tx, before.ID, session.ID); err != nil {
		return err
	}
	if err := before.mayEnd(by, tx.Now); err != nil {
		return err
	}
	if err := release(ctx, tx, before, Cancelled, by); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, actor, "booking_cancelled", object(before.ID), before.withoutContact(), nil); err != nil {
		return err
	}
	if err := s.toldTo(ctx, tx, ToldCancelled, before); err != nil {
		return err
	}
	return s.promote(ctx, tx, before.Session)
}

// lockWith locks the booklets of a booking and of those who wait for a session, in the order
// in which everybody locks booklets, and reads the booking again. The caller has locked what
// was its session; it must still be.
func lockWith(ctx context.Context, tx *db.Tx, id vouchers.BookingID, session vouchers.SessionID) (Booking, error) {
	booklets, err := bookletsWith(ctx, tx, id, session)
	if err != nil {
		return Booking{}, err
	}
	if err := issuing.Lock(ctx, tx, booklets...); err != nil {
		return Booking{}, err
	}
	b, err := get(ctx, tx, id)
	if err == nil && b.Session != session {
		err = errMoved
	}
	return b, err
}

// release ends a booking and what it holds.
func release(ctx context.Context, tx *db.Tx, b Booking, state State, by By) error {
	if err := end(ctx, tx, b.ID, state, by); err != nil {
		return err
	}
	return issuing.EndHold(ctx, tx, b.ID)
}

// MoveRequest takes a seat of another session instead.
type MoveRequest struct {
	Booking vouchers.BookingID `json:"booking"`
	Session vouchers.SessionID `json:"session"`
	Code    string             `json:"code,omitempty"` // of a holder
}

// Move takes a seat of another session instead; the booking keeps its number. A place moves
// among its own sessions. Its faults are those of Cancel and of Book.
func (s *Service) Move(ctx context.Context, actor identity.Actor, req MoveRequest) (Booking, error) {
	if err := s.mayTry(ctx, actor, req.Code); err != nil {
		return Booking{}, err
	}
	what := MoveRequest{Booking: req.Booking, Session: req.Session}
	return s.onceFor(ctx, actor, "move_booking", what, req.Code, req.Booking, func(tx *db.Tx) error {
		return s.move(ctx, tx, actor, req)
	})
}

func (s *Service) move(ctx context.Context, tx *db.Tx, actor identity.Actor, req MoveRequest) error {
	before, by, err := s.own(ctx, tx, actor, req.Booking, req.Code)
	if err != nil {
		return err
	}
	to, err := lockBoth(ctx, tx, before.Session, req.Session)
	if err != nil {
		return err
	}
	if before, err = lockWith(ctx, tx, before.ID, before.Session); err != nil {
		return err
	}
	if err := before.mayEnd(by, tx.Now); err != nil {
		return err
	}
	if err := issuing.EndHold(ctx, tx, before.ID); err != nil {
		return err
	}
	who := who{by: by, booklet: before.Booklet, structure: actor.Organisation}
	f, err := readFacts(ctx, tx, who, to)
	if err != nil {
		return err
	}
	f.Standing-- // the one that moves
	if err := mayBook(f, to, who, tx.Now); err != nil {
		return err
	}
	if _, err := seat(to, false); err != nil {
		return err
	}
	if err := setSession(ctx, tx, before.ID, to.ID, newBooking{to.Price, Booked, f.NoShow}); err != nil {
		return err
	}
	after, err := get(ctx, tx, before.ID)
	if err != nil {
		return err
	}
	if err := keepVouchers(ctx, tx, after); err != nil {
		return err
	}
	if err := audit.Record(ctx, tx, actor, "booking_moved", object(before.ID), before.withoutContact(), after.withoutContact()); err != nil {
		return err
	}
	if err := s.toldTo(ctx, tx, ToldMoved, after); err != nil {
		return err
	}
	return s.promote(ctx, tx, before.Session)
}

// lockBoth locks two sessions in the order of their ids and returns the second.
func lockBoth(ctx context.Context, tx *db.Tx, from, to vouchers.SessionID) (agenda.Session, error) {
	if _, err := agenda.Lock(ctx, tx, min(from, to)); err != nil {
		return agenda.Session{}, err
	}
	if _, err := agenda.Lock(ctx, tx, max(from, to)); err != nil {
		return agenda.Session{}, err
	}
	return agenda.Get(ctx, tx, to)
}

// promote gives seats that became free to those who wait, the first first. Somebody whose
// vouchers are gone keeps waiting. Whoever cannot be told of the seat pays nothing for not
// coming. The caller has the session locked and, but for a session that grew, the booklets.
func (s *Service) promote(ctx context.Context, tx *db.Tx, id vouchers.SessionID) error {
	session, err := agenda.Get(ctx, tx, id)
	if err != nil || session.CancelledAt != nil || !session.StartsAt.After(tx.Now) {
		return err
	}
	waiting, err := waitingFor(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, b := range waiting {
		if session.Free() == 0 {
			return nil
		}
		b.State = Booked
		if b.Email == "" {
			b.Rule = campaigns.Nothing
		}
		err := keepVouchers(ctx, tx, b)
		if fault.Code(err) == "vouchers_short" {
			continue
		}
		if err != nil {
			return err
		}
		if err := setSeated(ctx, tx, b); err != nil {
			return err
		}
		session.Taken++
		if err := s.toldTo(ctx, tx, ToldPromoted, b); err != nil {
			return err
		}
	}
	return nil
}

// Miss is a booked session to which the person did not come.
type Miss struct {
	Booking vouchers.BookingID `json:"booking"`
}

// Miss lets the place say that nobody came, within a week. What the campaign's rule takes is
// redeemed as at the counter, and can be undone there. Its faults are not_found,
// booking_ended, booking_attended, no_show_early, no_show_late and those of a redemption.
func (s *Service) Miss(ctx context.Context, actor identity.Actor, req Miss) (Booking, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return Booking{}, err
	}
	return s.onceFor(ctx, actor, "miss_booking", req, "", req.Booking, func(tx *db.Tx) error {
		return miss(ctx, tx, actor, req.Booking)
	})
}

func miss(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.BookingID) error {
	before, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	if _, err := agenda.Lock(ctx, tx, before.Session); err != nil {
		return err
	}
	if err := issuing.Lock(ctx, tx, int64(before.Booklet)); err != nil {
		return err
	}
	if before, err = get(ctx, tx, id); err != nil {
		return err
	}
	if err := before.mayMiss(tx.Now); err != nil {
		return err
	}
	charged, err := charge(ctx, tx, actor, before)
	if err != nil {
		return err
	}
	if err := release(ctx, tx, before, NoShow, Place); err != nil {
		return err
	}
	if err := setCharged(ctx, tx, id, charged); err != nil {
		return err
	}
	after, err := get(ctx, tx, id)
	if err != nil {
		return err
	}
	return audit.Record(ctx, tx, actor, "booking_missed", object(id), before.withoutContact(), after.withoutContact())
}

// charge redeems what not coming costs, as far as it is still held; 0 where it costs nothing.
func charge(ctx context.Context, tx *db.Tx, actor identity.Actor, b Booking) (vouchers.RedemptionID, error) {
	held, err := issuing.HeldBy(ctx, tx, b.ID)
	if err != nil {
		return 0, err
	}
	count := min(b.Rule.Of(b.Vouchers), len(held))
	if count == 0 {
		return 0, nil
	}
	mode := "group"
	if b.Kind == agenda.Slot {
		mode = "individual"
	}
	r, err := redemption.TakeMissed(ctx, tx, actor, redemption.Missed{Booking: b.ID, Booklet: b.Booklet, Place: b.Place, Count: count,
		Theme: b.Theme, DurationMinutes: int(b.EndsAt.Sub(b.StartsAt).Minutes()), Mode: mode})
	return r.ID, err
}
