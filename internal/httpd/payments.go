package httpd

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/vouchers"
)

// webhookBody is more than any message of Stripe's.
const webhookBody = 256 << 10

// Payments is the window of online payments.
type Payments struct{ Service *payments.Service }

// Routes lists them.
func (w *Payments) Routes() []Route {
	looks, pays := ForAny(identity.Funder, identity.Operator), For(identity.Funder, identity.Agent, identity.Finance)
	operator, finance := For(identity.Operator), For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "POST", Path: "/webhooks/stripe", Handler: w.hear, Access: Open, Body: webhookBody, Doc: "what Stripe tells, signed by it"},

		{Method: "POST", Path: "/orders/:id/checkouts", Handler: w.startForm, Access: pays, Doc: "make a page to pay an order on, from its page"},
		{Method: "GET", Path: "/payments", Handler: w.deskPage, Access: operator, Doc: "online payments: where their money is",
			Nav: Nav{Key: "payments.nav", Icon: "hand-coins", Desk: true}},
		{Method: "POST", Path: "/payments/checkouts/:id/refunds", Handler: w.refundForm, Access: finance, Doc: "give face value back to the payer: form"},
		{Method: "POST", Path: "/payments/payouts/:id/retry", Handler: w.retryForm, Access: finance, Doc: "ask Stripe again for a payout that waits: form"},

		{Method: "POST", Path: "/api/v1/orders/:id/checkouts", Handler: w.start, Access: pays,
			Doc: "make a page on which what an order lacks can be paid, with its fees"},
		{Method: "GET", Path: "/api/v1/orders/:id/checkouts", Handler: w.list, Access: looks, Doc: "an order's online payments, newest first"},
	}
}

func (w *Payments) hear(c *fiber.Ctx) error {
	if err := w.Service.Hear(c.UserContext(), c.Body(), c.Get("Stripe-Signature")); err != nil {
		return err
	}
	return c.SendStatus(http.StatusOK)
}

func (w *Payments) start(c *fiber.Ctx) error {
	order, err := pathID[vouchers.OrderID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Means stripe.Means `json:"means"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	k, err := w.Service.Start(c.UserContext(), actor(c), payments.StartRequest{Order: order, Means: in.Means})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, k)
}

func (w *Payments) list(c *fiber.Ctx) error {
	order, err := pathID[vouchers.OrderID](c, "id")
	if err != nil {
		return err
	}
	all, err := w.Service.OfOrder(c.UserContext(), actor(c), order)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[payments.Checkout]{Items: all})
}

// PayOnline is what partial pay-online.html shows on an order's page.
type PayOnline struct {
	payments.Offer
	Order    vouchers.OrderID
	MayPay   bool
	Returned bool // the reader comes back from Stripe's page
}

// Total is what a new page would ask for.
func (p PayOnline) Total() vouchers.Cents { return p.Face + p.Fees }

// Means are the ways to pay online.
func (p PayOnline) Means() []stripe.Means {
	return []stripe.Means{stripe.Card, stripe.SEPADebit, stripe.BankTransfer}
}

// PayOnline reads what an order's page says of paying online.
func (w *Payments) PayOnline(c *fiber.Ctx, order vouchers.OrderID) (PayOnline, error) {
	offer, err := w.Service.Offer(c.UserContext(), actor(c), order)
	return PayOnline{offer, order, actor(c).Needs(identity.Funder, identity.Agent, identity.Finance) == nil, c.Query("paid") != ""}, err
}

// startForm leads back to the order, where the new page is one press away: a browser does
// not follow a form to another site.
func (w *Payments) startForm(c *fiber.Ctx) error {
	order, err := pathID[vouchers.OrderID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Means stripe.Means `form:"means"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	back := fmt.Sprintf("/orders/%d", order)
	if _, err := w.Service.Start(c.UserContext(), actor(c), payments.StartRequest{Order: order, Means: in.Means}); err != nil {
		return w.refuse(c, err, back)
	}
	return c.Redirect(back+"#online", http.StatusSeeOther)
}

// refuse goes back and says why, where a person can do something about it.
func (w *Payments) refuse(c *fiber.Ctx, err error, back string) error {
	told := refusalOf(err)
	if told.status != http.StatusConflict && told.status != http.StatusUnprocessableEntity && told.status != http.StatusServiceUnavailable {
		return err
	}
	if err := flash(c, "stop", "fault."+told.code, pairs(told.args)...); err != nil {
		return err
	}
	return c.Redirect(back, http.StatusSeeOther)
}

// PaymentsBody is what payments/desk.html shows.
type PaymentsBody struct {
	payments.Desk
	On, MayAct bool
}

func (w *Payments) deskPage(c *fiber.Ctx) error {
	desk, err := w.Service.Desk(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "payments/desk", PaymentsBody{desk, w.Service.On(), w.Service.On() && actor(c).Needs(identity.Operator, identity.Finance) == nil})
}

func (w *Payments) refundForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CheckoutID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Amount vouchers.Cents `form:"amount"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	refund := func(ctx context.Context) error {
		_, err := w.Service.Refund(ctx, actor(c), payments.RefundRequest{Checkout: id, Amount: in.Amount})
		return err
	}
	if !confirmed(c) {
		say := words(c)
		err := confirm(c, Confirmation{Title: say.Text("payments.refund-title"), Danger: true, Back: "/payments",
			Sentence: say.Text("payments.refund-sentence", "amount", in.Amount), Button: say.Text("payments.refund-button", "amount", in.Amount)}, refund)
		if err != nil {
			return w.refuse(c, err, "/payments")
		}
		return nil
	}
	if err := refund(c.UserContext()); err != nil {
		return w.refuse(c, err, "/payments")
	}
	if err := flash(c, "pending", "payments.refund-asked", "amount", in.Amount); err != nil {
		return err
	}
	return c.Redirect("/payments", http.StatusSeeOther)
}

func (w *Payments) retryForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	if err := w.Service.RetryPayout(c.UserContext(), actor(c), id); err != nil {
		return w.refuse(c, err, "/payments")
	}
	if err := flash(c, "pending", "payments.retried"); err != nil {
		return err
	}
	return c.Redirect("/payments", http.StatusSeeOther)
}
