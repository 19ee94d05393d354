package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// Orders is the window of orders and their pro-formas.
type Orders struct {
	Service   *orders.Service
	Campaigns *campaigns.Service
}

// Routes lists them.
func (w *Orders) Routes() []Route {
	looks := ForAny(identity.Funder, identity.Operator)
	decides := For(identity.Funder, identity.Agent, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/orders", Handler: w.listPage, Access: looks, Doc: "orders, newest first",
			Nav: Nav{Key: "orders.nav", Icon: "file-text"}},
		{Method: "GET", Path: "/orders/new", Handler: w.newPage, Access: decides, Doc: "order vouchers: form"},
		{Method: "POST", Path: "/orders", Handler: w.placeForm, Access: decides, Doc: "order vouchers from the form"},
		{Method: "GET", Path: "/orders/:id", Handler: w.openPage, Access: looks, Doc: "one order: reference, state, what happens next"},
		{Method: "GET", Path: "/orders/:id/proforma", Handler: w.proforma, Access: looks, Doc: "the order's pro-forma, as a PDF"},

		{Method: "POST", Path: "/api/v1/orders", Handler: w.place, Access: decides, Doc: "order vouchers for a campaign"},
		{Method: "GET", Path: "/api/v1/orders", Handler: w.list, Access: looks, Doc: "list orders, newest first; ?campaign=ID for those of one"},
		{Method: "GET", Path: "/api/v1/orders/:id", Handler: w.open, Access: looks, Doc: "one order with what has arrived of it"},
		{Method: "GET", Path: "/api/v1/orders/:id/proforma", Handler: w.proforma, Access: looks, Doc: "the order's pro-forma, as a PDF"},
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

func (w *Orders) page(c *fiber.Ctx) (listing[orders.Order], error) {
	below, err := before[vouchers.OrderID](c)
	if err != nil {
		return listing[orders.Order]{}, err
	}
	q := orders.Query{Before: below, Limit: pageSize + 1, Unfunded: c.Query("unfunded") == "true"}
	if text := c.Query("campaign"); text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id < 1 {
			return listing[orders.Order]{}, invalid("campaign")
		}
		q.Campaign = vouchers.CampaignID(id)
	}
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

func (w *Orders) proforma(c *fiber.Ctx) error {
	id, err := pathID[vouchers.OrderID](c, "id")
	if err != nil {
		return err
	}
	var out bytes.Buffer
	if err := w.Service.Proforma(c.UserContext(), actor(c), id, paperWords{words(c)}, &out); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("proforma-%d.pdf", id))
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}
