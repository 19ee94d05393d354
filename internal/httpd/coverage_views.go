package httpd

import (
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/i18n"
)

// CoverageBody is what coverage/simulation.html shows.
type CoverageBody struct {
	Form    coverageForm
	Themes  []themeBox
	Radii   []float64
	Problem string // why what was typed is refused, "" at first
	Field   string // where the problem is; "" where that is not known
	Asked   bool
	Answer  *CoverageAnswer
	CSV     string // address of the table
}

// CoverageAnswer is what the partial "coverage-answer" shows.
type CoverageAnswer struct {
	coverage.Simulation
	Title    string // the finding
	Lines    []shareLine
	First    []coverage.Recruit // the first to ask
	Map      *coverageMap       // nil where nothing has a position
	Shown    []coverage.Row     // the first rows
	More     int                // rows that only the file has
	Radius   float64
	LastDone int // people covered once all recruits take the voucher
}

// shareLine is one radius of the table of shares.
type shareLine struct {
	Radius            float64
	Covered, Possible int
}

// How much of a long answer the page shows.
const (
	rowsShown     = 25
	recruitsShown = 10
)

func newCoverageView(w *i18n.Words, s coverage.Simulation) *CoverageAnswer {
	a := &CoverageAnswer{Simulation: s, Radius: s.Request.RadiusKm, Map: drawCoverage(s), LastDone: s.Covered,
		First: s.Recruits[:min(len(s.Recruits), recruitsShown)], Shown: s.Rows[:min(len(s.Rows), rowsShown)]}
	a.More = len(s.Rows) - len(a.Shown)
	if n := len(s.Recruits); n > 0 {
		a.LastDone = s.Recruits[n-1].Covered
	}
	for _, share := range s.Shares {
		a.Lines = append(a.Lines, shareLine{share.RadiusKm, share.Covered, share.Possible})
	}
	switch {
	case s.People == 0:
		a.Title = w.Text("coverage.title.nobody")
	case s.Covered == 0:
		a.Title = w.Text("coverage.title.none", "km", w.Km(a.Radius))
	case s.Covered == s.People:
		a.Title = w.Text("coverage.title.all", "km", w.Km(a.Radius))
	default:
		a.Title = w.Text("coverage.title.some", "share", w.Percent(int64(s.Covered), int64(s.People)), "km", w.Km(a.Radius))
	}
	return a
}

// nearestText is how far the nearest place is, "" for a line of several communes.
func nearestText(w *i18n.Words, km *float64) string {
	if km == nil {
		return ""
	}
	return w.Km(*km)
}

func (w coverageWindow) simulatePage(c *fiber.Ctx) error {
	form := readCoverageForm(c)
	body := CoverageBody{Form: form, Asked: form.Communes+form.EPCIs+form.Departements+form.Region != "", CSV: "/coverage.csv?" + form.query().Encode()}
	for _, theme := range catalogue.Themes() {
		body.Themes = append(body.Themes, themeBox{string(theme), slices.Contains(form.Themes, string(theme))})
	}
	body.Radii = coverage.Radii[:]
	if !body.Asked {
		return page(c, "coverage/simulation", body)
	}
	s, err := w.simulation(c)
	if problem := faultText(c, err); problem != "" {
		body.Problem, body.Field = problem, campaignFields[refusalOf(err).code]
		c.Status(refusalOf(err).status)
		return page(c, "coverage/simulation", body)
	}
	if err != nil {
		return err
	}
	body.Answer = newCoverageView(words(c), s)
	return page(c, "coverage/simulation", body)
}

// query is the form as an address holds it.
func (f coverageForm) query() url.Values {
	q := url.Values{"radius": {strconv.FormatFloat(f.Radius, 'f', -1, 64)}, "target": {strconv.Itoa(f.Target)}}
	for name, value := range map[string]string{"communes": f.Communes, "epcis": f.EPCIs, "departements": f.Departements, "region": f.Region} {
		if value != "" {
			q.Set(name, value)
		}
	}
	for _, theme := range f.Themes {
		q.Add("service_themes", theme)
	}
	return q
}

// CampaignCoverageBody is what coverage/campaign.html shows.
type CampaignCoverageBody struct {
	Campaign campaigns.Campaign
	Radius   float64
	Radii    []float64
	Answer   *CoverageAnswer
	Launch   coverage.Launch
	Finding  string // of what was handed over
	Far      []coverage.Handed
}

func (w coverageWindow) campaignPage(c *fiber.Ctx) error {
	s, l, err := w.campaign(c)
	if err != nil {
		return err
	}
	body := CampaignCoverageBody{Campaign: l.Campaign, Radius: l.RadiusKm, Answer: newCoverageView(words(c), s), Launch: l}
	body.Radii = coverage.Radii[:]
	switch {
	case l.Known == 0:
	case l.Far == 0:
		body.Finding = words(c).Text("coverage.launch.all-near", "km", words(c).Km(l.RadiusKm))
	default:
		body.Finding = words(c).Text("coverage.launch.far", "share", words(c).Percent(int64(l.Far), int64(l.Known)), "km", words(c).Km(l.RadiusKm))
	}
	for _, h := range l.Communes {
		if h.Unused || h.Km == nil || *h.Km > l.RadiusKm {
			body.Far = append(body.Far, h)
		}
	}
	return page(c, "coverage/campaign", body)
}

// Path is the campaign's page.
func (b CampaignCoverageBody) Path() string { return campaignPath(b.Campaign.ID) }
