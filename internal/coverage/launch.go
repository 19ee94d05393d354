package coverage

import (
	"context"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	// seatDays is how far ahead a seat is looked for.
	seatDays = 14
	// fewest is how many booklets a figure about the people around a place is made of, as
	// in reports.
	fewest = 11
)

// Launch is the coverage of a campaign beside what was handed over.
type Launch struct {
	Campaign campaigns.Campaign
	RadiusKm float64
	Booklets int           // handed over
	Known    int           // of them, to people whose commune is known and has a centre
	Far      int           // of Known, who have no place that takes the voucher within the radius
	Communes []Handed      // those that may be shown, the farthest from a place first
	Hidden   int           // communes that are too small to be shown
	Full     []PlaceAround // take the voucher, have vouchers around them and no seat within 14 days
	Unused   []PlaceAround // take the voucher, have vouchers around them and have taken none yet
}

// Handed is a commune to whose people booklets were handed over.
type Handed struct {
	territory.Commune
	Booklets int
	Unused   bool     // none of them has served yet
	Nearest  *Place   // that takes the voucher; nil: none within 20 km
	Km       *float64 // to it
}

// PlaceAround is a place and the booklets around it that still hold vouchers.
type PlaceAround struct {
	Place
	Booklets int
}

// handedOver is what the database knows of a commune's booklets.
type handedOver struct {
	INSEE    string `db:"insee"`
	Booklets int    `db:"booklets"`
	Live     int    `db:"live"` // of them, that still hold live vouchers
	Used     int    `db:"used"` // of them, that have served
}

// activity is what a place does for a campaign.
type activity struct {
	Place       vouchers.PlaceID `db:"place_id"`
	Redemptions int              `db:"redemptions"`
	Seats       int              `db:"seats"` // offered within seatDays
}

// AfterLaunch tells where a campaign's vouchers have nowhere to go.
func (s *Service) AfterLaunch(ctx context.Context, actor identity.Actor, id vouchers.CampaignID, radiusKm float64) (Launch, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Launch{}, err
	}
	req := Request{RadiusKm: radiusKm}
	if err := req.check(); err != nil {
		return Launch{}, err
	}
	var c campaigns.Campaign
	var places []Place
	var handed []handedOver
	var active []activity
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if c, err = campaigns.Owned(ctx, tx, actor, id); err != nil {
			return err
		}
		if places, err = readPlaces(ctx, tx, id, c.Themes); err != nil {
			return err
		}
		if handed, err = readHanded(ctx, tx, id); err != nil {
			return err
		}
		active, err = readActivity(ctx, tx, id)
		return err
	})
	if err != nil {
		return Launch{}, err
	}
	l := launch(req.RadiusKm, places, handed, active)
	l.Campaign = c
	return l, nil
}

// launch is the whole computation, on values.
func launch(radiusKm float64, places []Place, handed []handedOver, active []activity) Launch {
	l := Launch{RadiusKm: radiusKm}
	var taking []Place
	for _, p := range places {
		if p.Takes {
			taking = append(taking, p)
		}
	}
	everything := func(Place) bool { return true }
	g := newGrid(pointsOf(taking, everything))
	around := make([]int, len(taking)) // booklets that still hold vouchers
	seen := map[string]Handed{}
	for _, h := range handed {
		l.Booklets += h.Booklets
		c, known := territory.Lookup(h.INSEE)
		if !known || !c.Located {
			continue
		}
		l.Known += h.Booklets
		row := Handed{Commune: c, Booklets: h.Booklets, Unused: h.Used == 0}
		if i, km := g.nearest(Point{c.Lat, c.Lon}, farthest); i >= 0 {
			row.Nearest, row.Km = &taking[i], &km
		}
		if !within(row.Km, radiusKm) {
			l.Far += h.Booklets
		}
		seen[h.INSEE] = row
		g.each(Point{c.Lat, c.Lon}, radiusKm, func(i int, _ float64) { around[i] += h.Live })
	}
	l.Communes, l.Hidden = shown(handed, seen)
	l.Full, l.Unused = asleep(taking, around, active)
	return l
}

// shown keeps the communes that a report shows, the farthest from a place first.
func shown(handed []handedOver, seen map[string]Handed) (communes []Handed, hidden int) {
	figures := make([]reporting.CommuneFigure, len(handed))
	for i, h := range handed {
		figures[i] = reporting.CommuneFigure{INSEE: h.INSEE, Booklets: h.Booklets}
	}
	residents := reporting.ShowResidents(figures)
	for _, r := range residents.Communes {
		if row, located := seen[r.INSEE]; located {
			communes = append(communes, row)
		}
	}
	sortHanded(communes)
	return communes, residents.Hidden
}

// asleep lists the places that have enough vouchers around them and no seat, and those that
// have taken none yet.
func asleep(taking []Place, around []int, active []activity) (full, unused []PlaceAround) {
	known := map[vouchers.PlaceID]activity{}
	for _, a := range active {
		known[a.Place] = a
	}
	for i, p := range taking {
		if around[i] < fewest {
			continue
		}
		if known[p.ID].Seats == 0 {
			full = append(full, PlaceAround{p, around[i]})
		}
		if known[p.ID].Redemptions == 0 {
			unused = append(unused, PlaceAround{p, around[i]})
		}
	}
	sortAround(full)
	sortAround(unused)
	return full, unused
}
