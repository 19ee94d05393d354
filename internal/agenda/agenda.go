// Package agenda knows when the services of places take place: sessions with their seats,
// courses with all their meetings, and slots, which are sessions for one.
package agenda

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to publish and cancel sessions.
const Scope = "agenda"

// Follow does what must follow when a session was changed or called off, in the same
// transaction. The session is locked.
type Follow func(ctx context.Context, tx *db.Tx, before, after Session) error

// Service is the use cases of the agenda.
type Service struct {
	db      *db.DB
	follows []Follow
}

// New makes the service.
func New(d *db.DB, follows ...Follow) *Service { return &Service{db: d, follows: follows} }

// Kind tells how people come to a session.
type Kind string

// The kinds of session.
const (
	Group  Kind = "session" // once
	Course Kind = "course"  // the same people, several times
	Slot   Kind = "slot"    // one person
)

// NewSession is what a place publishes.
type NewSession struct {
	Service  vouchers.ServiceID `json:"service"`
	StartsAt time.Time          `json:"starts_at"`
	EndsAt   time.Time          `json:"ends_at"` // of a course: of its first meeting
	Seats    int                `json:"seats"`
	Times    int                `json:"times"` // how often, a week apart at the same hour; 0: once
	Note     string             `json:"note"`  // what to bring, which door
	Later    []Meeting          `json:"later"` // of a course: its meetings after the first; may be told later on
}

// Meeting is one of the later meetings of a course.
type Meeting struct {
	StartsAt time.Time `json:"starts_at" db:"starts_at"`
	EndsAt   time.Time `json:"ends_at" db:"ends_at"`
}

// Session is one time when a service takes place.
type Session struct {
	ID           vouchers.SessionID      `json:"id" db:"id"`
	Place        vouchers.PlaceID        `json:"place" db:"place_id"`
	PlaceName    string                  `json:"place_name" db:"place_name"`
	Structure    vouchers.OrganisationID `json:"structure" db:"structure_id"` // that answers for the place
	Service      vouchers.ServiceID      `json:"service" db:"service_id"`
	Theme        string                  `json:"theme" db:"theme"`
	Title        string                  `json:"title" db:"title"`
	Price        int                     `json:"price_vouchers" db:"price_vouchers"`
	Extra        vouchers.Cents          `json:"extra_cents" db:"extra_cents"` // what the person pays besides
	Mediator     vouchers.PersonID       `json:"mediator" db:"mediator_id"`
	Kind         Kind                    `json:"kind" db:"kind"`
	StartsAt     time.Time               `json:"starts_at" db:"starts_at"`
	EndsAt       time.Time               `json:"ends_at" db:"ends_at"`
	Seats        int                     `json:"seats" db:"seats"`
	Note         string                  `json:"note" db:"note"`
	PublishedAt  time.Time               `json:"published_at" db:"published_at"`
	CancelledAt  *time.Time              `json:"cancelled_at,omitempty" db:"cancelled_at"`
	CancelReason string                  `json:"cancel_reason,omitempty" db:"cancel_reason"`
	Changes      int                     `json:"changes" db:"changes"`   // how often it was changed since
	Meetings     int                     `json:"meetings" db:"meetings"` // that the service has; 1 but for a course
	Taken        int                     `json:"seats_taken" db:"taken"` // booked
	Waiting      int                     `json:"waiting" db:"waiting"`   // people on the waiting list
	Later        []Meeting               `json:"later_meetings" db:"-"`  // of a course, as far as they are known
}

// Free is how many seats can be booked.
func (s Session) Free() int { return max(s.Seats-s.Taken, 0) }

// Over is when the last meeting that is known ends.
func (s Session) Over() time.Time {
	if n := len(s.Later); n > 0 {
		return s.Later[n-1].EndsAt
	}
	return s.EndsAt
}

// Publish announces sessions at a place of the actor's structure, one or several a week
// apart. Its faults are not_found, session_in_the_past, session_times, seats_out_of_range,
// session_times_out_of_range, session_meetings and session_note_length.
func (s *Service) Publish(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req NewSession) ([]Session, error) {
	if err := needsAgenda(actor); err != nil {
		return nil, err
	}
	req.Note, req.Times = strings.TrimSpace(req.Note), max(req.Times, 1)
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		NewSession
	}{place, req}
	var published []Session
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		published, err = once.Do(ctx, tx, actor.Organisation, "publish_sessions", what, func() ([]Session, error) {
			return publish(ctx, tx, actor, place, req)
		})
		return err
	})
	return published, err
}

func needsAgenda(actor identity.Actor) error {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

func publish(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req NewSession) ([]Session, error) {
	if err := req.check(tx.Now); err != nil {
		return nil, err
	}
	if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
		return nil, err
	}
	offer, err := catalogue.OfferOf(ctx, tx, place, req.Service)
	if err != nil {
		return nil, err
	}
	kind := Group
	if offer.Meetings > 1 {
		kind = Course
	}
	if err := meet(req.EndsAt, req.Later, offer.Meetings); err != nil {
		return nil, err
	}
	return insertAll(ctx, tx, actor, place, kind, req.series())
}

// insertAll publishes sessions of one kind at a place.
func insertAll(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, kind Kind, all []NewSession) ([]Session, error) {
	published := []Session{}
	for _, one := range all {
		id, err := insertSession(ctx, tx, actor, place, kind, one)
		if err != nil {
			return nil, err
		}
		if err := setMeetings(ctx, tx, id, one.Later); err != nil {
			return nil, err
		}
		s, err := Get(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		published = append(published, s)
	}
	return published, audit.Record(ctx, tx, actor, "sessions_published", fmt.Sprintf("place:%d", place), nil, published)
}

// Cancellation calls a session off. Reason is told to everybody.
type Cancellation struct {
	Session vouchers.SessionID `json:"session"`
	Reason  string             `json:"reason"`
}

// Cancel calls a session of the actor's structure off. Its faults are not_found,
// cancel_reason_length, session_cancelled and session_over.
func (s *Service) Cancel(ctx context.Context, actor identity.Actor, req Cancellation) (Session, error) {
	if err := needsAgenda(actor); err != nil {
		return Session{}, err
	}
	req.Reason = strings.TrimSpace(req.Reason)
	if n := len([]rune(req.Reason)); n < 3 || n > noteMost {
		return Session{}, fault.New(fault.Invalid, "cancel_reason_length", "most", noteMost)
	}
	var after Session
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "cancel_session", req, func() (Session, error) {
			return s.cancel(ctx, tx, actor, req)
		})
		return err
	})
	return after, err
}

func (s *Service) cancel(ctx context.Context, tx *db.Tx, actor identity.Actor, req Cancellation) (Session, error) {
	before, err := lockComing(ctx, tx, actor, req.Session)
	if err != nil {
		return Session{}, err
	}
	return callOff(ctx, tx, actor, before, req.Reason, s.follows)
}

// callOff calls a locked session off.
func callOff(ctx context.Context, tx *db.Tx, actor identity.Actor, before Session, reason string, follows []Follow) (Session, error) {
	if err := setCancelled(ctx, tx, Cancellation{before.ID, reason}); err != nil {
		return Session{}, err
	}
	return followed(ctx, tx, actor, "session_cancelled", before, follows)
}

// lockComing locks a session of the actor's structure that still takes place.
func lockComing(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.SessionID) (Session, error) {
	s, err := Lock(ctx, tx, id)
	switch {
	case err != nil:
		return s, err
	case s.Structure != actor.Organisation:
		return s, fault.New(fault.NotFound, "not_found")
	case s.CancelledAt != nil:
		return s, fault.New(fault.Conflict, "session_cancelled")
	case !s.StartsAt.After(tx.Now):
		return s, fault.New(fault.Conflict, "session_over")
	}
	return s, nil
}

// followed records a change, lets the others follow, and reads the session as it is then.
func followed(ctx context.Context, tx *db.Tx, actor identity.Actor, act string, before Session, follows []Follow) (Session, error) {
	after, err := Get(ctx, tx, before.ID)
	if err != nil {
		return after, err
	}
	if err := audit.Record(ctx, tx, actor, act, fmt.Sprintf("session:%d", before.ID), before, after); err != nil {
		return after, err
	}
	for _, follow := range follows {
		if err := follow(ctx, tx, before, after); err != nil {
			return after, err
		}
	}
	return Get(ctx, tx, before.ID)
}

// Lock locks a session until the end of tx, then reads it: its seats are counted under
// this lock.
func Lock(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	if err := lockSession(ctx, tx, id); err != nil {
		return Session{}, err
	}
	return Get(ctx, tx, id)
}

// Open reads one session, for anyone who may know of its place.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.SessionID) (Session, error) {
	var one Session
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		found, err := Get(ctx, tx, id)
		if err == nil {
			err = mayKnow(ctx, tx, actor, found.Place)
		}
		if err == nil {
			one = found
		}
		return err
	})
	return one, err
}

func mayKnow(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID) error {
	p, err := labelling.PlaceOf(ctx, tx, place)
	if err == nil && !p.SeenBy(actor) {
		err = fault.New(fault.NotFound, "not_found")
	}
	return err
}

// Upcoming lists the sessions of a place that begin within so many days, those that were
// called off among them, for anyone.
func (s *Service) Upcoming(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, days int) ([]Session, error) {
	var all []Session
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if err := mayKnow(ctx, tx, actor, place); err != nil {
			return err
		}
		all, err = upcoming(ctx, tx, place, tx.Now, tx.Now.AddDate(0, 0, days))
		return err
	})
	return all, err
}

// CallOff calls off for another room all that a place has announced, since whoever did
// should never have had it. All is locked before anything follows: who books locks a session
// first and booklets then.
func CallOff(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, reason string, follows ...Follow) error {
	ids, err := lockComingOf(ctx, tx, place)
	if err != nil {
		return err
	}
	for _, id := range ids {
		before, err := Get(ctx, tx, id)
		if err != nil {
			return err
		}
		if _, err := callOff(ctx, tx, actor, before, reason, follows); err != nil {
			return err
		}
	}
	return nil
}
