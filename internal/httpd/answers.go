package httpd

import (
	"bytes"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Answers is the window of what the bank answers to our files.
type Answers struct {
	Service *answers.Service
}

// Routes lists them.
func (w *Answers) Routes() []Route {
	finance, operator := For(identity.Operator, identity.Finance), For(identity.Operator)
	return []Route{
		{Method: "GET", Path: "/bank-answers", Handler: w.listPage, Access: operator, Doc: "what the bank answered to our files: import, list"},
		{Method: "POST", Path: "/bank-answers", Handler: w.importForm, Access: finance, Body: LargestBody, Doc: "import an answer from the form"},
		{Method: "GET", Path: "/bank-answers/:id", Handler: w.openPage, Access: operator, Doc: "one answer: what it did to each transfer"},

		{Method: "POST", Path: "/api/v1/bank-answers", Handler: w.importFile, Access: finance, Body: LargestBody,
			Doc: "import a pain.002 file (XML body); the same file again changes nothing"},
		{Method: "GET", Path: "/api/v1/bank-answers", Handler: w.list, Access: operator, Doc: "list imported answers, newest first"},
		{Method: "GET", Path: "/api/v1/bank-answers/:id", Handler: w.open, Access: operator, Doc: "one answer with its transfers"},
	}
}

func (w *Answers) importFile(c *fiber.Ctx) error {
	a, err := w.Service.Import(c.UserContext(), actor(c), bytes.NewReader(c.Request().Body()))
	if err != nil {
		return err
	}
	if a.AlreadyImported {
		c.Set("Idempotent-Replayed", "true")
	}
	return apiJSON(c, http.StatusCreated, a)
}

func (w *Answers) page(c *fiber.Ctx) (listing[answers.Answer], error) {
	below, err := before[vouchers.AnswerID](c)
	if err != nil {
		return listing[answers.Answer]{}, err
	}
	all, err := w.Service.List(c.UserContext(), actor(c), below, pageSize+1)
	return cut(all, func(a answers.Answer) vouchers.AnswerID { return a.ID }), err
}

func (w *Answers) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Answers) one(c *fiber.Ctx) (answers.Answer, error) {
	id, err := pathID[vouchers.AnswerID](c, "id")
	if err != nil {
		return answers.Answer{}, err
	}
	return w.Service.Open(c.UserContext(), actor(c), id)
}

func (w *Answers) open(c *fiber.Ctx) error {
	a, err := w.one(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, a)
}

// AnswersBody is what answers/list.html shows.
type AnswersBody struct {
	MayImport bool
	Problem   string
	Rows      []answers.Answer
	Next      string
}

func (w *Answers) listPage(c *fiber.Ctx) error { return w.showList(c, "") }

func (w *Answers) showList(c *fiber.Ctx, problem string) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return page(c, "answers/list", AnswersBody{MayImport: actor(c).Needs(identity.Operator, identity.Finance) == nil, Problem: problem,
		Rows: all.Items, Next: all.nextURL("/bank-answers")})
}

// importForm takes a file and shows what it did.
func (w *Answers) importForm(c *fiber.Ctx) error {
	a, err := w.importUpload(c)
	if err != nil && shownAgain(err) {
		return w.showList(c, refuse(c, err))
	}
	if err != nil {
		return err
	}
	key := "answers.imported"
	if a.AlreadyImported {
		key = "answers.already"
	}
	return done(c, fmt.Sprintf("/bank-answers/%d", a.ID), key)
}

func (w *Answers) importUpload(c *fiber.Ctx) (answers.Answer, error) {
	header, err := c.FormFile("file")
	if err != nil {
		return answers.Answer{}, fault.New(fault.Malformed, "answer_file_missing")
	}
	file, err := header.Open()
	if err != nil {
		return answers.Answer{}, err
	}
	defer file.Close()
	return w.Service.Import(c.UserContext(), actor(c), file)
}

func (w *Answers) openPage(c *fiber.Ctx) error {
	a, err := w.one(c)
	if err != nil {
		return err
	}
	return page(c, "answers/answer", a)
}
