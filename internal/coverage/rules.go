package coverage

import (
	"cmp"
	"container/heap"
	"math"
	"slices"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/territory"
)

// Radii are how far people may have to go, in kilometres as the crow flies.
var Radii = [3]float64{5, 10, 20}

// farthest is the largest of Radii.
const farthest = 20.0

// The share of people that recruiting aims at, in percent.
const (
	usualTarget = 90
	targetMost  = 100
)

// check completes a request and says what is wrong with it.
func (r *Request) check() error {
	if r.RadiusKm == 0 {
		r.RadiusKm = Radii[1]
	}
	if r.Target == 0 {
		r.Target = usualTarget
	}
	switch {
	case !slices.Contains(Radii[:], r.RadiusKm):
		return fault.New(fault.Invalid, "radius_unknown")
	case r.Target < 1 || r.Target > targetMost:
		return fault.New(fault.Invalid, "target_out_of_range")
	}
	if r.Region != "" {
		if _, known := territory.Region(r.Region); !known {
			return fault.New(fault.Invalid, "area_code_unknown", "codes", r.Region)
		}
		r.Area.Departements = append(slices.Clone(r.Area.Departements), territory.Departements(r.Region)...)
	}
	return r.Area.Validate()
}

// Commune is a commune of the area and how far its people have to go.
type Commune struct {
	territory.Commune
	Km  *float64 // to the nearest place that takes the voucher; nil: none within 20 km
	Any *float64 // to the nearest place of any kind
}

// within reports whether a distance is known and no longer than a radius.
func within(km *float64, radiusKm float64) bool { return km != nil && *km <= radiusKm }

// Share is how many people have a place within a radius.
type Share struct {
	RadiusKm float64 `json:"radius_km"`
	Covered  int     `json:"people"`            // who have a place that takes the voucher
	Possible int     `json:"people_with_place"` // who have a place of any kind
}

// measure tells how far each commune's people have to go, and counts those whose commune
// has no known centre.
func measure(members []territory.Commune, places []Place) (communes []Commune, unlocated int) {
	taking := newGrid(pointsOf(places, func(p Place) bool { return p.Takes }))
	any := newGrid(pointsOf(places, func(Place) bool { return true }))
	for _, c := range members {
		if !c.Located {
			unlocated += c.Population
			continue
		}
		measured := Commune{Commune: c}
		if i, km := taking.nearest(Point{c.Lat, c.Lon}, farthest); i >= 0 {
			measured.Km = &km
		}
		if i, km := any.nearest(Point{c.Lat, c.Lon}, farthest); i >= 0 {
			measured.Any = &km
		}
		communes = append(communes, measured)
	}
	return communes, unlocated
}

func pointsOf(places []Place, wanted func(Place) bool) []Point {
	var points []Point
	for _, p := range places {
		if wanted(p) {
			points = append(points, p.Point)
		}
	}
	return points
}

// shares counts people for each of Radii.
func shares(communes []Commune) [3]Share {
	var all [3]Share
	for i, radius := range Radii {
		all[i].RadiusKm = radius
		for _, c := range communes {
			if within(c.Km, radius) {
				all[i].Covered += c.Population
			}
			if within(c.Any, radius) {
				all[i].Possible += c.Population
			}
		}
	}
	return all
}

// Recruit is a place that would help, in the order in which to ask.
type Recruit struct {
	Place
	Gain    int // people who get a place within the radius through it
	Covered int // people who have one once it and all before it take the voucher
}

// recruits chooses places one after the other, each time the one that brings a place
// within the radius to the most people who have none: at each step no choice of as many
// places covers a 1 - 1/e th more than this one (Nemhauser, Wolsey, Fisher, 1978). It ends
// when the goal is reached or nothing helps any more.
func recruits(communes []Commune, candidates []Place, radiusKm float64, covered, goal int) []Recruit {
	var far []Commune
	for _, c := range communes {
		if !within(c.Km, radiusKm) && c.Population > 0 {
			far = append(far, c)
		}
	}
	points := make([]Point, len(far))
	for i, c := range far {
		points[i] = Point{c.Lat, c.Lon}
	}
	reached := newGrid(points).within(pointsOf(candidates, func(Place) bool { return true }), radiusKm)
	q := make(gains, 0, len(candidates))
	for i := range candidates {
		if people := gain(reached[i], far); people > 0 {
			q = append(q, bid{i, people})
		}
	}
	heap.Init(&q)
	var chosen []Recruit
	for len(q) > 0 && covered < goal {
		// A gain only falls while others are chosen: the best bid that is still true wins.
		best := &q[0]
		if people := gain(reached[best.candidate], far); people < best.people {
			best.people = people
			heap.Fix(&q, 0)
			continue
		}
		won := heap.Pop(&q).(bid)
		if won.people == 0 {
			break
		}
		covered += won.people
		chosen = append(chosen, Recruit{candidates[won.candidate], won.people, covered})
		for _, i := range reached[won.candidate] {
			far[i].Population = 0
		}
	}
	return chosen
}

func gain(reached []int32, far []Commune) int {
	people := 0
	for _, i := range reached {
		people += far[i].Population
	}
	return people
}

// bid is a candidate and what it would bring.
type bid struct{ candidate, people int }

// gains is a heap of bids, the largest first, then the first candidate.
type gains []bid

func (q gains) Len() int { return len(q) }
func (q gains) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(q[j].people, q[i].people), cmp.Compare(q[i].candidate, q[j].candidate)) < 0
}
func (q gains) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *gains) Push(x any)   { *q = append(*q, x.(bid)) }
func (q *gains) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}

// Row is one line of the table: an intercommunal body, or a commune of a small area.
type Row struct {
	Code    string   `json:"code"` // SIREN, or INSEE code
	Name    string   `json:"name"`
	People  int      `json:"people"`
	Covered int      `json:"people_covered"` // within the radius
	Km      *float64 `json:"nearest_km"`     // of a commune; null: more than 20 km, or an intercommunal body
}

// communesMost is how many communes a table has before it is one of intercommunal bodies.
const communesMost = 60

// table lists where people have to go far, those with the most such people first.
func table(communes []Commune, radiusKm float64) (rows []Row, ofCommunes bool) {
	ofCommunes = len(communes) <= communesMost
	at := map[string]int{}
	for _, c := range communes {
		code, name := c.EPCI, ""
		if ofCommunes || code == "" {
			code, name = c.INSEE, c.Name
		} else if e, known := territory.EPCI(code); known {
			name = e.Name
		}
		i, there := at[code]
		if !there {
			i = len(rows)
			at[code], rows = i, append(rows, Row{Code: code, Name: name})
		}
		rows[i].People += c.Population
		if within(c.Km, radiusKm) {
			rows[i].Covered += c.Population
		}
		if ofCommunes {
			rows[i].Km = c.Km
		}
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.People-b.Covered, a.People-a.Covered), cmp.Compare(b.People, a.People), cmp.Compare(a.Code, b.Code))
	})
	return rows, ofCommunes
}

// sortHanded puts first the communes whose people have to go farthest.
func sortHanded(communes []Handed) {
	order := func(km *float64) float64 {
		if km == nil {
			return math.Inf(1)
		}
		return *km
	}
	slices.SortFunc(communes, func(a, b Handed) int {
		return cmp.Or(cmp.Compare(order(b.Km), order(a.Km)), cmp.Compare(b.Booklets, a.Booklets), cmp.Compare(a.INSEE, b.INSEE))
	})
}

// sortAround puts first the places with the most booklets around them.
func sortAround(places []PlaceAround) {
	slices.SortFunc(places, func(a, b PlaceAround) int {
		return cmp.Or(cmp.Compare(b.Booklets, a.Booklets), cmp.Compare(a.ID, b.ID))
	})
}
