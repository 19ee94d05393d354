// Package coverage tells how far people have to go to spend a voucher, which places would
// help most if they took it, and, once vouchers are in people's hands, where they have
// nowhere to go.
//
// Distances are as the crow flies, from a commune's centre; people count where they live,
// by the legal population.
package coverage

import (
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Service is the use cases of coverage. It writes nothing.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Request is the area and the target of a campaign that does not exist yet.
type Request struct {
	Area     territory.Area
	Region   string   // its départements are added to the area
	Themes   []string // services that may be paid; empty: any
	RadiusKm float64  // one of Radii; 0: 10
	Target   int      // percent of people that recruiting aims at; 0: 90
}

// Place is a place that takes the voucher or could.
type Place struct {
	ID    vouchers.PlaceID `json:"id"`
	Name  string           `json:"name"`
	Town  string           `json:"town"`
	Point `json:"-"`
	Takes bool   `json:"takes_voucher"` // labelled today, and offers a service that may be paid
	Phone string `json:"phone"`
	Email string `json:"email"`
}

// Simulation is the coverage of an area.
type Simulation struct {
	Request   Request
	Communes  []Commune // that have a known centre, by INSEE code
	People    int       // who live in them
	Unlocated int       // who live in communes whose centre is unknown, and are in no other figure
	Places    []Place   // in and around the area
	Taking    int       // of Places, that take the voucher
	Shares    [3]Share  // for each of Radii
	Covered   int       // people who have a place within the radius
	Recruits  []Recruit // that reach the target, or all that help
	Reaches   bool      // the target is reached with them
	Rows      []Row     // where people have to go far, the most people first
	ByCommune bool      // Rows are of communes
}

// Simulate measures an area for anyone: places and populations are public. Its faults are
// those of territory.Area, radius_unknown and target_out_of_range.
func (s *Service) Simulate(ctx context.Context, _ identity.Actor, req Request) (Simulation, error) {
	if err := req.check(); err != nil {
		return Simulation{}, err
	}
	var places []Place
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		places, err = readPlaces(ctx, tx, 0, req.Themes)
		return err
	})
	return simulate(req, places), err
}

// OfCampaign measures the area of a campaign that the actor may see: a voucher is taken
// inside it only.
func (s *Service) OfCampaign(ctx context.Context, actor identity.Actor, id vouchers.CampaignID, radiusKm float64, target int) (campaigns.Campaign, Simulation, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return campaigns.Campaign{}, Simulation{}, err
	}
	var c campaigns.Campaign
	var req Request
	var places []Place
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c, err = campaigns.Owned(ctx, tx, actor, id); err != nil {
			return err
		}
		req = Request{Area: c.Area(), Themes: c.Themes, RadiusKm: radiusKm, Target: target}
		if err := req.check(); err != nil {
			return err
		}
		places, err = readPlaces(ctx, tx, id, c.Themes)
		return err
	})
	if err != nil {
		return campaigns.Campaign{}, Simulation{}, err
	}
	return c, simulate(req, places), nil
}

// simulate is the whole computation, on values.
func simulate(req Request, places []Place) Simulation {
	members := req.Area.Members()
	sim := Simulation{Request: req, Places: around(members, places)}
	sim.Communes, sim.Unlocated = measure(members, sim.Places)
	for _, c := range sim.Communes {
		sim.People += c.Population
	}
	sim.Shares = shares(sim.Communes)
	sim.Covered = sim.Shares[slices.Index(Radii[:], req.RadiusKm)].Covered
	var candidates []Place
	for _, p := range sim.Places {
		if p.Takes {
			sim.Taking++
		} else {
			candidates = append(candidates, p)
		}
	}
	goal := (sim.People*req.Target + 99) / 100
	sim.Recruits = recruits(sim.Communes, candidates, req.RadiusKm, sim.Covered, goal)
	reached := sim.Covered
	if n := len(sim.Recruits); n > 0 {
		reached = sim.Recruits[n-1].Covered
	}
	sim.Reaches = sim.People > 0 && reached >= goal
	sim.Rows, sim.ByCommune = table(sim.Communes, req.RadiusKm)
	return sim
}

// around keeps the places that somebody of the area may reach.
func around(members []territory.Commune, places []Place) []Place {
	var centres []Point
	for _, c := range members {
		if c.Located {
			centres = append(centres, Point{c.Lat, c.Lon})
		}
	}
	g := newGrid(centres)
	var near []Place
	for _, p := range places {
		if i, _ := g.nearest(p.Point, farthest); i >= 0 {
			near = append(near, p)
		}
	}
	return near
}
