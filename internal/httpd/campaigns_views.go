package httpd

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

func campaignPath(id vouchers.CampaignID) string { return fmt.Sprintf("/campaigns/%d", id) }

// CampaignsBody is what campaigns/list.html shows.
type CampaignsBody struct {
	MayDefine bool
	Rows      []CampaignRiver
	Next      string
}

// CampaignRiver is a campaign with its money's way.
type CampaignRiver struct {
	campaigns.Campaign
	River RiverBody
	Led   bool // by the reader, who decides
}

// RiverBody is what the partial "river" shows.
type RiverBody struct {
	Title, Asleep                             string
	Ordered, Received, HandedOver, Used, Paid vouchers.Cents
}

// riverOf says the finding first, and what is asleep last.
func riverOf(c *fiber.Ctx, f reporting.Flow) RiverBody {
	w := words(c)
	b := RiverBody{Ordered: f.Ordered, Received: f.Received, HandedOver: f.HandedOver, Used: f.Used, Paid: f.Paid}
	switch {
	case f.HandedOver > 0:
		b.Title = w.Text("campaigns.river.used", "share", w.Percent(int64(f.Used), int64(f.HandedOver)))
	case f.Received > 0:
		b.Title = w.Text("campaigns.river.none-handed")
	default:
		b.Title = w.Text("campaigns.river.none-received")
	}
	switch {
	case f.Asleep() > 0:
		b.Asleep = w.Text("campaigns.river.asleep", "count", f.Asleep())
	case f.Received > f.HandedOver:
		b.Asleep = w.Text("campaigns.river.stock", "amount", f.Received-f.HandedOver)
	}
	return b
}

func (w *Campaigns) listPage(c *fiber.Ctx) error {
	all, err := w.page(c)
	if err != nil {
		return err
	}
	ids := make([]vouchers.CampaignID, len(all.Items))
	for i, one := range all.Items {
		ids[i] = one.ID
	}
	flows, err := w.Flows(c.UserContext(), actor(c), ids...)
	if err != nil {
		return err
	}
	body := CampaignsBody{MayDefine: mayDecide(c), Next: all.nextURL("/campaigns")}
	for _, one := range all.Items {
		body.Rows = append(body.Rows, CampaignRiver{one, riverOf(c, flows[one.ID]), one.Funder == actor(c).Organisation})
	}
	return page(c, "campaigns/list", body)
}

// mayDecide tells whether pages offer to define, order and allocate; use cases check again.
func mayDecide(c *fiber.Ctx) bool {
	return actor(c).Needs(identity.Funder, identity.Agent, identity.Finance) == nil
}

// CampaignBody is what campaigns/campaign.html shows.
type CampaignBody struct {
	campaigns.Campaign
	River       RiverBody
	Over        bool // its last day has passed
	MayOrder    bool
	MayDecide   bool // the reader leads the campaign
	MayShare    bool
	Led         bool
	Shares      []ShareLine // none: its funder pays alone
	Problem     string      // why the allocation asked for was refused
	Area        []string
	Orders      []orders.Order
	Allocations []issuing.Allocation
	Prescribers []choiceOf
	Free        int // vouchers whose cash is here and that no prescriber has
	Asked       allocateForm
}

type choiceOf struct{ Value, Text string }

type allocateForm struct {
	Prescriber vouchers.OrganisationID `form:"prescriber"`
	Vouchers   int                     `form:"vouchers"`
}

func (w *Campaigns) openPage(c *fiber.Ctx) error { return w.showCampaign(c, "", allocateForm{}) }

func (w *Campaigns) showCampaign(c *fiber.Ctx, problem string, asked allocateForm) error {
	one, err := w.campaign(c)
	if err != nil {
		return err
	}
	flows, err := w.Flows(c.UserContext(), actor(c), one.ID)
	if err != nil {
		return err
	}
	flow := flows[one.ID]
	sharing, err := w.Sharing(c.UserContext(), actor(c), one.ID)
	if err != nil {
		return err
	}
	led, over := one.Funder == actor(c).Organisation, one.EndsOn < vouchers.DayOf(of(c).server.options.Now())
	body := CampaignBody{Campaign: one, River: riverOf(c, flow), Over: over, MayOrder: !over && mayDecide(c), MayDecide: led && !over && mayDecide(c), Led: led,
		MayShare: led && !sharing.Settled && actor(c).Needs(identity.Funder, identity.Finance) == nil, Shares: shareLines(words(c), sharing),
		Problem: problem, Asked: asked, Area: areaNames(one.Area()), Free: int(max(flow.Received-flow.Allocated, 0) / one.Face)}
	if body.Orders, err = w.Orders.List(c.UserContext(), actor(c), orders.Query{Campaign: one.ID, Limit: pageSize}); err != nil {
		return err
	}
	if led {
		if err := w.allocated(c, &body); err != nil {
			return err
		}
	}
	return page(c, "campaigns/campaign", body)
}

// allocated fills in who hands the campaign's vouchers over, and who could.
func (w *Campaigns) allocated(c *fiber.Ctx, body *CampaignBody) error {
	all, err := w.Issuing.Allocations(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body.Allocations = slices.DeleteFunc(all, func(a issuing.Allocation) bool { return a.Campaign != body.ID })
	prescribers, err := w.Identity.Organisations(c.UserContext(), actor(c), identity.Prescriber)
	for _, p := range prescribers {
		text := p.Name
		if p.Town != "" {
			text += " (" + p.Town + ")"
		}
		body.Prescribers = append(body.Prescribers, choiceOf{fmt.Sprint(p.ID), text})
	}
	return err
}

func (w *Campaigns) allocateForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	var form allocateForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	a, err := w.Issuing.Allocate(c.UserContext(), actor(c),
		issuing.AllocateRequest{Campaign: id, Prescriber: form.Prescriber, Vouchers: form.Vouchers})
	if err != nil {
		if told := refusalOf(err); told.status != http.StatusConflict && told.status != http.StatusUnprocessableEntity {
			return err
		}
		c.Status(refusalOf(err).status)
		return w.showCampaign(c, faultText(c, err), form)
	}
	if err := flash(c, "done", "campaigns.allocated", "count", form.Vouchers, "prescriber", a.PrescriberName); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/campaigns/%d#allocations", id), http.StatusSeeOther)
}

// areaNames are the names of an area's parts.
func areaNames(a territory.Area) []string {
	var names []string
	for _, code := range a.Departements {
		d, _ := territory.Departement(code)
		names = append(names, d.Name+" ("+code+")")
	}
	for _, siren := range a.EPCIs {
		d, _ := territory.EPCI(siren)
		names = append(names, d.Name)
	}
	for _, insee := range a.Communes {
		commune, _ := territory.Lookup(insee)
		names = append(names, commune.Name)
	}
	return names
}
