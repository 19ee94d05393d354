package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// seatForm is what a person or whoever helps chooses. The code is not in it: see sealed.go.
type seatForm struct {
	Session vouchers.SessionID `form:"session"`
	Booklet vouchers.BookletID `form:"booklet"` // of a prescriber
	Email   string             `form:"email"`
	Phone   string             `form:"phone"`
	Wait    bool               `form:"wait"`
}

func (f seatForm) request(code string) booking.Request {
	return booking.Request{Session: f.Session, Code: code, Booklet: f.Booklet, Email: f.Email, Phone: f.Phone, Wait: f.Wait}
}

// code is what proves whom a request is for, "" where a prescriber names its booklet.
func (b *Booking) code(c *fiber.Ctx, booklet vouchers.BookletID) string {
	if booklet != 0 && actor(c).Kind == identity.Prescriber {
		return ""
	}
	return heldCode(c, b.Keys)
}

// codeRefused tells whether a refusal is about the code, so that another may be typed.
func codeRefused(err error) bool {
	switch fault.Code(err) {
	case "code_malformed", "code_unknown", "card_mistyped", "card_unknown":
		return true
	}
	return false
}

func (b *Booking) newPage(c *fiber.Ctx) error {
	form := seatForm{Session: vouchers.SessionID(c.QueryInt("session")), Booklet: vouchers.BookletID(c.QueryInt("booklet"))}
	return b.showNew(c, form, nil)
}

// showNew says what booking means, or asks for the code first. refused is why the form was
// not accepted.
func (b *Booking) showNew(c *fiber.Ctx, form seatForm, refused error) error {
	code := b.code(c, form.Booklet)
	if code == "" && (form.Booklet == 0 || actor(c).Kind != identity.Prescriber) {
		return b.askCode(c, form, refused)
	}
	offer, err := b.Service.Look(c.UserContext(), actor(c), form.request(code))
	if codeRefused(err) {
		dropCode(c)
		return b.askCode(c, form, err)
	}
	if err != nil {
		return err
	}
	body := newSeatBody(c, offer, form)
	if refused != nil {
		body.Problem, body.Field = refuse(c, refused), seatFields[fault.Code(refused)]
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "booking/new", body)
}

// seatFields names the field that a refusal is about.
var seatFields = map[string]string{"email_malformed": "email", "booking_phone": "phone"}

// askCode asks for the booklet's code before anything else.
func (b *Booking) askCode(c *fiber.Ctx, form seatForm, refused error) error {
	session, err := b.Agenda.Open(c.UserContext(), actor(c), form.Session)
	if err != nil {
		return err
	}
	body := SeatCodeBody{Session: sessionView(words(c), session), Place: session.Place, HelpPhone: b.HelpPhone, Prescriber: actor(c).Kind == identity.Prescriber}
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "booking/code", body)
}

// keepCode takes a typed code. Of whoever has no account the tries are counted by address.
func (b *Booking) keepCode(c *fiber.Ctx) error {
	var form struct {
		Code    string             `form:"code"`
		Session vouchers.SessionID `form:"session"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	code := form.Code
	if kind := actor(c).Kind; kind != identity.Structure && kind != identity.Prescriber {
		payload, err := vouchers.FromScan(code)
		if err != nil {
			payload, err = b.TryTyped(c.UserContext(), neighbourhood(clientIP(c)), code)
		}
		if faultText(c, err) != "" {
			return b.askCode(c, seatForm{Session: form.Session}, err)
		}
		if err != nil {
			return err
		}
		code = payload
	}
	holdCode(c, b.Keys, code)
	return c.Redirect(fmt.Sprintf("/bookings/new?session=%d", form.Session), http.StatusSeeOther)
}

func (b *Booking) bookForm(c *fiber.Ctx) error {
	var form seatForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	code := b.code(c, form.Booklet)
	if code == "" && (form.Booklet == 0 || actor(c).Kind != identity.Prescriber) {
		return b.askCode(c, form, fault.New(fault.Malformed, "code_malformed"))
	}
	k, err := b.Service.Book(c.UserContext(), actor(c), form.request(code))
	if faultText(c, err) != "" && fault.Code(err) != "not_found" && refusalOf(err).fault != fault.Unavailable && refusalOf(err).fault != fault.Forbidden {
		return b.showNew(c, form, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/bookings/%d", k.ID), http.StatusSeeOther)
}

// opened reads the booking of the path.
func (b *Booking) opened(c *fiber.Ctx) (booking.Booking, error) {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return booking.Booking{}, err
	}
	return b.Service.Open(c.UserContext(), actor(c), id, heldCode(c, b.Keys))
}

// slipPage shows a booking. Whoever has no account and no code in hand is asked for it by the
// holder's page.
func (b *Booking) slipPage(c *fiber.Ctx) error {
	k, err := b.opened(c)
	if fault.Code(err) == "not_found" && !actor(c).SignedIn() && heldCode(c, b.Keys) == "" {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	return b.showSlip(c, k, nil)
}

func (b *Booking) showSlip(c *fiber.Ctx, k booking.Booking, refused error) error {
	body := newSlipBody(c, k)
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "booking/booking", body)
}

func (b *Booking) slipPDF(c *fiber.Ctx) error {
	k, err := b.opened(c)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := documents.WriteSlip(&pdf, paperWords{words(c)}, slipOf(c, k, b.HelpPhone)); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/pdf")
	c.Set(fiber.HeaderContentDisposition, `inline; filename="rendez-vous-`+k.Reference()+`.pdf"`)
	return c.Send(pdf.Bytes())
}

// calendar is all meetings of a booking, to keep in one's own calendar.
func (b *Booking) calendar(c *fiber.Ctx) error {
	k, err := b.opened(c)
	if err != nil {
		return err
	}
	session, err := b.Service.Session(c.UserContext(), actor(c), k.ID, heldCode(c, b.Keys))
	if err != nil {
		return err
	}
	calendar := newCalendar(k.PlaceName)
	said := saidOfSession{summary: bookedName(words(c), k), location: k.PlaceName + ", " + k.Address, description: words(c).Text("booking.bring") + " " + k.Note}
	calendar.Children = append(calendar.Children, eventsOf(of(c).server.options.PublicURL, session, said)...)
	c.Set(fiber.HeaderContentDisposition, `attachment; filename="rendez-vous-`+k.Reference()+`.ics"`)
	return sendCalendar(c, calendar)
}

// changed answers a form that changes a booking: the slip again, with a refusal if there is
// one.
func (b *Booking) changed(c *fiber.Ctx, id vouchers.BookingID, err error, told string) error {
	if faultText(c, err) != "" && fault.Code(err) != "not_found" && refusalOf(err).fault == fault.Conflict {
		k, reading := b.opened(c)
		if reading != nil {
			return reading
		}
		return b.showSlip(c, k, err)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", told); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/bookings/%d", id), http.StatusSeeOther)
}

func (b *Booking) cancelForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	_, err = b.Service.Cancel(c.UserContext(), actor(c), booking.CancelRequest{Booking: id, Code: heldCode(c, b.Keys)})
	return b.changed(c, id, err, "booking.cancelled-now")
}

func (b *Booking) moveForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Session vouchers.SessionID `form:"session"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = b.Service.Move(c.UserContext(), actor(c), booking.MoveRequest{Booking: id, Session: form.Session, Code: heldCode(c, b.Keys)})
	return b.changed(c, id, err, "booking.moved-now")
}

func (b *Booking) missForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookingID](c, "id")
	if err != nil {
		return err
	}
	k, err := b.Service.Miss(c.UserContext(), actor(c), booking.Miss{Booking: id})
	if err == nil && k.Redemption != 0 {
		return c.Redirect(fmt.Sprintf("/redemptions/%d", k.Redemption), http.StatusSeeOther)
	}
	return b.changed(c, id, err, "booking.missed-now")
}

// sessionsFound is how many sessions a list holds.
const sessionsFound = 40

// findPage lists sessions near the commune that was typed, else near the booklet's origin.
func (b *Booking) findPage(c *fiber.Ctx) error {
	booklet := vouchers.BookletID(c.QueryInt("booklet"))
	code := b.code(c, booklet)
	if code == "" && (booklet == 0 || actor(c).Kind != identity.Prescriber) {
		return c.Redirect("/c", http.StatusSeeOther)
	}
	body := FindBody{Booklet: booklet, Near: strings.TrimSpace(c.Query("near"))}
	q := booking.Search{Code: code, Booklet: booklet, Limit: sessionsFound}
	if body.Near != "" {
		commune := territory.Search(body.Near, 1)
		if body.NotFound = len(commune) == 0; !body.NotFound {
			body.Near = commune[0].Name
			q = around(q, commune[0])
		}
	}
	card, found, err := b.Service.Find(c.UserContext(), actor(c), q)
	if err == nil && body.Near == "" {
		if commune, known := card.Commune(); known {
			body.Near = commune.Name
			card, found, err = b.Service.Find(c.UserContext(), actor(c), around(q, commune))
		}
	}
	if codeRefused(err) {
		dropCode(c)
		return c.Redirect("/c", http.StatusSeeOther)
	}
	if err != nil {
		return err
	}
	body.Free, body.Reference = card.Left-card.Held, card.Reference()
	body.Sessions = foundViews(words(c), found)
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "booking/find", body)
}

func around(q booking.Search, commune territory.Commune) booking.Search {
	if commune.Located {
		q.Lat, q.Lon = &commune.Lat, &commune.Lon
	}
	return q
}

// movePage lists the other sessions of the same place that have a seat.
func (b *Booking) movePage(c *fiber.Ctx) error {
	k, err := b.opened(c)
	if err != nil {
		return err
	}
	found, err := b.Service.Instead(c.UserContext(), actor(c), k.ID, heldCode(c, b.Keys))
	if err != nil {
		return err
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "booking/move", MoveBody{ID: k.ID, Reference: k.Reference(), Name: bookedName(words(c), k), At: k.StartsAt, PlaceName: k.PlaceName,
		Sessions: foundViews(words(c), found)})
}

// isOrganisation tells whether the actor is a place or a prescriber, who need no code.
func isOrganisation(c *fiber.Ctx) bool {
	kind := actor(c).Kind
	return kind == identity.Structure || kind == identity.Prescriber
}

func (b *Booking) sessionPage(c *fiber.Ctx) error {
	id, err := pathID[vouchers.SessionID](c, "id")
	if err != nil {
		return err
	}
	session, all, err := b.Service.OfSession(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return page(c, "booking/session", newSessionBody(c, session, all))
}
