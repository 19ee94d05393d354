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
		{Method: "DELETE", Path: "/api/v1/sessions/:id", Handler: w.cancel, Access: structure, Doc: "call a session off, with a reason"},

		{Method: "GET", Path: "/places/:id/agenda.ics", Handler: w.feed, Access: Open, Doc: "a place's sessions, for calendars"},
		{Method: "GET", Path: "/places/:id/sessions", Handler: w.page, Access: structure, Doc: "sessions of one's place: list and form"},
		{Method: "POST", Path: "/places/:id/sessions", Handler: w.publishForm, Access: structure, Doc: "publish a session of one's place"},
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
	id, err := pathID[vouchers.SessionID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	s, err := w.room.Cancel(c.UserContext(), actor(c), agenda.Cancellation{Session: id, Reason: in.Reason})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, s)
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
	var out bytes.Buffer
	if err := ical.NewEncoder(&out).Encode(calendarOf(words(c), of(c).server.options.PublicURL, p, all)); err != nil {
		return fmt.Errorf("the calendar of place %d: %w", id, err)
	}
	c.Set(fiber.HeaderContentType, "text/calendar; charset=utf-8")
	return c.Send(out.Bytes())
}

// calendarOf writes sessions as events. The time zone is there because RFC 5545 wants a
// calendar to hold something, and a place may have no session.
func calendarOf(w *i18n.Words, site string, p labelling.Place, all []agenda.Session) *ical.Calendar {
	calendar := ical.NewCalendar()
	calendar.Props.SetText(ical.PropVersion, "2.0")
	calendar.Props.SetText(ical.PropProductID, "-//Passerelle//Agenda//FR")
	calendar.Props.SetText("X-WR-CALNAME", p.Name)
	calendar.Children = append(calendar.Children, utc())
	for _, s := range all {
		event := ical.NewEvent()
		event.Props.SetText(ical.PropUID, fmt.Sprintf("session-%d@passerelle", s.ID))
		event.Props.SetDateTime(ical.PropDateTimeStamp, s.PublishedAt.UTC())
		event.Props.SetDateTime(ical.PropDateTimeStart, s.StartsAt.UTC())
		event.Props.SetDateTime(ical.PropDateTimeEnd, s.EndsAt.UTC())
		event.Props.SetText(ical.PropSummary, sessionName(w, s))
		event.Props.SetText(ical.PropLocation, placeView(w, p).Address)
		if s.Note != "" {
			event.Props.SetText(ical.PropDescription, s.Note)
		}
		event.Props.SetText(ical.PropURL, fmt.Sprintf("%s/places/%d", site, p.ID))
		event.SetStatus(ical.EventConfirmed)
		if s.CancelledAt != nil {
			event.SetStatus(ical.EventCancelled)
			event.Props.SetText(ical.PropSequence, "1")
		}
		calendar.Children = append(calendar.Children, event.Component)
	}
	return calendar
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
