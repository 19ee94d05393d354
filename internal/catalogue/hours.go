package catalogue

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Clock is a time of day in minutes after midnight, 0 to 1440.
type Clock int16

// Hour and Minute split a clock for display.
func (c Clock) Hour() int   { return int(c) / 60 }
func (c Clock) Minute() int { return int(c) % 60 }

// ClockRange is one opening. To is before From where it ends on the next day.
type ClockRange struct {
	From, To Clock
}

// DayHours are the openings of one day, or of several in a row with the same openings.
type DayHours struct {
	FirstDay, LastDay time.Weekday
	Ranges            []ClockRange
}

// Hours is a usual week.
type Hours struct {
	Week           []DayHours   // Monday first; days without opening are left out
	Holidays       []ClockRange // openings on public holidays; nil: closed, or not said
	HolidaysClosed bool         // closed on public holidays, and says so
	More           bool         // the text says more than the week: seasons, comments
}

// ReadHours reads the part of OpenStreetMap's opening_hours that places use: days, times,
// "off" and public holidays ("Mo-Fr 09:00-12:00,14:00-17:00; Sa off; PH off"). A later
// rule replaces the days it names, as the specification says. Rules for a season, a week of
// the year or the nth day of a month are left out of the week (More is then set). It is
// false where no usual week can be read: show the text as it is.
//
// Specification: https://wiki.openstreetmap.org/wiki/Key:opening_hours/specification
func ReadHours(text string) (Hours, bool) {
	var w week
	plain := uncomment(text)
	w.hours.More = len(plain) != len(text)
	for rule := range strings.SplitSeq(plain, ";") {
		if strings.TrimSpace(rule) == "" {
			continue
		}
		if !w.read(rule) {
			return Hours{}, false
		}
	}
	if !w.usual {
		return Hours{}, false
	}
	w.hours.Week = w.group()
	return w.hours, true
}

// week gathers the rules of one text.
type week struct {
	days  [7][]ClockRange // by time.Weekday
	usual bool            // at least one rule holds for usual weeks
	hours Hours
}

// read applies one rule, which may go on with additional ones after commas.
func (w *week) read(rule string) bool {
	c := cursor{rest: rule}
	if c.ofSeason() {
		w.hours.More = true
		return true
	}
	if c.take("24/7") {
		w.set(everyDay, []ClockRange{{0, 24 * 60}}, false)
		w.hours.Holidays = []ClockRange{{0, 24 * 60}}
		return c.atEnd()
	}
	for additional := false; ; additional = true {
		days, ok := c.days()
		if !ok {
			return false
		}
		ranges, ok := c.openings()
		if !ok {
			return false
		}
		w.apply(days, ranges, additional)
		if c.atEnd() {
			return true
		}
		if !c.take(",") {
			return false
		}
	}
}

func (w *week) apply(days daySet, ranges []ClockRange, additional bool) {
	if days.holidays {
		w.hours.HolidaysClosed, w.hours.Holidays = len(ranges) == 0, merge(ranges)
	}
	if days.special {
		w.hours.More = true
	}
	if len(days.weekdays) > 0 {
		w.set(days.weekdays, ranges, additional)
	}
}

func (w *week) set(days []time.Weekday, ranges []ClockRange, additional bool) {
	w.usual = true
	for _, d := range days {
		if additional {
			w.days[d] = merge(slices.Concat(w.days[d], ranges))
			continue
		}
		w.days[d] = merge(ranges)
	}
}

// group puts together days in a row with the same openings, Monday first.
func (w *week) group() []DayHours {
	var groups []DayHours
	for _, d := range everyDay {
		ranges := w.days[d]
		if len(ranges) == 0 {
			continue
		}
		if k := len(groups) - 1; k >= 0 && (groups[k].LastDay+1)%7 == d && slices.Equal(groups[k].Ranges, ranges) {
			groups[k].LastDay = d
			continue
		}
		groups = append(groups, DayHours{FirstDay: d, LastDay: d, Ranges: ranges})
	}
	return groups
}

// merge sorts openings and joins those that touch or overlap.
func merge(ranges []ClockRange) []ClockRange {
	sorted := slices.SortedFunc(slices.Values(ranges), func(a, b ClockRange) int { return cmp.Compare(a.From, b.From) })
	var merged []ClockRange
	for _, r := range sorted {
		k := len(merged) - 1
		overnight := r.To < r.From || k >= 0 && merged[k].To < merged[k].From
		if k >= 0 && !overnight && r.From <= merged[k].To {
			merged[k].To = max(merged[k].To, r.To)
			continue
		}
		merged = append(merged, r)
	}
	return slices.Compact(merged)
}

// OpenUntil tells whether a place with these hours is open at a time, by its usual week and
// what it says of public holidays, and until when; false also where that cannot be read. A
// place that says nothing of public holidays is not taken to be open on one: most are closed,
// and nobody should find that out at the door.
func OpenUntil(text string, at time.Time) (until Clock, open bool) {
	hours, read := ReadHours(text)
	if !read || text == "" {
		return 0, false
	}
	today := vouchers.DayOf(at)
	local := at.In(today.Time().Location())
	now := Clock(local.Hour()*60 + local.Minute())
	for _, r := range hours.on(today) {
		if r.From <= now && (now < r.To || r.To < r.From) {
			return r.To, true
		}
	}
	for _, r := range hours.on(today.AddDays(-1)) {
		if r.To < r.From && now < r.To {
			return r.To, true
		}
	}
	return 0, false
}

// on are the openings of one day of the calendar.
func (h Hours) on(d vouchers.Day) []ClockRange {
	if d.PublicHoliday() {
		return h.Holidays
	}
	for _, day := range h.Week {
		if day.includes(d.Time().Weekday()) {
			return day.Ranges
		}
	}
	return nil
}

// includes reports whether a day of the week is among those of the line.
func (d DayHours) includes(day time.Weekday) bool {
	return (day-d.FirstDay+7)%7 <= (d.LastDay-d.FirstDay+7)%7
}
