package httpd

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/vouchers"
)

func (w agendaWindow) open(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.SessionID) (agenda.Session, error) {
		return w.room.Open(c.UserContext(), actor(c), id)
	})
}

func (w agendaWindow) publishSlots(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in agenda.NewSlots
	if err := decode(c, &in); err != nil {
		return err
	}
	published, err := w.room.PublishSlots(c.UserContext(), actor(c), id, in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, sessionsAnswer{published})
}

func (w agendaWindow) change(c *fiber.Ctx) error {
	var in struct {
		StartsAt time.Time        `json:"starts_at"`
		EndsAt   time.Time        `json:"ends_at"`
		Seats    int              `json:"seats"`
		Note     string           `json:"note"`
		Later    []agenda.Meeting `json:"later"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.SessionID) (agenda.Session, error) {
		return w.room.Change(c.UserContext(), actor(c), agenda.Change{Session: id, StartsAt: in.StartsAt, EndsAt: in.EndsAt, Seats: in.Seats, Note: in.Note, Later: in.Later})
	})
}

// changeForm is a session as typed when it is changed.
type changeForm struct {
	Day     vouchers.Day `form:"day"`
	Time    string       `form:"time"`
	Minutes int          `form:"minutes"`
	Seats   int          `form:"seats"`
	Note    string       `form:"note"`
	Later   string       `form:"later"` // days of a course's later meetings
}

func changeFormOf(w *i18n.Words, s agenda.Session) changeForm {
	at := s.StartsAt.In(vouchers.DayOf(s.StartsAt).Time().Location())
	f := changeForm{Day: vouchers.DayOf(s.StartsAt), Time: at.Format("15:04"), Minutes: int(s.EndsAt.Sub(s.StartsAt).Minutes()), Seats: s.Seats, Note: s.Note}
	var days []string
	for _, m := range s.Later {
		days = append(days, m.StartsAt.In(at.Location()).Format("02/01/2006"))
	}
	f.Later = strings.Join(days, "\n")
	return f
}

// changed reads the form. Where no later day is typed, the course has no later meeting that
// is known.
func (f changeForm) changed(id vouchers.SessionID) (agenda.Change, error) {
	like := sessionForm{Day: f.Day, Time: f.Time, Minutes: f.Minutes, Seats: f.Seats, Times: 1, Note: f.Note, Later: f.Later}
	n, err := like.session(1)
	return agenda.Change{Session: id, StartsAt: n.StartsAt, EndsAt: n.EndsAt, Seats: n.Seats, Note: n.Note, Later: n.Later}, err
}

func (w agendaWindow) changeForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.SessionID](c, "id")
	if err != nil {
		return err
	}
	var form changeForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	change, err := form.changed(id)
	var s agenda.Session
	if err == nil {
		s, err = w.room.Change(c.UserContext(), actor(c), change)
	}
	if told := refusalOf(err); shownAgain(err) && told.fault != fault.NotFound {
		if err := flash(c, "stop", "fault."+told.code, pairs(told.args)...); err != nil {
			return err
		}
		return c.Redirect(fmt.Sprintf("/sessions/%d", id), fiber.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/sessions/%d", id), "agenda.changed", "name", sessionName(words(c), s), "at", words(c).When(s.StartsAt))
}

// feedAnswer is the address of a calendar. Whoever has it reads it.
type feedAnswer struct {
	Address string `json:"address"`
}

func (w agendaWindow) newFeed(c *fiber.Ctx) (string, error) {
	token, err := w.room.MakeFeed(c.UserContext(), actor(c))
	return fmt.Sprintf("%s/agenda/%s.ics", of(c).server.options.PublicURL, token), err
}

func (w agendaWindow) makeFeed(c *fiber.Ctx) error {
	address, err := w.newFeed(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, feedAnswer{address})
}

// FeedBody is what agenda/feed.html shows, once.
type FeedBody struct{ Address string }

func (w agendaWindow) makeFeedForm(c *fiber.Ctx) error {
	address, err := w.newFeed(c)
	if err != nil {
		return err
	}
	return page(c, "agenda/feed", FeedBody{address})
}

// ownFeed is the calendar of a member: the sessions of all places of its structure, with how
// many seats are taken and nobody's name.
func (w agendaWindow) ownFeed(c *fiber.Ctx) error {
	feed, err := w.room.OpenFeed(c.UserContext(), actor(c), c.Params("token"))
	if err != nil {
		return err
	}
	calendar := newCalendar(feed.Name)
	for _, s := range feed.Sessions {
		said := saidOfSession{location: s.PlaceName, description: s.Note,
			summary: words(c).Text("agenda.feed-summary", "name", sessionName(words(c), s), "taken", s.Taken, "seats", s.Seats)}
		calendar.Children = append(calendar.Children, eventsOf(of(c).server.options.PublicURL, s, said)...)
	}
	return sendCalendar(c, calendar)
}
