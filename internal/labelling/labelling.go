// Package labelling keeps the places where mediation happens: which structure answers
// for each, and whether it holds a label.
package labelling

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// What an API token needs to claim places, and to grant and end labels.
const (
	PlacesScope = "places"
	LabelsScope = "labels"
)

// Service is the use cases of labelling.
type Service struct {
	db       *db.DB
	drawings chan struct{} // holds a value while a photo is being decoded
}

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d, drawings: make(chan struct{}, 1)} }

// ClaimRequest names the place that the actor's structure answers for.
type ClaimRequest struct {
	Place vouchers.PlaceID `json:"place"`
}

// Claim makes the actor's structure answer for a place. Its faults are place_claimed
// and place_has_other_siret: a place whose source names a SIRET goes to the legal entity
// of that SIRET only, whichever of its establishments has joined.
func (s *Service) Claim(ctx context.Context, actor identity.Actor, req ClaimRequest) (Place, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return Place{}, err
	}
	if err := actor.NeedsScope(PlacesScope); err != nil {
		return Place{}, err
	}
	var p Place
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		p, err = once.Do(ctx, tx, actor.Organisation, "claim_place", req, func() (Place, error) {
			return claim(ctx, tx, actor, req)
		})
		return err
	})
	return p, err
}

func claim(ctx context.Context, tx *db.Tx, actor identity.Actor, req ClaimRequest) (Place, error) {
	structure, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
	if err != nil {
		return Place{}, err
	}
	h, err := lockPlace(ctx, tx, req.Place)
	if err != nil {
		return Place{}, err
	}
	if err := h.claimable(actor.Organisation, siret.SIRET(structure.SIRET)); err != nil {
		return Place{}, err
	}
	if err := setStructure(ctx, tx, req.Place, actor.Organisation); err != nil {
		return Place{}, err
	}
	after := map[string]any{"structure": actor.Organisation, "siret": structure.SIRET}
	if err := audit.Record(ctx, tx, actor, "place_claimed", object(req.Place), nil, after); err != nil {
		return Place{}, err
	}
	return PlaceOf(ctx, tx, req.Place)
}

// Proposed lists places that nobody answers for and that carry a SIRET of the legal entity
// of the actor's structure, by name.
func (s *Service) Proposed(ctx context.Context, actor identity.Actor) ([]Place, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return nil, err
	}
	var all []Place
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		structure, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
		if err == nil {
			all, err = unclaimedOf(ctx, tx, siret.SIRET(structure.SIRET).SIREN())
		}
		return err
	})
	return all, err
}

// Mine lists the places of the actor's structure, by name, with why a label was taken
// back.
func (s *Service) Mine(ctx context.Context, actor identity.Actor) ([]Place, error) {
	if err := actor.Needs(identity.Structure, identity.Agent, identity.Finance, identity.Reader); err != nil {
		return nil, err
	}
	var mine []Place
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if mine, err = placesOfStructure(ctx, tx, actor.Organisation); err != nil {
			return err
		}
		ended, err := lastEnded(ctx, tx, actor.Organisation)
		for i, p := range mine {
			if l, there := ended[p.ID]; there && p.Label == nil {
				mine[i].Ended = &l
			}
		}
		return err
	})
	return mine, err
}

// Open reads one place. Places are public, so anyone may, but for one that is not listed
// yet: its structure and the operator see it.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.PlaceID) (Place, error) {
	var p Place
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		p, err = PlaceOf(ctx, tx, id)
		return err
	})
	if err == nil && !p.SeenBy(actor) {
		return Place{}, fault.New(fault.NotFound, "not_found")
	}
	return p, err
}

// SeenBy reports whether an actor may know of the place.
func (p Place) SeenBy(actor identity.Actor) bool {
	return p.Listed || actor.Kind == identity.Operator || p.Structure != 0 && actor.Organisation == p.Structure
}

// PlacesOf reads the places of a structure for another room, by name.
func PlacesOf(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) ([]Place, error) {
	return placesOfStructure(ctx, tx, structure)
}

// PlaceOf reads a place for another room.
func PlaceOf(ctx context.Context, tx *db.Tx, id vouchers.PlaceID) (Place, error) {
	found, err := Places(ctx, tx, []vouchers.PlaceID{id})
	if err == nil && len(found) == 0 {
		return Place{}, fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Place{}, err
	}
	return found[0], nil
}

// Places reads places for another room, in the order of ids; those that do not exist
// are left out.
func Places(ctx context.Context, tx *db.Tx, ids []vouchers.PlaceID) ([]Place, error) {
	return placesByID(ctx, tx, ids)
}

// LockOwn locks a place of the actor's structure until the transaction ends. Another
// structure's place does not exist for it.
func LockOwn(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PlaceID) error {
	h, err := lockPlace(ctx, tx, id)
	if err == nil && (h.Structure == 0 || h.Structure != actor.Organisation) {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// LockCard is LockOwn that also lets the operator have a place that nobody answers for.
func LockCard(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PlaceID) error {
	if actor.Kind != identity.Operator {
		return LockOwn(ctx, tx, actor, id)
	}
	h, err := lockPlace(ctx, tx, id)
	if err == nil && h.Structure != 0 {
		return fault.New(fault.NotFound, "not_found")
	}
	return err
}

// UpsertPlaces writes the places of a source: new ones are added, known ones follow
// their source. One that another source has brought before is left to that source, and known
// again from then on. It never touches who answers for a place, what its structure corrected,
// its services or its labels.
// A source id must come once.
func UpsertPlaces(ctx context.Context, tx *db.Tx, source string, records []Record) (Upserted, error) {
	all := completeAll(records)
	same, err := findSame(ctx, tx, source, all)
	if err != nil {
		return Upserted{}, err
	}
	all = slices.DeleteFunc(all, func(s stored) bool { _, known := same[s.SourceID]; return known })
	changed, err := upsert(ctx, tx, source, all)
	u := Upserted{Unchanged: len(all) - len(changed), Same: same}
	for _, added := range changed {
		if added {
			u.Added++
		} else {
			u.Updated++
		}
	}
	return u, err
}

// Nearest lists the places where a voucher can be spent today, the nearest first, at
// most q.Limit of them: labelled, offering a service and, where q names a campaign,
// within its area and offering one of its themes.
func Nearest(ctx context.Context, tx *db.Tx, q NearQuery) ([]Place, error) {
	return nearest(ctx, tx, q)
}

func lockPlace(ctx context.Context, tx *db.Tx, id vouchers.PlaceID) (holder, error) {
	h, err := selectForUpdate(ctx, tx, id)
	if errors.Is(err, db.ErrNoRows) {
		return h, fault.New(fault.NotFound, "not_found")
	}
	return h, err
}

func object(id vouchers.PlaceID) string { return fmt.Sprintf("place:%d", id) }
