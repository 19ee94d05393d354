package httpd

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"
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
	Free      int    // seats that can be booked
	Taken     int
	Waiting   int // people on the waiting list
	Slot      bool
	Course    bool
	Later     []time.Time // of a course: when its later meetings begin, as far as they are known
	Unknown   int         // later meetings whose day is not known yet
}

// Bookable tells whether somebody can book it, or wait for a seat.
func (v SessionView) Bookable() bool { return v.Cancelled == "" && (v.Free > 0 || !v.Slot) }

func sessionViews(w *i18n.Words, all []agenda.Session) []SessionView {
	var views []SessionView
	for _, s := range all {
		views = append(views, sessionView(w, s))
	}
	return views
}

func sessionView(w *i18n.Words, s agenda.Session) SessionView {
	v := SessionView{ID: s.ID, Name: sessionName(w, s), At: s.StartsAt, Minutes: int(s.EndsAt.Sub(s.StartsAt).Minutes()), Seats: s.Seats, Price: s.Price,
		Extra: s.Extra, Note: s.Note, Cancelled: s.CancelReason, Free: s.Free(), Taken: s.Taken, Waiting: s.Waiting, Slot: s.Kind == agenda.Slot, Course: s.Kind == agenda.Course}
	for _, m := range s.Later {
		v.Later = append(v.Later, m.StartsAt)
	}
	if v.Course {
		v.Unknown = s.Meetings - 1 - len(s.Later)
	}
	return v
}

// AgendaBody is what agenda/sessions.html shows.
type AgendaBody struct {
	Place          vouchers.PlaceID
	Name           string
	Sessions       []SessionView
	Services       []choiceOf
	Form           sessionForm
	Hours          slotForm
	Weekdays       []choiceOf
	Field, Problem string // why a form was refused, "" at first
	SlotProblem    bool   // it was the form of slots
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
	Later   string             `form:"later"` // days of a course's later meetings; "": every week
}

// session reads the form for a service of so many meetings.
func (f sessionForm) session(meetings int) (agenda.NewSession, error) {
	start, err := momentOf(f.Day, f.Time)
	if err != nil {
		return agenda.NewSession{}, err
	}
	later, err := laterMeetings(f, start, meetings)
	return agenda.NewSession{Service: f.Service, StartsAt: start, EndsAt: start.Add(time.Duration(f.Minutes) * time.Minute),
		Seats: f.Seats, Times: f.Times, Note: f.Note, Later: later}, err
}

// momentOf is a time of a day in Paris.
func momentOf(day vouchers.Day, clock string) (time.Time, error) {
	at, err := time.Parse("15:04", clock)
	if err != nil {
		return at, fault.New(fault.Invalid, "session_time_unread", "typed", clock)
	}
	midnight := day.Time()
	return time.Date(midnight.Year(), midnight.Month(), midnight.Day(), at.Hour(), at.Minute(), 0, 0, midnight.Location()), nil
}

// laterMeetings are those of the days that were typed, at the hour of the first, or one each
// week.
func laterMeetings(f sessionForm, first time.Time, meetings int) ([]agenda.Meeting, error) {
	var days []vouchers.Day
	for _, typed := range typedList(f.Later) {
		day, err := vouchers.ParseDay(typed)
		if french, wrong := time.Parse("2/1/2006", typed); err != nil && wrong == nil {
			day, err = vouchers.DayOf(french.Add(12*time.Hour)), nil
		}
		if err != nil {
			return nil, fault.New(fault.Invalid, "session_day_unread", "typed", typed)
		}
		days = append(days, day)
	}
	if len(days) == 0 {
		for n := 1; n < meetings; n++ {
			days = append(days, f.Day.AddDays(7*n))
		}
	}
	var later []agenda.Meeting
	for _, day := range days {
		start, err := momentOf(day, f.Time)
		if err != nil {
			return nil, err
		}
		later = append(later, agenda.Meeting{StartsAt: start, EndsAt: start.Add(time.Duration(f.Minutes) * time.Minute)})
	}
	return later, nil
}

// slotForm is hours of appointments as typed.
type slotForm struct {
	Service  vouchers.ServiceID `form:"service"`
	Weekdays []int              `form:"weekdays"`
	From     string             `form:"from"`
	Until    string             `form:"until"`
	Minutes  int                `form:"minutes"`
	FirstDay vouchers.Day       `form:"first_day"`
	Weeks    int                `form:"weeks"`
	Note     string             `form:"note"`
}

func (f slotForm) slots() agenda.NewSlots {
	return agenda.NewSlots{Service: f.Service, Weekdays: f.Weekdays, From: f.From, Until: f.Until, Minutes: f.Minutes, FirstDay: f.FirstDay, Weeks: f.Weeks, Note: f.Note}
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
	return w.show(c, p, AgendaBody{Form: form, Hours: w.usualHours(c)}, nil)
}

// usualHours are what the form of slots says at first.
func (w agendaWindow) usualHours(c *fiber.Ctx) slotForm {
	return slotForm{Weekdays: []int{2}, From: "14:00", Until: "17:00", Minutes: 45, FirstDay: vouchers.DayOf(of(c).server.options.Now()).AddDays(1), Weeks: 4}
}

// show fills in what does not depend on what was typed.
func (w agendaWindow) show(c *fiber.Ctx, p labelling.Place, body AgendaBody, refused error) error {
	all, err := w.room.Upcoming(c.UserContext(), actor(c), p.ID, agendaDays)
	if err != nil {
		return err
	}
	body.Place, body.Name, body.Sessions = p.ID, p.Name, sessionViews(words(c), all)
	for day := 1; day <= 7; day++ {
		body.Weekdays = append(body.Weekdays, choiceOf{fmt.Sprint(day), words(c).Text(fmt.Sprintf("agenda.weekday.%d", day))})
	}
	for _, o := range inOrder(p.Services) {
		body.Services = append(body.Services, choiceOf{fmt.Sprint(o.ID), offerName(words(c), o)})
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), cmp.Or(body.Field, sessionFields[fault.Code(refused)])
		body.SlotProblem = strings.HasPrefix(fault.Code(refused), "slot")
		c.Status(http.StatusUnprocessableEntity)
	}
	return page(c, "agenda/sessions", body)
}

// sessionFields names the field that a refusal is about.
var sessionFields = map[string]string{
	"session_in_the_past": "day", "session_times": "minutes", "seats_out_of_range": "seats", "session_times_out_of_range": "times",
	"session_note_length": "note", "session_time_unread": "time", "session_meetings": "later", "session_day_unread": "later",
	"slot_hours": "from", "slot_days": "weeks", "slot_course": "slot-service", "slots_out_of_range": "weeks", "slots_none": "first_day",
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
	typed, err := form.session(meetingsOf(p, form.Service))
	var published []agenda.Session
	if err == nil {
		published, err = w.room.Publish(c.UserContext(), actor(c), p.ID, typed)
	}
	if sessionFields[fault.Code(err)] != "" {
		return w.show(c, p, AgendaBody{Form: form, Hours: w.usualHours(c)}, err)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/places/%d/sessions", p.ID), "agenda.published", "count", len(published), "place", p.Name)
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
		field := fmt.Sprintf("reason-%d", form.Session) // each session of the list has its own
		return w.show(c, p, AgendaBody{Form: sessionForm{Times: 1}, Hours: w.usualHours(c), Field: field}, err)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/places/%d/sessions", p.ID), "agenda.called-off", "name", sessionName(words(c), s), "at", words(c).When(s.StartsAt))
}

// meetingsOf is how often a service of a place meets; 1 where it is not one of them.
func meetingsOf(p labelling.Place, id vouchers.ServiceID) int {
	for _, o := range p.Services {
		if o.ID == id {
			return o.Meetings
		}
	}
	return 1
}

func (w agendaWindow) slotsForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form slotForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	published, err := w.room.PublishSlots(c.UserContext(), actor(c), p.ID, form.slots())
	if sessionFields[fault.Code(err)] != "" {
		usual := sessionForm{Day: form.FirstDay, Time: "14:00", Minutes: 90, Seats: 6, Times: 1}
		return w.show(c, p, AgendaBody{Form: usual, Hours: form}, err)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/places/%d/sessions", p.ID), "agenda.slots-published", "count", len(published), "place", p.Name)
}
