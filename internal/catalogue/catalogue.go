// Package catalogue knows what places offer: it reads them from files in the national
// format, keeps their services and prices in vouchers, and finds them for the public.
package catalogue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// Service is the use cases of the catalogue.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Offer is something that a place does for a price in vouchers: one of its services.
type Offer = labelling.Offer

// ImportReport tells what became of a file. A row that was refused is in none of Added,
// Updated, Unchanged and Same; its reason is among Problems.
type ImportReport struct {
	Read      int          `json:"read"` // rows
	Added     int          `json:"added"`
	Updated   int          `json:"updated"`
	Unchanged int          `json:"unchanged"`
	Same      int          `json:"same"` // known from another source, which they are left to
	Refused   int          `json:"refused"`
	Problems  []RowProblem `json:"problems"`  // those that refused a row first; at most 1,000
	Unlisted  int          `json:"unlisted"`  // problems beyond that
	Rehearsed bool         `json:"rehearsed"` // nothing was kept
}

// Import reads places from a file in standard-mediation-num or data·inclusion and keeps them. source names
// who made the file; places are known again by it and the id in their row, so that a
// file can be imported any number of times. Its faults are those of ReadPlaces and
// source_malformed.
func (s *Service) Import(ctx context.Context, actor identity.Actor, source string, file io.Reader) (ImportReport, error) {
	if err := actor.Needs(identity.Operator, identity.Agent); err != nil {
		return ImportReport{}, err
	}
	if err := actor.NeedsScope(labelling.PlacesScope); err != nil {
		return ImportReport{}, err
	}
	if !sourceName.MatchString(source) {
		return ImportReport{}, fault.New(fault.Invalid, "source_malformed")
	}
	sum := sha256.New()
	places, problems, err := ReadPlaces(io.TeeReader(file, sum))
	if err != nil {
		return ImportReport{}, err
	}
	what := importRequest{Source: source, SHA256: hex.EncodeToString(sum.Sum(nil))}
	var report ImportReport
	err = s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		report, err = once.Do(ctx, tx, actor.Organisation, "import_places", what, func() (ImportReport, error) {
			return importPlaces(ctx, tx, actor, what, places, problems)
		})
		return err
	})
	return report, err
}

// Preview tells what Import would do with a file. It is really done, and rolled back.
func (s *Service) Preview(ctx context.Context, actor identity.Actor, source string, file io.Reader) (ImportReport, error) {
	report, err := s.Import(db.Rehearsal(ctx), actor, source, file)
	report.Rehearsed = true
	return report, err
}

// Together makes one file of the two that data·inclusion is published in, each an array.
func Together(structures, services io.Reader) io.Reader {
	return io.MultiReader(strings.NewReader(`{"structures":`), structures, strings.NewReader(`,"services":`), services, strings.NewReader("}"))
}

// sourceName is what may stand before a place's id for ever.
var sourceName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,59}$`)

type importRequest struct {
	Source string `json:"source"`
	SHA256 string `json:"sha256"`
}

func importPlaces(ctx context.Context, tx *db.Tx, actor identity.Actor, what importRequest, places []PlaceRecord, problems []RowProblem) (ImportReport, error) {
	done, err := labelling.UpsertPlaces(ctx, tx, what.Source, Records(places))
	if err != nil {
		return ImportReport{}, err
	}
	for _, p := range places {
		if known, same := done.Same[p.SourceID]; same {
			problems = append(problems, newProblem(p.Line, "nom", "same_place", fmt.Sprintf("%s (%d)", known.Name, known.Place)))
		}
	}
	report := newReport(len(places), done, problems)
	counts := report
	counts.Problems = nil
	return report, audit.Record(ctx, tx, actor, "places_imported", "source:"+what.Source, nil,
		map[string]any{"file": what, "counts": counts})
}

// SetServices replaces what a place of the actor's structure offers. A service is known
// again by its theme and title. No service at all is an offer too: the place then takes no
// voucher. Its faults are services_too_many, service_repeated, theme_unknown,
// service_words_too_long, price_out_of_range, extra_out_of_range,
// service_duration_out_of_range, meetings_out_of_range, level_unknown and
// service_value_unknown.
func (s *Service) SetServices(ctx context.Context, actor identity.Actor, place vouchers.PlaceID, offers []Offer) ([]Offer, error) {
	if err := actor.Needs(identity.Structure, identity.Agent); err != nil {
		return nil, err
	}
	if err := actor.NeedsScope(labelling.PlacesScope); err != nil {
		return nil, err
	}
	offers = tidyOffers(offers)
	if err := checkOffers(offers); err != nil {
		return nil, err
	}
	what := struct {
		Place    vouchers.PlaceID `json:"place"`
		Services []Offer          `json:"services"`
	}{place, offers}
	var after []Offer
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		after, err = once.Do(ctx, tx, actor.Organisation, "set_services", what, func() ([]Offer, error) {
			return setServices(ctx, tx, actor, place, offers)
		})
		return err
	})
	return after, err
}

func setServices(ctx context.Context, tx *db.Tx, actor identity.Actor, place vouchers.PlaceID, offers []Offer) ([]Offer, error) {
	if err := labelling.LockOwn(ctx, tx, actor, place); err != nil {
		return nil, err
	}
	before, err := servicesOf(ctx, tx, place)
	if err != nil {
		return nil, err
	}
	if err := replaceServices(ctx, tx, place, offers); err != nil {
		return nil, err
	}
	after, err := servicesOf(ctx, tx, place)
	if err != nil {
		return nil, err
	}
	return after, audit.Record(ctx, tx, actor, "services_set", fmt.Sprintf("place:%d", place), before, after)
}

// Services is what a place offers, in the order of the standard. Prices are public.
func (s *Service) Services(ctx context.Context, actor identity.Actor, place vouchers.PlaceID) ([]Offer, error) {
	var all []Offer
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		p, err := labelling.PlaceOf(ctx, tx, place)
		if err == nil && !p.SeenBy(actor) {
			err = fault.New(fault.NotFound, "not_found")
		}
		if err != nil {
			return err
		}
		all, err = servicesOf(ctx, tx, place)
		return err
	})
	return all, err
}

// OfferOf reads for another room a service that a place offers today.
func OfferOf(ctx context.Context, tx *db.Tx, place vouchers.PlaceID, id vouchers.ServiceID) (Offer, error) {
	offers, err := servicesOf(ctx, tx, place)
	if err != nil {
		return Offer{}, err
	}
	for _, o := range offers {
		if o.ID == id {
			return o, nil
		}
	}
	return Offer{}, fault.New(fault.NotFound, "not_found")
}
