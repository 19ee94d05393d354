package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// StatementsBody is what statements/list.html shows.
type StatementsBody struct {
	MayImport bool
	Problem   string
	Today     vouchers.Day
	Agreement *statements.Agreement // nil as long as the bank has told no closing balance
	Waiting   []statements.Line
	Orders    []choiceOf // for which money is missing
	Rows      []statements.Statement
	Next      string
}

func (w *Statements) listPage(c *fiber.Ctx) error { return w.showList(c, "") }

func (w *Statements) showList(c *fiber.Ctx, problem string) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	body := StatementsBody{MayImport: actor(c).Needs(identity.Operator, identity.Finance) == nil, Problem: problem,
		Today: vouchers.DayOf(of(c).server.options.Now()), Rows: all.Items, Next: all.nextURL("/statements")}
	if body.Agreement, err = w.Service.Agreement(c.UserContext(), actor(c)); err != nil {
		return err
	}
	if body.Waiting, err = w.Service.Unexplained(c.UserContext(), actor(c)); err != nil {
		return err
	}
	unfunded, err := w.Orders.List(c.UserContext(), actor(c), orders.Query{Unfunded: true, Limit: 200})
	for _, o := range unfunded {
		body.Orders = append(body.Orders, choiceOf{fmt.Sprint(o.ID), words(c).Text("statements.order-choice",
			"number", int64(o.ID), "funder", o.FunderName, "lacks", o.Lacks())})
	}
	if err != nil {
		return err
	}
	return page(c, "statements/list", body)
}

// importForm takes a statement and shows what became of it; a file of several statements
// leads to the list.
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
	report, err := w.Service.Import(c.UserContext(), actor(c), file)
	if err != nil {
		return w.refuse(c, err)
	}
	key := "statements.imported"
	if report.AlreadyImported {
		key = "statements.already"
	}
	if err := flash(c, "done", key); err != nil {
		return err
	}
	if len(report.Statements) != 1 {
		return c.Redirect("/statements", http.StatusSeeOther)
	}
	return c.Redirect(fmt.Sprintf("/statements/%d", report.Statements[0].ID), http.StatusSeeOther)
}

// refuse shows the page again with what stopped its form.
func (w *Statements) refuse(c *fiber.Ctx, err error) error {
	told := refusalOf(err)
	if told.fault == 0 || told.fault == fault.Unavailable || told.fault == fault.Forbidden {
		return err
	}
	c.Status(told.status)
	return w.showList(c, faultText(c, err))
}

func (w *Statements) attributeForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Order vouchers.OrderID `form:"order"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	line, err := w.Service.Attribute(c.UserContext(), actor(c), statements.AttributeRequest{Line: id, Order: form.Order})
	if err != nil {
		return w.refuse(c, err)
	}
	if err := flash(c, "done", "statements.attributed", "amount", line.Amount, "order", int64(form.Order)); err != nil {
		return err
	}
	return c.Redirect("/statements", http.StatusSeeOther)
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
