package territory

import "math"

const earthRadiusKm = 6371.0088 // mean radius (IUGG)

// DistanceKm is the great-circle distance between two points, in kilometres, by the
// haversine formula on a sphere: within 0.6 % of the ellipsoid. Roads are longer.
func DistanceKm(lat1, lon1, lat2, lon2 float64) float64 {
	const radians = math.Pi / 180
	sinLat := math.Sin((lat2 - lat1) * radians / 2)
	sinLon := math.Sin((lon2 - lon1) * radians / 2)
	h := sinLat*sinLat + math.Cos(lat1*radians)*math.Cos(lat2*radians)*sinLon*sinLon
	return 2 * earthRadiusKm * math.Asin(math.Sqrt(min(1, h)))
}

// ValidPoint reports whether a latitude and a longitude are degrees on Earth.
func ValidPoint(lat, lon float64) bool {
	return math.Abs(lat) <= 90 && math.Abs(lon) <= 180
}

// Nearest is the commune whose centre is nearest to a point: usually the commune that
// holds it, sometimes its neighbour. It is false for a point that is not on Earth.
func Nearest(lat, lon float64) (Commune, bool) {
	if !ValidPoint(lat, lon) {
		return Commune{}, false
	}
	return nearest(tables().communes, lat, lon)
}

func nearest(communes []Commune, lat, lon float64) (Commune, bool) {
	best, bestKm := -1, math.Inf(1)
	for i := range communes {
		c := &communes[i]
		if !c.Located {
			continue
		}
		// A degree of latitude is never shorter than 111 km, which spares most of the sines.
		if math.Abs(c.Lat-lat)*111 > bestKm {
			continue
		}
		if km := DistanceKm(lat, lon, c.Lat, c.Lon); km < bestKm {
			best, bestKm = i, km
		}
	}
	if best < 0 {
		return Commune{}, false
	}
	return communes[best], true
}
