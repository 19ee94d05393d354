package httpd

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// HoursBody is what labelling/hours.html shows.
type HoursBody struct {
	ID             vouchers.PlaceID
	Name           string
	Plain          bool // the form for each day; false: the text as it is
	Days           []DayView
	Holidays       bool
	Note           string
	Text           string   // opening_hours
	Lines          []string // Text in words
	Field, Problem string   // why the form was refused, "" at first
}

// DayView is one day of the form.
type DayView struct {
	Name   string
	Ranges []RangeView
}

// RangeView is one opening, as typed. Its names are ids of the form's fields too.
type RangeView struct{ FromName, ToName, From, To, Title string }

// HoursForm is the usual week as typed: "" twice is no opening.
type HoursForm struct {
	From     []string `form:"from"` // Monday morning, Monday afternoon, Tuesday morning, …
	To       []string `form:"to"`
	Holidays bool     `form:"holidays"`
	Note     string   `form:"note"`
	Text     string   `form:"text"` // of the form for experts
	Expert   bool     `form:"expert"`
	Look     bool     `form:"look"` // show it in words, keep nothing yet
	Copy     bool     `form:"copy"` // give Monday's openings to the other working days, keep nothing yet
}

// copyMonday gives Tuesday to Friday what Monday has.
func (f HoursForm) copyMonday() {
	for _, times := range [][]string{f.From, f.To} {
		for i := openingsADay; i < 5*openingsADay && i < len(times); i++ {
			times[i] = times[i%openingsADay]
		}
	}
}

const openingsADay = 2

// week reads the form. Its faults are hours_day_*, with the day.
func (f HoursForm) week(w *i18n.Words) (catalogue.PlainWeek, error) {
	week := catalogue.PlainWeek{HolidaysClosed: f.Holidays, Note: f.Note}
	if len(f.From) != 7*openingsADay || len(f.To) != len(f.From) {
		return week, invalid("from")
	}
	for i := range f.From {
		day := i / openingsADay
		if f.From[i] == "" && f.To[i] == "" {
			continue
		}
		from, readFrom := catalogue.ParseClock(f.From[i])
		to, readTo := catalogue.ParseClock(f.To[i])
		if !readFrom || !readTo {
			return week, fault.New(fault.Invalid, "hours_day_unread", "field", rangeName("from", i), "day", weekday(w, day),
				"typed", strings.TrimSpace(f.From[i]+" – "+f.To[i]))
		}
		week.Days[day] = append(week.Days[day], catalogue.ClockRange{From: from, To: to})
	}
	for day, ranges := range week.Days {
		one := catalogue.PlainWeek{}
		if one.Days[day] = ranges; one.Problem() != "" {
			return week, fault.New(fault.Invalid, "hours_day_order", "field", rangeName("from", day*openingsADay), "day", weekday(w, day))
		}
	}
	if problem := week.Problem(); problem != "" {
		return week, fault.New(fault.Invalid, problem, "field", "note")
	}
	return week, nil
}

func rangeName(edge string, i int) string { return fmt.Sprintf("%s-%d", edge, i) }

func weekday(w *i18n.Words, day int) string {
	return w.Text(fmt.Sprintf("format.weekday.%d", catalogue.Weekday(day)))
}

func (w labellingWindow) hoursPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return showHours(c, p, hoursFormOf(p.Hours, c.QueryBool("text")), "", "")
}

// hoursFormOf fills the form with what a place has: the one for experts where the plain one
// would lose something.
func hoursFormOf(text string, expert bool) HoursForm {
	f := HoursForm{From: make([]string, 7*openingsADay), To: make([]string, 7*openingsADay), Text: text}
	week, plain := catalogue.PlainWeekOf(text)
	if f.Expert = expert || !plain; f.Expert {
		return f
	}
	f.Holidays, f.Note = week.HolidaysClosed, week.Note
	for day, ranges := range week.Days {
		for k, r := range ranges {
			f.From[day*openingsADay+k], f.To[day*openingsADay+k] = timeField(r.From), timeField(r.To)
		}
	}
	return f
}

func timeField(c catalogue.Clock) string { return fmt.Sprintf("%02d:%02d", c.Hour(), c.Minute()) }

func showHours(c *fiber.Ctx, p labelling.Place, f HoursForm, field, problem string) error {
	w := words(c)
	body := HoursBody{ID: p.ID, Name: p.Name, Plain: !f.Expert, Holidays: f.Holidays, Note: f.Note, Text: f.Text, Lines: hoursInWords(w, f.Text),
		Field: field, Problem: problem}
	for day := range 7 {
		view := DayView{Name: weekday(w, day)}
		for k := range openingsADay {
			i := day*openingsADay + k
			r := RangeView{FromName: rangeName("from", i), ToName: rangeName("to", i), Title: w.Text(fmt.Sprintf("labelling.hours.range-%d", k))}
			if i < len(f.From) && i < len(f.To) {
				r.From, r.To = f.From[i], f.To[i]
			}
			view.Ranges = append(view.Ranges, r)
		}
		body.Days = append(body.Days, view)
	}
	return page(c, "labelling/hours", body)
}

func (w labellingWindow) hoursForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form HoursForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	if form.Copy {
		form.copyMonday()
	}
	if !form.Expert {
		var week catalogue.PlainWeek
		if week, err = form.week(words(c)); err == nil {
			form.Text = week.String()
		}
	}
	if err == nil && (form.Look || form.Copy) {
		return showHours(c, p, form, "", "")
	}
	if err == nil {
		_, err = w.places.Correct(c.UserContext(), actor(c), p.ID, labelling.Correction{Hours: &form.Text})
	}
	if faultText(c, err) != "" {
		field := namedField(err)
		if field == "hours" {
			field = "text"
		}
		return showHours(c, p, form, field, refuse(c, err))
	}
	if err != nil {
		return err
	}
	return done(c, "/joining", "labelling.hours.kept", "place", p.Name)
}
