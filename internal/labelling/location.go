package labelling

import (
	"context"
	"crypto/rand"
	"strings"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// ownSource names the places that structures add by themselves.
const ownSource = "structure"

const (
	placesMost     = 500 // of one structure
	nameMost       = 140 // characters
	addressMost    = 300
	pointFarthestK = 60 // kilometres from the commune's centre: the widest communes overseas aside
)

// Location says where a place is. The commune is named by its code or, where that is empty,
// by its name and the postcode. Without a point the place stands in its commune's centre.
type Location struct {
	Address  string   `json:"address"`
	Postcode string   `json:"postcode"`
	Town     string   `json:"town"`
	INSEE    string   `json:"insee"`
	Lat      *float64 `json:"lat"`
	Lon      *float64 `json:"lon"`
}

// settle finds the commune and says what is wrong: address_length, postcode_malformed,
// place_commune_unknown, point_half and point_far, each with its field.
func (l Location) settle() (Location, error) {
	l.Address, l.Postcode, l.Town = strings.TrimSpace(l.Address), strings.TrimSpace(l.Postcode), strings.TrimSpace(l.Town)
	switch {
	case utf8.RuneCountInString(l.Address) > addressMost:
		return l, fault.New(fault.Invalid, "address_length", "field", "address", "most", addressMost)
	case len(l.Postcode) != 5 || strings.Trim(l.Postcode, "0123456789") != "":
		return l, fault.New(fault.Invalid, "postcode_malformed", "field", "postcode")
	case (l.Lat == nil) != (l.Lon == nil):
		return l, fault.New(fault.Invalid, "point_half", "field", "lat")
	}
	c, found := territory.Resolve(territory.Clue{INSEE: l.INSEE, Postcode: l.Postcode, Name: l.Town})
	if !found {
		return l, fault.New(fault.Invalid, "place_commune_unknown", "field", "town", "typed", strings.TrimSpace(l.Postcode+" "+l.Town))
	}
	l.INSEE, l.Town = c.INSEE, c.Name
	if l.Lat == nil {
		return l, nil
	}
	if !territory.ValidPoint(*l.Lat, *l.Lon) || c.Located && territory.DistanceKm(*l.Lat, *l.Lon, c.Lat, c.Lon) > pointFarthestK {
		return l, fault.New(fault.Invalid, "point_far", "field", "lat", "commune", c.Name)
	}
	return l, nil
}

// record is a place of this name there.
func (l Location) record(name string) Record {
	return Record{Name: name, Address: l.Address, Postcode: l.Postcode, INSEE: l.INSEE, Town: l.Town, Lat: l.Lat, Lon: l.Lon}
}

func locationOf(p Place) Location {
	return Location{Address: p.Address, Postcode: p.Postcode, Town: p.Town, INSEE: p.INSEE, Lat: p.Lat, Lon: p.Lon}
}

// NewPlace is a place that no file has.
type NewPlace struct {
	Name string `json:"name"`
	Location
}

// AddPlace adds a place that the actor's structure answers for. That of an unverified
// structure is listed when the operator has looked at it. Its faults are place_name_length,
// those of a location, place_exists, where the commune has one of this name, and
// places_too_many.
func (s *Service) AddPlace(ctx context.Context, actor identity.Actor, req NewPlace) (Place, error) {
	if err := needsPlaces(actor); err != nil {
		return Place{}, err
	}
	req.Name = strings.Join(strings.Fields(req.Name), " ")
	if n := utf8.RuneCountInString(req.Name); n < 2 || n > nameMost {
		return Place{}, fault.New(fault.Invalid, "place_name_length", "field", "name", "least", 2, "most", nameMost)
	}
	where, err := req.settle()
	if err != nil {
		return Place{}, err
	}
	req.Location = where
	var p Place
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		p, err = once.Do(ctx, tx, actor.Organisation, "add_place", req, func() (Place, error) {
			return addPlace(ctx, tx, actor, req)
		})
		return err
	})
	return p, err
}

func addPlace(ctx context.Context, tx *db.Tx, actor identity.Actor, req NewPlace) (Place, error) {
	if err := lockOrganisation(ctx, tx, actor.Organisation); err != nil { // two at once count each other
		return Place{}, err
	}
	structure, err := identity.OrganisationOf(ctx, tx, actor.Organisation)
	if err != nil {
		return Place{}, err
	}
	record := complete(req.record(req.Name))
	record.SourceID = rand.Text()
	if err := mayAdd(ctx, tx, actor.Organisation, record); err != nil {
		return Place{}, err
	}
	if _, err := upsert(ctx, tx, ownSource, []stored{record}); err != nil {
		return Place{}, err
	}
	id, err := takeOver(ctx, tx, record.SourceID, actor.Organisation, structure.UnverifiedSince == nil)
	if err != nil {
		return Place{}, err
	}
	if err := audit.Record(ctx, tx, actor, "place_added", object(id), nil, req); err != nil {
		return Place{}, err
	}
	return PlaceOf(ctx, tx, id)
}

// mayAdd refuses a place that is known already: it is claimed instead.
func mayAdd(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID, record stored) error {
	mine, err := placesOfStructure(ctx, tx, structure)
	if err != nil {
		return err
	}
	if len(mine) >= placesMost {
		return fault.New(fault.Conflict, "places_too_many", "most", placesMost)
	}
	known, err := samePlace(ctx, tx, record, structure)
	if err == nil && known {
		err = fault.New(fault.Conflict, "place_exists", "field", "name", "place", record.Name, "town", record.Town)
	}
	return err
}

// Move says that a place of the actor's structure is elsewhere, or where exactly it is. From
// then on its source no longer moves it. Its faults are not_found and those of a location.
func (s *Service) Move(ctx context.Context, actor identity.Actor, id vouchers.PlaceID, to Location) (Place, error) {
	if err := needsPlaces(actor); err != nil {
		return Place{}, err
	}
	to, err := to.settle()
	if err != nil {
		return Place{}, err
	}
	what := struct {
		Place vouchers.PlaceID `json:"place"`
		Location
	}{id, to}
	var p Place
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		p, err = once.Do(ctx, tx, actor.Organisation, "move_place", what, func() (Place, error) {
			return Move(ctx, tx, actor, id, to)
		})
		return err
	})
	return p, err
}

// Move moves a place for another room, which has asked for its rights. Its faults are those
// of Service.Move.
func Move(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.PlaceID, to Location) (Place, error) {
	to, err := to.settle()
	if err != nil {
		return Place{}, err
	}
	if err := LockOwn(ctx, tx, actor, id); err != nil {
		return Place{}, err
	}
	now, err := PlaceOf(ctx, tx, id)
	if err != nil {
		return Place{}, err
	}
	record := complete(to.record(now.Name))
	if err := setLocation(ctx, tx, id, record); err != nil {
		return Place{}, err
	}
	after, err := PlaceOf(ctx, tx, id)
	if err != nil {
		return Place{}, err
	}
	return after, audit.Record(ctx, tx, actor, "place_moved", object(id), locationOf(now), locationOf(after))
}

// ListPlaces lists for everybody the places of a structure that has been verified.
func ListPlaces(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) error {
	return setListed(ctx, tx, structure)
}

func needsPlaces(actor identity.Actor) error {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return err
	}
	return actor.NeedsScope(PlacesScope)
}
