package catalogue

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// rangesMost is how many openings a day has in the plain form: morning and afternoon.
const rangesMost = 2

// PlainWeek is hours as the plain form asks for them. Every PlainWeek can be written as
// OpenStreetMap's opening_hours; not all of those are a PlainWeek.
type PlainWeek struct {
	Days           [7][]ClockRange // Monday first; at most two openings each
	HolidaysClosed bool
	Note           string // what a visitor should know: "sur rendez-vous le mardi"
}

// Weekday is the day of Days[i].
func Weekday(i int) time.Weekday { return everyDay[i] }

// PlainWeekOf reads hours for the plain form. It is false where the form cannot say all that
// the text says: seasons, nights, a third opening. No hours at all are an empty week.
func PlainWeekOf(text string) (PlainWeek, bool) {
	if strings.TrimSpace(text) == "" {
		return PlainWeek{}, true
	}
	plain, note, ok := cutNote(text)
	if !ok {
		return PlainWeek{}, false
	}
	hours, read := ReadHours(plain)
	if !read || hours.More {
		return PlainWeek{}, false
	}
	w := PlainWeek{HolidaysClosed: hours.HolidaysClosed, Note: note}
	for _, line := range hours.Week {
		for i := range w.Days {
			if line.includes(Weekday(i)) {
				w.Days[i] = slices.Clone(line.Ranges)
			}
		}
	}
	return w, w.Problem() == ""
}

// cutNote takes a comment from the end of hours, where it is for all of them.
func cutNote(text string) (plain, note string, ok bool) {
	plain, rest, commented := strings.Cut(text, `"`)
	if !commented {
		return text, "", true
	}
	note, after, closed := strings.Cut(rest, `"`)
	before := strings.TrimSpace(plain)
	return plain, note, closed && strings.TrimSpace(after) == "" && (before == "" || strings.HasSuffix(before, ";"))
}

// Problem says what keeps a week from being written: "" where nothing does, "hours_order"
// for an opening that ends before it begins or before the one above it ends, "hours_many" for
// a third opening, "hours_note" for a note with quotes or line ends, or too long, and
// "hours_empty" where there is no opening that a note or public holidays could be about.
func (w PlainWeek) Problem() string {
	if len([]rune(w.Note)) > noteMost || strings.ContainsAny(w.Note, "\"\n\r") {
		return "hours_note"
	}
	if (w.Note != "" || w.HolidaysClosed) && !slices.ContainsFunc(w.Days[:], func(day []ClockRange) bool { return len(day) > 0 }) {
		return "hours_empty"
	}
	for _, ranges := range w.Days {
		if len(ranges) > rangesMost {
			return "hours_many"
		}
		last := Clock(-1)
		for _, r := range ranges {
			if r.From <= last || r.To <= r.From || r.To > 24*60 {
				return "hours_order"
			}
			last = r.To
		}
	}
	return ""
}

// noteMost is how many characters a note has.
const noteMost = 120

// String writes the week as opening_hours: days in a row with the same openings together,
// then "PH off", then the note.
func (w PlainWeek) String() string {
	var rules []string
	for i := 0; i < len(w.Days); {
		last := i
		for last+1 < len(w.Days) && slices.Equal(w.Days[last+1], w.Days[i]) {
			last++
		}
		if len(w.Days[i]) > 0 {
			rules = append(rules, span(i, last)+" "+openings(w.Days[i]))
		}
		i = last + 1
	}
	if w.HolidaysClosed {
		rules = append(rules, "PH off")
	}
	if w.Note != "" {
		rules = append(rules, `"`+w.Note+`"`)
	}
	return strings.Join(rules, "; ")
}

// span writes days in a row as the specification does: "Mo", "Mo-We".
func span(first, last int) string {
	name := func(i int) string { return Weekday(i).String()[:2] }
	if first == last {
		return name(first)
	}
	return name(first) + "-" + name(last)
}

func openings(ranges []ClockRange) string {
	texts := make([]string, len(ranges))
	for i, r := range ranges {
		texts[i] = fmt.Sprintf("%02d:%02d-%02d:%02d", r.From.Hour(), r.From.Minute(), r.To.Hour(), r.To.Minute())
	}
	return strings.Join(texts, ",")
}

// ParseClock reads a time of day as people type it: "9h", "9 h 30", "9:30", "09.30", "24:00".
func ParseClock(text string) (Clock, bool) {
	text = strings.ToLower(strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "h", ":", "H", ":", ".", ":").Replace(text))
	hours, minutes, cut := strings.Cut(text, ":")
	if minutes == "" {
		minutes = "00"
	}
	if !isNumber(hours) || !isNumber(minutes) || len(hours) > 2 || len(minutes) != 2 || !cut && hours == "" {
		return 0, false
	}
	h, m := number(hours), number(minutes)
	c := Clock(h*60 + m)
	return c, m < 60 && c <= 24*60
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func number(digits string) int {
	n := 0
	for _, d := range []byte(digits) {
		n = 10*n + int(d-'0')
	}
	return n
}
