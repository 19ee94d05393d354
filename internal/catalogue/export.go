package catalogue

import (
	"bytes"
	"cmp"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// Dataset is one public file.
type Dataset struct {
	Name string // of the file, for ever
	Type string // MIME type
	Rows int
	Body []byte
}

// OpenData is what we publish of the labelled places: the same places in the national
// formats, and who accepts which voucher.
type OpenData struct {
	Day      vouchers.Day // of the data
	Places   int
	LeftOut  int // labelled places that lack what the standard requires: a SIRET, a postcode, a street
	Datasets []Dataset
}

// published is a labelled place with what its card does not say.
type published struct {
	labelling.Place
	pivot   string   // SIRET, or another national number
	emails  []string // besides Email
	sites   []string // besides Website
	updated vouchers.Day
}

// Publish writes all public files, as of today. The bytes depend on the data alone, so that
// a program that fetches them knows whether anything has changed.
func (s *Service) Publish(ctx context.Context, _ identity.Actor) (OpenData, error) {
	var all []published
	var accepted []Acceptance
	var today vouchers.Day
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		today = vouchers.DayOf(tx.Now)
		if all, err = labelled(ctx, tx); err != nil {
			return err
		}
		accepted, err = acceptances(ctx, tx)
		return err
	})
	if err != nil {
		return OpenData{}, err
	}
	data := OpenData{Day: today, Places: len(all)}
	complete := slices.DeleteFunc(slices.Clone(all), func(p published) bool { return p.pivot == "" || p.Postcode == "" || p.Address == "" })
	data.LeftOut = len(all) - len(complete)
	rows, structures, services := []record32{}, []inclusionStructure{}, []inclusionService{}
	for _, p := range complete {
		rows = append(rows, p.standard())
	}
	for _, p := range all {
		structures, services = append(structures, p.structure()), append(services, p.services()...)
	}
	for _, make := range []func() (Dataset, error){
		func() (Dataset, error) { return placesCSV(rows) },
		func() (Dataset, error) { return asJSON("places.json", rows, len(rows)) },
		func() (Dataset, error) { return asJSON("inclusion-structures.json", structures, len(structures)) },
		func() (Dataset, error) { return asJSON("inclusion-services.json", services, len(services)) },
		func() (Dataset, error) { return acceptanceCSV(accepted) },
		func() (Dataset, error) { return asJSON("acceptance.json", accepted, len(accepted)) },
	} {
		d, err := make()
		if err != nil {
			return OpenData{}, err
		}
		data.Datasets = append(data.Datasets, d)
	}
	return data, nil
}

// record32 is a row of standard-mediation-num, its 32 fields in their order.
type record32 []string

// MarshalJSON writes the fields that have a value by their names.
func (r record32) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	for i, value := range r {
		if value == "" {
			continue
		}
		text, err := json.Marshal(value)
		if columns[i].name == "latitude" || columns[i].name == "longitude" {
			text = []byte(value)
		}
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, ",%q:%s", columns[i].name, text)
	}
	return append([]byte("{"), append(bytes.TrimPrefix(b.Bytes(), []byte(",")), '}')...), nil
}

// standard writes a place as a row.
func (p published) standard() record32 {
	values := map[string]string{
		"id": p.id(), "pivot": p.pivot, "nom": p.Name, "commune": p.Town, "code_postal": p.Postcode, "code_insee": p.INSEE, "adresse": p.Address,
		"complement_adresse": p.AddressExtra, "latitude": degreesText(p.Lat), "longitude": degreesText(p.Lon), "typologie": listed(p.Kinds),
		"telephone": p.Phone, "courriels": withMore(p.Email, p.emails), "site_web": withMore(p.Website, p.sites), "horaires": p.Hours, "presentation_resume": p.Summary,
		"presentation_detail": p.Presentation, "source": "Passerelle", "itinerance": listed(p.Mobilities), "structure_parente": p.Parent,
		"date_maj": p.updated.String(), "services": p.themeLabels(), "publics_specifiquement_adresses": listed(p.Audiences),
		"prise_en_charge_specifique": listed(p.SpecialCare), "frais_a_charge": listed(p.Fees), "dispositif_programmes_nationaux": listed(p.Programmes),
		"formations_labels": listed(p.Trainings), "autres_formations_labels": p.OtherTrainings, "modalites_acces": listed(p.AccessWays),
		"modalites_accompagnement": listed(p.SupportWays), "fiche_acces_libre": p.Accessibility, "prise_rdv": p.BookingURL,
	}
	row := make(record32, len(columns))
	for i, c := range columns {
		row[i] = values[c.name]
	}
	return row
}

// id is what we call a place, for ever.
func (p published) id() string { return fmt.Sprintf("passerelle-%d", p.ID) }

// withMore lists the first of several with the others; none without the first.
func withMore(first string, others []string) string {
	if first == "" {
		return ""
	}
	return listed(append([]string{first}, others...))
}

func listed(values []string) string { return strings.Join(values, "|") }

func degreesText(d *float64) string {
	if d == nil {
		return ""
	}
	return strconv.FormatFloat(*d, 'f', -1, 64)
}

// themeLabels are the themes of what the place offers, or of what its source says it does, in
// the standard's words and order.
func (p published) themeLabels() string {
	var labels []string
	for _, theme := range Themes() {
		offered := slices.ContainsFunc(p.Services, func(o Offer) bool { return o.Theme == string(theme) })
		if offered || slices.Contains(p.Themes, string(theme)) {
			labels = append(labels, theme.Label())
		}
	}
	return listed(labels)
}

func placesCSV(rows []record32) (Dataset, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.name
	}
	if err := w.Write(header); err != nil {
		return Dataset{}, err
	}
	for _, row := range rows {
		if err := w.Write(row); err != nil {
			return Dataset{}, err
		}
	}
	w.Flush()
	return Dataset{"places.csv", "text/csv; charset=utf-8", len(rows), out.Bytes()}, w.Error()
}

func asJSON(name string, rows any, count int) (Dataset, error) {
	body, err := json.MarshalIndent(rows, "", " ")
	return Dataset{name, "application/json", count, append(body, '\n')}, err
}

// Acceptance says that a place accepts the vouchers of a campaign today. The national
// standards have no field for it any more.
type Acceptance struct {
	Place    string              `json:"place_id"`
	Campaign vouchers.CampaignID `json:"campaign_id"`
	Name     string              `json:"campaign"`
	Funder   string              `json:"funder"`
	From     vouchers.Day        `json:"from"`
	Until    vouchers.Day        `json:"until"` // last day on which a voucher is taken
}

func acceptanceCSV(all []Acceptance) (Dataset, error) {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	rows := [][]string{{"place_id", "campaign_id", "campaign", "funder", "from", "until"}}
	for _, a := range all {
		rows = append(rows, []string{a.Place, fmt.Sprint(a.Campaign), a.Name, a.Funder, a.From.String(), a.Until.String()})
	}
	err := w.WriteAll(rows)
	return Dataset{"acceptance.csv", "text/csv; charset=utf-8", len(all), out.Bytes()}, err
}

// inclusionStructure is a structure of data·inclusion v1. Absent values are null.
type inclusionStructure struct {
	Source        string   `json:"source"`
	ID            string   `json:"id"`
	Name          string   `json:"nom"`
	Updated       string   `json:"date_maj"`
	SIRET         *string  `json:"siret"`
	Description   *string  `json:"description"`
	Phone         *string  `json:"telephone"`
	Email         *string  `json:"courriel"`
	Website       *string  `json:"site_web"`
	Hours         *string  `json:"horaires_accueil"`
	Accessibility *string  `json:"accessibilite_lieu"`
	Address       *string  `json:"adresse"`
	AddressExtra  *string  `json:"complement_adresse"`
	Postcode      *string  `json:"code_postal"`
	Town          *string  `json:"commune"`
	INSEE         *string  `json:"code_insee"`
	Lat           *float64 `json:"latitude"`
	Lon           *float64 `json:"longitude"`
}

// inclusionService is one of its services.
type inclusionService struct {
	Source      string   `json:"source"`
	ID          string   `json:"id"`
	Structure   string   `json:"structure_id"`
	Name        string   `json:"nom"`
	Description string   `json:"description"`
	Updated     string   `json:"date_maj"`
	Kind        *string  `json:"type"`
	Themes      []string `json:"thematiques"`
	Fees        string   `json:"frais"`
	FeesText    *string  `json:"frais_precisions"`
	Audiences   []string `json:"publics"`
	Modes       []string `json:"modes_accueil"`
	Link        *string  `json:"lien_mobilisation"`
	Phone       *string  `json:"telephone"`
	Email       *string  `json:"courriel"`
	Hours       *string  `json:"horaires_accueil"`
	Address     *string  `json:"adresse"`
	Postcode    *string  `json:"code_postal"`
	Town        *string  `json:"commune"`
	INSEE       *string  `json:"code_insee"`
	Lat         *float64 `json:"latitude"`
	Lon         *float64 `json:"longitude"`
}

func (p published) inclusionID() string { return fmt.Sprintf("passerelle--%d", p.ID) }

// present is nil for a text that is empty.
func present(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// named fits a name into data·inclusion's bounds: 3 to 150 characters, no stop at the end.
func named(name string) string {
	name = strings.TrimRight(strings.TrimSpace(name), ".")
	if runes := []rune(name); len(runes) > 150 {
		name = strings.TrimSpace(string(runes[:150]))
	}
	for len([]rune(name)) < 3 {
		name += " –"
	}
	return name
}

func (p published) structure() inclusionStructure {
	s := inclusionStructure{Source: "passerelle", ID: p.inclusionID(), Name: named(p.Name), Updated: p.updated.String(),
		Phone: present(p.Phone), Email: present(p.Email), Website: present(p.Website), Hours: present(p.Hours),
		Accessibility: present(p.Accessibility), Address: present(p.Address), AddressExtra: present(p.AddressExtra), Postcode: present(p.Postcode),
		Town: present(p.Town), INSEE: present(p.INSEE), Lat: p.Lat, Lon: p.Lon}
	if len(p.pivot) == 14 {
		s.SIRET = &p.pivot
	}
	if about := cmp.Or(p.Presentation, p.Summary); len([]rune(about)) >= 5 {
		s.Description = &about
	}
	return s
}

func (p published) services() []inclusionService {
	var all []inclusionService
	for _, o := range p.Services {
		label := Theme(o.Theme).Label()
		s := inclusionService{Source: "passerelle", ID: fmt.Sprintf("%s-%d", p.inclusionID(), o.ID), Structure: p.inclusionID(),
			Name: named(cmp.Or(o.Title, label)), Description: label + ".", Updated: p.updated.String(), Fees: "payant",
			Link: present(p.BookingURL), Phone: present(p.Phone), Email: present(p.Email), Hours: present(p.Hours),
			Address: present(p.Address), Postcode: present(p.Postcode), Town: present(p.Town), INSEE: present(p.INSEE), Lat: p.Lat, Lon: p.Lon}
		if o.Description != "" {
			s.Description = label + ". " + o.Description
		}
		if o.Free() && o.Extra == 0 {
			s.Fees = "gratuit"
		} else {
			s.FeesText = present(priceText(o))
		}
		for theme, ours := range digital {
			if slices.Contains(ours, Theme(o.Theme)) {
				s.Themes = append(s.Themes, theme)
			}
		}
		s.Kind, s.Modes, s.Audiences = inclusionKind(o.Modes), inclusionModes(o.Modes), inclusionAudiences(o.Audiences)
		all = append(all, s)
	}
	return all
}

// priceText says a price in French, as the whole file is.
func priceText(o Offer) string {
	var parts []string
	if o.PriceVouchers == 1 {
		parts = append(parts, "1 chèque")
	} else if o.PriceVouchers > 1 {
		parts = append(parts, fmt.Sprintf("%d chèques", o.PriceVouchers))
	}
	if o.Extra > 0 {
		parts = append(parts, strings.Replace(o.Extra.String(), ".", ",", 1)+" €")
	}
	return strings.Join(parts, " et ")
}
