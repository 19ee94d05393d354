package catalogue

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// PutBack names a change of a place and one field that it changed.
type PutBack struct {
	Entry int64  `json:"entry"`
	Field string `json:"field"`
}

// PutBack gives a field of a place of the actor's structure the value that it had before a
// change. That is a correction, or a move, like any other: it is checked and recorded, and
// can be put back itself. Its faults are not_found and those of Correct and labelling.Move.
func (s *Service) PutBack(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, req PutBack) (labelling.Place, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return labelling.Place{}, err
	}
	if err := actor.NeedsScope(labelling.PlacesScope); err != nil {
		return labelling.Place{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		PutBack
	}{place, req}
	var after labelling.Place
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "put_back", what, func() (labelling.Place, error) {
			return putBack(ctx, tx, actor, place, req)
		})
		return err
	})
	return after, err
}

func putBack(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, req PutBack) (labelling.Place, error) {
	if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
		return labelling.Place{}, err
	}
	was, err := labelling.EarlierOf(ctx, tx, actor, place, req.Entry, req.Field)
	if err != nil {
		return labelling.Place{}, err
	}
	if was.Location != nil {
		return labelling.Move(ctx, tx, actor, place, *was.Location)
	}
	return correct(ctx, tx, actor, place, *was.Correction)
}
