package booking

import (
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/vouchers"
)

// MissWithin is how long after a session the place may say that somebody did not come.
const MissWithin = 7 * 24 * time.Hour

const (
	bookingsMost = 10             // of one booklet that stand at once
	grace        = 24 * time.Hour // after a session, when its vouchers can still be taken as booked
	notice       = 24 * time.Hour // before a session, when not coming begins to cost where it costs
	secondLook   = time.Hour      // after booking, when one may think again all the same
	remindBefore = 48 * time.Hour
	waitingMost  = 100 // people on one waiting list
)

// tidy trims what people type and checks what does not depend on the session.
func (r Request) tidy() (Request, error) {
	r.Email, r.Phone = strings.TrimSpace(r.Email), strings.TrimSpace(r.Phone)
	if r.Email != "" {
		if err := mail.CheckAddress(r.Email); err != nil {
			return r, err
		}
	}
	if digits := strings.Trim(r.Phone, "+0123456789 .-()"); digits != "" || r.Phone != "" && len(r.Phone) < 8 || len(r.Phone) > 25 {
		return r, fault.New(fault.Invalid, "booking_phone")
	}
	return r, nil
}

// facts is what the rules need to know of a booklet and of a place.
type facts struct {
	FromOn     vouchers.Day     `db:"from_on"`
	LastDay    vouchers.Day     `db:"last_day"` // tolerance included
	PriceCap   int              `db:"price_cap"`
	NoShow     campaigns.NoShow `db:"no_show"`
	Shown      bool             `db:"shown"`      // the place, to everybody
	ThemeOpen  bool             `db:"theme_open"` // the campaign pays for the theme
	InArea     bool             `db:"in_area"`
	Labelled   bool             `db:"labelled"`    // on the day of the session
	LabelTaken bool             `db:"label_taken"` // by a label that the campaign accepts
	Left       int              `db:"left"`
	Held       int              `db:"held"`
	Standing   int              `db:"standing"` // bookings of the booklet
	Here       bool             `db:"here"`     // one of them is of this session
}

// mayBook says whether a session is of use for a booklet. Seats come after.
func mayBook(f facts, s agenda.Session, w who, now time.Time) error {
	switch {
	case w.by == Place && s.Structure != w.structure, w.by != Place && !f.Shown:
		return notFound()
	case s.CancelledAt != nil:
		return fault.New(fault.Conflict, "session_cancelled")
	case !s.StartsAt.After(now):
		return fault.New(fault.Conflict, "session_over")
	case f.Here:
		return fault.New(fault.Conflict, "booked_already")
	case f.Standing >= bookingsMost:
		return fault.New(fault.Conflict, "bookings_many", "most", bookingsMost)
	}
	return useful(f, s)
}

// useful says whether the booklet can pay the session on its day. What is free is for
// everybody.
func useful(f facts, s agenda.Session) error {
	day := vouchers.DayOf(s.StartsAt)
	switch {
	case s.Price == 0:
		return nil
	case !f.Labelled || !f.LabelTaken || !f.InArea:
		return fault.New(fault.Conflict, "booking_place")
	case !f.ThemeOpen:
		return fault.New(fault.Conflict, "booking_theme")
	case day < f.FromOn || day > f.LastDay:
		return fault.New(fault.Conflict, "booking_dates", "until", f.LastDay)
	case s.Price > f.PriceCap:
		return fault.New(fault.Invalid, "price_cap_exceeded", "cap", f.PriceCap, "asked", s.Price)
	case f.Left-f.Held < s.Price:
		return short(f.Left-f.Held, s.Price)
	}
	return nil
}

func short(free, needed int) error {
	return fault.New(fault.Conflict, "vouchers_short", "free", free, "needed", needed)
}

// seat is what a new booking of a locked session gets.
func seat(s agenda.Session, wait bool) (State, error) {
	switch {
	case s.Free() > 0:
		return Booked, nil
	case !wait:
		return "", fault.New(fault.Conflict, "session_full", "waiting", s.Waiting)
	case s.Waiting >= waitingMost:
		return "", fault.New(fault.Conflict, "waiting_list_full")
	}
	return Waiting, nil
}

// hold is what a booking keeps of its booklet: all until a day after the session, and what
// a no-show would cost as long as the place may say that nobody came.
func (b Booking) hold() issuing.Hold {
	over := b.Over()
	return issuing.Hold{Booking: b.ID, Booklet: b.Booklet, Count: b.Vouchers, Until: over.Add(grace),
		Longer: b.Rule.Of(b.Vouchers), LongerUntil: over.Add(MissWithin)}
}

// cancelUntil is until when the holder may cancel or move: until the session begins where
// not coming costs nothing, else a day before, and always for an hour after booking.
func (b Booking) cancelUntil() time.Time {
	if b.State == Waiting || b.Rule.Of(b.Vouchers) == 0 {
		return b.StartsAt
	}
	limit := b.StartsAt.Add(-notice)
	if second := b.BookedAt.Add(secondLook); second.After(limit) {
		limit = second
	}
	if limit.After(b.StartsAt) {
		return b.StartsAt
	}
	return limit
}

// mayEnd says whether a booking can be cancelled or moved now. The place may until the
// session begins, whatever not coming costs.
func (b Booking) mayEnd(by By, now time.Time) error {
	switch {
	case !b.Stands():
		return fault.New(fault.Conflict, "booking_ended")
	case b.Attended || !b.StartsAt.After(now):
		return fault.New(fault.Conflict, "session_over")
	case by != Place && now.After(b.CancelUntil):
		return fault.New(fault.Conflict, "cancel_too_late", "until", b.CancelUntil)
	}
	return nil
}

// mayMiss says whether the place may say now that nobody came.
func (b Booking) mayMiss(now time.Time) error {
	switch {
	case b.State != Booked:
		return fault.New(fault.Conflict, "booking_ended")
	case b.Attended:
		return fault.New(fault.Conflict, "booking_attended")
	case now.Before(b.EndsAt):
		return fault.New(fault.Conflict, "no_show_early", "from", b.EndsAt)
	case now.After(b.Over().Add(MissWithin)):
		return fault.New(fault.Conflict, "no_show_late", "until", b.Over().Add(MissWithin))
	}
	return nil
}
