package agenda

import (
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	seatsMost    = 500
	timesMost    = 52
	noteMost     = 500 // characters
	sessionLeast = 5 * time.Minute
	sessionMost  = 12 * time.Hour
	farthest     = 370 * 24 * time.Hour // from now to the first
)

// check says what is wrong with sessions that are published now.
func (n NewSession) check(now time.Time) error {
	lasts := n.EndsAt.Sub(n.StartsAt)
	switch {
	case !n.StartsAt.After(now) || n.StartsAt.Sub(now) > farthest:
		return fault.New(fault.Invalid, "session_in_the_past")
	case lasts < sessionLeast || lasts > sessionMost:
		return fault.New(fault.Invalid, "session_times")
	case n.Seats < 1 || n.Seats > seatsMost:
		return fault.New(fault.Invalid, "seats_out_of_range", "most", seatsMost)
	case n.Times < 1 || n.Times > timesMost:
		return fault.New(fault.Invalid, "session_times_out_of_range", "most", timesMost)
	case len([]rune(n.Note)) > noteMost:
		return fault.New(fault.Invalid, "session_note_length", "most", noteMost)
	}
	return nil
}

// series are the sessions one by one: at the same hour of Paris, whatever its clocks do.
func (n NewSession) series() []NewSession {
	here := vouchers.DayOf(n.StartsAt).Time().Location()
	all := make([]NewSession, n.Times)
	for i := range all {
		one := n
		one.StartsAt = n.StartsAt.In(here).AddDate(0, 0, 7*i)
		one.EndsAt = n.EndsAt.In(here).AddDate(0, 0, 7*i)
		all[i] = one
	}
	return all
}
