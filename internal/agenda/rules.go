package agenda

import (
	"slices"
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

// meet says whether a course of so many meetings may have these after the first, which ends
// at first.
func meet(first time.Time, later []Meeting, meetings int) error {
	if len(later) > max(meetings, 1)-1 {
		return fault.New(fault.Invalid, "session_meetings", "most", max(meetings, 1)-1)
	}
	for _, m := range later {
		if lasts := m.EndsAt.Sub(m.StartsAt); lasts < sessionLeast || lasts > sessionMost || m.StartsAt.Before(first) || m.StartsAt.Sub(first) > farthest {
			return fault.New(fault.Invalid, "session_meetings", "most", max(meetings, 1)-1)
		}
		first = m.EndsAt
	}
	return nil
}

// series are the sessions one by one: at the same hour of Paris, whatever its clocks do.
func (n NewSession) series() []NewSession {
	here := vouchers.DayOf(n.StartsAt).Time().Location()
	all := make([]NewSession, n.Times)
	for i := range all {
		one := n
		later := func(t time.Time) time.Time { return t.In(here).AddDate(0, 0, 7*i) }
		one.StartsAt, one.EndsAt, one.Later = later(n.StartsAt), later(n.EndsAt), nil
		for _, m := range n.Later {
			one.Later = append(one.Later, Meeting{later(m.StartsAt), later(m.EndsAt)})
		}
		all[i] = one
	}
	return all
}

const (
	slotsMost = 500 // that are published at once
	weeksMost = 26
)

// slots are the appointments one by one, as sessions for one.
func (n NewSlots) slots() ([]NewSession, error) {
	from, err1 := time.Parse("15:04", n.From)
	until, err2 := time.Parse("15:04", n.Until)
	length := time.Duration(n.Minutes) * time.Minute
	switch {
	case err1 != nil || err2 != nil || length < sessionLeast || length > sessionMost || until.Sub(from) < length:
		return nil, fault.New(fault.Invalid, "slot_hours")
	case len(n.Weekdays) == 0 || n.Weeks < 1 || n.Weeks > weeksMost:
		return nil, fault.New(fault.Invalid, "slot_days", "most", weeksMost)
	case len([]rune(n.Note)) > noteMost:
		return nil, fault.New(fault.Invalid, "session_note_length", "most", noteMost)
	}
	var all []NewSession
	for day := n.FirstDay; day < n.FirstDay.AddDays(7*n.Weeks); day = day.AddDays(1) {
		midnight := day.Time()
		if !slices.Contains(n.Weekdays, (int(midnight.Weekday())+6)%7+1) {
			continue
		}
		for at := from; !at.Add(length).After(until); at = at.Add(length) {
			start := time.Date(midnight.Year(), midnight.Month(), midnight.Day(), at.Hour(), at.Minute(), 0, 0, midnight.Location())
			all = append(all, NewSession{Service: n.Service, StartsAt: start, EndsAt: start.Add(length), Seats: 1, Times: 1, Note: n.Note})
		}
	}
	if len(all) > slotsMost {
		return nil, fault.New(fault.Invalid, "slots_out_of_range", "most", slotsMost, "asked", len(all))
	}
	return all, nil
}

// stillNew leaves out the slots that have begun, are too far away or are there already.
func stillNew(all []NewSession, there []time.Time, now time.Time) []NewSession {
	return slices.DeleteFunc(all, func(n NewSession) bool {
		return !n.StartsAt.After(now) || n.StartsAt.Sub(now) > farthest || slices.ContainsFunc(there, n.StartsAt.Equal)
	})
}
