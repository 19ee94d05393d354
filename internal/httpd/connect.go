package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/vouchers"
)

// connectWindow is the API and the pages of payment of structures through Stripe. What a
// structure sees of it is on the page of its bank details.
type connectWindow struct {
	room    *connect.Service
	details payeesWindow
}

// ConnectRoutes are the routes of package connect.
func ConnectRoutes(room *connect.Service, details *payees.Service) []Route {
	w := connectWindow{room, payeesWindow{details, room}}
	members, admin := For(identity.Structure), For(identity.Structure, identity.Admin)
	leaves := For(identity.Structure, identity.Agent, identity.Finance)
	operator, decides := For(identity.Operator), For(identity.Operator, identity.Agent, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/api/v1/connect", Handler: w.mine, Access: members, Doc: "the structure's account at Stripe, and how far it is"},
		{Method: "POST", Path: "/api/v1/connect", Handler: w.choose, Access: admin, Doc: "ask to be paid through Stripe"},
		{Method: "DELETE", Path: "/api/v1/connect", Handler: w.leave, Access: leaves, Doc: "be paid to one's bank account again"},
		{Method: "POST", Path: "/api/v1/connect/link", Handler: w.link, Access: admin, Doc: "make the page of Stripe's for questions, or for what was paid"},
		{Method: "GET", Path: "/api/v1/connect/accounts", Handler: w.list, Access: operator, Doc: "structures' accounts at Stripe, first those that are not paid to"},
		{Method: "POST", Path: "/api/v1/connect/:id/approval", Handler: w.approve, Access: decides, Doc: "let a structure be paid through Stripe"},
		{Method: "POST", Path: "/api/v1/connect/:id/refusal", Handler: w.refuse, Access: decides, Doc: "end a structure's account at Stripe, with a reason"},
		{Method: "GET", Path: "/api/v1/settlements/:id/stripe", Handler: w.in, Access: For(identity.Operator, identity.Finance, identity.Agent, identity.Reader),
			Doc: "how a settlement's payouts get on at Stripe"},
		{Method: "POST", Path: "/api/v1/payouts/:id/give-up", Handler: w.giveUp, Access: For(identity.Operator, identity.Finance),
			Doc: "take back a payout that Stripe does not make"},

		{Method: "POST", Path: "/bank-details/stripe", Handler: w.chooseForm, Access: admin, Doc: "ask to be paid through Stripe, from the page"},
		{Method: "GET", Path: "/bank-details/stripe", Handler: w.goToStripe, Access: admin, Doc: "go to Stripe's page for the structure"},
		{Method: "POST", Path: "/bank-details/stripe/leave", Handler: w.leaveForm, Access: leaves, Doc: "be paid to one's bank account again, from the page"},
		{Method: "GET", Path: "/connect/:id", Handler: w.casePage, Access: decides, Doc: "one structure's account at Stripe: facts and forms"},
		{Method: "POST", Path: "/connect/:id/approval", Handler: w.approveForm, Access: decides, Doc: "let a structure be paid through Stripe, from the page"},
		{Method: "POST", Path: "/connect/:id/refusal", Handler: w.refuseForm, Access: decides, Doc: "end a structure's account at Stripe, from the page"},
	}
}

func (w connectWindow) mine(c *fiber.Ctx) error {
	return answer(c, func() (connect.Account, error) { return w.room.Mine(c.UserContext(), actor(c)) })
}

func (w connectWindow) choose(c *fiber.Ctx) error {
	var in connect.Chosen
	if err := decode(c, &in); err != nil {
		return err
	}
	return answer(c, func() (connect.Account, error) { return w.room.Choose(c.UserContext(), actor(c), in) })
}

func (w connectWindow) leave(c *fiber.Ctx) error {
	return answer(c, func() (connect.Account, error) { return w.room.Leave(c.UserContext(), actor(c)) })
}

// stripePage is an address at Stripe that opens once.
type stripePage struct {
	URL string `json:"url"`
}

func (w connectWindow) link(c *fiber.Ctx) error {
	return answer(c, func() (stripePage, error) {
		url, err := w.room.Link(c.UserContext(), actor(c))
		return stripePage{url}, err
	})
}

func (w connectWindow) list(c *fiber.Ctx) error {
	return answer(c, func() (listing[connect.Account], error) {
		all, err := w.room.List(c.UserContext(), actor(c))
		return listing[connect.Account]{Items: all}, err
	})
}

func (w connectWindow) approve(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ConnectID) (connect.Account, error) {
		return w.room.Approve(c.UserContext(), actor(c), id)
	})
}

func (w connectWindow) refuse(c *fiber.Ctx) error {
	var in whyBody
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ConnectID) (connect.Account, error) {
		return w.room.Refuse(c.UserContext(), actor(c), id, in.Reason)
	})
}

func (w connectWindow) in(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.SettlementID) (listing[connect.Transfer], error) {
		all, err := w.room.In(c.UserContext(), actor(c), id)
		return listing[connect.Transfer]{Items: all}, err
	})
}

func (w connectWindow) giveUp(c *fiber.Ctx) error {
	var in whyBody
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.PayoutID) (connect.Transfer, error) {
		return w.room.GiveUp(c.UserContext(), actor(c), id, in.Reason)
	})
}

// answer answers with what do gives.
func answer[T any](c *fiber.Ctx, do func() (T, error)) error {
	done, err := do()
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, done)
}

func connectPath(id vouchers.ConnectID) string { return fmt.Sprintf("/connect/%d", id) }
