package redemption

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Booked is a session at the place for which the booklet has vouchers held.
type Booked struct {
	ID       vouchers.BookingID `json:"id" db:"id"`
	StartsAt time.Time          `json:"starts_at" db:"starts_at"`
	Theme    string             `json:"service_theme" db:"theme"`
	Title    string             `json:"title" db:"title"`
	Vouchers int                `json:"vouchers" db:"vouchers"`
	Minutes  int                `json:"duration_minutes" db:"minutes"`
	Group    bool               `json:"group" db:"in_group"` // several people come
	Today    bool               `json:"today" db:"today"`
}

// bookedHere are the sessions at a place that a booklet's vouchers are held for, those of
// today first.
func bookedHere(ctx context.Context, tx *db.Tx, booklet vouchers.BookletID, place vouchers.PlaceID) ([]Booked, error) {
	all := []Booked{}
	err := tx.Select(ctx, &all, `
		SELECT k.id, a.starts_at, s.theme, s.title, k.vouchers, (EXTRACT(EPOCH FROM a.ends_at - a.starts_at) / 60)::int AS minutes,
			a.seats > 1 AS in_group, (a.starts_at AT TIME ZONE 'Europe/Paris')::date = $4::date AS today
		FROM bookings k JOIN agenda_sessions a ON a.id = k.session_id JOIN services s ON s.id = a.service_id
		WHERE k.booklet_id = $1 AND a.place_id = $2 AND k.state = 'booked'
			AND EXISTS (SELECT 1 FROM vouchers v WHERE v.held_for = k.id AND v.state = 'live' AND v.held_until > $3)
		ORDER BY today DESC, a.starts_at, k.id`, booklet, place, tx.Now, vouchers.DayOf(tx.Now))
	return all, err
}

// Missed is a booked session to which nobody came, and what that costs.
type Missed struct {
	Booking         vouchers.BookingID
	Booklet         vouchers.BookletID
	Place           vouchers.PlaceID
	Count           int
	Theme           string
	DurationMinutes int
	Mode            string
}

// TakeMissed takes vouchers that a booking holds although nobody has come with their code.
// The rules are those of any redemption, and so is the way back. The caller has seen to
// it that the actor may, and has the booklet locked.
func TakeMissed(ctx context.Context, tx *db.Tx, actor identity.Actor, m Missed) (Redemption, error) {
	req := Request{Count: m.Count, Theme: m.Theme, DurationMinutes: m.DurationMinutes, Mode: m.Mode, Place: m.Place}
	if err := checkShape(req); err != nil {
		return Redemption{}, err
	}
	hash, err := once.Hash("redeem_missed", m)
	if err != nil {
		return Redemption{}, err
	}
	it := &item{req: req, actor: actor, booklet: m.Booklet, key: fmt.Sprintf("missed-booking-%d", m.Booking), hash: hash,
		code: code{ticket: vouchers.Ticket{Serial: uint32(m.Booklet)}}}
	all, err := readFacts(ctx, tx.Select, tx.Now, []*item{it})
	if err != nil {
		return Redemption{}, err
	}
	held, err := issuing.HeldBy(ctx, tx, m.Booking)
	if err != nil {
		return Redemption{}, err
	}
	f := &all[0]
	live := len(f.Live)
	f.Live = slices.DeleteFunc(f.Live, func(id int64) bool { return !slices.Contains(held, id) })
	f.Held += live - len(f.Live)
	if refusal := decide(f, req, vouchers.DayOf(tx.Now)); refusal != nil {
		return Redemption{}, refusal
	}
	var g grants
	if err := g.add(it, f, tx.Now); err != nil {
		return Redemption{}, err
	}
	var ids []vouchers.RedemptionID
	if err := tx.TogetherInto(ctx, &ids, drawnIDs, g.steps(tx.Now)...); err != nil {
		return Redemption{}, err
	}
	it.answer.ID = ids[0]
	return it.answer, nil
}
