package catalogue

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/passerelle/passerelle/internal/siret"
)

// column is one of the standard's 32 fields and how it is read into the row at hand.
type column struct {
	name     string
	expected bool // the standard wants it filled, we can do without: told once per file
	read     func(p *placesReader, field, value string)
}

const (
	maxText    = 300 // characters of a name, an address, a list of trainings
	maxSummary = 280 // presentation_resume, by the standard
	maxDetails = 5000
)

// columns follow the order of the standard.
var columns = []column{
	{name: "id", read: text(maxText, func(p *PlaceRecord) *string { return &p.SourceID })},
	{name: "pivot", expected: true, read: readPivot},
	{name: "nom", read: text(maxText, func(p *PlaceRecord) *string { return &p.Name })},
	{name: "commune", read: text(maxText, func(p *PlaceRecord) *string { return &p.City })},
	{name: "code_postal", read: readPostcode},
	{name: "code_insee", read: func(p *placesReader, _, value string) { p.code = padCode(strings.ToUpper(value)) }},
	{name: "adresse", expected: true, read: text(maxText, func(p *PlaceRecord) *string { return &p.Address })},
	{name: "complement_adresse", read: text(maxText, func(p *PlaceRecord) *string { return &p.AddressExtra })},
	{name: "latitude", read: func(p *placesReader, _, value string) { p.lat = value }},
	{name: "longitude", read: func(p *placesReader, _, value string) { p.lon = value }},
	{name: "typologie", read: list(kinds, func(p *PlaceRecord) *[]string { return &p.Kinds })},
	{name: "telephone", read: readPhone},
	{name: "courriels", read: readEmails},
	{name: "site_web", read: readWebsites},
	{name: "horaires", read: readHoursText},
	{name: "presentation_resume", read: text(maxSummary, func(p *PlaceRecord) *string { return &p.Summary })},
	{name: "presentation_detail", read: text(maxDetails, func(p *PlaceRecord) *string { return &p.Details })},
	{name: "source", read: text(maxText, func(p *PlaceRecord) *string { return &p.Source })},
	{name: "itinerance", read: list(mobilities, func(p *PlaceRecord) *[]string { return &p.Mobilities })},
	{name: "structure_parente", read: text(maxText, func(p *PlaceRecord) *string { return &p.Parent })},
	{name: "date_maj", expected: true, read: readDate},
	{name: "services", expected: true, read: readServices},
	{name: "publics_specifiquement_adresses", read: list(audiences, func(p *PlaceRecord) *[]string { return &p.Audiences })},
	{name: "prise_en_charge_specifique", read: list(specialCare, func(p *PlaceRecord) *[]string { return &p.SpecialCare })},
	{name: "frais_a_charge", read: list(fees, func(p *PlaceRecord) *[]string { return &p.Fees })},
	{name: "dispositif_programmes_nationaux", read: list(programmes, func(p *PlaceRecord) *[]string { return &p.Programmes })},
	{name: "formations_labels", read: list(trainings, func(p *PlaceRecord) *[]string { return &p.Trainings })},
	{name: "autres_formations_labels", read: text(maxText, func(p *PlaceRecord) *string { return &p.OtherTrainings })},
	{name: "modalites_acces", read: list(accessWays, func(p *PlaceRecord) *[]string { return &p.AccessWays })},
	{name: "modalites_accompagnement", read: list(supportWays, func(p *PlaceRecord) *[]string { return &p.SupportWays })},
	{name: "fiche_acces_libre", read: link(func(p *PlaceRecord) *string { return &p.AccessURL })},
	{name: "prise_rdv", read: link(func(p *PlaceRecord) *string { return &p.BookingURL })},
}

func columnNamed(written string) *column {
	name := squeeze(written)
	for k := range columns {
		if squeeze(columns[k].name) == name {
			return &columns[k]
		}
	}
	return nil
}

// text reads plain text, without control characters and no longer than so many characters.
func text(longest int, into func(*PlaceRecord) *string) func(*placesReader, string, string) {
	return func(p *placesReader, field, value string) {
		value = strings.TrimSpace(strings.Map(printable, value))
		if runes := []rune(value); len(runes) > longest {
			p.report(field, "text_cut", value)
			value = strings.TrimSpace(string(runes[:longest]))
		}
		*into(&p.place) = value
	}
}

// printable keeps line ends, which only long texts have, and turns tabs into spaces.
func printable(r rune) rune {
	switch {
	case r == '\n':
		return r
	case r == '\t':
		return ' '
	case unicode.IsControl(r) || r == unicode.ReplacementChar:
		return -1
	}
	return r
}

func list(known vocabulary, into func(*PlaceRecord) *[]string) func(*placesReader, string, string) {
	return func(p *placesReader, field, value string) {
		values, unknown := parseList(value, known.find)
		*into(&p.place) = values
		for _, u := range unknown {
			p.report(field, "value_unknown", u)
		}
	}
}

func readServices(p *placesReader, field, value string) {
	themes, unknown := ParseThemes(value)
	p.place.Themes = themes
	for _, u := range unknown {
		p.report(field, "value_unknown", u)
	}
}

var otherPivot = regexp.MustCompile(`^[a-zA-Z0-9]{9,13}$`)

// readPivot takes a SIRET, an RNA ("W742001234") or a RIDET number.
func readPivot(p *placesReader, field, value string) {
	compact := strings.Join(strings.Fields(value), "")
	if len(compact) == 14 {
		number, err := siret.Parse(compact)
		if err != nil {
			p.report(field, "siret_invalid", value)
		}
		p.place.SIRET = number
		return
	}
	if !otherPivot.MatchString(compact) {
		p.report(field, "pivot_invalid", value)
		return
	}
	p.place.OtherID = strings.ToUpper(compact)
}

var fiveDigits = regexp.MustCompile(`^\d{5}$`)

func readPostcode(p *placesReader, field, value string) {
	postcode := padCode(strings.ReplaceAll(value, " ", ""))
	if !fiveDigits.MatchString(postcode) {
		p.report(field, "postcode_invalid", value)
		return
	}
	p.postal, p.place.Postcode = postcode, postcode
}

// padCode gives back the leading zero that spreadsheets take from the codes of nine
// départements.
func padCode(code string) string {
	if len(code) == 4 && strings.Trim(code, "0123456789") == "" {
		return "0" + code
	}
	return code
}

// international is the standard's pattern, with the prefixes in the order of its text.
var international = regexp.MustCompile(`^(\+33|\+590|\+594|\+262|\+596|\+269|\+687|\+689|\+508|\+681)\d{6,9}$`)

// overseas gives the country prefix of French numbers that do not have +33.
var overseas = map[string]string{
	"0590": "+590", "0690": "+590", "0691": "+590", "0594": "+594", "0694": "+594", "0596": "+596", "0696": "+596",
	"0697": "+596", "0262": "+262", "0263": "+262", "0269": "+262", "0639": "+262", "0692": "+262", "0693": "+262",
}

func readPhone(p *placesReader, field, value string) {
	first := value
	if parts := splitList(value, "|;/"); len(parts) > 0 {
		first = parts[0]
	}
	phone := strings.Map(func(r rune) rune {
		if r == '+' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, strings.Replace(first, "(0)", "", 1))
	if strings.HasPrefix(phone, "00") {
		phone = "+" + phone[2:]
	}
	if len(phone) == 10 && phone[0] == '0' {
		prefix, ok := overseas[phone[:4]]
		if !ok {
			prefix = "+33"
		}
		phone = prefix + phone[1:]
	}
	if !international.MatchString(phone) {
		p.report(field, "phone_invalid", value)
		return
	}
	p.place.Phone = phone
}

func readEmails(p *placesReader, field, value string) {
	for _, written := range splitList(value, "|;, ") {
		address, err := mail.ParseAddress(written)
		if err != nil || address.Address != written || len(written) > 254 || !strings.Contains(written, ".") {
			p.report(field, "email_invalid", written)
			continue
		}
		p.place.Emails = append(p.place.Emails, written)
	}
}

func readWebsites(p *placesReader, field, value string) {
	for _, written := range splitList(value, "| \n") {
		if address, ok := webAddress(written); ok {
			p.place.Websites = append(p.place.Websites, address)
		} else {
			p.report(field, "link_invalid", written)
		}
	}
}

func link(into func(*PlaceRecord) *string) func(*placesReader, string, string) {
	return func(p *placesReader, field, value string) {
		address, ok := webAddress(value)
		if !ok {
			p.report(field, "link_invalid", value)
			return
		}
		*into(&p.place) = address
	}
}

// webAddress accepts http and https only, and adds https where people left it off.
func webAddress(written string) (string, bool) {
	if !strings.Contains(written, ":") && strings.Contains(written, ".") {
		written = "https://" + written
	}
	u, err := url.Parse(written)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil &&
		strings.Contains(u.Hostname(), ".") && len(written) <= 2000
	return written, ok
}

func readHoursText(p *placesReader, field, value string) {
	text(maxText, func(place *PlaceRecord) *string { return &place.Hours })(p, field, value)
	if _, ok := ReadHours(p.place.Hours); !ok {
		p.report(field, "hours_unread", value)
	}
}

func readDate(p *placesReader, field, value string) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, "02/01/2006", "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, value); err == nil && t.Year() >= 2000 && t.Year() < 2100 {
			p.place.UpdatedOn = time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
			return
		}
	}
	p.report(field, "date_invalid", value)
}
