package catalogue

import (
	"strings"
	"time"
)

var everyDay = []time.Weekday{
	time.Monday, time.Tuesday, time.Wednesday, time.Thursday, time.Friday, time.Saturday, time.Sunday,
}

var (
	dayNames   = []string{"Su", "Mo", "Tu", "We", "Th", "Fr", "Sa"} // by time.Weekday
	monthNames = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)

// daySet is what the days of a rule select. Special days (school holidays, the nth day of a
// month) have no place in a usual week.
type daySet struct {
	weekdays          []time.Weekday
	holidays, special bool
}

// cursor reads a rule from left to right.
type cursor struct {
	rest string
}

func (c *cursor) skipSpace() { c.rest = strings.TrimLeft(c.rest, " \t\u00a0") }

func (c *cursor) atEnd() bool {
	c.skipSpace()
	return c.rest == ""
}

// take reads a fixed word, whatever its case.
func (c *cursor) take(word string) bool {
	c.skipSpace()
	if len(c.rest) < len(word) || !strings.EqualFold(c.rest[:len(word)], word) {
		return false
	}
	c.rest = c.rest[len(word):]
	return true
}

// takeOne reads one of several fixed words and tells which, or -1.
func (c *cursor) takeOne(words []string) int {
	for i, word := range words {
		if c.take(word) {
			return i
		}
	}
	return -1
}

// ofSeason reports whether the rule holds only for a part of the year.
func (c *cursor) ofSeason() bool {
	look := *c
	if look.takeOne(monthNames) >= 0 || look.take("week") || look.take("easter") {
		return true
	}
	year, ok := look.number(4)
	return ok && year >= 1900 && !look.take(":")
}

// days reads the selector; a rule without one holds every day.
func (c *cursor) days() (daySet, bool) {
	var set daySet
	for first := true; ; first = false {
		c.skipSpace()
		before := c.rest
		known := c.oneSelector(&set)
		switch {
		case !known && first && c.rest == before:
			set.weekdays = everyDay
			return set, true
		case !known:
			return set, false
		}
		if !c.take(",") {
			c.take(":")
			return set, true
		}
	}
}

func (c *cursor) oneSelector(set *daySet) bool {
	if c.take("PH") {
		set.holidays = true
		return true
	}
	if c.take("SH") {
		set.special = true
		return true
	}
	from := c.takeOne(dayNames)
	if from < 0 {
		return false
	}
	if c.take("[") { // the nth of the month: Mo[1], Mo[1,3], Mo[-1]
		_, after, closed := strings.Cut(c.rest, "]")
		c.rest, set.special = after, true
		return closed
	}
	to := from
	if c.take("-") {
		if to = c.takeOne(dayNames); to < 0 {
			return false
		}
	}
	for d := from; ; d = (d + 1) % 7 {
		set.weekdays = append(set.weekdays, time.Weekday(d))
		if d == to {
			return true
		}
	}
}

// openings reads "off" or a list of times. It stops before a comma that no time follows.
func (c *cursor) openings() (ranges []ClockRange, ok bool) {
	if c.take("off") || c.take("closed") {
		return nil, true
	}
	for {
		r, ok := c.opening()
		if !ok {
			return nil, false
		}
		ranges = append(ranges, r)
		look := *c
		if !look.take(",") {
			return ranges, true
		}
		if look.skipSpace(); look.rest == "" || look.rest[0] < '0' || look.rest[0] > '9' {
			return ranges, true
		}
		*c = look
	}
}

func (c *cursor) opening() (r ClockRange, ok bool) {
	from, ok := c.clock()
	if !ok || from >= 24*60 || !c.take("-") {
		return r, false
	}
	to, ok := c.clock()
	if to > 24*60 { // "26:00" is 2 o'clock on the next day
		to -= 24 * 60
	}
	return ClockRange{from, to}, ok && from != to
}

func (c *cursor) clock() (Clock, bool) {
	hour, ok := c.number(2)
	if !ok || hour > 47 || !c.take(":") {
		return 0, false
	}
	minute, ok := c.number(2)
	return Clock(hour*60 + minute), ok && minute < 60
}

// number reads up to that many digits.
func (c *cursor) number(digits int) (n int, ok bool) {
	c.skipSpace()
	for digits > 0 && c.rest != "" && c.rest[0] >= '0' && c.rest[0] <= '9' {
		n, ok = n*10+int(c.rest[0]-'0'), true
		c.rest = c.rest[1:]
		digits--
	}
	return n, ok
}

// uncomment takes out what stands between double quotes: remarks for people.
func uncomment(text string) string {
	var kept strings.Builder
	for i, piece := range strings.Split(text, `"`) {
		if i%2 == 0 {
			kept.WriteString(piece)
		}
	}
	return kept.String()
}
