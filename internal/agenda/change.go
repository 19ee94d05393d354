package agenda

import (
	"context"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Change says how a session is from now on: all of it, as when it was published.
type Change struct {
	Session  vouchers.SessionID `json:"session"`
	StartsAt time.Time          `json:"starts_at"`
	EndsAt   time.Time          `json:"ends_at"`
	Seats    int                `json:"seats"` // not fewer than are booked
	Note     string             `json:"note"`
	Later    []Meeting          `json:"later"`
}

// Change gives a session of the actor's structure other times, seats or words. Its faults
// are those of Publish, session_cancelled, session_over and seats_booked.
func (s *Service) Change(ctx context.Context, actor identity.Actor, req Change) (Session, error) {
	if err := needsAgenda(actor); err != nil {
		return Session{}, err
	}
	req.Note = strings.TrimSpace(req.Note)
	var after Session
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "change_session", req, func() (Session, error) {
			return s.change(ctx, tx, actor, req)
		})
		return err
	})
	return after, err
}

func (s *Service) change(ctx context.Context, tx *db.Tx, actor identity.Actor, req Change) (Session, error) {
	like := NewSession{StartsAt: req.StartsAt, EndsAt: req.EndsAt, Seats: req.Seats, Times: 1, Note: req.Note}
	if err := like.check(tx.Now); err != nil {
		return Session{}, err
	}
	before, err := lockComing(ctx, tx, actor, req.Session)
	switch {
	case err != nil:
		return Session{}, err
	case req.Seats < before.Taken:
		return Session{}, fault.New(fault.Conflict, "seats_booked", "booked", before.Taken)
	case before.Kind == Slot && req.Seats != 1:
		return Session{}, fault.New(fault.Invalid, "seats_out_of_range", "most", 1)
	}
	if err := meet(req.EndsAt, req.Later, before.Meetings); err != nil {
		return Session{}, err
	}
	if err := updateSession(ctx, tx, req); err != nil {
		return Session{}, err
	}
	if err := setMeetings(ctx, tx, req.Session, req.Later); err != nil {
		return Session{}, err
	}
	return followed(ctx, tx, actor, "session_changed", before, s.follows)
}

// NewSlots are the hours in which a place helps one person at a time.
type NewSlots struct {
	Service  vouchers.ServiceID `json:"service"`
	Weekdays []int              `json:"weekdays"`  // 1 for Monday to 7 for Sunday
	From     string             `json:"from"`      // "14:00" in Paris
	Until    string             `json:"until"`     // "17:00": the last slot ends then at the latest
	Minutes  int                `json:"minutes"`   // of one slot
	FirstDay vouchers.Day       `json:"first_day"` // the first week begins with it
	Weeks    int                `json:"weeks"`
	Note     string             `json:"note"`
}

// PublishSlots announces appointments one after the other at a place of the actor's
// structure. Slots that the actor has announced there before are left as they are. Its faults
// are not_found, slot_hours, slot_days, slot_course, slots_out_of_range, slots_none and
// session_note_length.
func (s *Service) PublishSlots(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req NewSlots) ([]Session, error) {
	if err := needsAgenda(actor); err != nil {
		return nil, err
	}
	req.Note = strings.TrimSpace(req.Note)
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		NewSlots
	}{place, req}
	var published []Session
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		published, err = once.Do(ctx, tx, actor.Organisation, "publish_slots", what, func() ([]Session, error) {
			return publishSlots(ctx, tx, actor, place, req)
		})
		return err
	})
	return published, err
}

func publishSlots(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req NewSlots) ([]Session, error) {
	all, err := req.slots()
	if err != nil {
		return nil, err
	}
	if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
		return nil, err
	}
	offer, err := catalogue.OfferOf(ctx, tx, place, req.Service)
	if err != nil {
		return nil, err
	}
	if offer.Meetings > 1 {
		return nil, fault.New(fault.Invalid, "slot_course")
	}
	there, err := slotsThere(ctx, tx, actor, place)
	if err != nil {
		return nil, err
	}
	if all = stillNew(all, there, tx.Now); len(all) == 0 {
		return nil, fault.New(fault.Conflict, "slots_none")
	}
	return insertAll(ctx, tx, actor, place, Slot, all)
}
