package booking_test

import (
	"slices"
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
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

func TestABookingHoldsVouchersThatOnlyItsPlaceCanTake(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b, at := s.HandOver(s.Campaign, 3), s.session(72, 6)
	other := s.NewStructure("Le Relais")
	k := s.books(b, at)
	if k.State != booking.Booked || k.Vouchers != 2 || k.Rule != campaigns.Nothing || k.BookedBy != booking.Holder || k.PlaceName != "Maison France services de Thônes" {
		t.Errorf("%+v", k)
	}
	s.holds(b, 3, 2)

	_, err := s.Counter.Redeem(t.Context(), other.Actor, world.Request(b, 2))
	s.refuses(err, "vouchers_held")
	if r := s.Redeem(other, b, 1); r.Left != 2 {
		t.Errorf("%d left", r.Left)
	}
	checked, err := s.Counter.Check(t.Context(), other.Actor, redemption.CheckRequest{Code: b.Typed})
	if err != nil || checked.Refusal != "vouchers_held" || checked.Here != 0 || len(checked.Booked) != 0 {
		t.Errorf("%+v, %v", checked, err)
	}

	s.Clock.Add(72 * time.Hour)
	checked, err = s.Counter.Check(t.Context(), s.place.Actor, redemption.CheckRequest{Code: b.Typed})
	if err != nil || checked.Here != 2 || len(checked.Booked) != 1 || checked.Booked[0].ID != k.ID || !checked.Booked[0].Today {
		t.Errorf("%+v, %v", checked, err)
	}
	r := s.Redeem(s.place, b, 2)
	if !s.now(k).Attended {
		t.Error("whoever was there is not known to have been")
	}
	s.Undo(s.place, r.ID)
	if s.now(k).Attended {
		t.Error("what was undone counts")
	}
	s.holds(b, 2, 2)
	s.Redeem(s.place, b, 2)
	s.refuses(second(s.room.Miss(t.Context(), s.place.Actor, booking.Miss{Booking: k.ID})), "booking_attended")
}

func TestTheCounterTakesWhatIsHeldForTodayBeforeTheRest(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b := s.HandOver(s.Campaign, 6)
	today, later := s.books(b, s.session(2, 4)), s.books(b, s.session(24*20, 4))
	s.Clock.Add(2 * time.Hour)
	s.Redeem(s.place, b, 2)
	if !s.now(today).Attended || s.now(later).Attended {
		t.Error("the vouchers of another session were taken")
	}
	s.Redeem(s.place, b, 2)
	if s.now(later).Attended {
		t.Error("what is held for later went before what is free")
	}
	s.holds(b, 2, 2)
}

func TestAHoldEndsByItself(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b, at := s.HandOver(s.Campaign, 2), s.session(72, 6)
	other := s.NewStructure("Le Relais")
	k := s.books(b, at)
	s.Clock.Set(at.EndsAt.Add(24*time.Hour - time.Microsecond))
	_, err := s.Counter.Redeem(t.Context(), other.Actor, world.Request(b, 1))
	s.refuses(err, "vouchers_held")
	s.Clock.Set(at.EndsAt.Add(24 * time.Hour))
	s.holds(b, 2, 0)
	s.Redeem(other, b, 2) // no job has run
	if s.now(k).Attended {
		t.Error("vouchers that were free, taken elsewhere, say nothing of the session")
	}
}

func TestABookingCanBeMovedAndCancelledInTime(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	strict := s.strict(campaigns.OneVoucher)
	b := s.HandOver(strict, 3)
	first, later, full := s.session(72, 6), s.session(96, 6), s.session(97, 1)
	k := s.books(b, first)
	if k.Rule != campaigns.OneVoucher || !k.CancelUntil.Equal(first.StartsAt.Add(-24*time.Hour)) {
		t.Errorf("%+v", k)
	}
	s.books(s.HandOver(s.Campaign, 2), full)
	move := booking.MoveRequest{Booking: k.ID, Session: full.ID, Code: b.QR}
	s.refuses(second(s.room.Move(t.Context(), nobody, move)), "session_full")
	s.holds(b, 3, 2)
	move.Session = later.ID
	s.refuses(second(s.room.Move(t.Context(), nobody, booking.MoveRequest{Booking: k.ID, Session: later.ID, Code: s.HandOver(strict, 2).QR})), "not_found")
	moved, err := s.room.Move(t.Context(), nobody, move)
	if err != nil || moved.ID != k.ID || moved.Session != later.ID {
		t.Fatalf("%+v, %v", moved, err)
	}
	s.holds(b, 3, 2)

	s.Clock.Set(later.StartsAt.Add(-23 * time.Hour))
	cancel := booking.CancelRequest{Booking: k.ID, Code: b.QR}
	s.refuses(second(s.room.Cancel(t.Context(), nobody, cancel)), "cancel_too_late")
	s.refuses(second(s.room.Cancel(t.Context(), s.Prescriber, booking.CancelRequest{Booking: k.ID})), "cancel_too_late")
	s.refuses(second(s.room.Cancel(t.Context(), s.NewStructure("Le Relais").Actor, booking.CancelRequest{Booking: k.ID})), "not_found")
	off, err := s.room.Cancel(t.Context(), s.place.Actor, booking.CancelRequest{Booking: k.ID})
	if err != nil || off.State != booking.Cancelled || off.EndedBy != booking.Place {
		t.Errorf("%+v, %v", off, err)
	}
	s.holds(b, 3, 0)
	s.refuses(second(s.room.Cancel(t.Context(), s.place.Actor, booking.CancelRequest{Booking: k.ID})), "booking_ended")
}

func TestNotComingCostsWhatTheFunderHasSaid(t *testing.T) {
	t.Parallel()
	for rule, cost := range map[campaigns.NoShow]int{campaigns.Nothing: 0, campaigns.OneVoucher: 1, campaigns.AllHeld: 2} {
		t.Run(string(rule), func(t *testing.T) {
			t.Parallel()
			s := newTown(t)
			b, at := s.HandOver(s.strict(rule), 5), s.session(72, 6)
			k := s.books(b, at)
			miss := booking.Miss{Booking: k.ID}
			s.refuses(second(s.room.Miss(t.Context(), s.place.Actor, miss)), "no_show_early")
			s.Clock.Set(at.EndsAt.Add(7 * 24 * time.Hour).Add(-time.Minute))
			s.holds(b, 5, cost) // the rest is free since a day after
			s.refuses(second(s.room.Miss(t.Context(), s.NewStructure("Le Relais").Actor, miss)), "not_found")
			missed, err := s.room.Miss(t.Context(), s.place.Actor, miss)
			if err != nil || missed.State != booking.NoShow || missed.Charged != cost {
				t.Fatalf("%+v, %v", missed, err)
			}
			s.holds(b, 5-cost, 0)
			s.refuses(second(s.room.Miss(t.Context(), s.place.Actor, miss)), "booking_ended")
			if cost == 0 {
				return
			}
			s.Undo(s.place, missed.Redemption)
			if again := s.now(k); again.Charged != 0 || again.State != booking.NoShow {
				t.Errorf("%+v", again)
			}
			s.holds(b, 5, 0)
		})
	}
}

func TestAPlaceSaysWithinAWeekThatNobodyCame(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(72, 6)
	k := s.books(s.HandOver(s.strict(campaigns.AllHeld), 5), at)
	s.Clock.Set(at.EndsAt.Add(7*24*time.Hour + time.Second))
	s.refuses(second(s.room.Miss(t.Context(), s.place.Actor, booking.Miss{Booking: k.ID})), "no_show_late")
}

func TestAFreedSeatGoesToTheFirstWhoStillHasVouchers(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(72, 1)
	seated := s.books(s.HandOver(s.Campaign, 2), at)
	poor, rich, last := s.HandOver(s.Campaign, 2), s.HandOver(s.strict(campaigns.AllHeld), 2), s.HandOver(s.Campaign, 2)
	_, err := s.room.Book(t.Context(), nobody, request(poor, at))
	s.refuses(err, "session_full")
	var line []booking.Booking
	for i, one := range []issuing.Booklet{poor, rich, last} {
		k, err := s.room.Book(t.Context(), nobody, waiting(request(one, at), []string{"poor@example.org", "", "last@example.org"}[i]))
		if err != nil || k.State != booking.Waiting || k.Ahead != i {
			t.Fatalf("%+v, %v", k, err)
		}
		line = append(line, k)
	}
	s.holds(poor, 2, 0)
	s.Redeem(s.NewStructure("Le Relais"), poor, 1)
	s.must(second(s.room.Cancel(t.Context(), s.place.Actor, booking.CancelRequest{Booking: seated.ID})))
	if s.now(line[0]).State != booking.Waiting || s.now(line[2]).State != booking.Waiting {
		t.Error("the seat went to somebody else")
	}
	if k := s.now(line[1]); k.State != booking.Booked || k.Rule != campaigns.Nothing {
		t.Errorf("whoever cannot be told pays nothing: %+v", k)
	}
	s.holds(rich, 2, 2)
	s.must(second(s.room.Cancel(t.Context(), nobody, booking.CancelRequest{Booking: line[1].ID, Code: rich.QR})))
	if s.now(line[2]).State != booking.Booked || !slices.Contains(s.told, "promoted last@example.org") {
		t.Errorf("told: %v", s.told)
	}
	s.Clock.Set(at.StartsAt)
	s.must(s.room.Clear(t.Context()))
	if k := s.now(line[0]); k.State != booking.Cancelled || k.EndedBy != booking.Time || k.Email != "" {
		t.Errorf("%+v", k)
	}
}

func TestNeverMoreBookedThanSeats(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(72, 5)
	var all sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[string]int{}
	for range 32 {
		b := s.HandOver(s.Campaign, 2)
		all.Go(func() {
			_, err := s.room.Book(t.Context(), nobody, request(b, at))
			mu.Lock()
			defer mu.Unlock()
			outcomes[fault.Code(err)]++
		})
	}
	all.Wait()
	if outcomes[""] != 5 || outcomes["session_full"] != 27 {
		t.Errorf("%v", outcomes)
	}
	if n := s.number(`SELECT count(*) FROM vouchers WHERE held_until IS NOT NULL`); n != 10 {
		t.Errorf("%d vouchers are held", n)
	}
}

func TestOneBookletCannotPayTwoSessionsAtOnce(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b := s.HandOver(s.Campaign, 3)
	var sessions []agenda.Session
	for i := range 8 {
		sessions = append(sessions, s.session(72+i, 5))
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[string]int{}
	for _, at := range sessions {
		all.Go(func() {
			_, err := s.room.Book(t.Context(), nobody, request(b, at))
			mu.Lock()
			defer mu.Unlock()
			outcomes[fault.Code(err)]++
		})
	}
	all.Wait()
	if outcomes[""] != 1 || outcomes["vouchers_short"] != 7 {
		t.Errorf("%v", outcomes)
	}
	s.holds(b, 3, 2)
}

func TestWhoMayBook(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b, at := s.HandOver(s.Campaign, 10), s.session(72, 6)
	other := s.NewStructure("Le Relais")
	for name, c := range map[string]struct {
		code string
		err  error
	}{
		"a stranger without a code":     {"code_malformed", second(s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Booklet: b.ID}))},
		"a stranger's typed code":       {"code_malformed", second(s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Code: b.Typed}))},
		"another place":                 {"not_found", second(s.room.Book(t.Context(), other.Actor, booking.Request{Session: at.ID, Code: b.Typed}))},
		"another's booklet":             {"not_found", second(s.room.Book(t.Context(), s.Organisation(identity.Prescriber, "Mairie"), booking.Request{Session: at.ID, Booklet: b.ID}))},
		"a place without the code":      {"code_malformed", second(s.room.Book(t.Context(), s.place.Actor, booking.Request{Session: at.ID, Booklet: b.ID}))},
		"a session that does not exist": {"not_found", second(s.room.Book(t.Context(), s.Prescriber, booking.Request{Session: 999, Booklet: b.ID}))},
		"a wrong address":               {"email_malformed", second(s.room.Book(t.Context(), s.Prescriber, booking.Request{Session: at.ID, Booklet: b.ID, Email: "ada"}))},
		"a wrong number":                {"booking_phone", second(s.room.Book(t.Context(), s.Prescriber, booking.Request{Session: at.ID, Booklet: b.ID, Phone: "appelez Ada"}))},
	} {
		if fault.Code(c.err) != c.code {
			t.Errorf("%s: %v, want %s", name, c.err, c.code)
		}
	}
	k, err := s.room.Book(t.Context(), s.Prescriber, booking.Request{Session: at.ID, Booklet: b.ID, Phone: "04 50 02 00 00"})
	if err != nil || k.BookedBy != booking.Prescriber {
		t.Fatalf("%+v, %v", k, err)
	}
	s.refuses(second(s.room.Book(t.Context(), nobody, request(b, at))), "booked_already")
	s.must(second(s.room.Book(t.Context(), s.place.Actor, booking.Request{Session: s.session(80, 2).ID, Code: b.Typed})))
	s.refuses(second(s.room.Open(t.Context(), nobody, k.ID, s.HandOver(s.Campaign, 1).QR)), "not_found")
	own, err := s.room.Book(t.Context(), nobody, booking.Request{Session: s.session(90, 2).ID, Code: b.QR, Phone: "0450020001"})
	s.must(err)
	if seen, err := s.room.Open(t.Context(), s.Prescriber, own.ID, ""); err != nil || seen.Phone != "" {
		t.Errorf("the prescriber sees a number that the holder gave: %+v, %v", seen, err)
	}
	if seen, err := s.room.Open(t.Context(), s.Prescriber, k.ID, ""); err != nil || seen.Phone == "" {
		t.Errorf("the prescriber does not see the number that it gave: %+v, %v", seen, err)
	}
	if mine, err := s.room.OfBooklet(t.Context(), nobody, b.QR, 0); err != nil || len(mine) != 3 || mine[0].ID != k.ID {
		t.Errorf("%+v, %v", mine, err)
	}
}

func TestASessionMustBeOfUseForTheBooklet(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	far := s.session(24*360, 3) // the campaign ends before
	b, at := s.HandOver(s.Campaign, 10), s.session(72, 6)
	s.refuses(second(s.room.Book(t.Context(), nobody, request(b, far))), "booking_dates")
	one := s.HandOver(s.Campaign, 1)
	s.refuses(second(s.room.Book(t.Context(), nobody, request(one, at))), "vouchers_short")
	s.must(second(s.agenda.Cancel(t.Context(), s.place.Actor, agenda.Cancellation{Session: at.ID, Reason: "Travaux"})))
	s.refuses(second(s.room.Book(t.Context(), nobody, request(b, at))), "session_cancelled")
	s.shop = s.offers(s.place, catalogue.Offer{Theme: world.Theme, Title: "Café gratuit", DurationMinutes: 60})
	free := s.books(one, s.session(48, 6))
	if free.Vouchers != 0 {
		t.Errorf("%+v", free)
	}
	s.holds(one, 1, 0)
}

func TestAPlaceThatIsNotShownIsBookedByItsPeopleAlone(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b, at, hidden := s.HandOver(s.Campaign, 6), s.session(72, 6), s.session(73, 6)
	for name, how := range map[string]string{"not looked at": `listed = false`, "closed": `closed_at = '2026-01-01'`} {
		k := s.books(b, at)
		s.InTx(func(tx *db.Tx) error {
			return second(tx.Exec(t.Context(), `UPDATE places SET `+how+` WHERE id = $1`, s.place.Place))
		})
		for _, actor := range []identity.Actor{nobody, s.Prescriber} {
			code := b.QR
			_, found, err := s.room.Find(t.Context(), actor, booking.Search{Code: code, Limit: 10})
			if err != nil || len(found) != 0 {
				t.Errorf("%s: found %+v, %v", name, found, err)
			}
			s.refuses(second(s.room.Look(t.Context(), actor, request(b, hidden))), "not_found")
			s.refuses(second(s.room.Book(t.Context(), actor, request(b, hidden))), "not_found")
			s.refuses(second(s.room.Move(t.Context(), actor, booking.MoveRequest{Booking: k.ID, Session: hidden.ID, Code: code})), "not_found")
		}
		if others, err := s.room.Instead(t.Context(), s.place.Actor, k.ID, ""); err != nil || len(others) != 1 {
			t.Errorf("%s: the place may move to %+v, %v", name, others, err)
		}
		mine, err := s.room.Book(t.Context(), s.place.Actor, booking.Request{Session: hidden.ID, Code: b.Typed})
		s.must(err)
		if session, err := s.room.Session(t.Context(), nobody, mine.ID, b.QR); err != nil || session.ID != hidden.ID {
			t.Errorf("%s: whoever is booked there reads %+v, %v", name, session, err)
		}
		for _, id := range []vouchers.BookingID{mine.ID, k.ID} {
			s.must(second(s.room.Cancel(t.Context(), nobody, booking.CancelRequest{Booking: id, Code: b.QR})))
		}
		s.InTx(func(tx *db.Tx) error {
			return second(tx.Exec(t.Context(), `UPDATE places SET listed = true, closed_at = NULL WHERE id = $1`, s.place.Place))
		})
	}
}

func TestBookingsFollowTheirSession(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(72, 1)
	b, next := s.HandOver(s.strict(campaigns.AllHeld), 2), s.HandOver(s.Campaign, 2)
	k, err := s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Code: b.QR, Email: "ada@example.org"})
	s.must(err)
	line, err := s.room.Book(t.Context(), nobody, waiting(request(next, at), "bo@example.org"))
	s.must(err)

	change := agenda.Change{Session: at.ID, StartsAt: at.StartsAt.Add(24 * time.Hour), EndsAt: at.EndsAt.Add(24 * time.Hour), Seats: 2, Note: "Salle 2"}
	later, err := s.agenda.Change(t.Context(), s.place.Actor, change)
	if err != nil || later.Taken != 2 || later.Waiting != 0 {
		t.Fatalf("%+v, %v", later, err)
	}
	if s.now(line).State != booking.Booked || s.now(k).Rule != campaigns.Nothing {
		t.Error("whoever waited has no seat, or another hour costs something")
	}
	s.Clock.Set(at.EndsAt.Add(47 * time.Hour))
	s.holds(b, 2, 2)
	s.Clock.Set(at.EndsAt.Add(-47 * time.Hour))
	change.Seats = 1
	s.refuses(second(s.agenda.Change(t.Context(), s.place.Actor, change)), "seats_booked")

	s.must(second(s.agenda.Cancel(t.Context(), s.place.Actor, agenda.Cancellation{Session: at.ID, Reason: "Travaux"})))
	s.holds(b, 2, 0)
	if off := s.now(k); off.State != booking.Cancelled || off.Off != "Travaux" || off.Email != "" {
		t.Errorf("%+v", off)
	}
	for _, want := range []string{"booked ada@example.org", "waiting bo@example.org", "changed ada@example.org", "off ada@example.org", "off bo@example.org"} {
		if !slices.Contains(s.told, want) {
			t.Errorf("nobody was told %q: %v", want, s.told)
		}
	}
}

func TestRemindersComeOnceAndContactsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(24*5, 6)
	b := s.HandOver(s.Campaign, 2)
	k, err := s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Code: b.QR, Email: "ada@example.org", Phone: "0450020000"})
	s.must(err)
	s.Clock.Set(at.StartsAt.Add(-49 * time.Hour))
	s.must(s.room.Remind(t.Context()))
	s.Clock.Set(at.StartsAt.Add(-47 * time.Hour))
	soon, err := s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Code: s.HandOver(s.Campaign, 2).QR, Email: "bo@example.org"})
	s.must(err)
	s.must(s.room.Remind(t.Context()))
	s.must(s.room.Remind(t.Context()))
	if want := []string{"booked ada@example.org", "booked bo@example.org", "reminder ada@example.org"}; !slices.Equal(s.told, want) {
		t.Errorf("told %v", s.told)
	}
	s.Clock.Set(at.EndsAt.Add(24*time.Hour - time.Second))
	s.must(s.room.Clear(t.Context()))
	if s.now(k).Phone == "" || s.now(soon).Email == "" {
		t.Error("forgotten too early")
	}
	s.Clock.Set(at.EndsAt.Add(24 * time.Hour))
	s.must(s.room.Clear(t.Context()))
	if k := s.now(k); k.Phone != "" || k.Email != "" || k.State != booking.Booked {
		t.Errorf("%+v", k)
	}
	if !slices.Contains(s.told, "freed ada@example.org") {
		t.Errorf("told %v", s.told)
	}
	s.Clock.Add(8 * 24 * time.Hour)
	s.must(s.room.Clear(t.Context()))
	if n := s.number(`SELECT count(*) FROM vouchers WHERE held_for IS NOT NULL`); n != 0 {
		t.Errorf("%d vouchers remember a hold that is long over", n)
	}
}

func TestNobodyIsRemindedOfASessionThatIsOff(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	at := s.session(24*5, 6)
	_, err := s.room.Book(t.Context(), nobody, booking.Request{Session: at.ID, Code: s.HandOver(s.Campaign, 2).QR, Email: "ada@example.org"})
	s.must(err)
	s.InTx(func(tx *db.Tx) error { // by whatever path forgets the bookings
		_, err := tx.Exec(t.Context(), `UPDATE agenda_sessions SET cancelled_at = $2, cancel_reason = 'Travaux' WHERE id = $1`, at.ID, tx.Now)
		return err
	})
	s.Clock.Set(at.StartsAt.Add(-47 * time.Hour))
	s.must(s.room.Remind(t.Context()))
	if slices.Contains(s.told, "reminder ada@example.org") {
		t.Errorf("told %v", s.told)
	}
}

func TestACourseIsBookedAsAWhole(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	s.shop = s.offers(s.place, catalogue.Offer{Theme: world.Theme, Title: "Parcours", PriceVouchers: 4, DurationMinutes: 60, Meetings: 3})
	at := s.Clock.Now().Add(72 * time.Hour)
	week := 7 * 24 * time.Hour
	published, err := s.agenda.Publish(t.Context(), s.place.Actor, s.place.Place, agenda.NewSession{Service: s.shop, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4,
		Later: []agenda.Meeting{{StartsAt: at.Add(week), EndsAt: at.Add(week + time.Hour)}, {StartsAt: at.Add(2 * week), EndsAt: at.Add(2*week + time.Hour)}}})
	s.must(err)
	k := s.books(s.HandOver(s.Campaign, 6), published[0])
	if k.Vouchers != 4 || len(k.Later) != 2 || !k.Over().Equal(at.Add(2*week+time.Hour)) {
		t.Errorf("%+v", k)
	}
	late := s.number(`SELECT count(*) FROM vouchers WHERE held_until = $1`, k.Over().Add(24*time.Hour))
	if late != 4 {
		t.Errorf("%d vouchers are held until the end", late)
	}
}

func TestSlotsAreSessionsForOne(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	hours := agenda.NewSlots{Service: s.shop, Weekdays: []int{2, 4}, From: "14:00", Until: "16:30", Minutes: 60, FirstDay: vouchers.DayOf(s.Clock.Now()).AddDays(7), Weeks: 3}
	slots, err := s.agenda.PublishSlots(t.Context(), s.place.Actor, s.place.Place, hours)
	if err != nil || len(slots) != 12 {
		t.Fatalf("%d slots, %v", len(slots), err)
	}
	s.refuses(second(s.agenda.PublishSlots(t.Context(), s.place.Actor, s.place.Place, hours)), "slots_none")
	k := s.books(s.HandOver(s.Campaign, 2), slots[0])
	if k.Kind != agenda.Slot {
		t.Errorf("%+v", k)
	}
	s.refuses(second(s.room.Book(t.Context(), nobody, request(s.HandOver(s.Campaign, 2), slots[0]))), "session_full")
}

func TestTheSameKeyBooksOnce(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	b, at := s.HandOver(s.Campaign, 4), s.session(72, 6)
	ctx := withKey(t, "the-same-key")
	first, err := s.room.Book(ctx, nobody, request(b, at))
	s.must(err)
	again, err := s.room.Book(withKey(t, "the-same-key"), nobody, request(b, at))
	if err != nil || again.ID != first.ID {
		t.Errorf("%+v, %v", again, err)
	}
	s.holds(b, 4, 2)
	if n := s.number(`SELECT count(*) FROM idempotency_keys WHERE answer LIKE '%' || $1 || '%' OR answer LIKE '%@%'`, b.Typed); n != 0 {
		t.Error("a code or an address is kept")
	}
}
