package catalogue

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// KeepService adds a service to what a place of the actor's structure offers, where
// offer.ID is 0, or changes the one that it names. Its faults are not_found and those of
// SetServices.
func (s *Service) KeepService(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, offer Offer) (Offer, error) {
	id := offer.ID
	offer = tidyOffers([]Offer{offer})[0]
	if err := checkOffer(offer); err != nil {
		return Offer{}, err
	}
	offer.ID = id
	return s.onServices(ctx, actor, place, "keep_service", offer, func(tx *db.Tx, offers []Offer) (Offer, error) {
		at := slices.IndexFunc(offers, func(o Offer) bool { return o.ID == id })
		if id != 0 && at < 0 {
			return Offer{}, fault.New(fault.NotFound, "not_found")
		}
		if slices.ContainsFunc(offers, func(o Offer) bool { return o.ID != id && o.Theme == offer.Theme && o.Title == offer.Title }) {
			return Offer{}, fault.New(fault.Conflict, "service_repeated", "theme", offer.Theme, "title", offer.Title)
		}
		if id != 0 {
			return offer, updateService(ctx, tx, offer)
		}
		if len(offers) >= offersMost {
			return Offer{}, fault.New(fault.Invalid, "services_too_many", "most", offersMost)
		}
		var err error
		offer.ID, err = insertService(ctx, tx, place, offer)
		return offer, err
	})
}

// WithdrawService stops offering a service; RestoreService offers it again. Their faults are
// not_found and, where another service took its name meanwhile, service_repeated.
func (s *Service) WithdrawService(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, id vouchers.ServiceID) (Offer, error) {
	return s.onServices(ctx, actor, place, "withdraw_service", Offer{ID: id}, func(tx *db.Tx, offers []Offer) (Offer, error) {
		at := slices.IndexFunc(offers, func(o Offer) bool { return o.ID == id })
		if at < 0 {
			return Offer{}, fault.New(fault.NotFound, "not_found")
		}
		return offers[at], setWithdrawn(ctx, tx, id, true)
	})
}

// RestoreService offers again what WithdrawService stopped.
func (s *Service) RestoreService(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, id vouchers.ServiceID) (Offer, error) {
	return s.onServices(ctx, actor, place, "restore_service", Offer{ID: id}, func(tx *db.Tx, offers []Offer) (Offer, error) {
		withdrawn, err := withdrawnOf(ctx, tx, place)
		if err != nil {
			return Offer{}, err
		}
		at := slices.IndexFunc(withdrawn, func(o Offer) bool { return o.ID == id })
		if at < 0 {
			return Offer{}, fault.New(fault.NotFound, "not_found")
		}
		again := withdrawn[at]
		if slices.ContainsFunc(offers, func(o Offer) bool { return o.Theme == again.Theme && o.Title == again.Title }) {
			return Offer{}, fault.New(fault.Conflict, "service_repeated", "theme", again.Theme, "title", again.Title)
		}
		return again, setWithdrawn(ctx, tx, id, false)
	})
}

// onServices locks a place of the actor's structure, reads what it offers, and lets change
// one service.
func (s *Service) onServices(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, action string, offer Offer, change func(*db.Tx, []Offer) (Offer, error)) (Offer, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return Offer{}, err
	}
	if err := actor.NeedsScope(labelling.PlacesScope); err != nil {
		return Offer{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		Offer Offer            `json:"service"`
	}{place, offer}
	var after Offer
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, action, what, func() (Offer, error) {
			if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
				return Offer{}, err
			}
			before, err := servicesOf(ctx, tx, place)
			if err != nil {
				return Offer{}, err
			}
			changed, err := change(tx, before)
			if err != nil {
				return Offer{}, err
			}
			return changed, audit.Record(ctx, tx, actor, action, fmt.Sprintf("place:%d", place), before, changed)
		})
		return err
	})
	return after, err
}

// Withdrawn is what a place of the actor's structure has stopped offering, the latest first.
func (s *Service) Withdrawn(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) ([]Offer, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return nil, err
	}
	var all []Offer
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		p, err := labelling.PlaceOf(ctx, tx, place)
		if err == nil && p.Structure != actor.Organisation {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		all, err = withdrawnOf(ctx, tx, place)
		return err
	})
	return all, err
}

// WithdrawAll stops offering for another room whatever a place offers, since whoever said so
// should never have had it.
func WithdrawAll(ctx context.Context, tx *db.Tx, place vouchers.PlaceID) error {
	return replaceServices(ctx, tx, place, []Offer{})
}
