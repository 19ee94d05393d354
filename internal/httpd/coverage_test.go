package httpd

import (
	"net/url"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	km := 3.4
	commune := territory.Commune{INSEE: "74280", Name: "Thônes", Population: 100, Lat: 45.9, Lon: 6.3, Located: true}
	place := coverage.Place{ID: 1, Name: "Le Relais", Town: "Thônes", Point: coverage.Point{Lat: 45.9, Lon: 6.3}, Phone: "+33450020000"}
	sim := coverage.Simulation{Request: coverage.Request{RadiusKm: 10, Target: 90}, People: 200, Unlocated: 3, Taking: 1, Covered: 100, Places: []coverage.Place{place},
		Communes: []coverage.Commune{{Commune: commune, Km: &km}, {Commune: commune}}, Recruits: []coverage.Recruit{{Place: place, Gain: 100, Covered: 200}},
		Rows: []coverage.Row{{Code: "74280", Name: "Thônes", People: 100, Km: &km}, {Name: "x"}}, ByCommune: true}
	answer := &CoverageAnswer{Simulation: sim, Title: "T", Radius: 10, Map: drawCoverage(sim), Lines: []shareLine{{10, 100, 200}}, First: sim.Recruits, Shown: sim.Rows, More: 2}
	samples["coverage/simulation"] = CoverageBody{Radii: coverage.Radii[:], Themes: []themeBox{{"employment", true}}, Problem: "P", Answer: answer, CSV: "/coverage.csv"}
	around := []coverage.PlaceAround{{Place: place, Booklets: 12}}
	samples["coverage/campaign"] = CampaignCoverageBody{Radius: 10, Radii: coverage.Radii[:], Answer: answer, Finding: "F",
		Launch: coverage.Launch{Booklets: 30, Known: 20, Hidden: 2, Full: around, Unused: around},
		Far:    []coverage.Handed{{Commune: commune, Booklets: 12, Unused: true, Nearest: &place, Km: &km}, {Commune: commune, Booklets: 12}}}
}

func TestAnybodySeesWhoHasAPlaceNearHome(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	s := setup(t, func(*Options) {}, CoverageRoutes(coverage.New(w.DB))...)
	answer, text := s.ask("GET", "/coverage?communes="+url.QueryEscape("Thônes")+"&radius=5", "")
	if answer.StatusCode != 200 || !strings.Contains(text, "Tous les habitants ont un lieu qui prend le chèque à moins de 5") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	answer, text = s.ask("GET", "/coverage?departements=74&radius=5", "")
	if answer.StatusCode != 200 || !strings.Contains(text, "CC des Vallées de Thônes") || !strings.Contains(text, `<path class="far" d="M`) {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if answer, text = s.ask("GET", "/coverage?departements=999", ""); answer.StatusCode != 422 || !strings.Contains(text, "999") {
		t.Errorf("an unknown département: %d %s", answer.StatusCode, text)
	}
	answer, text = s.ask("GET", "/coverage.csv?communes="+url.QueryEscape("Thônes"), "")
	if answer.StatusCode != 200 || !strings.Contains(text, "74280;Thônes;") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestTheMapMarksWhatItCounts(t *testing.T) {
	t.Parallel()
	near := 2.0
	s := coverage.Simulation{Request: coverage.Request{RadiusKm: 10}, Places: []coverage.Place{{ID: vouchers.PlaceID(1), Point: coverage.Point{Lat: 45.9, Lon: 6.3}, Takes: true}},
		Communes: []coverage.Commune{
			{Commune: territory.Commune{Lat: 45.9, Lon: 6.3, Population: 100}, Km: &near},
			{Commune: territory.Commune{Lat: 45.8, Lon: 6.2, Population: 100}},
			{Commune: territory.Commune{Lat: 46.0, Lon: 6.4, Population: 50}}}}
	m := drawCoverage(s)
	if strings.Count(m.Near, "M") != 1 || strings.Count(m.Far, "M") != 2 || strings.Count(m.Takes, "M") != 1 || m.Recruits != "" || m.ScaleKm < 1 {
		t.Errorf("%+v", m)
	}
	if drawCoverage(coverage.Simulation{}) != nil {
		t.Error("a map of nothing")
	}
}
