package coverage

import (
	"math"
	"slices"

	"github.com/passerelle/passerelle/internal/territory"
)

// Point is a place on Earth, in degrees of WGS 84.
type Point struct{ Lat, Lon float64 }

// cellDegrees is the side of a cell: some 11 km from south to north.
const cellDegrees = 0.1

// kmPerDegree is a little less than a degree of latitude, so that searches err outwards.
const kmPerDegree = 110.5

type cell struct{ row, column int }

// grid finds the points that are near another one without looking at all of them.
type grid struct {
	points []Point
	cells  map[cell][]int32 // positions in points
}

func newGrid(points []Point) *grid {
	g := &grid{points: points, cells: make(map[cell][]int32, len(points))}
	for i, p := range points {
		c := cell{int(math.Floor(p.Lat / cellDegrees)), int(math.Floor(p.Lon / cellDegrees))}
		g.cells[c] = append(g.cells[c], int32(i))
	}
	return g
}

// each calls visit for every point within a radius of p, in no order.
func (g *grid) each(p Point, radiusKm float64, visit func(i int, km float64)) {
	high := radiusKm / kmPerDegree
	wide := high / math.Max(0.01, math.Cos((math.Abs(p.Lat)+high)*math.Pi/180))
	first := cell{int(math.Floor((p.Lat - high) / cellDegrees)), int(math.Floor((p.Lon - wide) / cellDegrees))}
	last := cell{int(math.Floor((p.Lat + high) / cellDegrees)), int(math.Floor((p.Lon + wide) / cellDegrees))}
	for row := first.row; row <= last.row; row++ {
		for column := first.column; column <= last.column; column++ {
			for _, i := range g.cells[cell{row, column}] {
				if km := territory.DistanceKm(p.Lat, p.Lon, g.points[i].Lat, g.points[i].Lon); km <= radiusKm {
					visit(int(i), km)
				}
			}
		}
	}
}

// nearest is how far the nearest point within a radius is, and which one; -1: none.
func (g *grid) nearest(p Point, radiusKm float64) (which int, km float64) {
	which, km = -1, math.Inf(1)
	for _, reach := range []float64{radiusKm / 4, radiusKm} {
		g.each(p, reach, func(i int, d float64) {
			if d < km || d == km && i < which {
				which, km = i, d
			}
		})
		if which >= 0 {
			break
		}
	}
	return which, km
}

// within lists, for each of some points, which of the grid's are within a radius of it.
func (g *grid) within(from []Point, radiusKm float64) [][]int32 {
	reached := make([][]int32, len(from))
	for k, p := range from {
		g.each(p, radiusKm, func(i int, _ float64) { reached[k] = append(reached[k], int32(i)) })
		slices.Sort(reached[k])
	}
	return reached
}
