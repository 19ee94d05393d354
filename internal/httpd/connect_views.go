package httpd

import (
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/vouchers"
)

// reasonOfStripe says why Stripe does not pay, with its code beside. A code without words is
// shown as it is; without any, that it is not known.
func reasonOfStripe(w *i18n.Words, code string) string {
	switch key := "connect.problem." + code; {
	case code == "":
		return w.Text("format.unknown")
	case w.Has(key):
		return w.Text(key) + " (" + code + ")"
	}
	return code
}

func (w connectWindow) chooseForm(c *fiber.Ctx) error {
	var form struct {
		Password string `form:"stripe_password,exact"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err := w.room.Choose(c.UserContext(), actor(c), connect.Chosen{Password: form.Password})
	return w.again(c, err, "connect.chosen")
}

// goToStripe is a page of its own, and Stripe's "refresh" address: a browser does not follow a
// form to another site, and Stripe's pages open once.
func (w connectWindow) goToStripe(c *fiber.Ctx) error {
	url, err := w.room.Link(c.UserContext(), actor(c))
	if err != nil {
		return w.again(c, err, "")
	}
	return c.Redirect(url, fiber.StatusSeeOther)
}

func (w connectWindow) leaveForm(c *fiber.Ctx) error {
	_, err := w.room.Leave(c.UserContext(), actor(c))
	return w.again(c, err, "connect.left")
}

// again goes back to the page of bank details and says what was done, or shows it with why
// something was not.
func (w connectWindow) again(c *fiber.Ctx, err error, told string) error {
	if shownAgain(err) {
		body := w.details.untyped(c)
		body.Problem = refuse(c, err)
		if fault.Code(err) == "password_wrong" {
			body.Field = "stripe_password"
		}
		return w.details.showMine(c, body)
	}
	if err != nil {
		return err
	}
	return done(c, "/bank-details", told)
}

// ConnectBody is what connect/case.html shows.
type ConnectBody struct {
	connect.Account
	MayApprove, MayEnd     bool
	Reason, Field, Problem string // why a form was refused, "" at first
}

// Differs tells that the bank account given to Stripe is not the one that is known here.
func (b ConnectBody) Differs() bool { return b.Last4 != "" && b.Known != "" && b.Last4 != b.Known }

func (w connectWindow) casePage(c *fiber.Ctx) error { return w.showCase(c, ConnectBody{}) }

func (w connectWindow) showCase(c *fiber.Ctx, body ConnectBody) error {
	id, err := pathID[vouchers.ConnectID](c, "id")
	if err != nil {
		return err
	}
	if body.Account, err = w.room.Open(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	body.MayApprove = body.State == connect.ToApprove && body.CreatedBy != actor(c).Person
	body.MayEnd = body.State != connect.Ended
	return page(c, "connect/case", body)
}

// decide does one of the operator's decisions and says so, or shows the account again.
func (w connectWindow) decide(c *fiber.Ctx, again ConnectBody, told string, do func(vouchers.ConnectID) (connect.Account, error)) error {
	id, err := pathID[vouchers.ConnectID](c, "id")
	if err != nil {
		return err
	}
	a, err := do(id)
	if shownAgain(err) {
		again.Problem = refuse(c, err)
		return w.showCase(c, again)
	}
	if err != nil {
		return err
	}
	return done(c, "/payees", told, "structure", a.StructureName)
}

func (w connectWindow) approveForm(c *fiber.Ctx) error {
	return w.decide(c, ConnectBody{}, "connect.approved", func(id vouchers.ConnectID) (connect.Account, error) {
		return w.room.Approve(c.UserContext(), actor(c), id)
	})
}

func (w connectWindow) refuseForm(c *fiber.Ctx) error {
	var form whyBody
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	return w.decide(c, ConnectBody{Reason: form.Reason, Field: "reason"}, "connect.refused", func(id vouchers.ConnectID) (connect.Account, error) {
		return w.room.Refuse(c.UserContext(), actor(c), id, form.Reason)
	})
}
