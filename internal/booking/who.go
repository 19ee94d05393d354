package booking

import (
	"context"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
)

// who acts for which booklet.
type who struct {
	by        By
	booklet   vouchers.BookletID
	structure vouchers.OrganisationID // of a place: it acts for its own sessions alone
}

// An organisation may try this many typed codes in a window: more than a day of bookings at
// a counter, far fewer than a guess of 65 bits needs.
const (
	triesLimit  = 60
	triesWindow = 10 * time.Minute
)

// role says for whom the actor acts: whoever is neither a place nor a prescriber is a
// booklet's holder, if anybody, and must show its code. besides are the roles that may read.
func role(actor identity.Actor, besides ...identity.Role) (By, error) {
	by, kind := Place, identity.Structure
	switch actor.Kind {
	case identity.Structure:
	case identity.Prescriber:
		by, kind = Prescriber, identity.Prescriber
	default:
		return Holder, nil
	}
	if err := actor.Needs(kind, append(besides, identity.Agent)...); err != nil {
		return by, err
	}
	return by, actor.NeedsScope(Scope)
}

// mayTry refuses who may not book, and counts the codes that an organisation types. The
// count is committed before the code is looked for.
func (s *Service) mayTry(ctx context.Context, actor identity.Actor, code string) error {
	by, err := role(actor)
	if err != nil || by == Holder || code == "" {
		return err
	}
	if _, err := vouchers.ParseTyped(code); err != nil {
		return nil
	}
	return s.db.InTx(ctx, func(tx *db.Tx) error {
		return throttle.Take(ctx, tx, fmt.Sprintf("booking-code:%d", actor.Organisation), triesLimit, triesWindow)
	})
}

// holderOf finds the booklet that the actor may act for. A holder's code is what a camera
// read, or what the holder's page made of a typed code, where tries are counted by address.
func (s *Service) holderOf(ctx context.Context, tx *db.Tx, actor identity.Actor, code string, booklet vouchers.BookletID, besides ...identity.Role) (who, error) {
	by, err := role(actor, besides...)
	if err != nil {
		return who{}, err
	}
	w := who{by: by, booklet: booklet}
	if by == Place {
		w.structure = actor.Organisation
	}
	if by != Prescriber || code != "" {
		if w.booklet, err = s.bookletOf(ctx, tx, by, code); err != nil {
			return who{}, err
		}
	}
	if by == Prescriber {
		err = issuing.BelongsTo(ctx, tx, w.booklet, actor.Organisation)
	}
	return w, err
}

// bookletOf reads a code. One that we did not make never reaches the database.
func (s *Service) bookletOf(ctx context.Context, tx *db.Tx, by By, code string) (vouchers.BookletID, error) {
	if payload, err := vouchers.FromScan(code); err == nil {
		ticket, err := s.keys.Check(payload)
		if err != nil {
			return 0, fault.New(fault.Malformed, "code_malformed")
		}
		return issuing.Find(ctx, tx, ticket, nil)
	}
	typed, err := vouchers.ParseTyped(code)
	if err != nil || by == Holder {
		return 0, fault.New(fault.Malformed, "code_malformed")
	}
	return issuing.Find(ctx, tx, vouchers.Ticket{}, s.keys.Hash(typed))
}

// own reads a booking that the actor may see: of its structure's session, of a booklet that
// it handed over, or of the booklet whose code it shows. Any other does not exist for it.
func (s *Service) own(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.BookingID, code string, besides ...identity.Role) (Booking, By, error) {
	by, err := role(actor, besides...)
	if err != nil {
		return Booking{}, by, err
	}
	b, err := get(ctx, tx, id)
	if err != nil {
		return b, by, err
	}
	mine := false
	switch by {
	case Place:
		mine = b.Structure == actor.Organisation
	case Prescriber:
		mine = b.Prescriber == actor.Organisation
	case Holder:
		booklet, err := s.bookletOf(ctx, tx, by, code)
		mine = err == nil && booklet == b.Booklet
	}
	if !mine {
		return Booking{}, by, notFound()
	}
	return b, by, nil
}

func notFound() error { return fault.New(fault.NotFound, "not_found") }
