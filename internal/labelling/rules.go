package labelling

import (
	"math"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	// RenewalDays is how long before its end a label can be renewed.
	RenewalDays = 60

	longestLabel = 5 * 366 // days
	farthest     = 366     // days between today and a label's first day
)

// holder is what must be known of a place to change who answers for it.
type holder struct {
	Structure vouchers.OrganisationID `db:"structure_id"`
	Name      string                  `db:"name"`
	SIRET     string                  `db:"siret"`
	Listed    bool                    `db:"listed"`
}

// claimable refuses a place that somebody answers for or that is another legal entity's.
func (h holder) claimable(by vouchers.OrganisationID, number siret.SIRET) error {
	switch {
	case h.Structure == by:
		return fault.New(fault.Conflict, "place_already_yours", "place", h.Name)
	case !h.Listed:
		return fault.New(fault.NotFound, "not_found")
	case h.Structure != 0:
		return fault.New(fault.Conflict, "place_claimed", "place", h.Name)
	case h.SIRET != "" && siret.SIRET(h.SIRET).SIREN() != number.SIREN():
		return fault.New(fault.Conflict, "place_has_other_siret", "place", h.Name)
	}
	return nil
}

// check says what is wrong with the dates of a label granted today.
func (g Grant) check(today vouchers.Day) error {
	switch {
	case g.EndsOn < g.StartsOn:
		return fault.New(fault.Invalid, "label_ends_before_start")
	case g.EndsOn < today:
		return fault.New(fault.Invalid, "label_in_the_past")
	case g.StartsOn < today-farthest || g.StartsOn > today+farthest:
		return fault.New(fault.Invalid, "label_starts_too_far")
	case int(g.EndsOn-g.StartsOn) > longestLabel:
		return fault.New(fault.Invalid, "label_too_long", "years", 5)
	}
	return nil
}

// replaces tells why a label that was never taken back gives way to the grant: it has run
// out, or it is renewed without a gap.
func (g Grant) replaces(current Label, today vouchers.Day) (reason string, err error) {
	switch {
	case current.EndsOn < today:
		return "expired", nil
	case current.EndsOn <= today+RenewalDays && g.StartsOn <= today && g.EndsOn > current.EndsOn:
		return "renewed", nil
	}
	return "", fault.New(fault.Conflict, "label_in_force", "until", current.EndsOn)
}

// stored is a record with what we know of its commune. Its JSON names are columns.
type stored struct {
	Record
	EPCI        string `json:"epci"`
	Departement string `json:"departement"`
	Folded      string `json:"folded"`
	// The commune's centre: a place that stands exactly there was never located.
	CentreLat *float64 `json:"centre_lat"`
	CentreLon *float64 `json:"centre_lon"`
}

// complete puts a record in its commune: the whole one, never an arrondissement.
func complete(r Record) stored {
	s := stored{Record: r, Folded: folded(r.Name, r.Town, r.INSEE)}
	if s.Themes == nil {
		s.Themes = []string{}
	}
	for _, list := range s.lists() {
		if *list == nil {
			*list = db.Strings{}
		}
	}
	c, known := territory.Lookup(r.INSEE)
	if !known {
		return s
	}
	s.INSEE, s.EPCI, s.Departement = c.INSEE, c.EPCI, c.Departement
	if c.Located {
		s.CentreLat, s.CentreLon = &c.Lat, &c.Lon
	}
	if r.Lat == nil || r.Lon == nil {
		s.Lat, s.Lon = s.CentreLat, s.CentreLon
	}
	return s
}

// lists are all its lists but the themes: absent ones are written as empty.
func (s *stored) lists() []*db.Strings {
	d := &s.Description
	return []*db.Strings{&s.OtherEmails, &s.OtherWebsites, &d.Kinds, &d.Mobilities, &d.Audiences, &d.SpecialCare, &d.Fees,
		&d.Programmes, &d.Trainings, &d.AccessWays, &d.SupportWays, &d.Languages}
}

// folded is what a place is found by: its name and the names of its town.
func folded(name, town, insee string) string {
	c, _ := territory.Lookup(insee)
	return strings.TrimSpace(territory.Fold(name + " " + town + " " + c.Name))
}

// completeAll does so for all records, sorted as every import locks them.
func completeAll(records []Record) []stored {
	all := make([]stored, len(records))
	for i, r := range records {
		all[i] = complete(r)
	}
	slices.SortFunc(all, func(a, b stored) int {
		if a.SourceID < b.SourceID {
			return -1
		}
		return 1
	})
	return all
}

// box is what surely holds everything within a radius of a point, in degrees.
type box struct{ south, north, west, east float64 }

// kmPerDegree is a little less than a degree of latitude, so that the box errs outwards.
const kmPerDegree = 110.5

func around(lat, lon, radiusKm float64) box {
	high := radiusKm / kmPerDegree
	if radiusKm <= 0 || math.Abs(lat)+high >= 89 {
		return box{-90, 90, -180, 180}
	}
	wide := high / math.Cos((math.Abs(lat)+high)*math.Pi/180)
	return box{lat - high, lat + high, lon - wide, lon + wide}
}
