package httpd

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// SeatCodeBody is what booking/code.html shows: the form for a code.
type SeatCodeBody struct {
	Session    SessionView
	Place      vouchers.PlaceID
	Prescriber bool // may book from a booklet's page too
	Problem    string
	HelpPhone  string
}

// SeatBody is what booking/new.html shows.
type SeatBody struct {
	Session        SessionView
	Place          vouchers.PlaceID
	PlaceName      string
	Address        string
	Left, Free     int            // vouchers of the booklet, and those that nothing holds
	Value          vouchers.Cents // of the price
	Rule           string         // what not coming costs: "none", "one" or "all"
	Full           bool
	Waiting        int    // people who wait already
	Refusal        string // why the booklet cannot be used, "" where it can
	Form           seatForm
	Field, Problem string // why the form was refused, "" at first
	ForHolder      bool   // the person itself reads
}

func newSeatBody(c *fiber.Ctx, o booking.Offer, form seatForm) SeatBody {
	w := words(c)
	body := SeatBody{Session: sessionView(w, o.Session), Place: o.Session.Place, PlaceName: o.Place, Address: o.Address, Left: o.Card.Left, Free: o.Card.Left - o.Card.Held,
		Value: o.Card.Face * vouchers.Cents(o.Session.Price), Rule: o.Rule, Full: o.Session.Free() == 0, Waiting: o.Session.Waiting, Form: form,
		Refusal: faultText(c, o.Refusal), ForHolder: !isOrganisation(c)}
	if o.Session.Price == 0 {
		body.Rule = "none"
	}
	return body
}

// SlipBody is what booking/booking.html shows.
type SlipBody struct {
	booking.Booking
	Name      string
	Standing  string // key of the heading: "booked", "waiting", "cancelled", "off", "missed", "attended" or "over"
	Kind      string // of the outcome: "done", "pending" or "stop"
	Minutes   int
	Value     vouchers.Cents
	Address   string
	Route     string // of an itinerary
	Dial      string
	PhoneRead string
	MayAct    bool // whoever reads, if it is not too late
	MayEnd    bool // cancel and move
	MayMiss   bool
	Costs     int // vouchers that not coming costs
	ForPlace  bool
	Problem   string
	Reference string
}

func newSlipBody(c *fiber.Ctx, k booking.Booking) SlipBody {
	w, now := words(c), of(c).server.options.Now()
	body := SlipBody{Booking: k, Name: bookedName(w, k), Minutes: int(k.EndsAt.Sub(k.StartsAt).Minutes()), Value: k.Face * vouchers.Cents(k.Vouchers),
		Address: k.Address, Dial: k.PlacePhone, PhoneRead: phoneAsRead(k.PlacePhone), Costs: k.Rule.Of(k.Vouchers), Reference: k.Reference(),
		ForPlace: actor(c).Kind == identity.Structure}
	body.Standing, body.Kind = bookedStanding(k, now)
	limit := k.CancelUntil
	if body.ForPlace {
		limit = k.StartsAt
	}
	body.MayAct = !isOrganisation(c) || actor(c).Needs(actor(c).Kind, identity.Agent) == nil
	body.MayEnd = body.MayAct && k.Stands() && !k.Attended && now.Before(limit) && now.Before(k.StartsAt)
	body.MayMiss = body.ForPlace && mayRedeem(c) && body.Standing == "over" && now.Before(k.Over().Add(booking.MissWithin))
	return body
}

// bookedStanding says in one word how a booking stands, and as which outcome that is shown.
func bookedStanding(k booking.Booking, now time.Time) (standing, kind string) {
	switch {
	case k.State == booking.Cancelled && k.Off != "":
		return "off", "stop"
	case k.State == booking.Cancelled:
		return "cancelled", "stop"
	case k.State == booking.NoShow:
		return "missed", "stop"
	case k.Attended:
		return "attended", "done"
	case k.State == booking.Waiting:
		return "waiting", "pending"
	case !now.Before(k.EndsAt):
		return "over", "pending"
	}
	return "booked", "done"
}

// bookedName is what takes place.
func bookedName(w *i18n.Words, k booking.Booking) string {
	if k.Title != "" {
		return k.Title
	}
	return w.Text("theme." + k.Theme)
}

// slipOf is a booking as paper says it.
func slipOf(c *fiber.Ctx, k booking.Booking, helpPhone string) documents.Slip {
	w := words(c)
	standing, _ := bookedStanding(k, of(c).server.options.Now())
	slip := documents.Slip{Reference: k.Reference(), Heading: w.Text("booking.standing." + standing), Name: bookedName(w, k), Place: k.PlaceName, Address: k.Address,
		Phone: phoneAsRead(k.PlacePhone), HelpPhone: helpPhone, Vouchers: k.Vouchers, Extra: k.Extra, Costs: k.Rule.Of(k.Vouchers), Bring: k.Note, CancelUntil: k.CancelUntil, BookedAt: k.BookedAt,
		Meetings: []documents.Meeting{{Start: k.StartsAt, End: k.EndsAt}}}
	for _, m := range k.Later {
		slip.Meetings = append(slip.Meetings, documents.Meeting{Start: m.StartsAt, End: m.EndsAt})
	}
	return slip
}

// FoundView is a session that can be booked, in words.
type FoundView struct {
	booking.Found
	Name    string
	Minutes int
	First   bool // of its place, in the list
}

func foundViews(w *i18n.Words, all []booking.Found) []FoundView {
	var views []FoundView
	for i, f := range all {
		name := f.Title
		if name == "" {
			name = w.Text("theme." + f.Theme)
		}
		views = append(views, FoundView{f, name, int(f.EndsAt.Sub(f.StartsAt).Minutes()), i == 0 || all[i-1].Place != f.Place})
	}
	return views
}

// FindBody is what booking/find.html shows.
type FindBody struct {
	Booklet   vouchers.BookletID // of a prescriber; 0: the holder's code is in hand
	Reference string             // of the booklet
	Free      int                // vouchers that nothing holds
	Near      string
	NotFound  bool // no commune is called that
	Sessions  []FoundView
}

// MoveBody is what booking/move.html shows.
type MoveBody struct {
	ID        vouchers.BookingID
	Reference string
	Name      string
	At        time.Time
	PlaceName string
	Sessions  []FoundView
}

// SessionBody is what booking/session.html shows.
type SessionBody struct {
	Session      SessionView
	Place        vouchers.PlaceID
	Seats, Taken int
	Bookings     []SeatView
	MayChange    bool
	Form         changeForm
}

// SeatView is one line of the list at the door.
type SeatView struct {
	booking.Booking
	Reference string
	Booklet   string // its reference
	Standing  string
	Kind      string
}

func newSessionBody(c *fiber.Ctx, s agenda.Session, all []booking.Booking) SessionBody {
	w, now := words(c), of(c).server.options.Now()
	body := SessionBody{Session: sessionView(w, s), Place: s.Place, Seats: s.Seats, Taken: s.Taken, Form: changeFormOf(w, s),
		MayChange: mayRedeem(c) && s.CancelledAt == nil && s.StartsAt.After(now)}
	for _, k := range all {
		standing, kind := bookedStanding(k, now)
		body.Bookings = append(body.Bookings, SeatView{k, k.Reference(), k.BookletReference(), standing, kind})
	}
	return body
}

// BookedLine is a booking in the list of a booklet.
type BookedLine struct {
	ID        vouchers.BookingID
	Name      string
	At        time.Time
	PlaceName string
	Standing  string
	Kind      string
}

// bookings lists those of a booklet that stand; what is over or cancelled is on their slips.
func (i *Issuing) bookings(c *fiber.Ctx, who identity.Actor, code string, booklet vouchers.BookletID) ([]BookedLine, error) {
	all, err := i.Booked(c.UserContext(), who, code, booklet)
	if err != nil {
		return nil, err
	}
	var lines []BookedLine
	for _, k := range all {
		standing, kind := bookedStanding(k, of(c).server.options.Now())
		if standing == "booked" || standing == "waiting" || standing == "off" {
			lines = append(lines, BookedLine{k.ID, bookedName(words(c), k), k.StartsAt, k.PlaceName, standing, kind})
		}
	}
	return lines, nil
}
