package httpd

import (
	"fmt"
	"io"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// StatementsBody is what statements/list.html shows.
type StatementsBody struct {
	MayImport  bool
	Problem    string
	Agreements []statements.Agreement // none as long as the bank has told no closing balance
	Kinds      []kindView
	Waiting    int
	Rows       []statements.Statement
	Next       string
}

func (w *Statements) listPage(c *fiber.Ctx) error { return w.showList(c, "") }

func (w *Statements) showList(c *fiber.Ctx, problem string) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	body := StatementsBody{MayImport: actor(c).Needs(identity.Operator, identity.Finance) == nil, Problem: problem,
		Rows: all.Items, Next: all.nextURL("/statements")}
	if body.Agreements, err = w.Service.Agreements(c.UserContext(), actor(c)); err != nil {
		return err
	}
	_, counts, err := w.Service.Cases(c.UserContext(), actor(c), statements.Queue{Limit: 1})
	if err != nil {
		return err
	}
	body.Kinds, body.Waiting = kindViews(counts, "")
	return page(c, "statements/list", body)
}

// importForm takes a file and shows how its import goes on.
func (w *Statements) importForm(c *fiber.Ctx) error {
	header, err := c.FormFile("file")
	if err != nil {
		return w.refuse(c, fault.New(fault.Malformed, "statement_file_missing"))
	}
	file, err := header.Open()
	if err != nil {
		return err
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	id, err := w.Service.Send(c.UserContext(), actor(c), header.Filename, content)
	if err != nil {
		return w.refuse(c, err)
	}
	return c.Redirect(fmt.Sprintf("/statements/files/%d", id), http.StatusSeeOther)
}

// refuse shows the page again with what stopped its form.
func (w *Statements) refuse(c *fiber.Ctx, err error) error {
	if !shownAgain(err) {
		return err
	}
	c.Status(refusalOf(err).status)
	return w.showList(c, faultText(c, err))
}

// shownAgain tells whether an error is about what was sent, so that its page can say it.
func shownAgain(err error) bool {
	told := refusalOf(err)
	return told.fault != 0 && told.fault != fault.Unavailable && told.fault != fault.Forbidden
}

// filePage shows how far a file has come, and leads on once it is imported.
func (w *Statements) filePage(c *fiber.Ctx) error {
	id, err := pathID[vouchers.FileID](c, "id")
	if err != nil {
		return err
	}
	f, err := w.Service.Sent(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	if f.DoneAt == nil {
		return page(c, "statements/file", f)
	}
	key := "statements.imported"
	if len(f.Imported) > 0 && f.Imported[0].ImportedAt.Before(f.SentAt) {
		key = "statements.already"
	}
	if err := flash(c, "done", key); err != nil {
		return err
	}
	if len(f.Imported) != 1 {
		return c.Redirect("/statements", http.StatusSeeOther)
	}
	return c.Redirect(fmt.Sprintf("/statements/%d", f.Imported[0].ID), http.StatusSeeOther)
}

// StatementBody is what statements/statement.html shows.
type StatementBody struct {
	statements.Detail
	More string // URL of the lines that follow
}

func (w *Statements) openPage(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	body := StatementBody{Detail: d}
	if d.Next != nil {
		body.More = fmt.Sprintf("/statements/%d?after=%d", d.ID, *d.Next)
	}
	return page(c, "statements/statement", body)
}
