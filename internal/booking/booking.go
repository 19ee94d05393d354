// Package booking gives seats of sessions to people who hold a booklet. Whoever hands over
// a booklet, holds its code or runs the place may book; nobody gives a name. A booking holds
// the price in vouchers without spending them, and the hold ends by itself.
package booking

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to book.
const Scope = "bookings"

// Service is the use cases of booking.
type Service struct {
	db   *db.DB
	keys *vouchers.Keyring
	tell Tell
	log  *slog.Logger
}

// New makes the service.
func New(d *db.DB, keys *vouchers.Keyring, tell Tell, log *slog.Logger) *Service {
	return &Service{db: d, keys: keys, tell: tell, log: log}
}

// State is how a booking stands.
type State string

// The states of a booking. One that is booked stays so when its session is over.
const (
	Booked    State = "booked"
	Waiting   State = "waiting" // for a seat; no voucher is held
	Cancelled State = "cancelled"
	NoShow    State = "no_show"
)

// By says who acts for a booklet.
type By string

// Those who may book and cancel. Time cancels what nobody needs any more.
const (
	Holder     By = "holder"
	Prescriber By = "prescriber"
	Place      By = "place"
	Time       By = "time"
)

// Booking is a seat of a session, or a place in the line for one.
type Booking struct {
	ID          vouchers.BookingID      `json:"id" db:"id"`
	Session     vouchers.SessionID      `json:"session" db:"session_id"`
	Booklet     vouchers.BookletID      `json:"booklet" db:"booklet_id"`
	Vouchers    int                     `json:"vouchers" db:"vouchers"` // the price, held as long as the booking stands
	Face        vouchers.Cents          `json:"face_cents" db:"face_cents"`
	State       State                   `json:"state" db:"state"`
	Ahead       int                     `json:"ahead" db:"ahead"`     // people before it on the waiting list
	Rule        campaigns.NoShow        `json:"no_show" db:"no_show"` // what not coming costs, as told when it was booked
	BookedAt    time.Time               `json:"booked_at" db:"booked_at"`
	BookedBy    By                      `json:"booked_by" db:"booked_by"`
	EndedAt     *time.Time              `json:"ended_at" db:"ended_at"`
	EndedBy     By                      `json:"ended_by" db:"ended_by"`
	Attended    bool                    `json:"attended" db:"attended"`                  // its vouchers were taken at the counter
	Redemption  vouchers.RedemptionID   `json:"redemption,omitempty" db:"redemption_id"` // that a no-show was charged by; 0: none
	Charged     int                     `json:"charged" db:"charged"`                    // vouchers, unless that was undone
	Email       string                  `json:"email" db:"email"`                        // for reminders, "" once they are over
	Phone       string                  `json:"phone" db:"phone"`
	Place       vouchers.PlaceID        `json:"place" db:"place_id"`
	PlaceName   string                  `json:"place_name" db:"place_name"`
	Address     string                  `json:"address" db:"address"`
	PlacePhone  string                  `json:"place_phone" db:"place_phone"`
	Structure   vouchers.OrganisationID `json:"-" db:"structure_id"`
	Prescriber  vouchers.OrganisationID `json:"-" db:"prescriber_id"`
	Kind        agenda.Kind             `json:"kind" db:"kind"`
	Theme       string                  `json:"service_theme" db:"theme"`
	Title       string                  `json:"title" db:"title"`
	Extra       vouchers.Cents          `json:"extra_cents" db:"extra_cents"` // that the person pays besides
	StartsAt    time.Time               `json:"starts_at" db:"starts_at"`
	EndsAt      time.Time               `json:"ends_at" db:"ends_at"`
	Later       []agenda.Meeting        `json:"later_meetings" db:"-"`
	Note        string                  `json:"note" db:"note"`
	Off         string                  `json:"session_cancelled" db:"off"` // why the place called the session off; "" unless it did
	CancelUntil time.Time               `json:"cancel_until" db:"-"`        // by the holder or the prescriber
}

// Reference is how people name a booking on the telephone.
func (b Booking) Reference() string { return fmt.Sprintf("R%06d", int64(b.ID)) }

// BookletReference is how people name its booklet on the telephone.
func (b Booking) BookletReference() string { return fmt.Sprintf("%06d", int64(b.Booklet)) }

// Stands tells whether the booking is to be kept.
func (b Booking) Stands() bool { return b.State == Booked || b.State == Waiting }

// Over is when the last meeting that is known ends.
func (b Booking) Over() time.Time {
	if n := len(b.Later); n > 0 {
		return b.Later[n-1].EndsAt
	}
	return b.EndsAt
}

// Request asks for a seat. A place and a holder give the booklet's code; a prescriber may
// name the booklet instead.
type Request struct {
	Session vouchers.SessionID `json:"session"`
	Code    string             `json:"code,omitempty"`
	Booklet vouchers.BookletID `json:"booklet,omitempty"`
	Wait    bool               `json:"wait,omitempty"`  // on the waiting list, where no seat is free
	Email   string             `json:"email,omitempty"` // for the reminder; may be absent, as the telephone
	Phone   string             `json:"phone,omitempty"` // for the place to call
}

// Book takes a seat and holds its price, or a place on the waiting list. Nothing is spent.
// Its faults are those of the code, session_cancelled, session_over, session_full,
// booked_already, bookings_many, vouchers_short and what makes the session no use for the
// booklet: booking_place, booking_theme, booking_dates, price_cap_exceeded.
func (s *Service) Book(ctx context.Context, actor identity.Actor, req Request) (Booking, error) {
	if err := s.mayTry(ctx, actor, req.Code); err != nil {
		return Booking{}, err
	}
	req, err := req.tidy()
	if err != nil {
		return Booking{}, err
	}
	var b Booking
	err = s.db.InTx(ctx, func(tx *db.Tx) error {
		who, err := s.holderOf(ctx, tx, actor, req.Code, req.Booklet)
		if err != nil {
			return err
		}
		req := req
		req.Code, req.Booklet = "", who.booklet
		id, err := once.Do(ctx, tx, actor.Organisation, "book", req, func() (vouchers.BookingID, error) {
			return s.book(ctx, tx, actor, who, req)
		})
		if err != nil {
			return err
		}
		b, err = get(ctx, tx, id)
		return err
	})
	return b, err
}

func (s *Service) book(ctx context.Context, tx *db.Tx, actor identity.Actor, who who, req Request) (vouchers.BookingID, error) {
	session, err := agenda.Lock(ctx, tx, req.Session)
	if err != nil {
		return 0, err
	}
	if err := issuing.Lock(ctx, tx, int64(who.booklet)); err != nil {
		return 0, err
	}
	f, err := readFacts(ctx, tx, who, session)
	if err != nil {
		return 0, err
	}
	if err := mayBook(f, session, who, tx.Now); err != nil {
		return 0, err
	}
	state, err := seat(session, req.Wait)
	if err != nil {
		return 0, err
	}
	if free := f.Left - f.Held; state == Waiting && free < session.Price {
		return 0, short(free, session.Price)
	}
	id, err := insert(ctx, tx, actor, who, req, newBooking{session.Price, state, f.NoShow})
	if err != nil {
		return 0, err
	}
	b, err := get(ctx, tx, id)
	if err != nil {
		return 0, err
	}
	if err := keepVouchers(ctx, tx, b); err != nil {
		return 0, err
	}
	if err := audit.Record(ctx, tx, actor, "session_booked", object(id), nil, b.withoutContact()); err != nil {
		return 0, err
	}
	told := ToldBooked
	if state == Waiting {
		told = ToldWaiting
	}
	return id, s.toldTo(ctx, tx, told, b)
}

// keepVouchers holds the price of a booking that has a seat.
func keepVouchers(ctx context.Context, tx *db.Tx, b Booking) error {
	if b.State != Booked {
		return nil
	}
	return issuing.KeepFor(ctx, tx, b.hold())
}

// Open shows one booking to its holder, who shows the code, to whoever handed the booklet
// over, and to the place.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.BookingID, code string) (Booking, error) {
	var b Booking
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		var by By
		b, by, err = s.own(ctx, tx, actor, id, code, identity.Reader)
		b = b.shownTo(by)
		return err
	})
	return b, err
}

// Session reads the session of a booking, for whoever may see the booking.
func (s *Service) Session(ctx context.Context, actor identity.Actor, id vouchers.BookingID, code string) (agenda.Session, error) {
	var session agenda.Session
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		b, _, err := s.own(ctx, tx, actor, id, code, identity.Reader)
		if err != nil {
			return err
		}
		session, err = agenda.Get(ctx, tx, b.Session)
		return err
	})
	return session, err
}

// OfBooklet lists the bookings of a booklet, the next first, then those that are over.
func (s *Service) OfBooklet(ctx context.Context, actor identity.Actor, code string, booklet vouchers.BookletID) ([]Booking, error) {
	var all []Booking
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		who, err := s.holderOf(ctx, tx, actor, code, booklet, identity.Reader)
		if err != nil {
			return err
		}
		all, err = ofBooklet(ctx, tx, who.booklet)
		for i, b := range all {
			all[i] = b.shownTo(who.by)
		}
		return err
	})
	return all, err
}

// OfSession lists who has booked a session of the actor's structure, in the order in which
// they did, for the list at the door.
func (s *Service) OfSession(ctx context.Context, actor identity.Actor, id vouchers.SessionID) (agenda.Session, []Booking, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Reader); err != nil {
		return agenda.Session{}, nil, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return agenda.Session{}, nil, err
	}
	var session agenda.Session
	var all []Booking
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if session, err = agenda.Get(ctx, tx, id); err != nil {
			return err
		}
		if session.Structure != actor.Organisation {
			return notFound()
		}
		all, err = ofSession(ctx, tx, id)
		return err
	})
	return session, all, err
}

func object(id vouchers.BookingID) string { return fmt.Sprintf("booking:%d", id) }

// shownTo hides from whoever handed the booklet over how a person can be reached who told it
// to somebody else.
func (b Booking) shownTo(by By) Booking {
	if by == Prescriber && b.BookedBy != Prescriber {
		return b.withoutContact()
	}
	return b
}

// withoutContact is a booking as the audit trail keeps it.
func (b Booking) withoutContact() Booking {
	b.Email, b.Phone = "", ""
	return b
}
