package territory

import (
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// Area is where something holds: the union of communes (INSEE codes), intercommunal bodies
// (SIREN) and départements (codes). An area that names nothing is the whole country.
type Area struct {
	Communes     []string `json:"communes,omitempty"`
	EPCIs        []string `json:"epcis,omitempty"`
	Departements []string `json:"departements,omitempty"`
}

// Everywhere reports whether the area names nothing, so that it has no limit.
func (a Area) Everywhere() bool {
	return len(a.Communes) == 0 && len(a.EPCIs) == 0 && len(a.Departements) == 0
}

// Contains reports whether a commune lies in the area. An arrondissement of Paris, Lyon or
// Marseille counts as its commune, a former commune as the one it has joined; an unknown
// code lies only in an area without limit.
func (a Area) Contains(insee string) bool {
	if a.Everywhere() {
		return true
	}
	c, known := Lookup(insee)
	return known && (slices.Contains(a.Communes, c.INSEE) ||
		c.EPCI != "" && slices.Contains(a.EPCIs, c.EPCI) ||
		slices.Contains(a.Departements, c.Departement))
}

// Validate refuses codes that are unknown (fault area_code_unknown) and codes that name only
// a part of a commune (fault area_part_of_commune), because an area never splits a commune.
func (a Area) Validate() error {
	if unknown := a.unknownCodes(); len(unknown) > 0 {
		return fault.New(fault.Invalid, "area_code_unknown", "codes", strings.Join(unknown, ", "))
	}
	for _, code := range a.Communes {
		if c, _ := Lookup(code); c.INSEE != code {
			return fault.New(fault.Invalid, "area_part_of_commune",
				"code", code, "commune", c.Name, "whole", c.INSEE)
		}
	}
	return nil
}

func (a Area) unknownCodes() []string {
	var unknown []string
	for _, code := range a.Communes {
		if _, ok := Lookup(code); !ok {
			unknown = append(unknown, code)
		}
	}
	for _, siren := range a.EPCIs {
		if _, ok := EPCI(siren); !ok {
			unknown = append(unknown, siren)
		}
	}
	for _, code := range a.Departements {
		if _, ok := Departement(code); !ok {
			unknown = append(unknown, code)
		}
	}
	return unknown
}

// Members lists the communes of the area, by their INSEE codes.
func (a Area) Members() []Commune {
	t := tables()
	if a.Everywhere() {
		return slices.Clone(t.communes)
	}
	var positions []int32
	for _, code := range a.Communes {
		if i, known := t.byCode[code]; known {
			positions = append(positions, i)
		}
	}
	for _, siren := range a.EPCIs {
		positions = append(positions, t.byEPCI[siren]...)
	}
	for i := range t.communes {
		if slices.Contains(a.Departements, t.communes[i].Departement) {
			positions = append(positions, int32(i))
		}
	}
	slices.Sort(positions)
	members := []Commune{}
	for _, i := range slices.Compact(positions) {
		members = append(members, t.communes[i])
	}
	return members
}

// Departements lists the codes of the départements of a région.
func Departements(region string) []string {
	var codes []string
	for code, d := range tables().departements {
		if d.Region == region {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}
