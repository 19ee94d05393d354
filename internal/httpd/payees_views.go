package httpd

import (
	"io"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/vop"
	"github.com/passerelle/passerelle/vouchers"
)

// BankBody is what payees/account.html shows.
type BankBody struct {
	payees.Mine
	Steps              []stepView // of the account that waits
	MayGive, MayObject bool
	Typed              payees.Given
	Field, Problem     string           // why a form was refused, "" at first
	Offered            bool             // structures may choose to be paid through Stripe
	Connect            *connect.Account // the latest that this one asked for; nil for none
}

// Chosen tells that the structure has asked to be paid through Stripe, or is.
func (b BankBody) Chosen() bool { return b.Connect != nil && b.Connect.State != connect.Ended }

// ByStripe tells that the structure is paid through Stripe.
func (b BankBody) ByStripe() bool { return b.Connect != nil && b.Connect.State == connect.InForce }

// MayChoose tells that the page offers payment through Stripe.
func (b BankBody) MayChoose() bool { return b.Offered && !b.Chosen() }

// stepView is one step of a sequence, as the partial "steps" shows it.
type stepView struct{ Text, State string }

func (w payeesWindow) minePage(c *fiber.Ctx) error { return w.showMine(c, w.untyped(c)) }

// untyped is the page as it is before its forms were filled in.
func (w payeesWindow) untyped(c *fiber.Ctx) BankBody {
	return BankBody{Typed: payees.Given{Holder: actor(c).OrganisationName}}
}

// showMine shows the page, with what body has of a form that was refused.
func (w payeesWindow) showMine(c *fiber.Ctx, body BankBody) (err error) {
	if body.Mine, err = w.room.Accounts(c.UserContext(), actor(c)); err != nil {
		return err
	}
	body.Typed.Password, body.Typed.Proof = "", files.Upload{}
	body.MayGive = actor(c).Needs(identity.Structure) == nil
	body.MayObject = actor(c).Needs(identity.Structure, identity.Agent, identity.Finance) == nil
	if body.Waiting != nil {
		body.Steps = w.steps(c, *body.Waiting)
	}
	if body.Offered = w.direct.On(); body.Offered {
		if body.Connect, err = w.direct.Latest(c.UserContext(), actor(c)); err != nil {
			return err
		}
	}
	return page(c, "payees/account", body)
}

// steps say how far an account is that is not in force.
func (w payeesWindow) steps(c *fiber.Ctx, a payees.Account) []stepView {
	say, now := words(c), 0
	switch a.State {
	case payees.ToVerify:
		now = 1
	case payees.ToApprove:
		now = 2
	case payees.Cooled:
		now = 3
	}
	texts := []string{say.Text("payees.step.given", "when", a.GivenAt, "name", a.GiverName), say.Text("payees.step.verify")}
	if a.Changes {
		texts = append(texts, say.Text("payees.step.approve"), say.Text("payees.step.cool", "when", a.CooledAt()))
	}
	steps := make([]stepView, len(texts))
	for i, text := range texts {
		steps[i] = stepView{text, "todo"}
		if i < now {
			steps[i].State = "done"
		} else if i == now {
			steps[i].State = "current"
		}
	}
	return steps
}

// bankField is the field that a refusal is about, "" where it is about none.
func bankField(err error) string {
	switch fault.Code(err) {
	case "iban_country_unknown", "iban_length", "iban_check", "iban_outside_sepa", "bank_details_same":
		return "iban"
	case "password_wrong":
		return "password"
	case "file_missing", "file_too_large", "file_type", "file_active":
		return "proof"
	case "bic_malformed":
		return "bic"
	case "holder_length":
		return "holder"
	}
	return ""
}

func (w payeesWindow) giveForm(c *fiber.Ctx) error {
	var form struct {
		IBAN     string `form:"iban"`
		BIC      string `form:"bic"`
		Holder   string `form:"holder"`
		Password string `form:"password,exact"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	given := payees.Given{IBAN: form.IBAN, BIC: form.BIC, Holder: form.Holder, Password: form.Password}
	var err error
	if given.Proof, err = sent(c, "proof"); err == nil {
		_, err = w.room.Give(c.UserContext(), actor(c), given)
	}
	if shownAgain(err) {
		return w.showMine(c, BankBody{Typed: given, Problem: refuse(c, err), Field: bankField(err)})
	}
	if err != nil {
		return err
	}
	return done(c, "/bank-details", "payees.given")
}

// sent reads a proof of a form, as far as one may be long.
func sent(c *fiber.Ctx, field string) (files.Upload, error) {
	header, err := c.FormFile(field)
	if err != nil {
		return files.Upload{}, nil // files says what is missing
	}
	file, err := header.Open()
	if err != nil {
		return files.Upload{}, err
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, files.Most+1))
	return files.Upload{Name: header.Filename, Content: content}, err
}

func (w payeesWindow) withdrawForm(c *fiber.Ctx) error {
	var form struct {
		ID vouchers.PayeeID `form:"account"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err := w.room.Withdraw(c.UserContext(), actor(c), form.ID)
	if shownAgain(err) {
		again := w.untyped(c)
		again.Problem, again.Field = refuse(c, err), bankField(err)
		return w.showMine(c, again)
	}
	if err != nil {
		return err
	}
	return done(c, "/bank-details", "payees.withdrawn")
}

// PayeesBody is what payees/queue.html shows.
type PayeesBody struct {
	Rows      []payees.Account
	AtStripe  []connect.Account
	MayDecide bool
}

func (w payeesWindow) queuePage(c *fiber.Ctx) error {
	all, err := w.room.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	atStripe, err := w.direct.List(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "payees/queue", PayeesBody{all, atStripe, actor(c).Needs(identity.Operator, identity.Agent, identity.Finance) == nil})
}

// PayeeBody is what payees/case.html shows.
type PayeeBody struct {
	payees.Case
	FullIBAN                       string
	MayVerify, MayApprove, MayStop bool
	Matches                        []vop.Match
	Form                           payees.Verification
	Reason, Field, Problem         string // why a form was refused, "" at first
}

func (w payeesWindow) casePage(c *fiber.Ctx) error { return w.showCase(c, PayeeBody{}) }

func (w payeesWindow) showCase(c *fiber.Ctx, body PayeeBody) error {
	id, err := pathID[vouchers.PayeeID](c, "id")
	if err != nil {
		return err
	}
	if body.Case, err = w.room.Open(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	if body.Form.Match == "" && body.AskedMatch != vop.None {
		body.Form.Match = body.AskedMatch
	}
	body.FullIBAN = body.IBAN.Full()
	body.Matches = []vop.Match{vop.Full, vop.Close, vop.Unavailable}
	body.MayVerify = body.State == payees.ToVerify && body.AskedMatch != vop.None
	body.MayApprove = body.State == payees.ToApprove && *body.VerifiedBy != actor(c).Person
	body.MayStop = body.State == payees.ToVerify || body.State == payees.ToApprove || body.State == payees.Cooled
	return page(c, "payees/case", body)
}

// decide does one of the operator's decisions and says so, or shows the account again.
func (w payeesWindow) decide(c *fiber.Ctx, again PayeeBody, told string, do func(vouchers.PayeeID) (payees.Account, error)) error {
	id, err := pathID[vouchers.PayeeID](c, "id")
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
	next := "/payees"
	if told == "payees.asked" {
		next = payeePath(id)
	}
	return done(c, next, told, "structure", a.StructureName, "account", a.Masked)
}

func (w payeesWindow) askForm(c *fiber.Ctx) error {
	return w.decide(c, PayeeBody{}, "payees.asked", func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Ask(c.UserContext(), actor(c), id)
	})
}

func (w payeesWindow) verifyForm(c *fiber.Ctx) error {
	var form struct {
		Match vop.Match `form:"match"`
		How   string    `form:"how"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	v := payees.Verification{Match: form.Match, How: form.How}
	return w.decide(c, PayeeBody{Form: v, Field: "how"}, "payees.verified", func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Verify(c.UserContext(), actor(c), id, v)
	})
}

func (w payeesWindow) approveForm(c *fiber.Ctx) error {
	return w.decide(c, PayeeBody{}, "payees.approved", func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Approve(c.UserContext(), actor(c), id)
	})
}

func (w payeesWindow) refuseForm(c *fiber.Ctx) error {
	var form struct {
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	return w.decide(c, PayeeBody{Reason: form.Reason, Field: "reason"}, "payees.refused", func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Refuse(c.UserContext(), actor(c), id, form.Reason)
	})
}
