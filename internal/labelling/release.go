package labelling

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Release takes its places from a structure that should never have had them, for another
// room, and returns them. What it changed of a place or said of its card is put back, its
// photo is taken away, and the place follows its source again. One that it added itself is nobody's and is not
// listed.
func Release(ctx context.Context, tx *db.Tx, actor identity.Actor, structure vouchers.OrganisationID) ([]vouchers.PlaceID, error) {
	places, err := placesOfStructure(ctx, tx, structure)
	if err != nil {
		return nil, err
	}
	var released []vouchers.PlaceID
	for _, p := range places {
		if err := release(ctx, tx, actor, p); err != nil {
			return nil, err
		}
		released = append(released, p.ID)
	}
	return released, nil
}

func release(ctx context.Context, tx *db.Tx, actor identity.Actor, p Place) error {
	if _, err := lockPlace(ctx, tx, p.ID); err != nil {
		return err
	}
	rows, err := changes(ctx, tx, p.Structure, p.ID, 0, 0)
	if err != nil {
		return err
	}
	was, err := earliest(rows)
	if err != nil {
		return err
	}
	if err := restore(ctx, tx, p, was); err != nil {
		return err
	}
	if err := deletePhoto(ctx, tx, p.ID); err != nil {
		return err
	}
	if err := setNobodys(ctx, tx, p.ID, p.Structure); err != nil {
		return err
	}
	return audit.Record(ctx, tx, actor, "place_released", object(p.ID), map[string]any{"structure": p.Structure}, nil)
}

// earliest is what a place was before all of its changes, the latest of which comes first.
func earliest(rows []changeRow) (Earlier, error) {
	was := Earlier{Correction: &Correction{}}
	for _, r := range rows {
		switch r.Action {
		case "place_corrected":
			if err := json.Unmarshal(r.Before, was.Correction); err != nil { // leaves alone what it does not name
				return was, fmt.Errorf("labelling: entry %d: %w", r.ID, err)
			}
		case "place_moved":
			was.Location = &Location{}
			if err := json.Unmarshal(r.Before, was.Location); err != nil {
				return was, fmt.Errorf("labelling: entry %d: %w", r.ID, err)
			}
		}
	}
	return was, nil
}

func restore(ctx context.Context, tx *db.Tx, p Place, was Earlier) error {
	if was.Location != nil {
		if err := setLocation(ctx, tx, p.ID, complete(was.Location.record(p.Name))); err != nil {
			return err
		}
		p.Town, p.INSEE = was.Location.Town, was.Location.INSEE
	}
	return setCorrected(ctx, tx, p, *was.Correction, []string{"name"}) // setNobodys forgets which
}
