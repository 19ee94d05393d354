package catalogue

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/internal/territory"
)

// PlaceRecord is one row of a file in standard-mediation-num v1.0.2, the national format
// for places of digital mediation (https://github.com/LaMednum/standard-mediation-num).
// Lists hold values of the standard, verbatim. Columns are listed in columns.go.
type PlaceRecord struct {
	Line           int         // in the file, from 1
	SourceID       string      // id: unique in its file, chosen by whoever made it
	SIRET          siret.SIRET // pivot, where it is a SIRET
	OtherID        string      // pivot, where it is an RNA or RIDET number
	Name           string
	City           string // commune, as written: "Annecy Cedex 03"
	Postcode       string
	INSEE          string // the commune; never empty, resolved where the file had none
	Address        string
	AddressExtra   string
	Lat, Lon       float64 // WGS 84; meaningful only when Located
	Located        bool
	Kinds          []string // codes: "CCAS", "BIB"
	Phone          string   // international: "+33450333333"
	Emails         []string
	Websites       []string
	Hours          string // OpenStreetMap opening_hours, verbatim: see ReadHours
	Summary        string
	Details        string
	Source         string // who collected the row
	Mobilities     []string
	Parent         string
	UpdatedOn      time.Time // midnight UTC; zero where unknown
	Themes         []Theme
	Audiences      []string
	SpecialCare    []string
	Fees           []string
	Programmes     []string
	Trainings      []string
	OtherTrainings string
	AccessWays     []string
	SupportWays    []string
	AccessURL      string // the place's page on acceslibre
	BookingURL     string
}

// farKm is beyond the reach of any commune from its centre, those of Guiana included.
const farKm = 100

// ReadPlaces reads a file of places in standard-mediation-num, CSV or JSON, or in
// data·inclusion v1 (see inclusion.go). Format, separator (comma, semicolon, tab) and
// encoding (UTF-8, UTF-16, Windows-1252) are found out. Good rows are kept; a wrong value is
// left out and told; a row is left out only without id, name or commune.
//
// Its faults are import_columns_missing, import_file_empty, import_file_too_large,
// import_inclusion_half, import_json_broken, import_json_form and import_not_csv; any other error comes from r.
func ReadPlaces(r io.Reader) (places []PlaceRecord, problems []RowProblem, err error) {
	text, err := readText(r)
	if err != nil {
		return nil, nil, err
	}
	if start := strings.TrimSpace(text); start[0] == '[' || start[0] == '{' {
		return readJSON(text)
	}
	s, err := openSheet(text)
	if err != nil {
		return nil, nil, err
	}
	header, _ := s.next()
	s.width = len(header.cells)
	return readRows(header, s.next)
}

// readRows reads a header and the rows under it.
func readRows(header row, next func() (row, bool)) ([]PlaceRecord, []RowProblem, error) {
	reader := &placesReader{seen: map[string]bool{}, empty: map[string]int{}}
	if err := reader.matchHeader(header); err != nil {
		return nil, nil, err
	}
	for {
		row, ok := next()
		if !ok {
			break
		}
		reader.readRow(row)
	}
	return reader.places, slices.Concat(reader.emptyColumns(), reader.problems), nil
}

// placesReader holds one file's reading.
type placesReader struct {
	plan     []*column // by position in the file; nil for a column that is ignored
	places   []PlaceRecord
	problems []RowProblem
	seen     map[string]bool // ids
	empty    map[string]int  // rows without a value, by column that should have one

	place        PlaceRecord // the row being read
	line         int
	lat, lon     string
	code, postal string
}

func (p *placesReader) report(field, code, value string) {
	p.problems = append(p.problems, newProblem(p.line, field, code, value))
}

// matchHeader finds the columns, whatever the case, accents and spaces of their names.
func (p *placesReader) matchHeader(header row) error {
	found := map[string]bool{}
	p.line = header.line
	for _, name := range header.cells {
		c := columnNamed(name)
		switch {
		case c == nil && name != "":
			p.report(name, "column_ignored", name)
		case c != nil && found[c.name]:
			p.report(c.name, "column_repeated", name)
			c = nil
		case c != nil:
			found[c.name] = true
		}
		p.plan = append(p.plan, c)
	}
	if inclusionHalf(header.cells) && !found["services"] {
		return fault.New(fault.Malformed, "import_inclusion_half")
	}
	var missing []string
	for _, name := range []string{"id", "nom", "commune", "code_postal"} {
		byCode := found["code_insee"] && (name == "commune" || name == "code_postal")
		if !found[name] && !byCode {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		shown := newProblem(0, "", "", strings.Join(header.cells, ", ")).Value
		return fault.New(fault.Malformed, "import_columns_missing", "missing", strings.Join(missing, ", "), "found", shown)
	}
	return nil
}

func (p *placesReader) readRow(r row) {
	p.place, p.line = PlaceRecord{Line: r.line}, r.line
	p.lat, p.lon, p.code, p.postal = "", "", "", ""
	if !p.fits(r) {
		p.report("", "row_unreadable", strings.Join(r.cells, " "))
		return
	}
	if !r.sound {
		p.report("", "quotes_misplaced", "")
	}
	for k, c := range p.plan {
		if c == nil {
			continue
		}
		value := ""
		if k < len(r.cells) {
			value = r.cells[k]
		}
		if value != "" {
			c.read(p, c.name, value)
		} else if c.expected {
			p.empty[c.name]++
		}
	}
	if p.usable() {
		p.seen[p.place.SourceID] = true
		p.places = append(p.places, p.place)
	}
}

// fits reports whether the cells stand under their columns. Cells left off at the end of a
// sound row are empty ones; one cell too many means that all after it have moved.
func (p *placesReader) fits(r row) bool {
	if !r.sound {
		return len(r.cells) == len(p.plan)
	}
	for _, extra := range r.cells[min(len(r.cells), len(p.plan)):] {
		if extra != "" {
			return false
		}
	}
	return true
}

func (p *placesReader) usable() bool {
	switch {
	case p.place.SourceID == "":
		p.report("id", "id_missing", p.place.Name)
	case p.seen[p.place.SourceID]:
		p.report("id", "id_repeated", p.place.SourceID)
	case p.place.Name == "":
		p.report("nom", "name_missing", p.place.SourceID)
	default:
		return p.locate()
	}
	return false
}

// locate finds the commune and checks the coordinates against it.
func (p *placesReader) locate() bool {
	p.readPoint()
	commune, ok := territory.Resolve(territory.Clue{
		INSEE: p.code, Postcode: p.postal, Name: p.place.City,
		Lat: p.place.Lat, Lon: p.place.Lon, Located: p.place.Located,
	})
	if !ok {
		p.report("commune", "commune_unknown", strings.TrimSpace(p.postal+" "+p.place.City))
		return false
	}
	p.place.INSEE = commune.INSEE
	if _, known := territory.Lookup(p.code); !known {
		p.report("code_insee", "commune_resolved", commune.Name+" ("+commune.INSEE+")")
	}
	if p.place.City == "" {
		p.place.City = commune.Name
	}
	if p.place.Located && commune.Located &&
		territory.DistanceKm(p.place.Lat, p.place.Lon, commune.Lat, commune.Lon) > farKm {
		p.report("latitude", "coordinates_far", p.lat+", "+p.lon)
		p.place.Lat, p.place.Lon, p.place.Located = 0, 0, false
	}
	return true
}

func (p *placesReader) readPoint() {
	if p.lat == "" && p.lon == "" {
		return
	}
	lat, errLat := strconv.ParseFloat(strings.Replace(p.lat, ",", ".", 1), 64)
	lon, errLon := strconv.ParseFloat(strings.Replace(p.lon, ",", ".", 1), 64)
	if errLat != nil || errLon != nil || !territory.ValidPoint(lat, lon) || lat == 0 && lon == 0 {
		p.report("latitude", "coordinates_invalid", p.lat+", "+p.lon)
		return
	}
	p.place.Lat, p.place.Lon, p.place.Located = lat, lon, true
}

// emptyColumns tells, once for each column that the standard wants filled, how many rows
// are not.
func (p *placesReader) emptyColumns() []RowProblem {
	var problems []RowProblem
	for k := range columns {
		if n := p.empty[columns[k].name]; n > 0 {
			problems = append(problems, newProblem(0, columns[k].name, "values_missing", strconv.Itoa(n)))
		}
	}
	return problems
}
