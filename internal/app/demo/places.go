package demo

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	placesWanted      = 22 // that take part
	departementsMost  = 3
	themesLeast       = 2
	offersMost        = 3
	placesOfStructure = 2 // where the file does not say whose they are
)

// place is a place that takes part.
type place struct {
	record catalogue.PlaceRecord
	id     vouchers.PlaceID
	offers []labelling.Offer
}

// group is the places of one structure to be.
type group struct {
	siret  string // "" where the file does not say
	places []*place
}

func (g group) name() string {
	name := []rune(g.places[0].record.Name)
	return string(name[:min(len(name), 100)]) + " " + cast.StructureMark
}

// choose takes places from a file: of the départements that have most, spread over each.
func choose(file []byte) ([]group, error) {
	records, _, err := catalogue.ReadPlaces(bytes.NewReader(file))
	if err != nil {
		return nil, err
	}
	byDepartement := map[string][]catalogue.PlaceRecord{}
	for _, r := range suitable(records) {
		commune, _ := territory.Lookup(r.INSEE)
		byDepartement[commune.Departement] = append(byDepartement[commune.Departement], r)
	}
	var codes []string
	for code := range byDepartement {
		codes = append(codes, code)
	}
	slices.SortFunc(codes, func(a, b string) int {
		return cmp.Or(len(byDepartement[b])-len(byDepartement[a]), cmp.Compare(a, b))
	})
	codes = codes[:min(len(codes), departementsMost)]
	if len(codes) == 0 {
		return nil, fmt.Errorf("the file has no place with a name of its own and %d services", themesLeast)
	}
	var groups []group
	left := placesWanted
	for i := len(codes) - 1; i >= 0; i-- { // the smallest first: the others make up for it
		share := spread(byDepartement[codes[i]], left/(i+1))
		left -= len(share)
		groups = append(groups, grouped(share)...)
	}
	return groups, nil
}

// suitable are the places with services that can be told apart from all others by name
// and postcode, which is how the service's answers are matched with the file.
func suitable(records []catalogue.PlaceRecord) []catalogue.PlaceRecord {
	count := map[string]int{}
	for _, r := range records {
		count[keyOf(r.Name, r.Postcode)]++
	}
	var kept []catalogue.PlaceRecord
	for _, r := range records {
		if _, known := territory.Lookup(r.INSEE); known && len(r.Themes) >= themesLeast && count[keyOf(r.Name, r.Postcode)] == 1 {
			kept = append(kept, r)
		}
	}
	return kept
}

func keyOf(name, postcode string) string { return name + "\x00" + postcode }

// spread takes n of all, evenly.
func spread(all []catalogue.PlaceRecord, n int) []catalogue.PlaceRecord {
	n = min(n, len(all))
	taken := make([]catalogue.PlaceRecord, n)
	for i := range taken {
		taken[i] = all[i*len(all)/n]
	}
	return taken
}

// grouped gives each SIRET its places; those without are given to structures by twos and
// ones.
func grouped(records []catalogue.PlaceRecord) []group {
	var groups []group
	bySIRET := map[string]int{}
	for i, r := range records {
		p := &place{record: r, offers: offersOf(r, i)}
		siret := r.SIRET.Digits()
		if at, seen := bySIRET[siret]; seen && (siret != "" || len(groups[at].places) < placesOfStructure-(at+1)%2) {
			groups[at].places = append(groups[at].places, p)
			continue
		}
		bySIRET[siret] = len(groups)
		groups = append(groups, group{siret, []*place{p}})
	}
	return groups
}

// offersOf prices what the file says a place does: one to three vouchers.
func offersOf(r catalogue.PlaceRecord, n int) []labelling.Offer {
	var offers []labelling.Offer
	for i, theme := range r.Themes[:min(len(r.Themes), offersMost)] {
		o := wordsOf[string(theme)]
		o.Theme, o.PriceVouchers, o.DurationMinutes = string(theme), 1+(n+i)%3, 45+15*((n+i)%3)
		offers = append(offers, o)
	}
	return offers
}

// findPlaces learns the ids of the places that take part.
func (p *play) findPlaces(ctx context.Context) error {
	wanted := map[string]*place{}
	for _, s := range p.structures {
		for _, one := range s.places {
			wanted[keyOf(one.record.Name, one.record.Postcode)] = one
		}
	}
	for after := ""; ; {
		var page struct {
			Items []labelling.Place `json:"items"`
			Next  *string           `json:"next"`
		}
		if err := p.operator.agent.get(ctx, "/places?limit=100&after="+url.QueryEscape(after), &page); err != nil {
			return err
		}
		for _, found := range page.Items {
			if one := wanted[keyOf(found.Name, found.Postcode)]; one != nil {
				one.id = found.ID
				delete(wanted, keyOf(found.Name, found.Postcode))
			}
		}
		if page.Next == nil {
			break
		}
		after = *page.Next
	}
	if len(wanted) > 0 {
		return fmt.Errorf("%d places of the file are not found again", len(wanted))
	}
	return nil
}
