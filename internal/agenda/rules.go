package agenda

import (
	"time"

	"github.com/passerelle/passerelle/internal/fault"
)

const (
	seatsMost    = 500
	sessionLeast = 5 * time.Minute
	sessionMost  = 12 * time.Hour
)

// check says what is wrong with a session that is published now.
func (n NewSession) check(now time.Time) error {
	lasts := n.EndsAt.Sub(n.StartsAt)
	switch {
	case !n.StartsAt.After(now):
		return fault.New(fault.Invalid, "session_in_the_past")
	case lasts < sessionLeast || lasts > sessionMost:
		return fault.New(fault.Invalid, "session_times")
	case n.Seats < 1 || n.Seats > seatsMost || n.WaitingSeats < 0 || n.WaitingSeats > seatsMost:
		return fault.New(fault.Invalid, "seats_out_of_range", "most", seatsMost)
	}
	return nil
}
