package i18n

import (
	"strconv"
	"time"
	_ "time/tzdata" // a host without zone files would show every hour wrong
)

// Paris is the zone in which every time is shown, whoever reads it: campaigns end and
// sessions begin on French clocks.
var Paris = mustLoad("Europe/Paris")

func mustLoad(zone string) *time.Location {
	location, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return location
}

// formatKeys are the texts without which a language cannot write numbers and dates.
var formatKeys = append([]string{
	"format.unknown", "format.group", "format.decimal", "format.money", "format.percent",
	"format.km", "format.metres", "format.seconds", "format.minutes", "format.hours", "format.hours_minutes",
	"format.day", "format.short_day", "format.first_of_month", "format.when", "format.clock",
}, append(numbered("format.weekday.", 0, 6), numbered("format.month.", 1, 12)...)...)

func numbered(prefix string, from, to int) []string {
	var keys []string
	for i := from; i <= to; i++ {
		keys = append(keys, prefix+strconv.Itoa(i))
	}
	return keys
}

// Day writes a day in full, "mardi 3 mars 2027"; the zero time is unknown.
func (w *Words) Day(t time.Time) string {
	if t.IsZero() {
		return w.Unknown()
	}
	weekday := w.Text("format.weekday." + strconv.Itoa(int(t.In(Paris).Weekday())))
	return w.Text("format.day", "weekday", weekday, "date", w.ShortDay(t))
}

// ShortDay writes a day without its weekday, "3 mars 2027"; the zero time is unknown.
func (w *Words) ShortDay(t time.Time) string {
	if t.IsZero() {
		return w.Unknown()
	}
	t = t.In(Paris)
	day := strconv.Itoa(t.Day())
	if t.Day() == 1 {
		day = w.Text("format.first_of_month")
	}
	month := w.Text("format.month." + strconv.Itoa(int(t.Month())))
	return w.Text("format.short_day", "day", day, "month", month, "year", strconv.Itoa(t.Year()))
}

// Clock writes an hour, "14 h 30"; the zero time is unknown.
func (w *Words) Clock(t time.Time) string {
	if t.IsZero() {
		return w.Unknown()
	}
	t = t.In(Paris)
	return w.Text("format.clock", "hour", strconv.Itoa(t.Hour()), "minute", twoDigits(t.Minute()))
}

// When writes a day and an hour, "3 mars 2027 à 14 h 30"; the zero time is unknown.
func (w *Words) When(t time.Time) string {
	if t.IsZero() {
		return w.Unknown()
	}
	return w.Text("format.when", "day", w.ShortDay(t), "clock", w.Clock(t))
}
