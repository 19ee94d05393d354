package httpd

import (
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

func campaignPath(id vouchers.CampaignID) string { return fmt.Sprintf("/campaigns/%d", id) }

// OrdersBody is what orders/list.html shows.
type OrdersBody struct {
	Operator bool
	Today    vouchers.Day
	Rows     []orders.Order
	Next     string
}

func (w *Orders) listPage(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return page(c, "orders/list", OrdersBody{Operator: actor(c).Kind == identity.Operator,
		Today: vouchers.DayOf(of(c).server.options.Now()), Rows: all.Items, Next: all.nextURL("/orders")})
}

// OrderingBody is what orders/new.html shows.
type OrderingBody struct {
	campaigns.Campaign
	Vouchers int
	Problem  string
}

func (w *Orders) newPage(c *fiber.Ctx) error {
	id, err := strconv.ParseInt(c.Query("campaign"), 10, 64)
	if err != nil {
		return c.Redirect("/campaigns", http.StatusSeeOther)
	}
	return w.showPlace(c, orders.PlaceRequest{Campaign: vouchers.CampaignID(id), Vouchers: 100}, "")
}

func (w *Orders) showPlace(c *fiber.Ctx, req orders.PlaceRequest, problem string) error {
	one, err := w.Campaigns.Open(c.UserContext(), actor(c), req.Campaign)
	if err != nil {
		return err
	}
	return page(c, "orders/new", OrderingBody{one, req.Vouchers, problem})
}

func (w *Orders) placeForm(c *fiber.Ctx) error {
	var req orders.PlaceRequest
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	o, err := w.Service.Place(c.UserContext(), actor(c), req)
	if err != nil {
		told := refusalOf(err)
		if told.status != http.StatusConflict && told.status != http.StatusUnprocessableEntity {
			return err
		}
		c.Status(told.status)
		return w.showPlace(c, req, faultText(c, err))
	}
	if err := flash(c, "done", "orders.placed", "count", o.Vouchers, "amount", o.Face); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/orders/%d", o.ID), http.StatusSeeOther)
}

// OrderBody is what orders/order.html shows.
type OrderBody struct {
	orders.Order
	Steps []orderStep
}

type orderStep struct{ Text, State string }

func (w *Orders) openPage(c *fiber.Ctx) error {
	o, err := w.order(c)
	if err != nil {
		return err
	}
	return page(c, "orders/order", OrderBody{o, orderSteps(c, o.State)})
}

// orderSteps say how far the order has come.
func orderSteps(c *fiber.Ctx, state orders.State) []orderStep {
	at := 1
	if state == orders.Funded {
		at = 3
	}
	steps := make([]orderStep, 3)
	for i, key := range []string{"placed", "paid", "ready"} {
		steps[i] = orderStep{words(c).Text("orders.step." + key), "todo"}
		if i < at {
			steps[i].State = "done"
		} else if i == at {
			steps[i].State = "current"
		}
	}
	return steps
}
