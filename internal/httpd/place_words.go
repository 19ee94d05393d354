package httpd

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// PlaceView is what the partial "place-card" shows.
type PlaceView struct {
	Name, Address, Href, Phone, Dial, Hours, Route, Services string
	Accepts, HasDistance, Stale                              bool
	Km                                                       float64
}

// placeView words a place as somebody who wants to go there needs it.
func placeView(w *i18n.Words, p labelling.Place) PlaceView {
	v := PlaceView{
		Name: p.Name, Address: strings.Join(addressLines(p), ", "), Href: fmt.Sprintf("/places/%d", p.ID),
		Phone: phoneAsRead(p.Phone), Dial: p.Phone, Hours: strings.Join(hoursInWords(w, p.Hours), "\n"),
		Accepts: p.Labelled, Stale: p.Stale,
	}
	if p.Lat != nil && p.Lon != nil {
		v.Route = "https://www.openstreetmap.org/directions?to=" + url.QueryEscape(fmt.Sprintf("%.5f,%.5f", *p.Lat, *p.Lon))
	}
	if p.Km != nil {
		v.HasDistance, v.Km = true, *p.Km
	}
	return v
}

// addressLines are the lines of a place's address, as on an envelope.
func addressLines(p labelling.Place) []string {
	var lines []string
	for _, line := range []string{p.Address, strings.TrimSpace(p.Postcode + " " + p.Town)} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// phoneAsRead writes a French number in pairs, "04 50 02 00 00", and others as they are.
func phoneAsRead(number string) string {
	digits, french := strings.CutPrefix(number, "+33")
	if !french || len(digits) != 9 {
		return number
	}
	return fmt.Sprintf("0%s %s %s %s %s", digits[:1], digits[1:3], digits[3:5], digits[5:7], digits[7:])
}

// hoursInWords writes a usual week, one line for each run of days with the same openings;
// as its source has it where that cannot be read, and nothing where it is unknown.
func hoursInWords(w *i18n.Words, text string) []string {
	if strings.TrimSpace(text) == "" {
		return nil
	}
	hours, ok := catalogue.ReadHours(text)
	if !ok {
		return []string{text}
	}
	var lines []string
	for _, day := range hours.Week {
		lines = append(lines, w.Text("hours.line", "days", days(w, day), "ranges", rangesInWords(w, day.Ranges)))
	}
	if hours.HolidaysClosed {
		lines = append(lines, w.Text("hours.holidays-closed"))
	}
	if len(hours.Holidays) > 0 {
		lines = append(lines, w.Text("hours.line", "days", w.Text("hours.holidays"), "ranges", rangesInWords(w, hours.Holidays)))
	}
	if week, plain := catalogue.PlainWeekOf(text); plain && week.Note != "" {
		return append(lines, week.Note)
	}
	if hours.More {
		lines = append(lines, w.Text("hours.more"))
	}
	return lines
}

func rangesInWords(w *i18n.Words, openings []catalogue.ClockRange) string {
	var ranges []string
	for _, r := range openings {
		ranges = append(ranges, w.Text("hours.range", "from", clock(w, r.From), "to", clock(w, r.To)))
	}
	return strings.Join(ranges, w.Text("hours.and"))
}

// holidayDays is how far ahead a page warns of a public holiday: whoever reads it plans a week.
const holidayDays = 7

// holidaySoon says what a coming public holiday does to the usual hours, "" where none comes
// or nothing is known of the usual week.
func holidaySoon(w *i18n.Words, text string, today vouchers.Day) string {
	hours, read := catalogue.ReadHours(text)
	for ahead := range holidayDays {
		day := today.AddDays(ahead)
		switch {
		case !read || !day.PublicHoliday():
		case hours.HolidaysClosed:
			return w.Text("hours.holiday-closed", "day", day)
		case len(hours.Holidays) > 0:
			return w.Text("hours.holiday-open", "day", day, "ranges", rangesInWords(w, hours.Holidays))
		default:
			return w.Text("hours.holiday-unknown", "day", day)
		}
	}
	return ""
}

func days(w *i18n.Words, d catalogue.DayHours) string {
	first := w.Text(fmt.Sprintf("format.weekday.%d", d.FirstDay))
	last := w.Text(fmt.Sprintf("format.weekday.%d", d.LastDay))
	switch d.LastDay {
	case d.FirstDay:
		return first
	case (d.FirstDay + 1) % 7:
		return first + w.Text("hours.and") + last
	}
	return w.Text("hours.days", "first", first, "last", last)
}

// clock writes a time of day, of the first of January, when no clock is changed: "9 h", "9 h 30".
func clock(w *i18n.Words, c catalogue.Clock) string {
	if c.Minute() == 0 {
		return w.Text("hours.sharp", "hour", c.Hour()%24)
	}
	return w.Clock(vouchers.Day(0).Time().Add(time.Duration(c) * time.Minute))
}
