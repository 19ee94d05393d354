package httpd

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/vouchers"
)

// InvoicesBody is what invoicing/list.html shows.
type InvoicesBody struct {
	Operator  bool // sees the funders' names
	Kind      string
	Kinds     []choiceOf
	Year      string
	Unpaid    bool
	Filtered  bool
	Rows      []InvoiceRow
	CSV, Next string // URLs
}

// InvoiceRow is one line of the list.
type InvoiceRow struct {
	invoicing.Invoice
	What  string // "face", "fees" or "credit"
	State string
}

// invoiceWhat names an invoice's kind as lists cut it.
func invoiceWhat(i invoicing.Invoice) string {
	if i.Corrects != nil {
		return "credit"
	}
	return string(i.Kind)
}

// invoiceState says what has become of an invoice: "credit" for a credit note, "paid",
// "cancelled" by credit notes, "late", "part" or "due".
func invoiceState(i invoicing.Invoice, today vouchers.Day) string {
	switch {
	case i.Corrects != nil:
		return "credit"
	case i.Due() == 0 && i.Paid == 0:
		return "cancelled"
	case i.Due() == 0:
		return "paid"
	case today > i.DueOn:
		return "late"
	case i.Paid > 0:
		return "part"
	}
	return "due"
}

func (w invoiceWindow) listPage(c *fiber.Ctx) error {
	q, all, err := w.page(c)
	if err != nil {
		return err
	}
	today := vouchers.DayOf(of(c).server.options.Now())
	body := InvoicesBody{Operator: actor(c).Kind == identity.Operator, Kind: q.Kind, Year: c.Query("year"), Unpaid: q.Unpaid,
		Filtered: q.Kind != "" || q.Unpaid || q.Year != 0, CSV: invoicesURL("/invoices.csv", q, nil)}
	for _, kind := range invoiceKinds {
		body.Kinds = append(body.Kinds, choiceOf{kind, words(c).Text("invoicing.kinds." + kind)})
	}
	for _, i := range all.Items {
		body.Rows = append(body.Rows, InvoiceRow{i, invoiceWhat(i), invoiceState(i, today)})
	}
	if all.Next != nil {
		body.Next = invoicesURL("/invoices", q, all.Next)
	}
	return page(c, "invoicing/list", body)
}

// InvoiceBody is what invoicing/invoice.html shows.
type InvoiceBody struct {
	invoicing.Detail
	What, State string
	Problem     string // why a form was refused
	Field       string // of which it is about
	MayDeposit  bool
	MayCredit   bool
	Creditable  vouchers.Cents // of the fees, without VAT
	Statuses    []choiceOf
	Chosen      chorusForm
	Asked       creditForm
	TypedNet    string // as it was typed
}

type chorusForm struct {
	Status string `form:"status"`
	Note   string `form:"note"`
}

type creditForm struct {
	Net    vouchers.Cents `form:"net"`
	Reason string         `form:"reason"`
}

func (w invoiceWindow) openPage(c *fiber.Ctx) error {
	body, err := w.body(c)
	if err != nil {
		return err
	}
	return page(c, "invoicing/invoice", body)
}

func (w invoiceWindow) body(c *fiber.Ctx) (InvoiceBody, error) {
	d, err := w.detail(c)
	if err != nil {
		return InvoiceBody{}, err
	}
	who := actor(c)
	body := InvoiceBody{Detail: d, What: invoiceWhat(d.Invoice), State: invoiceState(d.Invoice, vouchers.DayOf(of(c).server.options.Now())),
		MayDeposit: who.Needs(who.Kind, identity.Finance) == nil, Creditable: d.Net - d.CreditedNet}
	body.MayCredit = body.What == "fees" && body.Creditable > 0 && who.Needs(identity.Operator, identity.Finance) == nil
	for _, status := range invoicing.Statuses {
		body.Statuses = append(body.Statuses, choiceOf{status, words(c).Text("invoicing.chorus." + status)})
	}
	return body, nil
}

// refuse shows the invoice again with what stopped its form.
func (w invoiceWindow) refuse(c *fiber.Ctx, refused error, field string, typed func(*InvoiceBody)) error {
	told := refusalOf(refused)
	if told.status != http.StatusConflict && told.status != http.StatusUnprocessableEntity {
		return refused
	}
	body, err := w.body(c)
	if err != nil {
		return err
	}
	body.Problem, body.Field = faultText(c, refused), field
	typed(&body)
	c.Status(told.status)
	return page(c, "invoicing/invoice", body)
}

func invoicePath(id vouchers.InvoiceID) string { return fmt.Sprintf("/invoices/%d", id) }

func (w invoiceWindow) chorusForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.InvoiceID](c, "id")
	if err != nil {
		return err
	}
	var form chorusForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	req := invoicing.DepositRequest{Invoice: id, Status: form.Status, Note: form.Note}
	if err := w.room.Deposit(c.UserContext(), actor(c), req); err != nil {
		return w.refuse(c, err, "status", func(b *InvoiceBody) { b.Chosen = form })
	}
	if err := flash(c, "done", "invoicing.chorus.kept"); err != nil {
		return err
	}
	return c.Redirect(invoicePath(id), http.StatusSeeOther)
}

// creditForm shows what a credit note does to the books, then issues it.
func (w invoiceWindow) creditForm(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	var form creditForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	req := invoicing.CreditFeesRequest{Invoice: d.ID, Net: form.Net, Reason: form.Reason}
	refuse := func(err error) error {
		return w.refuse(c, err, "net", func(b *InvoiceBody) { b.Asked, b.TypedNet = form, typedCents(form.Net) })
	}
	if !confirmed(c) {
		vat := d.VATBack(form.Net)
		err := confirm(c, Confirmation{Danger: true, Back: invoicePath(d.ID), Title: words(c).Text("invoicing.credit.title"),
			Sentence: words(c).Text("invoicing.credit.sentence", "total", form.Net+vat, "net", form.Net, "vat", vat, "number", d.Number),
			Button:   words(c).Text("invoicing.credit.button", "total", form.Net+vat),
		}, func(ctx context.Context) error {
			_, err := w.room.CreditFees(ctx, actor(c), req)
			return err
		})
		if err != nil {
			return refuse(err)
		}
		return nil
	}
	made, err := w.room.CreditFees(c.UserContext(), actor(c), req)
	if err != nil {
		return refuse(err)
	}
	if err := flash(c, "done", "invoicing.credit.done", "number", made.Number, "total", made.Gross()); err != nil {
		return err
	}
	return c.Redirect(invoicePath(made.ID), http.StatusSeeOther)
}

// invoiceSheet is a table of invoices without its rows.
func invoiceSheet(w *i18n.Words) documents.Sheet {
	s := documents.Sheet{Name: w.Text("invoicing.title")}
	for _, column := range []struct {
		key  string
		kind documents.Kind
	}{
		{"number", documents.Text}, {"kind", documents.Text}, {"issued", documents.Date}, {"due-on", documents.Date}, {"buyer", documents.Text},
		{"order", documents.Integer}, {"net", documents.Money}, {"vat", documents.Money}, {"gross", documents.Money}, {"paid", documents.Money},
		{"credited", documents.Money}, {"due", documents.Money}, {"reference", documents.Text}, {"state", documents.Text}, {"chorus", documents.Text},
	} {
		s.Columns = append(s.Columns, documents.Column{Header: w.Text("invoicing." + column.key), Kind: column.kind})
	}
	return s
}

func invoiceCells(w *i18n.Words, i invoicing.Invoice, today vouchers.Day) []documents.Cell {
	text, money := documents.TextCell, documents.MoneyCell
	chorus := ""
	if i.Chorus != "" {
		chorus = w.Text("invoicing.chorus." + i.Chorus)
	}
	return []documents.Cell{text(i.Number), text(w.Text("invoicing.kind." + invoiceWhat(i))), documents.DateCell(i.IssuedOn), documents.DateCell(i.DueOn),
		text(i.Snapshot.Buyer.Name), documents.IntegerCell(int64(i.Order)), money(i.Net), money(i.VAT), money(i.Gross()), money(i.Paid),
		money(i.Credited), money(i.Due()), text(i.Reference), text(w.Text("invoicing.state." + invoiceState(i, today))), text(chorus)}
}
