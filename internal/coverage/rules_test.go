package coverage

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// somewhere draws a point in a square of a degree.
func somewhere(t *rapid.T, name string) Point {
	return Point{45 + rapid.Float64Range(0, 1).Draw(t, name+" lat"), 6 + rapid.Float64Range(0, 1).Draw(t, name+" lon")}
}

func drawCommunes(t *rapid.T, most int) []territory.Commune {
	communes := make([]territory.Commune, rapid.IntRange(0, most).Draw(t, "communes"))
	for i := range communes {
		p := somewhere(t, "commune")
		communes[i] = territory.Commune{INSEE: string(rune('a' + i)), Lat: p.Lat, Lon: p.Lon, Located: rapid.Bool().Draw(t, "located"),
			Population: rapid.IntRange(0, 1000).Draw(t, "people")}
	}
	return communes
}

func drawPlaces(t *rapid.T, most int) []Place {
	places := make([]Place, rapid.IntRange(0, most).Draw(t, "places"))
	for i := range places {
		places[i] = Place{ID: vouchers.PlaceID(i + 1), Point: somewhere(t, "place"), Takes: rapid.Bool().Draw(t, "takes")}
	}
	return places
}

// naive is how far the nearest place is, by looking at all of them.
func naive(c territory.Commune, places []Place, wanted func(Place) bool) float64 {
	best := math.Inf(1)
	for _, p := range places {
		if wanted(p) {
			best = min(best, territory.DistanceKm(c.Lat, c.Lon, p.Lat, p.Lon))
		}
	}
	return best
}

func TestSharesAreWhatANaiveCountFinds(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members, places := drawCommunes(t, 12), drawPlaces(t, 12)
		communes, unlocated := measure(members, places)
		got := shares(communes)
		lost := 0
		var want [3]Share
		for _, c := range members {
			if !c.Located {
				lost += c.Population
				continue
			}
			for i, radius := range Radii {
				want[i].RadiusKm = radius
				if naive(c, places, func(p Place) bool { return p.Takes }) <= radius {
					want[i].Covered += c.Population
				}
				if naive(c, places, func(Place) bool { return true }) <= radius {
					want[i].Possible += c.Population
				}
			}
		}
		if len(communes) > 0 && got != want || unlocated != lost {
			t.Fatalf("%+v and %d without a centre, want %+v and %d", got, unlocated, want, lost)
		}
		for i, s := range got {
			if s.Covered > s.Possible || i > 0 && (s.Covered < got[i-1].Covered || s.Possible < got[i-1].Possible) {
				t.Fatalf("shares do not grow: %+v", got)
			}
		}
	})
}

// best is the most people that n of the candidates reach, by trying all choices.
func best(communes []Commune, candidates []Place, radius float64, n int) int {
	most := 0
	for choice := range 1 << len(candidates) {
		var chosen []Place
		for i, c := range candidates {
			if choice>>i&1 == 1 {
				chosen = append(chosen, c)
			}
		}
		if len(chosen) > n {
			continue
		}
		people := 0
		for _, c := range communes {
			if !within(c.Km, radius) && naive(c.Commune, chosen, func(Place) bool { return true }) <= radius {
				people += c.Population
			}
		}
		most = max(most, people)
	}
	return most
}

func TestRecruitsAreNearlyTheBestChoice(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		places := drawPlaces(t, 7)
		communes, _ := measure(drawCommunes(t, 10), places)
		var candidates []Place
		for _, p := range places {
			if !p.Takes {
				candidates = append(candidates, p)
			}
		}
		chosen := recruits(communes, candidates, 10, 0, math.MaxInt)
		people, last := 0, math.MaxInt
		for i, r := range chosen {
			if r.Gain <= 0 || r.Gain > last || r.Covered != people+r.Gain {
				t.Fatalf("gains do not fall, or do not add up: %+v", chosen)
			}
			people, last = r.Covered, r.Gain
			if most := best(communes, candidates, 10, i+1); float64(people) < (1-1/math.E)*float64(most) {
				t.Fatalf("%d places reach %d people, the best choice %d", i+1, people, most)
			}
		}
		if most := best(communes, candidates, 10, len(candidates)); people != most {
			t.Fatalf("all recruits reach %d people of %d", people, most)
		}
	})
}

func TestRecruitingStopsAtTheTarget(t *testing.T) {
	t.Parallel()
	communes := []Commune{
		{Commune: territory.Commune{INSEE: "a", Lat: 45, Lon: 6, Located: true, Population: 600}},
		{Commune: territory.Commune{INSEE: "b", Lat: 46, Lon: 6, Located: true, Population: 300}},
		{Commune: territory.Commune{INSEE: "c", Lat: 47, Lon: 6, Located: true, Population: 100}},
	}
	candidates := []Place{{ID: 1, Point: Point{47, 6}}, {ID: 2, Point: Point{45, 6}}, {ID: 3, Point: Point{46, 6}}}
	chosen := recruits(communes, candidates, 5, 0, 900)
	if len(chosen) != 2 || chosen[0].ID != 2 || chosen[1].ID != 3 || chosen[1].Covered != 900 {
		t.Errorf("%+v", chosen)
	}
}
