package catalogue

import (
	"cmp"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// A service's bounds. The price is a part of a code's payload, the duration a day's work.
const (
	priceMost     = 127 // vouchers
	durationLeast = 5   // minutes
	durationMost  = 600
	extraMost     = vouchers.Cents(1000_00)
	meetingsMost  = 30
	offersMost    = 100 // of one place
	titleMost     = 100 // characters
	wordsMost     = 1000
)

var (
	levels = []string{"", "beginner", "intermediate", "advanced"}
	modes  = []string{"individual", "group", "remote", "self_service"}
)

// tidyOffers trims what people type, makes absent lists empty ones and a service that
// says nothing of meetings one of a single meeting.
func tidyOffers(offers []Offer) []Offer {
	tidy := make([]Offer, len(offers))
	for i, o := range offers {
		o.ID, o.Title, o.Description = 0, strings.TrimSpace(o.Title), strings.TrimSpace(o.Description)
		for _, list := range []*db.Strings{&o.Topics, &o.Modes, &o.Audiences} {
			*list = slices.Compact(slices.Sorted(slices.Values(*list)))
			if *list == nil {
				*list = db.Strings{}
			}
		}
		o.Meetings = max(o.Meetings, 1)
		tidy[i] = o
	}
	return tidy
}

func checkOffers(offers []Offer) error {
	if len(offers) > offersMost {
		return fault.New(fault.Invalid, "services_too_many", "most", offersMost)
	}
	type name struct{ theme, title string }
	seen := map[name]bool{}
	for _, o := range offers {
		if seen[name{o.Theme, o.Title}] {
			return fault.New(fault.Invalid, "service_repeated", "theme", o.Theme, "title", o.Title)
		}
		seen[name{o.Theme, o.Title}] = true
		if err := checkOffer(o); err != nil {
			return err
		}
	}
	return nil
}

func checkOffer(o Offer) error {
	switch {
	case Theme(o.Theme).Label() == "":
		return fault.New(fault.Invalid, "theme_unknown", "theme", o.Theme)
	case len([]rune(o.Title)) > titleMost || len([]rune(o.Description)) > wordsMost:
		return fault.New(fault.Invalid, "service_words_too_long", "title", titleMost, "description", wordsMost)
	case o.PriceVouchers < 0 || o.PriceVouchers > priceMost:
		return fault.New(fault.Invalid, "price_out_of_range", "most", priceMost)
	case o.Extra < 0 || o.Extra > extraMost:
		return fault.New(fault.Invalid, "extra_out_of_range", "most", extraMost)
	case o.DurationMinutes < durationLeast || o.DurationMinutes > durationMost:
		return fault.New(fault.Invalid, "service_duration_out_of_range", "least", durationLeast, "most", durationMost)
	case o.Meetings > meetingsMost:
		return fault.New(fault.Invalid, "meetings_out_of_range", "most", meetingsMost)
	case !slices.Contains(levels, o.Level):
		return fault.New(fault.Invalid, "level_unknown", "level", o.Level)
	}
	for _, list := range []struct {
		field  string
		values []string
		known  func(string) bool
	}{
		{"topics", o.Topics, func(t string) bool { return Topic(t).Label() != "" }},
		{"modes", o.Modes, func(m string) bool { return slices.Contains(modes, m) }},
		{"audiences", o.Audiences, audiences.has},
	} {
		for _, value := range list.values {
			if !list.known(value) {
				return fault.New(fault.Invalid, "service_value_unknown", "field", list.field, "value", value)
			}
		}
	}
	return nil
}

// Records keeps of the standard's rows what we hold of a place.
func Records(places []PlaceRecord) []labelling.Record {
	all := make([]labelling.Record, len(places))
	for i, p := range places {
		all[i] = record(p)
	}
	return all
}

func record(p PlaceRecord) labelling.Record {
	r := labelling.Record{
		SourceID: p.SourceID, SIRET: p.SIRET, OtherID: p.OtherID, Name: p.Name, Postcode: p.Postcode, INSEE: p.INSEE, Town: p.City,
		Address: p.Address, OtherEmails: rest(p.Emails), OtherWebsites: rest(p.Websites), CollectedBy: p.Source,
		Description: labelling.Description{
			AddressExtra: p.AddressExtra, Phone: p.Phone, Email: first(p.Emails), Website: first(p.Websites), Hours: p.Hours,
			Summary: p.Summary, Presentation: p.Details, Accessibility: p.AccessURL, BookingURL: p.BookingURL, Parent: p.Parent,
			OtherTrainings: p.OtherTrainings, Kinds: p.Kinds, Mobilities: p.Mobilities, Audiences: p.Audiences, SpecialCare: p.SpecialCare,
			Fees: p.Fees, Programmes: p.Programmes, Trainings: p.Trainings, AccessWays: p.AccessWays, SupportWays: p.SupportWays,
		},
	}
	for _, theme := range p.Themes {
		r.Themes = append(r.Themes, string(theme))
	}
	if p.Located {
		r.Lat, r.Lon = &p.Lat, &p.Lon
	}
	if !p.UpdatedOn.IsZero() {
		on := vouchers.DayOf(p.UpdatedOn) // midnight UTC is one or two o'clock of the same day in Paris
		r.UpdatedOn = &on
	}
	return r
}

func rest(list []string) []string { return list[min(1, len(list)):] }

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

const mostProblems = 1000

// newReport counts, and puts first what cost a row.
func newReport(kept int, done labelling.Upserted, problems []RowProblem) ImportReport {
	r := ImportReport{Added: done.Added, Updated: done.Updated, Unchanged: done.Unchanged, Same: len(done.Same), Problems: slices.Clone(problems)}
	slices.SortStableFunc(r.Problems, func(a, b RowProblem) int { return cmp.Compare(b.Effect, a.Effect) })
	for _, p := range problems {
		if p.Effect == RowLeftOut {
			r.Refused++
		}
	}
	r.Read = kept + r.Refused
	if r.Unlisted = max(0, len(r.Problems)-mostProblems); r.Unlisted > 0 {
		r.Problems = r.Problems[:mostProblems]
	}
	return r
}
