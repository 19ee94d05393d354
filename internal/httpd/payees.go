package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/vouchers"
)

// proofBody is what a request with a proof may carry: in JSON the file is a third longer.
const proofBody = 7 << 20

// payeesWindow is the API and the pages of where the money of structures goes.
type payeesWindow struct {
	room   *payees.Service
	direct *connect.Service // payment through Stripe, which the same pages tell of
}

// PayeesRoutes are the routes of package payees.
func PayeesRoutes(room *payees.Service, direct *connect.Service) []Route {
	w := payeesWindow{room, direct}
	members, admin := For(identity.Structure), For(identity.Structure, identity.Admin)
	objects := For(identity.Structure, identity.Agent, identity.Finance)
	operator, decides := For(identity.Operator), For(identity.Operator, identity.Agent, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/api/v1/bank-details", Handler: w.mine, Access: members,
			Doc: "the account to which the structure is paid, and the one that is not in force yet; masked"},
		{Method: "PUT", Path: "/api/v1/bank-details", Handler: w.give, Access: admin, Body: proofBody,
			Doc: "give an account with a proof; it is paid to once it is verified, and a change once it has cooled"},
		{Method: "DELETE", Path: "/api/v1/bank-details/:id", Handler: w.withdraw, Access: objects, Doc: "withdraw an account that is not in force"},
		{Method: "GET", Path: "/api/v1/payees", Handler: w.waiting, Access: operator, Doc: "accounts of structures that are not in force yet"},
		{Method: "GET", Path: "/api/v1/payees/:id", Handler: w.open, Access: decides, Doc: "an account, what it replaces and what makes it suspect"},
		{Method: "GET", Path: "/api/v1/payees/:id/proof", Handler: w.proof, Access: ForAny(identity.Operator, identity.Structure),
			Doc: "the proof that was sent with an account"},
		{Method: "POST", Path: "/api/v1/payees/:id/verification", Handler: w.verify, Access: decides, Doc: "say that an account is its structure's, and how one knows"},
		{Method: "POST", Path: "/api/v1/payees/:id/approval", Handler: w.approve, Access: decides, Doc: "approve a verified change, as a second person"},
		{Method: "POST", Path: "/api/v1/payees/:id/refusal", Handler: w.refuse, Access: decides, Doc: "refuse an account, with a reason"},

		{Method: "GET", Path: "/bank-details", Handler: w.minePage, Access: members, Doc: "the structure's account: how far it is, and the form"},
		{Method: "POST", Path: "/bank-details", Handler: w.giveForm, Access: admin, Body: proofBody, Doc: "give the structure's account"},
		{Method: "POST", Path: "/bank-details/withdraw", Handler: w.withdrawForm, Access: objects, Doc: "withdraw an account that is not in force"},
		{Method: "GET", Path: "/payees", Handler: w.queuePage, Access: operator, Doc: "accounts of structures to decide on",
			Nav: Nav{Key: "payees.queue.nav", Icon: "landmark", Desk: true}},
		{Method: "GET", Path: "/payees/:id", Handler: w.casePage, Access: decides, Doc: "one account: facts and forms"},
		{Method: "POST", Path: "/payees/:id/ask", Handler: w.askForm, Access: decides, Doc: "ask the bank whose an account is"},
		{Method: "POST", Path: "/payees/:id/verification", Handler: w.verifyForm, Access: decides, Doc: "verify an account"},
		{Method: "POST", Path: "/payees/:id/approval", Handler: w.approveForm, Access: decides, Doc: "approve a change of account"},
		{Method: "POST", Path: "/payees/:id/refusal", Handler: w.refuseForm, Access: decides, Doc: "refuse an account"},
	}
}

func (w payeesWindow) mine(c *fiber.Ctx) error {
	m, err := w.room.Accounts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, m)
}

func (w payeesWindow) give(c *fiber.Ctx) error {
	var in payees.Given
	if err := decode(c, &in); err != nil {
		return err
	}
	a, err := w.room.Give(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, a)
}

func (w payeesWindow) withdraw(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Withdraw(c.UserContext(), actor(c), id)
	})
}

func (w payeesWindow) waiting(c *fiber.Ctx) error {
	all, err := w.room.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[payees.Account]{Items: all})
}

func (w payeesWindow) open(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.PayeeID) (payees.Case, error) { return w.room.Open(c.UserContext(), actor(c), id) })
}

func (w payeesWindow) proof(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PayeeID](c, "id")
	if err != nil {
		return err
	}
	f, err := w.room.Proof(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return sendProof(c, f)
}

// sendProof lets a proof be saved, and never shown by the browser: whoever sent it is not us.
func sendProof(c *fiber.Ctx, f files.File) error {
	c.Attachment(f.Name)
	c.Set(fiber.HeaderContentType, f.Type)
	return c.Send(f.Content)
}

func (w payeesWindow) verify(c *fiber.Ctx) error {
	var in payees.Verification
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Verify(c.UserContext(), actor(c), id, in)
	})
}

func (w payeesWindow) approve(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Approve(c.UserContext(), actor(c), id)
	})
}

func (w payeesWindow) refuse(c *fiber.Ctx) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.PayeeID) (payees.Account, error) {
		return w.room.Refuse(c.UserContext(), actor(c), id, in.Reason)
	})
}

func payeePath(id vouchers.PayeeID) string { return fmt.Sprintf("/payees/%d", id) }
