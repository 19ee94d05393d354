// Package agenda knows when the services of places take place: sessions with their seats,
// and courses, whose first meeting it tells.
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

// Service is the use cases of the agenda.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Kind tells how people come to a session.
type Kind string

// The kinds of session.
const (
	Group  Kind = "session" // once
	Course Kind = "course"  // the same people, several times
)

// NewSession is what a place publishes.
type NewSession struct {
	Service  vouchers.ServiceID `json:"service"`
	StartsAt time.Time          `json:"starts_at"`
	EndsAt   time.Time          `json:"ends_at"` // of a course: of its first meeting
	Seats    int                `json:"seats"`
	Times    int                `json:"times"` // how often, a week apart at the same hour; 0: once
	Note     string             `json:"note"`  // what to bring, which door
}

// Session is one time when a service takes place.
type Session struct {
	ID           vouchers.SessionID      `json:"id" db:"id"`
	Place        vouchers.PlaceID        `json:"place" db:"place_id"`
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
}

// Publish announces sessions at a place of the actor's structure, one or several a week
// apart. Its faults are not_found, session_in_the_past, session_times, seats_out_of_range,
// session_times_out_of_range and session_note_length.
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
	var published []Session
	for _, one := range req.series() {
		id, err := insertSession(ctx, tx, actor, place, kind, one)
		if err != nil {
			return nil, err
		}
		s, err := session(ctx, tx, id)
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
			return cancel(ctx, tx, actor, req)
		})
		return err
	})
	return after, err
}

func cancel(ctx context.Context, tx *db.Tx, actor identity.Actor, req Cancellation) (Session, error) {
	before, err := lock(ctx, tx, req.Session)
	switch {
	case err != nil:
		return Session{}, err
	case before.Structure != actor.Organisation:
		return Session{}, fault.New(fault.NotFound, "not_found")
	case before.CancelledAt != nil:
		return Session{}, fault.New(fault.Conflict, "session_cancelled")
	case !before.StartsAt.After(tx.Now):
		return Session{}, fault.New(fault.Conflict, "session_over")
	}
	if err := setCancelled(ctx, tx, req); err != nil {
		return Session{}, err
	}
	after, err := session(ctx, tx, req.Session)
	if err != nil {
		return Session{}, err
	}
	return after, audit.Record(ctx, tx, actor, "session_cancelled", fmt.Sprintf("session:%d", req.Session), before, after)
}

// lock locks a session until the transaction ends, then reads it.
func lock(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	if err := lockSession(ctx, tx, id); err != nil {
		return Session{}, err
	}
	return session(ctx, tx, id)
}

// Upcoming lists the sessions of a place that begin within so many days, those that were
// called off among them, for anyone.
func (s *Service) Upcoming(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, days int) ([]Session, error) {
	var all []Session
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		p, err := labelling.PlaceOf(ctx, tx, place)
		if err == nil && !p.SeenBy(actor) {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		all, err = upcoming(ctx, tx, place, tx.Now, tx.Now.AddDate(0, 0, days))
		return err
	})
	return all, err
}

// CallOff calls off for another room all that a place has announced, since whoever did
// should never have had it.
func CallOff(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, reason string) error {
	return cancelAll(ctx, tx, place, reason)
}
