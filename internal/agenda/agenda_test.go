package agenda_test

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
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

func TestASessionIsSeenByWhoeverMayKnowOfItsPlace(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := w.Clock.Now().Add(48 * time.Hour)
	published, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place,
		agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 1})
	if err != nil {
		t.Fatal(err)
	}
	open := func(who identity.Actor) error { return second(room.Open(t.Context(), who, published[0].ID)) }
	wantFault(t, open(identity.Actor{}), "")
	w.InTx(func(tx *db.Tx) error {
		return second(tx.Exec(t.Context(), `UPDATE places SET listed = false WHERE id = $1`, w.Structure.Place))
	})
	wantFault(t, open(identity.Actor{}), "not_found")
	wantFault(t, open(w.NewStructure("Le Relais").Actor), "not_found")
	wantFault(t, open(w.Structure.Actor), "")
	wantFault(t, open(w.Operator), "")
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

func second[T any](_ T, err error) error { return err }

func wantFault(t *testing.T, err error, code string) {
	t.Helper()
	if fault.Code(err) != code {
		t.Errorf("got %v, want the fault %s", err, code)
	}
}

func TestACourseTellsItsLaterMeetings(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := w.Clock.Now().Add(48 * time.Hour)
	later := func(days ...int) []agenda.Meeting {
		var all []agenda.Meeting
		for _, d := range days {
			all = append(all, agenda.Meeting{StartsAt: at.AddDate(0, 0, d), EndsAt: at.AddDate(0, 0, d).Add(time.Hour)})
		}
		return all
	}
	course := agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4, Times: 2, Later: later(7, 14)}
	published, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, course)
	if err != nil || len(published) != 2 || published[0].Meetings != 4 || len(published[1].Later) != 2 || !published[1].Later[1].StartsAt.Equal(at.AddDate(0, 0, 21).Add(-time.Hour)) /* summer time has begun */ {
		t.Fatalf("%+v, %v", published, err)
	}
	for name, wrong := range map[string][]agenda.Meeting{"too many": later(1, 2, 3, 4), "out of order": later(14, 7), "before the first": later(-1)} {
		course.Later = wrong
		if _, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, course); fault.Code(err) != "session_meetings" {
			t.Errorf("%s: %v", name, err)
		}
	}
	change := agenda.Change{Session: published[0].ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4, Later: later(7, 14, 21)}
	wantFault(t, second(room.Change(t.Context(), w.NewStructure("Le Relais").Actor, change)), "not_found")
	changed, err := room.Change(t.Context(), w.Structure.Actor, change)
	if err != nil || len(changed.Later) != 3 || changed.Changes != 1 {
		t.Errorf("%+v, %v", changed, err)
	}
}

func TestSlotsKeepTheHourOfParis(t *testing.T) {
	t.Parallel()
	w, room, course := hall(t)
	service, err := w.Catalogue.KeepService(t.Context(), w.Structure.Actor, w.Structure.Place, catalogue.Offer{Theme: world.Theme, PriceVouchers: 1, DurationMinutes: 45, Title: "Aide"})
	if err != nil {
		t.Fatal(err)
	}
	first := vouchers.DayOf(time.Date(2026, 3, 24, 12, 0, 0, 0, time.UTC)) // summer time begins on 29 March
	hours := agenda.NewSlots{Service: service.ID, Weekdays: []int{2}, From: "09:00", Until: "10:40", Minutes: 45, FirstDay: first, Weeks: 2}
	slots, err := room.PublishSlots(t.Context(), w.Structure.Actor, w.Structure.Place, hours)
	if err != nil || len(slots) != 4 {
		t.Fatalf("%d slots, %v", len(slots), err)
	}
	paris := first.Time().Location()
	for i, want := range []string{"2026-03-24 09:00", "2026-03-24 09:45", "2026-03-31 09:00", "2026-03-31 09:45"} {
		if got := slots[i].StartsAt.In(paris).Format("2006-01-02 15:04"); got != want || slots[i].Seats != 1 || slots[i].Kind != agenda.Slot {
			t.Errorf("%s, want %s", got, want)
		}
	}
	for code, wrong := range map[string]func(*agenda.NewSlots){
		"slot_hours": func(n *agenda.NewSlots) { n.Until = "09:30" }, "slot_days": func(n *agenda.NewSlots) { n.Weekdays = nil },
		"slot_course": func(n *agenda.NewSlots) { n.Service = course }, "slots_none": func(n *agenda.NewSlots) {},
		"slots_out_of_range": func(n *agenda.NewSlots) {
			n.Weekdays, n.From, n.Until, n.Minutes, n.Weeks = []int{1, 2, 3, 4, 5}, "08:00", "20:00", 30, 26
		},
	} {
		n := hours
		wrong(&n)
		if _, err := room.PublishSlots(t.Context(), w.Structure.Actor, w.Structure.Place, n); fault.Code(err) != code {
			t.Errorf("got %v, want %s", err, code)
		}
	}
}

func TestACalendarIsForWhoeverHasItsAddressUntilThereIsAnother(t *testing.T) {
	t.Parallel()
	w, room, service := hall(t)
	at := w.Clock.Now().Add(48 * time.Hour)
	if _, err := room.Publish(t.Context(), w.Structure.Actor, w.Structure.Place, agenda.NewSession{Service: service, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4}); err != nil {
		t.Fatal(err)
	}
	first, err := room.MakeFeed(t.Context(), w.Structure.Actor)
	if err != nil {
		t.Fatal(err)
	}
	if feed, err := room.OpenFeed(t.Context(), identity.Actor{}, first); err != nil || len(feed.Sessions) != 1 || feed.Name != w.Structure.OrganisationName {
		t.Errorf("%+v, %v", feed, err)
	}
	second, err := room.MakeFeed(t.Context(), w.Structure.Actor)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{first, "", "guess"} {
		if _, err := room.OpenFeed(t.Context(), identity.Actor{}, token); fault.Code(err) != "not_found" {
			t.Errorf("%q: %v", token, err)
		}
	}
	w.InTx(func(tx *db.Tx) error { // the member leaves
		_, err := tx.Exec(t.Context(), `UPDATE memberships SET ended_at = $2 WHERE person_id = $1`, w.Structure.Person, tx.Now)
		return err
	})
	if _, err := room.OpenFeed(t.Context(), identity.Actor{}, second); fault.Code(err) != "not_found" {
		t.Errorf("whoever has left still reads it: %v", err)
	}
	_, err = room.MakeFeed(t.Context(), w.Funder)
	wantFault(t, err, "forbidden")
}
