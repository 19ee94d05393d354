package territory

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"io"
	"strconv"
	"strings"
	"sync"
)

var (
	//go:embed data/communes.csv.gz
	communesFile []byte
	//go:embed data/parts.csv.gz
	partsFile []byte
	//go:embed data/epci.csv.gz
	epciFile []byte
	//go:embed data/departements.json
	departementsFile []byte
	//go:embed data/regions.json
	regionsFile []byte
)

// part is a place that is now inside a commune: an arrondissement of Paris, Lyon or
// Marseille, or a former commune.
type part struct {
	code, name string
	commune    int32
}

// table is everything that is shipped, indexed. Positions are those of communes, which are
// in the order of their INSEE codes.
type table struct {
	communes     []Commune
	parts        []part
	byCode       map[string]int32 // codes of communes and of parts
	byPostcode   map[string][]int32
	byEPCI       map[string][]int32
	departements map[string]Division
	regions      map[string]Division
	epcis        map[string]Division
}

var tables = sync.OnceValue(load)

// load panics where a shipped file cannot be read: that is a broken build, which any test
// of this package finds.
func load() *table {
	t := &table{
		communes:     make([]Commune, 0, 35000),
		byCode:       make(map[string]int32, 38000),
		byPostcode:   make(map[string][]int32, 6400),
		byEPCI:       make(map[string][]int32, 1300),
		departements: divisions(departementsFile),
		regions:      divisions(regionsFile),
		epcis:        make(map[string]Division, 1300),
	}
	eachRow(communesFile, 9, t.addCommune)
	eachRow(partsFile, 3, func(cells []string) {
		commune := t.byCode[cells[2]]
		t.parts = append(t.parts, part{code: cells[0], name: cells[1], commune: commune})
		if _, current := t.byCode[cells[0]]; !current {
			t.byCode[cells[0]] = commune
		}
	})
	eachRow(epciFile, 3, func(cells []string) {
		t.epcis[cells[0]] = Division{Code: cells[0], Name: cells[1]}
	})
	return t
}

func (t *table) addCommune(cells []string) {
	c := Commune{INSEE: cells[0], Name: cells[1], Departement: cells[3], Region: cells[4], EPCI: cells[5]}
	if cells[2] != "" {
		c.Postcodes = strings.Split(cells[2], "|")
	}
	if cells[6] != "" {
		c.Population = must(strconv.Atoi(cells[6]))
	}
	if cells[7] != "" {
		c.Lon, c.Lat, c.Located = degrees(cells[7]), degrees(cells[8]), true
	}
	i := int32(len(t.communes))
	t.communes = append(t.communes, c)
	t.byCode[c.INSEE] = i
	for _, postcode := range c.Postcodes {
		t.byPostcode[postcode] = append(t.byPostcode[postcode], i)
	}
	if c.EPCI != "" {
		t.byEPCI[c.EPCI] = append(t.byEPCI[c.EPCI], i)
	}
}

// eachRow calls row with the cells of each line after the header. The files hold neither
// quotes nor commas inside cells (data/build.mjs refuses to write them). The slice of cells
// is reused from one row to the next.
func eachRow(file []byte, columns int, row func(cells []string)) {
	text := string(must(io.ReadAll(must(gzip.NewReader(bytes.NewReader(file))))))
	_, text, _ = strings.Cut(text, "\n")
	cells := make([]string, columns)
	for line := range strings.Lines(text) {
		rest := strings.TrimSuffix(line, "\n")
		for k := range cells {
			cells[k], rest, _ = strings.Cut(rest, ",")
		}
		row(cells)
	}
}

func divisions(file []byte) map[string]Division {
	var rows []struct{ Code, Nom, Region string }
	if err := json.Unmarshal(file, &rows); err != nil {
		panic("territory: " + err.Error())
	}
	byCode := make(map[string]Division, len(rows))
	for _, r := range rows {
		byCode[r.Code] = Division{Code: r.Code, Name: r.Nom, Region: r.Region}
	}
	return byCode
}

func degrees(s string) float64 { return must(strconv.ParseFloat(s, 64)) }

func must[T any](value T, err error) T {
	if err != nil {
		panic("territory: " + err.Error())
	}
	return value
}
