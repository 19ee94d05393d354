package httpd

import (
	"bytes"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/vouchers"
)

// invoiceWindow is the API and the pages of invoices and credit notes.
type invoiceWindow struct{ room *invoicing.Service }

// InvoiceRoutes are the routes of package invoicing.
func InvoiceRoutes(room *invoicing.Service) []Route {
	w := invoiceWindow{room}
	looks := ForAny(identity.Funder, identity.Operator)
	return []Route{
		{Method: "GET", Path: "/invoices", Handler: w.listPage, Access: looks, Doc: "invoices and credit notes, newest first",
			Nav: Nav{Key: "invoicing.nav", Icon: "receipt-text", Desk: true}},
		{Method: "GET", Path: "/invoices.csv", Handler: w.csv, Access: looks, Doc: "the same as a table for spreadsheets"},
		{Method: "GET", Path: "/invoices/:id", Handler: w.openPage, Access: looks, Doc: "one invoice: figures, payment, credit notes, Chorus Pro"},
		{Method: "GET", Path: "/invoices/:id/pdf", Handler: w.pdf, Access: looks, Doc: "the invoice as a Factur-X PDF"},
		{Method: "GET", Path: "/invoices/:id/xml", Handler: w.xml, Access: looks, Doc: "the invoice as EN 16931 XML"},
		{Method: "POST", Path: "/invoices/:id/chorus", Handler: w.chorusForm, Access: looks, Doc: "keep what became of it on Chorus Pro, as finance"},
		{Method: "POST", Path: "/invoices/:id/credit", Handler: w.creditForm, Access: For(identity.Operator, identity.Finance),
			Doc: "issue a credit note of fees, its effect shown first"},

		{Method: "GET", Path: "/api/v1/invoices", Handler: w.list, Access: looks, Doc: "list invoices and credit notes, newest first"},
		{Method: "GET", Path: "/api/v1/invoices/:id", Handler: w.open, Access: looks, Doc: "one invoice with its credit notes and deposits"},
		{Method: "GET", Path: "/api/v1/invoices/:id/pdf", Handler: w.pdf, Access: looks, Doc: "the invoice as a Factur-X PDF"},
		{Method: "GET", Path: "/api/v1/invoices/:id/xml", Handler: w.xml, Access: looks, Doc: "the invoice as EN 16931 XML"},
		{Method: "POST", Path: "/api/v1/invoices/:id/chorus", Handler: w.chorus, Access: looks, Doc: "keep what became of it on Chorus Pro, as finance"},
	}
}

// invoiceKinds are what a list can be cut to.
var invoiceKinds = []string{"face", "fees", "credit"}

// query reads the filters of a list from its address.
func (w invoiceWindow) query(c *fiber.Ctx) (q invoicing.Query, err error) {
	q = invoicing.Query{Kind: c.Query("kind"), Unpaid: c.Query("unpaid") == "true", Limit: pageSize + 1}
	if q.Kind != "" && !slices.Contains(invoiceKinds, q.Kind) {
		return q, invalid("kind")
	}
	if text := c.Query("year"); text != "" {
		if q.Year, err = strconv.Atoi(text); err != nil || q.Year < 1 || q.Year > 9999 {
			return q, invalid("year")
		}
	}
	q.Before, err = before[vouchers.InvoiceID](c)
	return q, err
}

func idOfInvoice(i invoicing.Invoice) vouchers.InvoiceID { return i.ID }

func (w invoiceWindow) page(c *fiber.Ctx) (q invoicing.Query, all listing[invoicing.Invoice], err error) {
	if q, err = w.query(c); err != nil {
		return q, all, err
	}
	items, err := w.room.List(c.UserContext(), actor(c), q)
	return q, cut(items, idOfInvoice), err
}

func (w invoiceWindow) list(c *fiber.Ctx) error {
	_, all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w invoiceWindow) detail(c *fiber.Ctx) (invoicing.Detail, error) {
	id, err := pathID[vouchers.InvoiceID](c, "id")
	if err != nil {
		return invoicing.Detail{}, err
	}
	return w.room.Open(c.UserContext(), actor(c), id)
}

func (w invoiceWindow) open(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, d)
}

// pdf is always in French: the invoice is one document, whoever reads it.
func (w invoiceWindow) pdf(c *fiber.Ctx) error {
	d, err := w.detail(c)
	if err != nil {
		return err
	}
	var out bytes.Buffer
	french := paperWords{of(c).server.options.Site.Words.For(i18n.Default)}
	if err := w.room.PDF(c.UserContext(), actor(c), d.ID, french, &out); err != nil {
		return err
	}
	c.Attachment(d.Number + ".pdf")
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}

func (w invoiceWindow) xml(c *fiber.Ctx) error {
	id, err := pathID[vouchers.InvoiceID](c, "id")
	if err != nil {
		return err
	}
	number, xml, err := w.room.XML(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	c.Attachment(number + ".xml")
	c.Set(fiber.HeaderContentType, "application/xml; charset=utf-8")
	return c.SendString(xml)
}

func (w invoiceWindow) chorus(c *fiber.Ctx) error {
	id, err := pathID[vouchers.InvoiceID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Status string `json:"status"`
		Note   string `json:"note"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	req := invoicing.DepositRequest{Invoice: id, Status: in.Status, Note: in.Note}
	if err := w.room.Deposit(c.UserContext(), actor(c), req); err != nil {
		return err
	}
	return w.open(c)
}

// csv is the list with its filters, all of it.
func (w invoiceWindow) csv(c *fiber.Ctx) error {
	q, err := w.query(c)
	if err != nil {
		return err
	}
	q.Limit = 200
	today, s := vouchers.DayOf(of(c).server.options.Now()), invoiceSheet(words(c))
	for more := true; more; {
		all, err := w.room.List(c.UserContext(), actor(c), q)
		if err != nil {
			return err
		}
		for _, i := range all {
			s.Rows = append(s.Rows, invoiceCells(words(c), i, today))
			q.Before = i.ID
		}
		more = len(all) == q.Limit
	}
	var file bytes.Buffer
	if err := documents.WriteCSV(&file, s); err != nil {
		return err
	}
	c.Attachment("factures.csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(file.Bytes())
}

// invoicesURL is the address of a list with its filters.
func invoicesURL(path string, q invoicing.Query, before *int64) string {
	values := url.Values{}
	if q.Kind != "" {
		values.Set("kind", q.Kind)
	}
	if q.Unpaid {
		values.Set("unpaid", "true")
	}
	if q.Year != 0 {
		values.Set("year", strconv.Itoa(q.Year))
	}
	if before != nil {
		values.Set("before", strconv.FormatInt(*before, 10))
	}
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}
