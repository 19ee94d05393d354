package httpd

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/coverage"
)

// coverageMap is an outline of an area: communes as dots whose surface is their population,
// places as marks. Each is one path of an SVG drawing, so that a whole région stays light.
type coverageMap struct {
	Width, Height   float64
	Near, Far       string // discs: communes with and lozenges: without a place within the radius
	Takes, Recruits string // triangles: places that take the voucher; crosses: the first to recruit
	Scale           float64
	ScaleKm         float64
	Left            int // communes that are too small to be drawn
}

const (
	mapWidth = 640.0
	// dotsMost is how many communes are drawn: the most populated.
	dotsMost = 2500
)

// projection is equirectangular at the area's middle: true enough for a région.
type projection struct{ south, west, perLat, perLon, height float64 }

func (p projection) at(lat, lon float64) (x, y float64) {
	return 12 + (lon-p.west)*p.perLon, p.height - 12 - (lat-p.south)*p.perLat
}

// fit makes the projection that shows points in a drawing no higher than highest.
func fit(points []coverage.Point, highest float64) projection {
	south, north, west, east := 90.0, -90.0, 180.0, -180.0
	for _, p := range points {
		south, north, west, east = min(south, p.Lat), max(north, p.Lat), min(west, p.Lon), max(east, p.Lon)
	}
	const margin = 0.03 // degrees: a lone point too has an inside
	south, north, west, east = south-margin, north+margin, west-margin, east+margin
	squeeze := math.Cos((south + north) / 2 * math.Pi / 180)
	perDegree := min((mapWidth-24)/((east-west)*squeeze), highest/(north-south))
	// What is higher than wide stands in the middle.
	west -= ((mapWidth-24)/(perDegree*squeeze) - (east - west)) / 2
	return projection{south, west, perDegree, perDegree * squeeze, math.Ceil(24 + (north-south)*perDegree)}
}

func drawCoverage(s coverage.Simulation) *coverageMap {
	if len(s.Communes) == 0 {
		return nil
	}
	points := make([]coverage.Point, len(s.Communes))
	for i, c := range s.Communes {
		points[i] = coverage.Point{Lat: c.Lat, Lon: c.Lon}
	}
	p := fit(points, 900)
	m := &coverageMap{Width: mapWidth, Height: p.height}
	m.dots(p, s)
	inside := func(x, y float64) bool { return x >= 0 && y >= 0 && x <= m.Width && y <= m.Height }
	var takes, recruits strings.Builder
	for _, place := range s.Places {
		if x, y := p.at(place.Lat, place.Lon); place.Takes && inside(x, y) {
			fmt.Fprintf(&takes, "M%.1f %.1fl5 9h-10z", x, y-6)
		}
	}
	for _, r := range s.Recruits[:min(len(s.Recruits), recruitsShown)] {
		if x, y := p.at(r.Lat, r.Lon); inside(x, y) {
			fmt.Fprintf(&recruits, "M%.1f %.1fv12m-6 -6h12", x, y-6)
		}
	}
	m.Takes, m.Recruits = takes.String(), recruits.String()
	m.ScaleKm, m.Scale = scaleOf(p.perLat)
	return m
}

// dots draws the most populated communes, the largest first so that none hides another.
func (m *coverageMap) dots(p projection, s coverage.Simulation) {
	communes := slices.Clone(s.Communes)
	slices.SortStableFunc(communes, func(a, b coverage.Commune) int { return b.Population - a.Population })
	if m.Left = len(communes) - dotsMost; m.Left > 0 {
		communes = communes[:dotsMost]
	}
	m.Left = max(m.Left, 0)
	most := 1.0
	if len(communes) > 0 {
		most = max(most, float64(communes[0].Population))
	}
	largest := 18.0
	if len(communes) > 400 {
		largest = 12
	}
	var near, far strings.Builder
	for _, c := range communes {
		x, y := p.at(c.Lat, c.Lon)
		r := max(1.2, largest*math.Sqrt(float64(c.Population)/most))
		if c.Km != nil && *c.Km <= s.Request.RadiusKm {
			fmt.Fprintf(&near, "M%.1f %.1fa%.1f %.1f 0 1 0 %.1f 0a%.1f %.1f 0 1 0 -%.1f 0z", x-r, y, r, r, 2*r, r, r, 2*r)
			continue
		}
		r *= 1.25 // a lozenge of the same surface
		fmt.Fprintf(&far, "M%.1f %.1fl%.1f %.1fl-%.1f %.1fl-%.1f -%.1fz", x, y-r, r, r, r, r, r, r)
	}
	m.Near, m.Far = near.String(), far.String()
}

// scaleOf chooses a round length between a tenth and a third of the drawing's width.
func scaleOf(perLat float64) (km, width float64) {
	perKm := perLat / 111.2
	for _, km := range []float64{1, 2, 5, 10, 20, 50, 100, 200} {
		if width := km * perKm; width >= mapWidth/10 {
			return km, width
		}
	}
	return 500, 500 * perKm
}
