package agenda_test

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// hall is a world whose place offers a course.
func hall(t *testing.T) (*world.World, *agenda.Service, vouchers.ServiceID) {
	t.Helper()
	w := world.New(t)
	o, err := w.Catalogue.KeepService(t.Context(), w.Structure.Actor, w.Structure.Place,
		catalogue.Offer{Theme: world.Theme, Title: "Premiers pas", PriceVouchers: 2, Extra: 1_50, DurationMinutes: 90, Meetings: 4})
	if err != nil {
		t.Fatal(err)
	}
	return w, agenda.New(w.DB), o.ID
}

func TestAPlacePublishesASeriesOfItsService(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := time.Date(2026, 3, 20, 14, 0, 0, 0, vouchers.DayOf(w.Clock.Now()).Time().Location())
	published, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, agenda.NewSession{
		Service: service, StartsAt: at, EndsAt: at.Add(90 * time.Minute), Seats: 8, Times: 3, Note: " Apportez votre téléphone. "})
	if err != nil || len(published) != 3 {
		t.Fatalf("%+v, %v", published, err)
	}
	first := published[0]
	if first.Kind != agenda.Course || first.Title != "Premiers pas" || first.Price != 2 || first.Extra != 1_50 || first.Seats != 8 ||
		first.Note != "Apportez votre téléphone." || !first.StartsAt.Equal(at) {
		t.Errorf("%+v", first)
	}
	for i, s := range published { // summer time begins on 29 March: it is two o'clock all the same
		here := s.StartsAt.In(at.Location())
		if here.Hour() != 14 || here.Day() != at.AddDate(0, 0, 7*i).Day() || s.EndsAt.Sub(s.StartsAt) != 90*time.Minute {
			t.Errorf("session %d: %s to %s", i, here, s.EndsAt)
		}
	}
	coming, err := room.Upcoming(t.Context(), identity.Actor{}, w.Structure.Place, 60)
	if err != nil || len(coming) != 3 {
		t.Errorf("%d coming, %v", len(coming), err)
	}
	if coming, err = room.Upcoming(t.Context(), identity.Actor{}, w.Structure.Place, 12); err != nil || len(coming) != 1 {
		t.Errorf("%d within 12 days, %v", len(coming), err)
	}
}

func TestASessionIsCalledOffWithAReason(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := w.Clock.Now().Add(48 * time.Hour)
	published, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
		agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 1})
	if err != nil {
		t.Fatal(err)
	}
	off := agenda.Cancellation{Session: published[0].ID, Reason: " La salle est en travaux. "}
	other := w.NewStructure("Le Relais")
	wantFault(t, second(room.Cancel(t.Context(), other.Actor, off)), "not_found")
	wantFault(t, second(room.Cancel(t.Context(), w.Structure.Actor, agenda.Cancellation{Session: off.Session, Reason: " "})), "cancel_reason_length")
	s, err := room.Cancel(t.Context(), w.Structure.Actor, off)
	if err != nil || s.CancelledAt == nil || s.CancelReason != "La salle est en travaux." {
		t.Errorf("%+v, %v", s, err)
	}
	wantFault(t, second(room.Cancel(t.Context(), w.Structure.Actor, off)), "session_cancelled")
	coming, err := room.Upcoming(t.Context(), identity.Actor{}, w.Structure.Place, 60)
	if err != nil || len(coming) != 1 || coming[0].CancelReason == "" {
		t.Errorf("those who come are not told: %+v, %v", coming, err)
	}
	again, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
		agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 1})
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Add(49 * time.Hour)
	wantFault(t, second(room.Cancel(t.Context(), w.Structure.Actor, agenda.Cancellation{Session: again[0].ID, Reason: "Trop tard"})), "session_over")
}

func TestSessionsAreRefused(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := w.Clock.Now().Add(48 * time.Hour)
	good := agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4}
	with := func(change func(*agenda.NewSession)) agenda.NewSession {
		n := good
		change(&n)
		return n
	}
	for code, n := range map[string]agenda.NewSession{
		"not_found":                  with(func(n *agenda.NewSession) { n.Service = 999 }),
		"session_in_the_past":        with(func(n *agenda.NewSession) { n.StartsAt = w.Clock.Now() }),
		"session_times":              with(func(n *agenda.NewSession) { n.EndsAt = n.StartsAt.Add(13 * time.Hour) }),
		"seats_out_of_range":         with(func(n *agenda.NewSession) { n.Seats = 0 }),
		"session_times_out_of_range": with(func(n *agenda.NewSession) { n.Times = 53 }),
		"session_note_length":        with(func(n *agenda.NewSession) { n.Note = strings.Repeat("é", 501) }),
	} {
		_, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, n)
		wantFault(t, err, code)
	}
	_, err := room.Publish(t.Context(), w.NewStructure("Le Relais").Actor, w.Structure.Place, good)
	wantFault(t, err, "not_found")
	_, err = room.Publish(t.Context(), w.Funder, w.Structure.Place, good)
	wantFault(t, err, "forbidden")
	if _, err := w.Catalogue.WithdrawService(t.Context(), w.Structure.Actor, w.Structure.Place, service); err != nil {
		t.Fatal(err)
	}
	_, err = room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, good)
	wantFault(t, err, "not_found")
}

func second(_ agenda.Session, err error) error { return err }

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}
