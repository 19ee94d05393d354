package httpd

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/vouchers"
)

// Campaigns is the window of a funder's programmes: their rules, where their money is,
// and who hands their vouchers over.
type Campaigns struct {
	Service  *campaigns.Service
	Orders   *orders.Service
	Issuing  *issuing.Service
	Identity *identity.Service

	// Labels tells which labels there are; applications' Published fits.
	Labels func(context.Context, identity.Actor) ([]applications.Criteria, error)
	// Flows tells where the money of each campaign is; reporting's Flows fits.
	Flows func(context.Context, identity.Actor, ...vouchers.CampaignID) (map[vouchers.CampaignID]reporting.Flow, error)
	// Sharing tells who pays for a campaign; reporting's Sharing fits.
	Sharing func(context.Context, identity.Actor, vouchers.CampaignID) (reporting.Sharing, error)
}

// Routes lists them.
func (w *Campaigns) Routes() []Route {
	looks := ForAny(identity.Funder, identity.Operator)
	decides := For(identity.Funder, identity.Agent, identity.Finance)
	agrees := For(identity.Funder, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/campaigns", Handler: w.listPage, Access: looks, Doc: "campaigns, each with its money's way",
			Nav: Nav{Key: "campaigns.nav", Icon: "tickets"}},
		{Method: "GET", Path: "/campaigns/new", Handler: w.newPage, Access: decides, Doc: "define a campaign: form"},
		{Method: "POST", Path: "/campaigns", Handler: w.defineForm, Access: decides, Doc: "define a campaign from its form"},
		{Method: "GET", Path: "/campaigns/:id", Handler: w.openPage, Access: looks, Doc: "one campaign: money, orders, allocations, rules"},
		{Method: "POST", Path: "/campaigns/:id/allocations", Handler: w.allocateForm, Access: decides, Doc: "allocate vouchers to a prescriber: form"},
		{Method: "GET", Path: "/campaigns/:id/shares", Handler: w.sharesPage, Access: agrees, Doc: "share a campaign's cost with other funders: form"},
		{Method: "POST", Path: "/campaigns/:id/shares", Handler: w.sharesForm, Access: agrees, Doc: "share a campaign's cost with other funders"},

		{Method: "POST", Path: "/api/v1/campaigns", Handler: w.define, Access: decides, Doc: "define a campaign"},
		{Method: "GET", Path: "/api/v1/campaigns", Handler: w.list, Access: looks, Doc: "list campaigns, newest first"},
		{Method: "GET", Path: "/api/v1/campaigns/:id", Handler: w.open, Access: looks, Doc: "one campaign with its rules"},
		{Method: "GET", Path: "/api/v1/campaigns/:id/shares", Handler: w.shares, Access: looks, Doc: "who pays for a campaign"},
		{Method: "PUT", Path: "/api/v1/campaigns/:id/shares", Handler: w.setShares, Access: agrees, Doc: "say who pays for a campaign, all funders at once"},
		{Method: "POST", Path: "/api/v1/allocations", Handler: w.allocate, Access: decides, Doc: "let a prescriber hand over more vouchers of a campaign"},
		{Method: "GET", Path: "/api/v1/allocations", Handler: w.allocations, Access: ForAny(identity.Funder, identity.Prescriber),
			Doc: "list what the funder has allocated, or what the prescriber was allocated"},
	}
}

func (w *Campaigns) define(c *fiber.Ctx) error {
	var rules campaigns.Rules
	if err := decode(c, &rules); err != nil {
		return err
	}
	defined, err := w.Service.Define(c.UserContext(), actor(c), rules)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/campaigns/%d", defined.ID))
	return apiJSON(c, http.StatusCreated, defined)
}

// page is the campaigns below the cursor. A funder has few: the room gives them all.
func (w *Campaigns) page(c *fiber.Ctx) (listing[campaigns.Campaign], error) {
	below, err := before[vouchers.CampaignID](c)
	if err != nil {
		return listing[campaigns.Campaign]{}, err
	}
	all, err := w.Service.List(c.UserContext(), actor(c))
	if below > 0 {
		all = slices.DeleteFunc(all, func(one campaigns.Campaign) bool { return one.ID >= below })
	}
	return cut(all, func(one campaigns.Campaign) vouchers.CampaignID { return one.ID }), err
}

func (w *Campaigns) list(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Campaigns) campaign(c *fiber.Ctx) (campaigns.Campaign, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return campaigns.Campaign{}, err
	}
	return w.Service.Open(c.UserContext(), actor(c), id)
}

func (w *Campaigns) open(c *fiber.Ctx) error {
	one, err := w.campaign(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, one)
}

func (w *Campaigns) allocate(c *fiber.Ctx) error {
	var req issuing.AllocateRequest
	if err := decode(c, &req); err != nil {
		return err
	}
	a, err := w.Issuing.Allocate(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, a)
}

func (w *Campaigns) allocations(c *fiber.Ctx) error {
	all, err := w.Issuing.Allocations(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[issuing.Allocation]{Items: all})
}
