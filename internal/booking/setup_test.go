package booking_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// town is a world whose place offers a workshop for two vouchers, and remembers what people
// were told.
type town struct {
	*world.World
	t      *testing.T
	room   *booking.Service
	agenda *agenda.Service
	place  world.Structure
	shop   vouchers.ServiceID

	mu   sync.Mutex
	told []string // "promoted ada@example.org"
}

func newTown(t *testing.T) *town {
	t.Helper()
	s := &town{World: world.New(t), t: t}
	s.place = s.Structure
	s.room = booking.New(s.DB, s.Keys, s.tell, slog.New(slog.DiscardHandler))
	s.agenda = agenda.New(s.DB, s.room.Follow)
	s.shop = s.offers(s.place, catalogue.Offer{Theme: world.Theme, Title: "Atelier", PriceVouchers: 2, DurationMinutes: 60})
	return s
}

func (s *town) tell(_ context.Context, _ *db.Tx, told booking.Told, b booking.Booking) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = append(s.told, fmt.Sprint(told, " ", b.Email))
	return nil
}

func (s *town) offers(at world.Structure, o catalogue.Offer) vouchers.ServiceID {
	s.t.Helper()
	kept, err := s.Catalogue.KeepService(s.t.Context(), at.Actor, at.Place, o)
	s.must(err)
	return kept.ID
}

// session is published in so many hours.
func (s *town) session(hours, seats int) agenda.Session {
	s.t.Helper()
	at := s.Clock.Now().Add(time.Duration(hours) * time.Hour)
	all, err := s.agenda.Publish(s.t.Context(), s.place.Actor, s.place.Place,
		agenda.NewSession{Service: s.shop, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: seats})
	s.must(err)
	return all[0]
}

// strict is a funded campaign that takes something of those who do not come.
func (s *town) strict(rule campaigns.NoShow) campaigns.Campaign {
	s.t.Helper()
	c := s.NewCampaign("Avec règle "+string(rule), 200)
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), `UPDATE campaigns SET no_show = $2 WHERE id = $1`, c.ID, rule)
		return err
	})
	return c
}

// nobody is whoever has no account.
var nobody identity.Actor

// books is for a holder, who shows the code.
func (s *town) books(b issuing.Booklet, at agenda.Session) booking.Booking {
	s.t.Helper()
	k, err := s.room.Book(s.t.Context(), nobody, request(b, at))
	s.must(err)
	return k
}

func request(b issuing.Booklet, at agenda.Session) booking.Request {
	return booking.Request{Session: at.ID, Code: b.QR}
}

func waiting(r booking.Request, email string) booking.Request {
	r.Wait, r.Email = true, email
	return r
}

// card is how a booklet stands.
func (s *town) card(b issuing.Booklet) (c issuing.Card) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) (err error) {
		c, err = issuing.CardOf(s.t.Context(), tx, b.ID)
		return err
	})
	return c
}

// holds checks how many of the live vouchers of a booklet are held.
func (s *town) holds(b issuing.Booklet, left, held int) {
	s.t.Helper()
	if c := s.card(b); c.Left != left || c.Held != held {
		s.t.Errorf("booklet %d has %d left, %d of them held; want %d and %d", b.ID, c.Left, c.Held, left, held)
	}
}

func (s *town) now(k booking.Booking) booking.Booking {
	s.t.Helper()
	_, all, err := s.room.OfSession(s.t.Context(), s.place.Actor, k.Session)
	s.must(err)
	for _, one := range all {
		if one.ID == k.ID {
			return one
		}
	}
	s.t.Fatalf("booking %d is not of session %d", k.ID, k.Session)
	return k
}

func (s *town) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *town) refuses(err error, code string) {
	s.t.Helper()
	if fault.Code(err) != code {
		s.t.Errorf("got %v, want the fault %s", err, code)
	}
}

func (s *town) number(query string, args ...any) int {
	s.t.Helper()
	var n int
	s.InTx(func(tx *db.Tx) error { return tx.Get(s.t.Context(), &n, query, args...) })
	return n
}

func withKey(t *testing.T, key string) context.Context {
	ctx, _ := once.With(t.Context(), key)
	return ctx
}

func second[A, B any](_ A, b B) B { return b }
