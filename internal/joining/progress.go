package joining

import (
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/vouchers"
)

// Progress is what a structure has done of its arrival and what is left. It is read from
// what there is: nothing is ever "finished" by itself.
type Progress struct {
	Structure identity.Organisation
	Places    []PlaceProgress
	HasBank   bool
}

// PlaceProgress is how far one place is.
type PlaceProgress struct {
	labelling.Place
	Missing []Part // in the order in which they are asked for
}

// Part is something that the public wants to know of a place.
type Part string

// The parts of a place.
const (
	Services Part = "services"
	Hours    Part = "hours"
	Access   Part = "access" // how to come, and a way to get in touch
	Photo    Part = "photo"
)

// Parts are all of them, in their order.
var Parts = []Part{Services, Hours, Access, Photo}

// Progress reads how far the actor's structure is.
func (s *Service) Progress(ctx context.Context, actor identity.Actor) (Progress, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return Progress{}, err
	}
	var p Progress
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if p.Structure, err = identity.OrganisationOf(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		places, err := labelling.PlacesOf(ctx, tx, actor.Organisation)
		if err != nil {
			return err
		}
		for _, one := range places {
			p.Places = append(p.Places, PlaceProgress{one, missing(one)})
		}
		p.HasBank, err = payees.HasAccount(ctx, tx, actor.Organisation)
		return err
	})
	return p, err
}

// missing lists what the public does not know of a place.
func missing(p labelling.Place) []Part {
	have := map[Part]bool{
		Services: len(p.Services) > 0,
		Hours:    p.Hours != "",
		Access:   len(p.AccessWays) > 0 && (p.Phone != "" || p.Email != "" || p.Website != ""),
		Photo:    p.Photo != nil,
	}
	return slices.DeleteFunc(slices.Clone(Parts), func(part Part) bool { return have[part] })
}

// Lacks reports whether a part is missing.
func (p PlaceProgress) Lacks(part Part) bool { return slices.Contains(p.Missing, part) }

// Waiting lists the structures that the operator has not looked at, the longest waiting first.
func (s *Service) Waiting(ctx context.Context, actor identity.Actor) ([]Newcomer, error) {
	if err := actor.Needs(identity.Operator, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	if err := actor.NeedsScope("organisations"); err != nil {
		return nil, err
	}
	all := []Newcomer{}
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		waiting, err := identity.Unverified(ctx, tx)
		if err != nil {
			return err
		}
		for _, o := range waiting {
			places, err := labelling.PlacesOf(ctx, tx, o.ID)
			if err != nil {
				return err
			}
			all = append(all, Newcomer{o, places})
		}
		return nil
	})
	return all, err
}

// Newcomer is a structure to look at, with the places that it says are its own.
type Newcomer struct {
	identity.Organisation
	Places []labelling.Place
}

// Verify says that the operator has looked at a structure that joined by itself: its places
// are listed and may have labels. Its fault is not_found; a second time changes nothing.
func (s *Service) Verify(ctx context.Context, actor identity.Actor, id vouchers.OrganisationID) (identity.Organisation, error) {
	if err := actor.Needs(identity.Operator, identity.Agent); err != nil {
		return identity.Organisation{}, err
	}
	if err := actor.NeedsScope("organisations"); err != nil {
		return identity.Organisation{}, err
	}
	var o identity.Organisation
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "verify_structure", id, func() (identity.Organisation, error) {
			return verify(ctx, tx, actor, id)
		})
		return err
	})
	return o, err
}

func verify(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.OrganisationID) (identity.Organisation, error) {
	changed, err := identity.SetVerified(ctx, tx, id)
	if err != nil {
		return identity.Organisation{}, err
	}
	if changed {
		if err := labelling.ListPlaces(ctx, tx, id); err != nil {
			return identity.Organisation{}, err
		}
		if err := audit.Record(ctx, tx, actor, "structure_verified", object(id), nil, nil); err != nil {
			return identity.Organisation{}, err
		}
	}
	return identity.OrganisationOf(ctx, tx, id)
}
