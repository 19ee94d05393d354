package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// SessionView is a session in words.
type SessionView struct {
	ID        vouchers.SessionID
	Name      string
	At        time.Time
	Minutes   int
	Seats     int
	Price     int            // vouchers; 0: free
	Extra     vouchers.Cents // that the person pays besides
	Note      string
	Cancelled string // why it was called off; "" where it takes place
}

func sessionViews(w *i18n.Words, all []agenda.Session) []SessionView {
	var views []SessionView
	for _, s := range all {
		views = append(views, SessionView{s.ID, sessionName(w, s), s.StartsAt, int(s.EndsAt.Sub(s.StartsAt).Minutes()), s.Seats, s.Price, s.Extra, s.Note, s.CancelReason})
	}
	return views
}

// AgendaBody is what agenda/sessions.html shows.
type AgendaBody struct {
	Place          vouchers.PlaceID
	Name           string
	Sessions       []SessionView
	Services       []choiceOf
	Form           sessionForm
	Field, Problem string // why the form was refused, "" at first
}

// sessionForm is a session as typed, in the time of Paris.
type sessionForm struct {
	Service vouchers.ServiceID `form:"service"`
	Day     vouchers.Day       `form:"day"`
	Time    string             `form:"time"`
	Minutes int                `form:"minutes"`
	Seats   int                `form:"seats"`
	Times   int                `form:"times"`
	Note    string             `form:"note"`
}

// session reads the form; false where the time is none.
func (f sessionForm) session() (agenda.NewSession, bool) {
	clock, err := time.Parse("15:04", f.Time)
	midnight := f.Day.Time()
	start := time.Date(midnight.Year(), midnight.Month(), midnight.Day(), clock.Hour(), clock.Minute(), 0, 0, midnight.Location())
	return agenda.NewSession{Service: f.Service, StartsAt: start, EndsAt: start.Add(time.Duration(f.Minutes) * time.Minute),
		Seats: f.Seats, Times: f.Times, Note: f.Note}, err == nil
}

// own is the place of the path where the actor's structure answers for it.
func (w agendaWindow) own(c *fiber.Ctx) (labelling.Place, error) {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return labelling.Place{}, err
	}
	p, err := w.places.Open(c.UserContext(), actor(c), id)
	if err == nil && p.Structure != actor(c).Organisation {
		return p, notFound()
	}
	return p, err
}

func (w agendaWindow) page(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	form := sessionForm{Day: vouchers.DayOf(of(c).server.options.Now()).AddDays(7), Time: "14:00", Minutes: 90, Seats: 6, Times: 1}
	if len(p.Services) > 0 {
		form.Minutes = p.Services[0].DurationMinutes
	}
	return w.show(c, p, form, nil)
}

func (w agendaWindow) show(c *fiber.Ctx, p labelling.Place, form sessionForm, refused error) error {
	all, err := w.room.Upcoming(c.UserContext(), actor(c), p.ID, agendaDays)
	if err != nil {
		return err
	}
	body := AgendaBody{Place: p.ID, Name: p.Name, Sessions: sessionViews(words(c), all), Form: form}
	for _, o := range inOrder(p.Services) {
		body.Services = append(body.Services, choiceOf{fmt.Sprint(o.ID), offerName(words(c), o)})
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), sessionFields[fault.Code(refused)]
		c.Status(http.StatusUnprocessableEntity)
	}
	return page(c, "agenda/sessions", body)
}

// sessionFields names the field that a refusal is about.
var sessionFields = map[string]string{
	"session_in_the_past": "day", "session_times": "minutes", "seats_out_of_range": "seats", "session_times_out_of_range": "times",
	"session_note_length": "note", "session_time_unread": "time", "cancel_reason_length": "reason",
}

func (w agendaWindow) publishForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form sessionForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	typed, read := form.session()
	if !read {
		return w.show(c, p, form, fault.New(fault.Invalid, "session_time_unread", "typed", form.Time))
	}
	published, err := w.room.Publish(c.UserContext(), actor(c), p.ID, typed)
	if told := new(fault.Error); errors.As(err, &told) && sessionFields[told.Code] != "" {
		return w.show(c, p, form, err)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "agenda.published", "count", len(published), "place", p.Name); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/places/%d/sessions", p.ID), fiber.StatusSeeOther)
}

func (w agendaWindow) cancelForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form struct {
		Session vouchers.SessionID `form:"session"`
		Reason  string             `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	s, err := w.room.Cancel(c.UserContext(), actor(c), agenda.Cancellation{Session: form.Session, Reason: form.Reason})
	if fault.Code(err) == "cancel_reason_length" {
		return w.show(c, p, sessionForm{Times: 1}, err)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "agenda.called-off", "name", sessionName(words(c), s), "at", words(c).When(s.StartsAt)); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/places/%d/sessions", p.ID), fiber.StatusSeeOther)
}
