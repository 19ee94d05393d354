package httpd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/vouchers"
)

// Orders is the window of tariffs, quotes and orders.
type Orders struct {
	Service *orders.Service
	Online  *Payments

	// Sharing tells who pays for a campaign; reporting's Sharing fits.
	Sharing func(context.Context, identity.Actor, vouchers.CampaignID) (reporting.Sharing, error)
}

// Routes lists them.
func (w *Orders) Routes() []Route {
	looks := ForAny(identity.Funder, identity.Operator)
	prepares := For(identity.Funder, identity.Agent, identity.Finance)
	binds := For(identity.Funder, identity.Finance)
	operator, finance := For(identity.Operator), For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/orders", Handler: w.listPage, Access: looks, Doc: "orders, newest first; ?state= for those of one state",
			Nav: Nav{Key: "orders.nav", Icon: "file-text"}},
		{Method: "GET", Path: "/orders.csv", Handler: w.csv, Access: looks, Doc: "the orders of a list, as CSV"},
		{Method: "GET", Path: "/orders/:id", Handler: w.openPage, Access: looks, Doc: "one order: invoices, how to pay, what happens next"},

		{Method: "GET", Path: "/quotes", Handler: w.quotesPage, Access: looks, Doc: "quotes, newest first"},
		{Method: "GET", Path: "/quotes/new", Handler: w.newQuotePage, Access: prepares, Doc: "a quote with its price: form"},
		{Method: "POST", Path: "/quotes", Handler: w.quoteForm, Access: prepares, Doc: "keep a quote, or a new version of one, from its form"},
		{Method: "GET", Path: "/quotes/:id", Handler: w.quotePage, Access: looks, Doc: "one quote: price, versions, acceptance"},
		{Method: "GET", Path: "/quotes/:id/pdf", Handler: w.quotePDF, Access: looks, Doc: "one version of a quote, as a PDF; ?version=N"},
		{Method: "POST", Path: "/quotes/:id/acceptance", Handler: w.acceptForm, Access: binds, Doc: "accept a quote: form"},

		{Method: "GET", Path: "/tariffs", Handler: w.tariffsPage, Access: operator, Doc: "tariffs: publish one, list",
			Nav: Nav{Key: "orders.tariffs.nav", Icon: "percent", Desk: true}},
		{Method: "POST", Path: "/tariffs", Handler: w.publishForm, Access: finance, Doc: "publish a tariff: confirmation, then form"},
		{Method: "GET", Path: "/terms/:version", Handler: w.termsPage, Access: Public, Doc: "one version of the terms"},

		{Method: "POST", Path: "/api/v1/orders", Handler: w.place, Access: binds, Doc: "quote and accept vouchers for a campaign in one act"},
		{Method: "GET", Path: "/api/v1/orders", Handler: w.list, Access: looks, Doc: "list orders, newest first; ?campaign=ID for those of one"},
		{Method: "GET", Path: "/api/v1/orders/:id", Handler: w.open, Access: looks, Doc: "one order with its invoices and what has arrived of it"},
		{Method: "GET", Path: "/api/v1/tariffs", Handler: w.tariffs, Access: operator, Doc: "list tariffs, the latest first"},
		{Method: "POST", Path: "/api/v1/tariffs", Handler: w.publish, Access: finance, Doc: "publish a tariff"},
	}
}

func (w *Orders) place(c *fiber.Ctx) error {
	var req orders.PlaceRequest
	if err := decode(c, &req); err != nil {
		return err
	}
	o, err := w.Service.Place(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/orders/%d", o.ID))
	return apiJSON(c, http.StatusCreated, o)
}

// orderQuery reads the filters of a list.
func orderQuery(c *fiber.Ctx) (orders.Query, error) {
	q := orders.Query{Unfunded: c.Query("unfunded") == "true", State: orders.State(c.Query("state"))}
	switch q.State {
	case "", orders.AwaitingPayment, orders.PartlyFunded, orders.Funded:
	default:
		return q, invalid("state")
	}
	if text := c.Query("campaign"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return q, invalid("campaign")
		}
		q.Campaign = vouchers.CampaignID(id)
	}
	below, err := before[vouchers.OrderID](c)
	q.Before = below
	return q, err
}

func (w *Orders) page(c *fiber.Ctx) (listing[orders.Order], error) {
	q, err := orderQuery(c)
	if err != nil {
		return listing[orders.Order]{}, err
	}
	q.Limit = pageSize + 1
	all, err := w.Service.List(c.UserContext(), actor(c), q)
	return cut(all, func(o orders.Order) vouchers.OrderID { return o.ID }), err
}

func (w *Orders) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

// csv writes all orders of a filter, page after page.
func (w *Orders) csv(c *fiber.Ctx) error {
	q, err := orderQuery(c)
	if err != nil {
		return err
	}
	sheet := orderSheet(words(c))
	for q.Limit = pageSize; ; {
		some, err := w.Service.List(c.UserContext(), actor(c), q)
		if err != nil {
			return err
		}
		for _, o := range some {
			sheet.Rows = append(sheet.Rows, orderCells(words(c), o))
		}
		if len(some) < pageSize {
			break
		}
		q.Before = some[len(some)-1].ID
	}
	var file bytes.Buffer
	if err := documents.WriteCSV(&file, sheet); err != nil {
		return err
	}
	c.Attachment("passerelle-orders.csv")
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return c.Send(file.Bytes())
}

func (w *Orders) order(c *fiber.Ctx) (orders.Order, error) {
	id, err := pathID[vouchers.OrderID](c, "id")
	if err != nil {
		return orders.Order{}, err
	}
	return w.Service.Open(c.UserContext(), actor(c), id)
}

func (w *Orders) open(c *fiber.Ctx) error {
	o, err := w.order(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, o)
}

func (w *Orders) tariffs(c *fiber.Ctx) error {
	all, err := w.Service.Tariffs(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Orders) publish(c *fiber.Ctx) error {
	var req orders.NewTariff
	if err := decode(c, &req); err != nil {
		return err
	}
	t, err := w.Service.Publish(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, t)
}
