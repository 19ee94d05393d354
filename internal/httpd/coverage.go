package httpd

import (
	"bytes"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// coverageWindow is the API and the pages of how far people have to go.
type coverageWindow struct{ room *coverage.Service }

// CoverageRoutes are the routes of package coverage.
func CoverageRoutes(room *coverage.Service) []Route {
	w := coverageWindow{room}
	looks := ForAny(identity.Funder, identity.Operator)
	return []Route{
		{Method: "GET", Path: "/api/v1/coverage", Handler: w.simulate, Access: Public,
			Doc: "share of people who have a place that takes the voucher within 5, 10 and 20 km, and the places whose recruiting helps most"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/coverage", Handler: w.launch, Access: looks,
			Doc: "a campaign's coverage, and where its vouchers have nowhere to go"},

		{Method: "GET", Path: "/coverage", Handler: w.simulatePage, Access: Public, Doc: "how far people of an area have to go: form and answer"},
		{Method: "GET", Path: "/coverage.csv", Handler: w.simulateCSV, Access: Public, Doc: "the table of an area's coverage as CSV"},
		{Method: "GET", Path: "/campaigns/:id/coverage", Handler: w.campaignPage, Access: looks, Doc: "a campaign's coverage, before and after launch"},
	}
}

// coverageForm is an area and a target as typed. Areas are names or codes, as in a
// campaign's form.
type coverageForm struct {
	Communes, EPCIs, Departements, Region string
	Themes                                []string
	Radius                                float64 // km
	Target                                int
}

func readCoverageForm(c *fiber.Ctx) coverageForm {
	f := coverageForm{Communes: c.Query("communes"), EPCIs: c.Query("epcis"), Departements: c.Query("departements"), Region: c.Query("region"),
		Radius: c.QueryFloat("radius", 10), Target: c.QueryInt("target", 90)}
	for _, theme := range c.Context().QueryArgs().PeekMulti("service_themes") {
		f.Themes = append(f.Themes, string(theme))
	}
	return f
}

// request turns what was typed into codes.
func (f coverageForm) request() (coverage.Request, error) {
	rules, err := campaignForm{Communes: f.Communes, EPCIs: f.EPCIs, Departements: f.Departements}.rules()
	return coverage.Request{Area: rules.Area(), Region: f.Region, Themes: f.Themes, RadiusKm: f.Radius, Target: f.Target}, err
}

func (w coverageWindow) simulation(c *fiber.Ctx) (coverage.Simulation, error) {
	req, err := readCoverageForm(c).request()
	if err != nil {
		return coverage.Simulation{}, err
	}
	return w.room.Simulate(c.UserContext(), actor(c), req)
}

// coverageAnswer is a simulation without its communes.
type coverageAnswer struct {
	People    int              `json:"people"`
	Unlocated int              `json:"people_not_located"`
	Communes  int              `json:"communes"`
	Places    int              `json:"places"`
	Taking    int              `json:"places_taking_voucher"`
	Radius    float64          `json:"radius_km"`
	Covered   int              `json:"people_covered"`
	Shares    []coverage.Share `json:"shares"`
	Target    int              `json:"target_percent"`
	Reaches   bool             `json:"target_reached"` // with all of recruits
	Needed    int              `json:"places_to_recruit"`
	Recruits  []recruitAnswer  `json:"recruits"` // the first twenty
	Rows      []coverage.Row   `json:"rows"`
	ByCommune bool             `json:"rows_are_communes"`
}

type recruitAnswer struct {
	coverage.Place
	Gain    int `json:"people_gained"`
	Covered int `json:"people_covered"`
}

// recruitsTold is how many of the places to recruit an answer names.
const recruitsTold = 20

func newCoverageAnswer(s coverage.Simulation) coverageAnswer {
	answer := coverageAnswer{People: s.People, Unlocated: s.Unlocated, Communes: len(s.Communes), Places: len(s.Places), Taking: s.Taking,
		Radius: s.Request.RadiusKm, Covered: s.Covered, Shares: s.Shares[:], Target: s.Request.Target, Reaches: s.Reaches, Needed: len(s.Recruits),
		Recruits: []recruitAnswer{}, Rows: append([]coverage.Row{}, s.Rows...), ByCommune: s.ByCommune}
	for _, r := range s.Recruits[:min(len(s.Recruits), recruitsTold)] {
		answer.Recruits = append(answer.Recruits, recruitAnswer{r.Place, r.Gain, r.Covered})
	}
	return answer
}

func (w coverageWindow) simulate(c *fiber.Ctx) error {
	s, err := w.simulation(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, newCoverageAnswer(s))
}

// launchAnswer is a campaign's coverage beside what was handed over.
type launchAnswer struct {
	coverageAnswer
	Booklets int            `json:"booklets"`
	Known    int            `json:"booklets_located"`
	Far      int            `json:"booklets_far"` // of those located: no place within the radius
	Handed   []handedAnswer `json:"communes_handed_over"`
	Hidden   int            `json:"communes_hidden"`
	Full     []aroundAnswer `json:"places_without_seats"`
	Unused   []aroundAnswer `json:"places_never_used"`
}

type handedAnswer struct {
	INSEE    string   `json:"insee"`
	Name     string   `json:"name"`
	Booklets int      `json:"booklets"`
	Unused   bool     `json:"none_used"`
	Km       *float64 `json:"nearest_km"`
}

type aroundAnswer struct {
	coverage.Place
	Booklets int `json:"booklets_around"`
}

func aroundAnswers(all []coverage.PlaceAround) []aroundAnswer {
	answers := []aroundAnswer{}
	for _, p := range all {
		answers = append(answers, aroundAnswer{p.Place, p.Booklets})
	}
	return answers
}

func (w coverageWindow) launch(c *fiber.Ctx) error {
	s, l, err := w.campaign(c)
	if err != nil {
		return err
	}
	answer := launchAnswer{coverageAnswer: newCoverageAnswer(s), Booklets: l.Booklets, Known: l.Known, Far: l.Far, Handed: []handedAnswer{},
		Hidden: l.Hidden, Full: aroundAnswers(l.Full), Unused: aroundAnswers(l.Unused)}
	for _, h := range l.Communes {
		answer.Handed = append(answer.Handed, handedAnswer{h.INSEE, h.Name, h.Booklets, h.Unused, h.Km})
	}
	return apiJSON(c, http.StatusOK, answer)
}

func (w coverageWindow) campaign(c *fiber.Ctx) (coverage.Simulation, coverage.Launch, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return coverage.Simulation{}, coverage.Launch{}, err
	}
	f := readCoverageForm(c)
	_, s, err := w.room.OfCampaign(c.UserContext(), actor(c), id, f.Radius, f.Target)
	if err != nil {
		return coverage.Simulation{}, coverage.Launch{}, err
	}
	l, err := w.room.AfterLaunch(c.UserContext(), actor(c), id, f.Radius)
	return s, l, err
}

func (w coverageWindow) simulateCSV(c *fiber.Ctx) error {
	s, err := w.simulation(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := documents.WriteCSV(&out, coverageSheet(words(c), s)); err != nil {
		return err
	}
	c.Attachment("passerelle-couverture.csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(out.Bytes())
}

// coverageSheet is a simulation's table.
func coverageSheet(w *i18n.Words, s coverage.Simulation) documents.Sheet {
	sheet := documents.Sheet{Name: "Couverture", Columns: []documents.Column{
		{Header: w.Text("coverage.column.code")}, {Header: w.Text("coverage.column.name")},
		{Header: w.Text("coverage.column.people"), Kind: documents.Integer},
		{Header: w.Text("coverage.column.covered", "km", w.Km(s.Request.RadiusKm)), Kind: documents.Integer},
		{Header: w.Text("coverage.column.nearest")},
	}}
	for _, r := range s.Rows {
		sheet.Rows = append(sheet.Rows, []documents.Cell{documents.TextCell(r.Code), documents.TextCell(r.Name),
			documents.IntegerCell(int64(r.People)), documents.IntegerCell(int64(r.Covered)), documents.TextCell(nearestText(w, r.Km))})
	}
	return sheet
}
