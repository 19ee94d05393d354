package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/emersion/go-ical"
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// agendaWindow is the API and the pages of sessions.
type agendaWindow struct {
	room   *agenda.Service
	places *labelling.Service
}

// AgendaRoutes are the routes of package agenda.
func AgendaRoutes(room *agenda.Service, places *labelling.Service) []Route {
	w := agendaWindow{room, places}
	structure := For(identity.Structure, identity.Agent)
	return []Route{
		{Method: "GET", Path: "/api/v1/places/:id/sessions", Handler: w.list, Access: Public, Doc: "a place's sessions of the next weeks"},
		{Method: "POST", Path: "/api/v1/places/:id/sessions", Handler: w.publish, Access: structure, Doc: "publish a session of one's place, or several a week apart"},
		{Method: "POST", Path: "/api/v1/places/:id/slots", Handler: w.publishSlots, Access: structure, Doc: "publish appointments of one's place, one after the other"},
		{Method: "GET", Path: "/api/v1/sessions/:id", Handler: w.open, Access: Public, Doc: "one session"},
		{Method: "PUT", Path: "/api/v1/sessions/:id", Handler: w.change, Access: structure, Doc: "change a session's times, seats or words"},
		{Method: "DELETE", Path: "/api/v1/sessions/:id", Handler: w.cancel, Access: structure, Doc: "call a session off, with a reason"},
		{Method: "POST", Path: "/api/v1/agenda/feed", Handler: w.makeFeed, Access: structure, Doc: "get an address of one's calendar, instead of the one before"},

		{Method: "GET", Path: "/places/:id/agenda.ics", Handler: w.feed, Access: Open, Doc: "a place's sessions, for calendars"},
		{Method: "GET", Path: "/places/:id/sessions", Handler: w.page, Access: structure, Doc: "sessions of one's place: list and form"},
		{Method: "POST", Path: "/places/:id/sessions", Handler: w.publishForm, Access: structure, Doc: "publish a session of one's place"},
		{Method: "POST", Path: "/places/:id/slots", Handler: w.slotsForm, Access: structure, Doc: "publish appointments of one's place"},
		{Method: "POST", Path: "/sessions/:id", Handler: w.changeForm, Access: structure, Doc: "change a session: form"},
		{Method: "POST", Path: "/agenda/feed", Handler: w.makeFeedForm, Access: structure, Doc: "get an address of one's calendar: form"},
		{Method: "GET", Path: "/agenda/:token.ics", Handler: w.ownFeed, Access: Open, Doc: "the calendar of a member of a structure, for whoever has its address"},
		{Method: "POST", Path: "/places/:id/sessions/cancel", Handler: w.cancelForm, Access: structure, Doc: "call a session of one's place off"},
	}
}

// agendaDays is how far ahead lists and calendars look.
const agendaDays = 120

// sessionsAnswer is a list of sessions.
type sessionsAnswer struct {
	Items []agenda.Session `json:"items"`
}

func (w agendaWindow) list(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	all, err := w.room.Upcoming(c.UserContext(), actor(c), id, agendaDays)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, sessionsAnswer{all})
}

func (w agendaWindow) publish(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in agenda.NewSession
	if err := decode(c, &in); err != nil {
		return err
	}
	published, err := w.room.Publish(c.UserContext(), actor(c), id, in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, sessionsAnswer{published})
}

func (w agendaWindow) cancel(c *fiber.Ctx) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.SessionID) (agenda.Session, error) {
		return w.room.Cancel(c.UserContext(), actor(c), agenda.Cancellation{Session: id, Reason: in.Reason})
	})
}

// feed is a place's sessions as RFC 5545 writes them.
func (w agendaWindow) feed(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.places.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	all, err := w.room.Upcoming(c.UserContext(), actor(c), id, agendaDays)
	if err != nil {
		return err
	}
	calendar := newCalendar(p.Name)
	for _, s := range all {
		said := saidOfSession{summary: sessionName(words(c), s), location: placeView(words(c), p).Address, description: s.Note}
		calendar.Children = append(calendar.Children, eventsOf(of(c).server.options.PublicURL, s, said)...)
	}
	return sendCalendar(c, calendar)
}

func sendCalendar(c *fiber.Ctx, calendar *ical.Calendar) error {
	var out bytes.Buffer
	if err := ical.NewEncoder(&out).Encode(calendar); err != nil {
		return fmt.Errorf("a calendar: %w", err)
	}
	c.Set(fiber.HeaderContentType, "text/calendar; charset=utf-8")
	return c.Send(out.Bytes())
}

// newCalendar is empty but for a time zone, which is there because RFC 5545 wants a calendar
// to hold something.
func newCalendar(name string) *ical.Calendar {
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//Passerelle//Agenda//FR")
	calendar.Props.SetText("X-WR-CALNAME", name)
	calendar.Children = append(calendar.Children, utc())
	return calendar
}

// saidOfSession is what a calendar says of a session besides its times.
type saidOfSession struct{ summary, location, description string }

// eventsOf is one event for each meeting of a session.
func eventsOf(site string, s agenda.Session, said saidOfSession) []*ical.Component {
	var all []*ical.Component
	for i, m := range append([]agenda.Meeting{{StartsAt: s.StartsAt, EndsAt: s.EndsAt}}, s.Later...) {
		event := ical.NewEvent()
		uid := fmt.Sprintf("session-%d@passerelle", s.ID)
		if i > 0 {
			uid = fmt.Sprintf("session-%d-%d@passerelle", s.ID, i+1)
		}
		event.Props.SetText(ical.PropUID, uid)
		event.Props.SetDateTime(ical.PropDateTimeStamp, s.PublishedAt.UTC())
		event.Props.SetDateTime(ical.PropDateTimeStart, m.StartsAt.UTC())
		event.Props.SetDateTime(ical.PropDateTimeEnd, m.EndsAt.UTC())
		event.Props.SetText(ical.PropSummary, said.summary)
		event.Props.SetText(ical.PropLocation, said.location)
		if said.description != "" {
			event.Props.SetText(ical.PropDescription, said.description)
		}
		event.Props.SetText(ical.PropURL, fmt.Sprintf("%s/places/%d", site, s.Place))
		sequence := s.Changes
		event.SetStatus(ical.EventConfirmed)
		if s.CancelledAt != nil {
			event.SetStatus(ical.EventCancelled)
			sequence++
		}
		if sequence > 0 {
			number := ical.NewProp(ical.PropSequence)
			number.Value = fmt.Sprint(sequence)
			event.Props.Set(number)
		}
		all = append(all, event.Component)
	}
	return all
}

// utc is the time zone of all times of a calendar.
func utc() *ical.Component {
	zone, standard := ical.NewComponent(ical.CompTimezone), ical.NewComponent(ical.CompTimezoneStandard)
	zone.Props.SetText(ical.PropTimezoneID, "UTC")
	standard.Props.SetText(ical.PropTimezoneOffsetFrom, "+0000")
	standard.Props.SetText(ical.PropTimezoneOffsetTo, "+0000")
	standard.Props.SetDateTime(ical.PropDateTimeStart, time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC))
	zone.Children = append(zone.Children, standard)
	return zone
}

// sessionName is what takes place: the service's title, or its theme.
func sessionName(w *i18n.Words, s agenda.Session) string {
	if s.Title != "" {
		return s.Title
	}
	return w.Text("theme." + s.Theme)
}
