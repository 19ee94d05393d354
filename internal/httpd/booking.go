package httpd

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Booking is the window of booked seats: the API and the pages of holders, prescribers and
// places.
type Booking struct {
	Service   *booking.Service
	Agenda    *agenda.Service
	Keys      *vouchers.Keyring // seal the code between two pages
	TryTyped  func(ctx context.Context, address, text string) (payload string, err error)
	HelpPhone string
}

// Routes lists them.
func (b *Booking) Routes() []Route {
	agents, members := For(identity.Structure, identity.Agent), For(identity.Structure, identity.Agent, identity.Reader)
	organisations := ForAny(identity.Prescriber, identity.Structure)
	return []Route{
		{Method: "GET", Path: "/bookings/find", Handler: b.findPage, Access: Public, Doc: "sessions that a booklet can be used for, near a commune"},
		{Method: "GET", Path: "/bookings/new", Handler: b.newPage, Access: Public, Doc: "book a session: what it means, and the form"},
		{Method: "POST", Path: "/bookings/code", Handler: b.keepCode, Access: Public, Doc: "book a session: keep a typed code for the next page"},
		{Method: "POST", Path: "/bookings", Handler: b.bookForm, Access: Public, Doc: "book a session"},
		{Method: "GET", Path: "/bookings/:id", Handler: b.slipPage, Access: Public, Doc: "a booking's slip: when, where, how to cancel"},
		{Method: "GET", Path: "/bookings/:id/slip.pdf", Handler: b.slipPDF, Access: Public, Doc: "a booking's slip, to print"},
		{Method: "GET", Path: "/bookings/:id/agenda.ics", Handler: b.calendar, Access: Public, Doc: "a booking's meetings, for a calendar"},
		{Method: "POST", Path: "/bookings/:id/cancel", Handler: b.cancelForm, Access: Public, Doc: "cancel a booking"},
		{Method: "GET", Path: "/bookings/:id/move", Handler: b.movePage, Access: Public, Doc: "other sessions for a booking"},
		{Method: "POST", Path: "/bookings/:id/move", Handler: b.moveForm, Access: Public, Doc: "move a booking to another session"},
		{Method: "POST", Path: "/bookings/:id/no-show", Handler: b.missForm, Access: agents, Doc: "say that the person did not come: form"},
		{Method: "GET", Path: "/sessions/:id", Handler: b.sessionPage, Access: members, Doc: "who comes to a session, and changing it"},

		{Method: "POST", Path: "/api/v1/bookings", Handler: b.book, Access: organisations, Doc: "book a session for whoever holds a booklet"},
		{Method: "GET", Path: "/api/v1/bookings/:id", Handler: b.open, Access: organisations, Doc: "one booking"},
		{Method: "DELETE", Path: "/api/v1/bookings/:id", Handler: b.cancel, Access: organisations, Doc: "cancel a booking"},
		{Method: "POST", Path: "/api/v1/bookings/:id/move", Handler: b.move, Access: organisations, Doc: "move a booking to another session"},
		{Method: "POST", Path: "/api/v1/bookings/:id/no-show", Handler: b.miss, Access: agents, Doc: "say that the person did not come"},
		{Method: "GET", Path: "/api/v1/sessions/:id/bookings", Handler: b.ofSession, Access: members, Doc: "who comes to a session of one's place"},
	}
}

func (b *Booking) book(c *fiber.Ctx) error {
	var in booking.Request
	if err := decode(c, &in); err != nil {
		return err
	}
	k, err := b.Service.Book(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/bookings/%d", k.ID))
	return apiJSON(c, http.StatusCreated, k)
}

func (b *Booking) open(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	k, err := b.Service.Open(c.UserContext(), actor(c), id, "")
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, k)
}

func (b *Booking) cancel(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	k, err := b.Service.Cancel(c.UserContext(), actor(c), booking.CancelRequest{Booking: id})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, k)
}

func (b *Booking) move(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Session vouchers.SessionID `json:"session"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	k, err := b.Service.Move(c.UserContext(), actor(c), booking.MoveRequest{Booking: id, Session: in.Session})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, k)
}

func (b *Booking) miss(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	k, err := b.Service.Miss(c.UserContext(), actor(c), booking.Miss{Booking: id})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, k)
}

// bookingsAnswer is a list of bookings.
type bookingsAnswer struct {
	Items []booking.Booking `json:"items"`
}

func (b *Booking) ofSession(c *fiber.Ctx) error {
	id, err := pathID[vouchers.SessionID](c, "id")
	if err != nil {
		return err
	}
	_, all, err := b.Service.OfSession(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, bookingsAnswer{all})
}
