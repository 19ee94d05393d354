package booking_test

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
)

// season is a few booklets, a few sessions and all that may happen between them.
type season struct {
	*town
	other    world.Structure
	booklets []issuing.Booklet
	sessions []agenda.Session
	bookings []booking.Booking
	taken    []redemption.Redemption
}

// refusals are what a season may meet; anything else is a mistake of ours.
var refusals = map[string]bool{
	"": true, "session_full": true, "session_over": true, "session_cancelled": true, "booked_already": true, "bookings_many": true, "vouchers_short": true,
	"vouchers_held": true, "insufficient_vouchers": true, "voucher_already_redeemed": true, "voucher_frozen": true, "booking_ended": true, "booking_attended": true,
	"cancel_too_late": true, "no_show_early": true, "no_show_late": true, "already_undone": true, "undo_too_late": true, "waiting_list_full": true, "seats_booked": true,
	"session_in_the_past": true,
}

// TestAnySeasonKeepsItsPromises plays random seasons of booking, waiting, moving, cancelling,
// coming, not coming, freezing and calling off, while time goes by.
func TestAnySeasonKeepsItsPromises(t *testing.T) {
	t.Parallel()
	s := newTown(t)
	strict, other := s.NewCampaign("Saisons", 4000), s.NewStructure("Le Relais")
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE campaigns SET no_show = $2, ends_on = ends_on + 3000 WHERE id = $1`, strict.ID, campaigns.OneVoucher)
		return err
	})
	rapid.Check(t, func(rt *rapid.T) {
		n := &season{town: s, other: other}
		for range 3 {
			n.booklets = append(n.booklets, s.HandOver(strict, 4))
		}
		for _, seats := range []int{1, 2} {
			n.sessions = append(n.sessions, n.session(30+10*seats, seats))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"book": n.book, "move": n.move, "cancel": n.cancel, "miss": n.miss, "redeem": n.redeem, "undo": n.undo, "freeze": n.freeze,
			"change": n.change, "call off": n.callOff, "time": n.pass, "": n.check,
		})
	})
}

func (n *season) may(rt *rapid.T, err error) bool {
	if !refusals[fault.Code(err)] || err != nil && fault.Code(err) == "" {
		rt.Fatalf("%v", err)
	}
	return err == nil
}

func (n *season) book(rt *rapid.T) {
	b, at := rapid.SampledFrom(n.booklets).Draw(rt, "booklet"), rapid.SampledFrom(n.sessions).Draw(rt, "session")
	r := request(b, at)
	r.Wait = rapid.Bool().Draw(rt, "wait")
	k, err := n.room.Book(context.Background(), nobody, r)
	if n.may(rt, err) {
		n.bookings = append(n.bookings, k)
	}
}

func (n *season) drawn(rt *rapid.T) booking.Booking {
	if len(n.bookings) == 0 {
		rt.Skip("nothing is booked yet")
	}
	return rapid.SampledFrom(n.bookings).Draw(rt, "booking")
}

func (n *season) move(rt *rapid.T) {
	k, to := n.drawn(rt), rapid.SampledFrom(n.sessions).Draw(rt, "to")
	n.may(rt, second(n.room.Move(context.Background(), n.Prescriber, booking.MoveRequest{Booking: k.ID, Session: to.ID})))
}

func (n *season) cancel(rt *rapid.T) {
	who := n.Prescriber
	if rapid.Bool().Draw(rt, "by the place") {
		who = n.place.Actor
	}
	n.may(rt, second(n.room.Cancel(context.Background(), who, booking.CancelRequest{Booking: n.drawn(rt).ID})))
}

func (n *season) miss(rt *rapid.T) {
	n.may(rt, second(n.room.Miss(context.Background(), n.place.Actor, booking.Miss{Booking: n.drawn(rt).ID})))
}

func (n *season) redeem(rt *rapid.T) {
	at := n.place
	if rapid.Bool().Draw(rt, "elsewhere") {
		at = n.other
	}
	b := rapid.SampledFrom(n.booklets).Draw(rt, "booklet")
	held := n.heldElsewhere(b, at)
	count := rapid.IntRange(1, 3).Draw(rt, "count")
	live := n.card(b).Left
	r, err := n.Counter.Redeem(context.Background(), at.Actor, world.Request(b, count))
	if granted := n.may(rt, err); granted != (live-held >= count) {
		rt.Fatalf("%d of %d, of which %d are held elsewhere: %v", count, live, held, err)
	}
	if err == nil {
		n.taken = append(n.taken, r)
		if r.Left != live-count {
			rt.Fatalf("told that %d are left of %d", r.Left, live)
		}
	}
}

func (n *season) heldElsewhere(b issuing.Booklet, at world.Structure) int {
	return n.number(`
		SELECT count(*) FROM vouchers v JOIN bookings k ON k.id = v.held_for JOIN agenda_sessions a ON a.id = k.session_id
		WHERE v.booklet_id = $1 AND v.state = 'live' AND v.held_until > $2 AND a.place_id <> $3`, b.ID, n.Clock.Now(), at.Place)
}

func (n *season) undo(rt *rapid.T) {
	if len(n.taken) == 0 {
		rt.Skip("nothing was taken yet")
	}
	r := rapid.SampledFrom(n.taken).Draw(rt, "redemption")
	who := n.place.Actor
	if r.Place == n.other.Place {
		who = n.other.Actor
	}
	n.may(rt, second(n.Counter.Undo(context.Background(), who, redemption.UndoRequest{ID: r.ID, Reason: "property"})))
}

func (n *season) freeze(rt *rapid.T) {
	b := rapid.SampledFrom(n.booklets).Draw(rt, "booklet")
	n.may(rt, second(n.Issuing.Freeze(context.Background(), n.Prescriber, issuing.FreezeRequest{Booklet: b.ID, Frozen: rapid.Bool().Draw(rt, "frozen")})))
}

func (n *season) change(rt *rapid.T) {
	at := rapid.SampledFrom(n.sessions).Draw(rt, "session")
	hours := time.Duration(rapid.IntRange(-3, 3).Draw(rt, "hours")) * time.Hour
	n.may(rt, second(n.agenda.Change(context.Background(), n.place.Actor, agenda.Change{Session: at.ID,
		StartsAt: at.StartsAt.Add(hours), EndsAt: at.EndsAt.Add(hours), Seats: rapid.IntRange(1, 3).Draw(rt, "seats")})))
}

func (n *season) callOff(rt *rapid.T) {
	if rapid.IntRange(0, 5).Draw(rt, "seldom") > 0 {
		rt.Skip("it takes place")
	}
	at := rapid.SampledFrom(n.sessions).Draw(rt, "session")
	n.may(rt, second(n.agenda.Cancel(context.Background(), n.place.Actor, agenda.Cancellation{Session: at.ID, Reason: "property"})))
	n.sessions = append(n.sessions, n.session(20, 1))
}

func (n *season) pass(rt *rapid.T) {
	n.Clock.Add(time.Duration(rapid.IntRange(1, 40).Draw(rt, "hours")) * time.Hour)
	if err := n.room.Clear(context.Background()); err != nil {
		rt.Fatal(err)
	}
}

// broken are queries that must count no row.
var broken = map[string]string{
	"more booked than seats": `SELECT count(*) FROM agenda_sessions a
		WHERE a.seats < (SELECT count(*) FROM bookings k WHERE k.session_id = a.id AND k.state IN ('booked', 'no_show'))`,
	"held without a booking that stands": `SELECT count(*) FROM vouchers v WHERE v.held_until > $1 AND v.state = 'live'
		AND NOT EXISTS (SELECT 1 FROM bookings k WHERE k.id = v.held_for AND k.booklet_id = v.booklet_id AND k.state = 'booked')`,
	"more held than the price": `SELECT count(*) FROM bookings k
		WHERE k.vouchers < (SELECT count(*) FROM vouchers v WHERE v.held_for = k.id AND v.held_until > $1)`,
	"a hold without an end": `SELECT count(*) FROM vouchers v JOIN bookings k ON k.id = v.held_for JOIN agenda_sessions a ON a.id = k.session_id
		WHERE v.held_until > $1 AND v.held_until > a.ends_at + interval '7 days'`,
	"charged twice": `SELECT count(*) FROM (SELECT redemption_id FROM bookings WHERE redemption_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1) AS twice`,
}

func (n *season) check(rt *rapid.T) {
	for what, query := range broken {
		var rows int
		err := n.DB.InTx(context.Background(), func(tx *db.Tx) error {
			return tx.Get(context.Background(), &rows, `SELECT n FROM (`+query+`) AS q(n), (SELECT $1::timestamptz) AS now`, n.Clock.Now())
		})
		if err != nil || rows != 0 {
			rt.Fatalf("%s: %d rows, %v", what, rows, err)
		}
	}
}
