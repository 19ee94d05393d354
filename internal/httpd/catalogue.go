package httpd

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// catalogueWindow is the API and the pages of places and what they offer.
type catalogueWindow struct {
	room   *catalogue.Service
	places *labelling.Service
	agenda *agenda.Service
	people *contributions.Service
}

// CatalogueRoutes are the routes of package catalogue.
func CatalogueRoutes(room *catalogue.Service, places *labelling.Service, sessions *agenda.Service, people *contributions.Service) []Route {
	w := catalogueWindow{room, places, sessions, people}
	operator, structure := For(identity.Operator, identity.Agent), For(identity.Structure, identity.Agent)
	return []Route{
		{Method: "POST", Path: "/api/v1/places/import", Handler: w.importFile, Access: operator, Body: LargestBody,
			Doc: "import a file in standard-mediation-num or data·inclusion, sent as the body; source names who made it"},
		{Method: "GET", Path: "/api/v1/places/:id", Handler: w.open, Access: Public, Doc: "one place with its services and its label"},
		{Method: "PUT", Path: "/api/v1/places/:id/services", Handler: w.setServices, Access: structure,
			Doc: "replace what a place of one's structure offers, priced in vouchers"},

		{Method: "GET", Path: "/places/import", Handler: w.importPage, Access: operator, Doc: "import places: form",
			Nav: Nav{Key: "catalogue.import.nav", Icon: "upload"}},
		{Method: "POST", Path: "/places/import", Handler: w.importForm, Access: operator, Body: LargestBody, Doc: "import places: report"},
		{Method: "GET", Path: "/places/:id", Handler: w.openPage, Access: Public, Doc: "one place"},
		{Method: "GET", Path: "/places/:id/services", Handler: w.servicesPage, Access: structure, Doc: "what one's place offers"},
		{Method: "GET", Path: "/places/:id/services/form", Handler: w.servicePage, Access: structure, Doc: "one service of one's place: form"},
		{Method: "POST", Path: "/places/:id/services/keep", Handler: w.serviceForm, Access: structure, Doc: "add or change a service of one's place"},
		{Method: "POST", Path: "/places/:id/services/withdraw", Handler: w.withdrawForm, Access: structure, Doc: "stop offering a service"},
		{Method: "POST", Path: "/places/:id/services/restore", Handler: w.restoreForm, Access: structure, Doc: "offer a service again"},
	}
}

func (w catalogueWindow) place(c *fiber.Ctx) (labelling.Place, error) {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return labelling.Place{}, err
	}
	return w.places.Open(c.UserContext(), actor(c), id)
}

func (w catalogueWindow) open(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, p)
}

// servicesAnswer is what a place offers.
type servicesAnswer struct {
	Services []catalogue.Offer `json:"services"`
}

func (w catalogueWindow) setServices(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in servicesAnswer
	if err := decode(c, &in); err != nil {
		return err
	}
	services, err := w.room.SetServices(c.UserContext(), actor(c), id, in.Services)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, servicesAnswer{services})
}

// problemAnswer is a problem of a file, with its sentence.
type problemAnswer struct {
	Line   int    `json:"line"`  // 0: the whole file
	Field  string `json:"field"` // the column
	Code   string `json:"code"`
	Value  string `json:"value"`
	Effect string `json:"effect"` // "row_refused", "value_dropped" or "information"
	Detail string `json:"detail"`
}

// reportAnswer is what became of a file.
type reportAnswer struct {
	catalogue.ImportReport
	Problems []problemAnswer `json:"problems"`
}

var effects = map[catalogue.Effect]string{
	catalogue.RowLeftOut: "row_refused", catalogue.ValueDropped: "value_dropped", catalogue.ForInformation: "information",
}

func newReportAnswer(words *i18n.Words, r catalogue.ImportReport) reportAnswer {
	answer := reportAnswer{ImportReport: r, Problems: make([]problemAnswer, len(r.Problems))}
	for i, p := range r.Problems {
		answer.Problems[i] = problemAnswer{p.Line, p.Field, p.Code, p.Value, effects[p.Effect],
			words.Text("import.problem."+p.Code, "line", p.Line, "field", p.Field, "value", p.Value)}
	}
	return answer
}

func (w catalogueWindow) importFile(c *fiber.Ctx) error {
	take := w.room.Import
	if c.QueryBool("dry_run") {
		take = w.room.Preview
	}
	report, err := take(c.UserContext(), actor(c), c.Query("source"), bytes.NewReader(c.Request().Body()))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, newReportAnswer(words(c), report))
}

// uploaded opens the one file of a form.
func uploaded(c *fiber.Ctx, field string) (io.ReadCloser, error) {
	file, err := c.FormFile(field)
	if err != nil || file.Size == 0 {
		return nil, fault.New(fault.Invalid, "file_missing")
	}
	opened, err := file.Open()
	if err != nil {
		return nil, fmt.Errorf("open an uploaded file: %w", err)
	}
	return opened, nil
}
