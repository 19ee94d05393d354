package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/vouchers"
)

// reportingWindow is the API and the pages of cover, reports and the operator's desk.
type reportingWindow struct {
	room  *reporting.Service
	seals *seals.Service
}

// ReportingRoutes are the routes of package reporting; the cover page shows the last of seals.
func ReportingRoutes(room *reporting.Service, seals *seals.Service) []Route {
	w := reportingWindow{room, seals}
	readers := ForAny(identity.Funder, identity.Operator)
	operator := ForAny(identity.Operator)
	return []Route{
		{Method: "GET", Path: "/api/v1/cover", Handler: w.cover, Access: Public,
			Doc: "the cash held against what it covers, per campaign and in sum, at most five seconds old"},
		{Method: "GET", Path: "/api/v1/invariants", Handler: w.invariants, Access: operator,
			Doc: "recompute the invariants from all rows; false ones come with evidence"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/report", Handler: w.report, Access: readers,
			Doc: "what a campaign did: ordered, received, handed over, used, paid, by month, theme, place and commune"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/report.csv", Handler: w.reportCSV, Access: readers, Doc: "the report as CSV"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/report.xlsx", Handler: w.reportXLSX, Access: readers,
			Doc: "the report as a workbook, with a sheet of definitions"},

		{Method: "GET", Path: "/operator", Handler: w.deskPage, Access: operator, Doc: "what waits for the operator, the oldest first",
			Nav: Nav{Key: "reporting.desk.nav", Icon: "list"}},
		{Method: "GET", Path: "/operator/invariants", Handler: w.invariantsPage, Access: operator, Doc: "recompute the invariants and show them"},
		{Method: "GET", Path: "/cover", Handler: w.coverPage, Access: Public, Doc: "whether every live voucher is covered"},
		{Method: "GET", Path: "/campaigns/:id/report", Handler: w.reportPage, Access: readers, Doc: "what a campaign did"},
		{Method: "GET", Path: "/start", Handler: start, Access: SignedIn, Doc: "go to the screen of one's work"},
	}
}

// start leads whoever has signed in to the screen of their work.
func start(c *fiber.Ctx) error { return c.Redirect(landing(actor(c)), http.StatusSeeOther) }

// landing is the first screen of each kind of organisation.
func landing(a identity.Actor) string {
	switch {
	case a.Kind == identity.Operator:
		return "/operator"
	case a.Kind == identity.Funder:
		return "/campaigns"
	case a.Kind == identity.Prescriber:
		return "/handovers"
	case a.Kind == identity.Structure && a.Role == identity.Admin:
		return "/structure"
	case a.Kind == identity.Structure:
		return "/redemptions"
	}
	return "/"
}

func (w reportingWindow) cover(c *fiber.Ctx) error {
	cover, err := w.room.Cover(c.UserContext())
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, cover)
}

// invariantsAnswer says which invariants hold, and what breaks the others.
type invariantsAnswer struct {
	CheckedAt  time.Time           `json:"checked_at"`
	OK         bool                `json:"ok"`
	Invariants map[string]bool     `json:"invariants"`
	Evidence   map[string][]string `json:"evidence"` // of those that do not hold
}

func (w reportingWindow) invariants(c *fiber.Ctx) error {
	v, err := w.room.Verify(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	answer := invariantsAnswer{CheckedAt: v.At, OK: v.OK(), Invariants: map[string]bool{}, Evidence: map[string][]string{}}
	for _, f := range v.Findings {
		answer.Invariants[f.ID] = f.OK
		if !f.OK {
			answer.Evidence[f.ID] = f.Evidence
		}
	}
	return apiJSON(c, http.StatusOK, answer)
}

func (w reportingWindow) read(c *fiber.Ctx) (reporting.Report, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return reporting.Report{}, err
	}
	return w.room.Report(c.UserContext(), actor(c), id)
}

func (w reportingWindow) report(c *fiber.Ctx) error {
	r, err := w.read(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, r)
}

func (w reportingWindow) reportCSV(c *fiber.Ctx) error {
	r, err := w.read(c)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := documents.WriteCSV(&file, reportTable(words(c), r)); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("passerelle-%d.csv", r.Campaign.ID))
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(file.Bytes())
}

func (w reportingWindow) reportXLSX(c *fiber.Ctx) error {
	r, err := w.read(c)
	if err != nil {
		return err
	}
	var file bytes.Buffer
	if err := documents.WriteXLSX(&file, r.At, reportSheets(words(c), r)); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("passerelle-%d.xlsx", r.Campaign.ID))
	c.Set(fiber.HeaderContentType, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
	return c.Send(file.Bytes())
}
