package httpd

import (
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// OrdersBody is what orders/list.html shows.
type OrdersBody struct {
	Operator bool
	Today    vouchers.Day
	State    orders.State // the filter; "" for all
	States   []orders.State
	Offered  int // quotes that wait for an answer
	Rows     []orders.Order
	Next     string
}

var orderStates = []orders.State{"", orders.AwaitingPayment, orders.PartlyFunded, orders.Funded}

func (w *Orders) listPage(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	offered, err := w.Service.Quotes(c.UserContext(), actor(c), orders.QuoteQuery{Open: true, Limit: 200})
	if err != nil {
		return err
	}
	body := OrdersBody{Operator: actor(c).Kind == identity.Operator, Today: today(c), State: orders.State(c.Query("state")), States: orderStates,
		Offered: len(offered), Rows: all.Items, Next: all.nextURL("/orders")}
	if body.Next != "" && body.State != "" {
		body.Next += "&state=" + string(body.State)
	}
	return page(c, "orders/list", body)
}

func today(c *fiber.Ctx) vouchers.Day { return vouchers.DayOf(of(c).server.options.Now()) }

func orderSheet(w *i18n.Words) documents.Sheet {
	s := documents.Sheet{Name: "orders"}
	for _, column := range []struct {
		key  string
		kind documents.Kind
	}{
		{"order", documents.Integer}, {"ordered-at", documents.Date}, {"funder", documents.Text}, {"campaign", documents.Text},
		{"vouchers", documents.Integer}, {"amount", documents.Money}, {"received", documents.Money}, {"credit", documents.Money},
		{"debt", documents.Money}, {"fees", documents.Money}, {"vat", documents.Money}, {"state", documents.Text}, {"reference", documents.Text},
		{"engagement", documents.Text}, {"service-code", documents.Text},
	} {
		s.Columns = append(s.Columns, documents.Column{Header: w.Text("orders." + column.key), Kind: column.kind})
	}
	return s
}

func orderCells(w *i18n.Words, o orders.Order) []documents.Cell {
	text, money := documents.TextCell, documents.MoneyCell
	return []documents.Cell{documents.IntegerCell(int64(o.ID)), documents.DateCell(vouchers.DayOf(o.OrderedAt)), text(o.FunderName), text(o.CampaignName),
		documents.IntegerCell(int64(o.Vouchers)), money(o.Face), money(o.Received), money(o.Credit), money(o.Debt), money(o.Fees), money(o.VAT),
		text(w.Text("orders.state." + string(o.State))), text(o.Reference), text(o.Engagement), text(o.ServiceCode)}
}

// OrderBody is what orders/order.html shows.
type OrderBody struct {
	orders.Order
	Steps []stepView
	Bills []billView
	Due   vouchers.Cents // of all invoices

	Online PayOnline
}

// Transfers counts the invoices that still ask for one.
func (b OrderBody) Transfers() (n int) {
	for _, bill := range b.Bills {
		if bill.Pay {
			n++
		}
	}
	return n
}

// billView is an invoice and how to pay it.
type billView struct {
	orders.Bill
	Kind string
	IBAN string // in full: it is ours, and made to be copied
	Pay  bool   // by transfer: not while an online payment is on its way
}

func (w *Orders) openPage(c *fiber.Ctx) error {
	o, err := w.order(c)
	if err != nil {
		return err
	}
	body := OrderBody{Order: o, Steps: orderSteps(c, o.State)}
	if body.Online, err = w.Online.PayOnline(c, o.ID); err != nil {
		return err
	}
	for _, b := range o.Invoices {
		body.Bills = append(body.Bills, billView{b, string(b.Kind), b.IBAN.Grouped(), b.Due > 0 && len(body.Online.OnItsWay) == 0})
		body.Due += b.Due
	}
	return page(c, "orders/order", body)
}

// orderSteps say how far the order has come. Fees do not hold vouchers up.
func orderSteps(c *fiber.Ctx, state orders.State) []stepView {
	at := 1
	if state == orders.Funded {
		at = 3
	}
	steps := make([]stepView, 3)
	for i, key := range []string{"placed", "paid", "ready"} {
		steps[i] = stepView{words(c).Text("orders.step." + key), "todo"}
		if i < at {
			steps[i].State = "done"
		} else if i == at {
			steps[i].State = "current"
		}
	}
	return steps
}
