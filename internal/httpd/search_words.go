package httpd

import (
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/internal/territory"
)

// why says in one line why a place is among the answers.
func why(w *i18n.Words, f search.Found, h search.Hit) string {
	var reasons []string
	if h.Named {
		reasons = append(reasons, w.Text("search.why.name"))
	}
	if h.Kind {
		reasons = append(reasons, w.Text("search.why.kind"))
	}
	for _, theme := range h.Offers {
		reasons = append(reasons, w.Text("search.why.offers", "theme", w.Text("theme."+theme)))
	}
	if h.Km != nil && f.Commune != nil {
		reasons = append(reasons, w.Text("search.why.near", "km", w.Km(*h.Km)))
	}
	if h.OpenUntil != nil {
		reasons = append(reasons, w.Text("search.why.open", "until", clock(w, *h.OpenUntil)))
	}
	if h.Seats {
		reasons = append(reasons, w.Text("search.why.seats"))
	}
	if h.Labelled {
		reasons = append(reasons, w.Text("search.why.labelled"))
	}
	return strings.Join(reasons, " · ")
}

// understood says what a question was understood to ask for.
func understood(w *i18n.Words, f search.Found) string {
	m := f.Meaning
	var parts []string
	for _, theme := range m.Themes {
		parts = append(parts, w.Text("theme."+theme))
	}
	if m.Language != "" {
		parts = append(parts, w.Text("search.language."+m.Language))
	}
	for name, said := range map[string]bool{"open_now": m.OpenNow, "wheelchair": m.Wheelchair, "free": m.Free, "labelled": m.Voucher} {
		if said {
			parts = append(parts, w.Text("search.wish."+name))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return w.Text("search.understood", "what", strings.Join(parts, " · "))
}

func quoted(list []string) string { return "« " + strings.Join(list, " », « ") + " »" }

// clockText writes a time of day as programs read it: "17:30".
func clockText(c catalogue.Clock) string { return fmt.Sprintf("%02d:%02d", c.Hour(), c.Minute()) }

// placesMap is an outline: communes around as dots, the answers as numbered marks.
type placesMap struct {
	Width, Height  float64
	Communes       string // one path of dots
	Pins           []placePin
	FromX, FromY   float64
	From           bool // there is a commune to start from
	Scale, ScaleKm float64
}

type placePin struct {
	Number int
	Name   string
	Href   string
	X, Y   float64
}

// drawPlaces draws the answers of a page that have a position; nil where none has.
func drawPlaces(f search.Found, first int) *placesMap {
	var points []coverage.Point
	for _, h := range f.Hits {
		if h.Lat != nil && h.Lon != nil {
			points = append(points, coverage.Point{Lat: *h.Lat, Lon: *h.Lon})
		}
	}
	if len(points) == 0 {
		return nil
	}
	if f.Commune != nil && f.Commune.Located {
		points = append(points, coverage.Point{Lat: f.Commune.Lat, Lon: f.Commune.Lon})
	}
	p := fit(points, 420)
	m := &placesMap{Width: mapWidth, Height: p.height}
	if f.Commune != nil && f.Commune.Located {
		m.From = true
		m.FromX, m.FromY = p.at(f.Commune.Lat, f.Commune.Lon)
	}
	for i, h := range f.Hits {
		if h.Lat != nil && h.Lon != nil {
			x, y := p.at(*h.Lat, *h.Lon)
			m.Pins = append(m.Pins, placePin{first + i + 1, h.Name, fmt.Sprintf("/places/%d", h.ID), x, y})
		}
	}
	m.Communes = communeDots(p)
	m.ScaleKm, m.Scale = scaleOf(p.perLat)
	return m
}

// communeDots draws the communes that lie in the drawing, the most populated of them.
func communeDots(p projection) string {
	var dots strings.Builder
	drawn := 0
	for _, c := range (territory.Area{}).Members() {
		if !c.Located || drawn > 600 {
			continue
		}
		x, y := p.at(c.Lat, c.Lon)
		if x < 0 || x > mapWidth || y < 0 || y > p.height {
			continue
		}
		drawn++
		fmt.Fprintf(&dots, "M%.1f %.1fh0", x, y)
	}
	return dots.String()
}
