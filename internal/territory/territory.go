// Package territory knows the communes of France: codes, postcodes, names as people type
// them, intercommunal bodies, départements, régions and distances.
//
// It reads only the tables shipped in data (see data/README.md) and holds no state of its
// own, so every function may be called from anywhere at any time. The tables are read on
// first use, once. Coordinates are WGS 84 degrees.
package territory

import "slices"

// Commune is one commune as of 1 January 2026. Its Postcodes are shared between callers
// and must not be changed.
type Commune struct {
	INSEE       string // Code officiel géographique, 5 characters: "74010", "2A004", "97411"
	Name        string
	Postcodes   []string // none for the uninhabited lands of the far south
	Departement string   // code: "74", "2A", "971"
	Region      string   // code: "84"
	EPCI        string   // SIREN of its intercommunal body; "" for the few outside any
	Population  int      // legal population; 0 where INSEE publishes none
	Lon, Lat    float64  // the centre; meaningful only when Located
	Located     bool     // false for 106 communes, most of them overseas
}

// Division is a département, a région or an intercommunal body. Overseas collectivities
// count as both département and région.
type Division struct {
	Code   string // "74"; "84"; for an intercommunal body its SIREN
	Name   string // "Haute-Savoie"; "CA du Grand Annecy", as the State writes it
	Region string // code of the région of a département; "" for the others
}

// Lookup finds a commune by its INSEE code. The code of an arrondissement of Paris, Lyon or
// Marseille, or of a commune that has merged, gives the commune it is part of.
func Lookup(insee string) (Commune, bool) {
	t := tables()
	i, ok := t.byCode[insee]
	if !ok {
		return Commune{}, false
	}
	return t.communes[i], true
}

// ByPostcode lists the communes that a postcode serves, the most populated first.
func ByPostcode(postcode string) []Commune {
	t := tables()
	return t.pick(t.byPostcode[postcode])
}

// Departement finds a département by its code: "01", "2A", "974".
func Departement(code string) (Division, bool) {
	d, ok := tables().departements[code]
	return d, ok
}

// Region finds a région by its code: "84".
func Region(code string) (Division, bool) {
	r, ok := tables().regions[code]
	return r, ok
}

// EPCI finds an intercommunal body with its own taxation (établissement public de
// coopération intercommunale à fiscalité propre) by its SIREN.
func EPCI(siren string) (Division, bool) {
	e, ok := tables().epcis[siren]
	return e, ok
}

// EPCIMembers lists the communes of an intercommunal body, the most populated first.
func EPCIMembers(siren string) []Commune {
	t := tables()
	return t.pick(t.byEPCI[siren])
}

func (t *table) pick(positions []int32) []Commune {
	picked := make([]Commune, len(positions))
	for k, i := range positions {
		picked[k] = t.communes[i]
	}
	slices.SortStableFunc(picked, func(a, b Commune) int { return b.Population - a.Population })
	return picked
}
