package httpd

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// Statements is the window of what the bank says.
type Statements struct {
	Service *statements.Service
	Orders  *orders.Service
}

// Routes lists them.
func (w *Statements) Routes() []Route {
	finance, operator := For(identity.Operator, identity.Finance), For(identity.Operator)
	return []Route{
		{Method: "GET", Path: "/statements", Handler: w.listPage, Access: operator, Doc: "bank statements: import, does the bank agree, list",
			Nav: Nav{Key: "statements.nav", Icon: "banknote"}},
		{Method: "POST", Path: "/statements", Handler: w.importForm, Access: finance, Body: LargestBody, Doc: "send a statement from the form: a job imports it"},
		{Method: "GET", Path: "/statements/files/:id", Handler: w.filePage, Access: operator, Doc: "how far the import of a file has come"},
		{Method: "GET", Path: "/statements/cases", Handler: w.casesPage, Access: operator, Doc: "lines that wait for a decision, oldest first; ?kind= for those of one kind"},
		{Method: "GET", Path: "/statements/cases.csv", Handler: w.casesCSV, Access: operator, Doc: "the same as CSV"},
		{Method: "GET", Path: "/statements/cases/:id", Handler: w.casePage, Access: operator, Doc: "one line: what happened, proposals, decisions"},
		{Method: "POST", Path: "/statements/cases/:id/decision", Handler: w.decideForm, Access: finance, Doc: "decide a line from the form, after its effect was shown"},
		{Method: "GET", Path: "/statements/:id", Handler: w.openPage, Access: operator, Doc: "one statement: what became of its lines"},

		{Method: "POST", Path: "/api/v1/statements", Handler: w.importFile, Access: finance, Body: LargestBody,
			Doc: "import a camt.053 or camt.054 file (XML body); the same file again changes nothing"},
		{Method: "GET", Path: "/api/v1/statements", Handler: w.list, Access: operator, Doc: "list imported statements, newest first"},
		{Method: "GET", Path: "/api/v1/statements/lines", Handler: w.waiting, Access: operator, Doc: "lines that wait for a person, oldest first"},
		{Method: "GET", Path: "/api/v1/statements/cases", Handler: w.cases, Access: operator, Doc: "lines that wait for a decision, oldest first; ?kind= and ?after="},
		{Method: "GET", Path: "/api/v1/statements/cases/:id", Handler: w.oneCase, Access: operator, Doc: "one line with proposals and what may be decided"},
		{Method: "POST", Path: "/api/v1/statements/cases/:id/decision", Handler: w.decide, Access: finance, Doc: "decide a line"},
		{Method: "GET", Path: "/api/v1/statements/:id", Handler: w.open, Access: operator, Doc: "one statement with its lines; ?after=ID for those that follow"},
		{Method: "POST", Path: "/api/v1/statements/lines/:id/attribution", Handler: w.attribute, Access: finance,
			Doc: "say which order a waiting credit was for"},
	}
}

func (w *Statements) importFile(c *fiber.Ctx) error {
	report, err := w.Service.Import(c.UserContext(), actor(c), bytes.NewReader(c.Request().Body()), nil)
	if err != nil {
		return err
	}
	if report.AlreadyImported {
		c.Set("Idempotent-Replayed", "true")
	}
	return apiJSON(c, http.StatusCreated, report)
}

func (w *Statements) page(c *fiber.Ctx) (listing[statements.Statement], error) {
	below, err := before[vouchers.StatementID](c)
	if err != nil {
		return listing[statements.Statement]{}, err
	}
	all, err := w.Service.List(c.UserContext(), actor(c), below, pageSize+1)
	return cut(all, func(s statements.Statement) vouchers.StatementID { return s.ID }), err
}

func (w *Statements) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Statements) waiting(c *fiber.Ctx) error {
	all, err := w.Service.Unexplained(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[statements.Line]{Items: all})
}

// after is the cursor of a list that goes on upwards; 0 where absent.
func after(c *fiber.Ctx) (int64, error) {
	text := c.Query("after")
	if text == "" {
		return 0, nil
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil || id < 1 {
		return 0, invalid("after")
	}
	return id, nil
}

func (w *Statements) detail(c *fiber.Ctx) (statements.Detail, error) {
	id, err := pathID[vouchers.StatementID](c, "id")
	if err != nil {
		return statements.Detail{}, err
	}
	above, err := after(c)
	if err != nil {
		return statements.Detail{}, err
	}
	return w.Service.Open(c.UserContext(), actor(c), id, above)
}

func (w *Statements) open(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

func (w *Statements) attribute(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Order vouchers.OrderID `json:"order"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	line, err := w.Service.Attribute(c.UserContext(), actor(c), statements.AttributeRequest{Line: id, Order: in.Order})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, line)
}
