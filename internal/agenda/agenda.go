// Package agenda knows when the services of places take place: sessions with their seats,
// courses of several meetings, and the appointments that places give.
package agenda

import (
	"context"
	"errors"
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
	Group       Kind = "session"     // several people, once
	Appointment Kind = "appointment" // one person
	Course      Kind = "course"      // the same people, several times
)

// NewSession is what a place publishes.
type NewSession struct {
	Service      vouchers.ServiceID `json:"service"`
	StartsAt     time.Time          `json:"starts_at"`
	EndsAt       time.Time          `json:"ends_at"` // of a course: of its first meeting
	Seats        int                `json:"seats"`
	WaitingSeats int                `json:"waiting_seats"` // people who may wait for a seat
	Note         string             `json:"note"`          // what to bring, which door
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
	Mediator     *vouchers.PersonID      `json:"mediator" db:"mediator_id"`
	Kind         Kind                    `json:"kind" db:"kind"`
	StartsAt     time.Time               `json:"starts_at" db:"starts_at"`
	EndsAt       time.Time               `json:"ends_at" db:"ends_at"`
	Seats        int                     `json:"seats" db:"seats"`
	WaitingSeats int                     `json:"waiting_seats" db:"waiting_seats"`
	Note         string                  `json:"note" db:"note"`
	CancelledAt  *time.Time              `json:"cancelled_at,omitempty" db:"cancelled_at"`
	CancelReason string                  `json:"cancel_reason,omitempty" db:"cancel_reason"`
}

// Publish announces a session at a place of the actor's structure. Its faults are
// not_found, session_in_the_past, session_times and seats_out_of_range.
func (s *Service) Publish(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req NewSession) (Session, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return Session{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Session{}, err
	}
	req.Note = strings.TrimSpace(req.Note)
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		NewSession
	}{place, req}
	var published Session
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		published, err = once.Do(ctx, tx, actor.Organisation, "publish_session", what, func() (Session, error) {
			return publish(ctx, tx, actor, place, req)
		})
		return err
	})
	return published, err
}

func publish(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req NewSession) (Session, error) {
	if err := req.check(tx.Now); err != nil {
		return Session{}, err
	}
	if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
		return Session{}, err
	}
	offer, err := catalogue.OfferOf(ctx, tx, place, req.Service)
	if err != nil {
		return Session{}, err
	}
	kind := Group
	if offer.Meetings > 1 {
		kind = Course
	}
	id, err := insertSession(ctx, tx, actor, place, kind, req)
	if err != nil {
		return Session{}, err
	}
	published, err := SessionOf(ctx, tx, id)
	if err != nil {
		return Session{}, err
	}
	return published, audit.Record(ctx, tx, actor, "session_published", object(id), nil, published)
}

// SessionOf reads a session for another room.
func SessionOf(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	s, err := session(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return s, fault.New(fault.NotFound, "not_found")
	}
	return s, err
}

// Lock locks a session until the transaction ends, then reads it: whoever takes or frees a
// seat, or cancels the session, locks it first.
func Lock(ctx context.Context, tx *db.Tx, id vouchers.SessionID) (Session, error) {
	if err := lockSession(ctx, tx, id); err != nil {
		return Session{}, err
	}
	return SessionOf(ctx, tx, id)
}

func object(id vouchers.SessionID) string { return fmt.Sprintf("session:%d", id) }
