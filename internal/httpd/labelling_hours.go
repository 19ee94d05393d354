package httpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
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
	if problem := faultText(c, err); problem != "" {
		field := namedField(err)
		if field == "hours" {
			field = "text"
		}
		c.Status(refusalOf(err).status)
		return showHours(c, p, form, field, problem)
	}
	if err != nil {
		return err
	}
	return done(c, "/joining", "labelling.hours.kept", "place", p.Name)
}

// communesOf are the names of the communes that a postcode serves, the biggest first.
func communesOf(postcode string) []string {
	var names []string
	for _, commune := range territory.ByPostcode(postcode) {
		names = append(names, commune.Name)
	}
	return names
}

// AccessBody is what labelling/access.html shows.
type AccessBody struct {
	ID             vouchers.PlaceID
	Name           string
	Form           AccessForm
	Lists          []CheckList
	Field, Problem string // why the form was refused, "" at first
}

// CheckList is a list of the national vocabulary, to tick.
type CheckList struct {
	Name, Title, Hint string
	Items             []checkBox
}

// AccessForm is how people come to a place, who is specially welcome and what it costs.
type AccessForm struct {
	Phone         string   `form:"phone"`
	Email         string   `form:"email"`
	Website       string   `form:"website"`
	BookingURL    string   `form:"booking_url"`
	Accessibility string   `form:"accessibility"`
	AccessWays    []string `form:"access_ways"`
	SupportWays   []string `form:"support_ways"`
	Audiences     []string `form:"audiences"`
	SpecialCare   []string `form:"special_care"`
	Languages     []string `form:"languages"`
	Fees          []string `form:"fees"`
	Presentation  string   `form:"presentation"`
}

// lists are the lists of the form, in the order of the page.
func (f *AccessForm) lists() map[string]*[]string {
	return map[string]*[]string{"access_ways": &f.AccessWays, "support_ways": &f.SupportWays, "audiences": &f.Audiences,
		"special_care": &f.SpecialCare, "languages": &f.Languages, "fees": &f.Fees}
}

// languagesAsked are the languages that people look for a place in; others that a place has
// are kept.
var languagesAsked = []string{"fr", "fsl", "en", "ar", "es", "pt", "it", "de", "tr", "ru", "uk", "zh", "ro", "pl", "sq", "ps", "fa", "ta", "bn"}

func (w labellingWindow) accessPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	form := AccessForm{Phone: phoneAsRead(p.Phone), Email: p.Email, Website: p.Website, BookingURL: p.BookingURL, Accessibility: p.Accessibility,
		AccessWays: p.AccessWays, SupportWays: p.SupportWays, Audiences: p.Audiences, SpecialCare: p.SpecialCare, Languages: p.Languages,
		Fees: p.Fees, Presentation: p.Presentation}
	return showAccess(c, p, form, "", "")
}

func showAccess(c *fiber.Ctx, p labelling.Place, form AccessForm, field, problem string) error {
	w := words(c)
	body := AccessBody{ID: p.ID, Name: p.Name, Form: form, Field: field, Problem: problem}
	for _, name := range []string{"access_ways", "support_ways", "fees", "audiences", "special_care", "languages"} {
		chosen := *form.lists()[name]
		list := CheckList{Name: name, Title: w.Text("labelling.access." + name), Hint: w.Text("labelling.access." + name + "-hint")}
		values := catalogue.Values(name)
		if name == "languages" {
			values = languagesAsked
		}
		for _, value := range values {
			list.Items = append(list.Items, checkBox{value, valueInWords(w, name, value), slices.Contains(chosen, value)})
		}
		for _, value := range chosen { // what the list does not offer stays
			if !slices.Contains(values, value) {
				list.Items = append(list.Items, checkBox{value, valueInWords(w, name, value), true})
			}
		}
		body.Lists = append(body.Lists, list)
	}
	return page(c, "labelling/access", body)
}

// valueInWords is a value of the national vocabulary as it is written there, and a language's
// name.
func valueInWords(w *i18n.Words, list, value string) string {
	if key := "labelling.language." + value; list == "languages" && w.Has(key) {
		return w.Text(key)
	}
	return value
}

func (w labellingWindow) accessForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form AccessForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.places.Correct(c.UserContext(), actor(c), p.ID, form.correction(p))
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return showAccess(c, p, form, namedField(err), problem)
	}
	if err != nil {
		return err
	}
	return done(c, "/joining", "labelling.access.kept", "place", p.Name)
}
