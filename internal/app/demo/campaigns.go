package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// campaign is a programme of the play: what its funder decides and what happens to it.
type campaign struct {
	rules  campaigns.Rules
	funder int

	starts, ends int // days of the play
	ordered      int // vouchers
	payments     []payment
	givenOut     int // booklets

	id     vouchers.CampaignID
	order  orders.Order
	places []spot // where it can be spent
}

// payment is a transfer of the funder's, so many days after its order.
type payment struct {
	after, percent int
	unnamed        bool    // without the reference: the operator has to say what it is for
	share          [3]int  // vouchers that the prescribers may then hand over
	toBank         float64 // hour
}

// spot is a service at a place.
type spot struct {
	structure *structure
	place     *place
	offer     int
}

// planCampaigns: one is over, so that vouchers expire; two go on beyond the present. One
// is paid at once, one in parts, one too much.
func (p *play) planCampaigns(groups []group) {
	departements, epcis := areas(groups)
	p.campaigns = []*campaign{
		{funder: 0, starts: 5, ends: 85, ordered: 1200, givenOut: 90,
			payments: []payment{{after: 3, percent: 100, share: [3]int{600, 500, 0}}},
			rules: campaigns.Rules{Face: 10_00, BookletSize: 10, ToleranceDays: 15, PriceCap: 4,
				Departements: departements[:1]}},
		{funder: 1, starts: 20, ends: lasts + 110, ordered: 1500, givenOut: 95,
			payments: []payment{{after: 4, percent: 40, share: [3]int{0, 300, 250}}, {after: 40, percent: 20, unnamed: true, share: [3]int{0, 150, 100}}},
			rules: campaigns.Rules{Face: 8_00, BookletSize: 5, ToleranceDays: 30, PriceCap: 3,
				Departements: departements[len(departements)/2:][:1]}},
		{funder: 2, starts: 40, ends: lasts + 75, ordered: 800, givenOut: 75,
			payments: []payment{{after: 4, percent: 103, share: [3]int{400, 0, 320}}},
			rules: campaigns.Rules{Face: 15_00, BookletSize: 8, ToleranceDays: 0, PriceCap: 2, EPCIs: epcis,
				Themes: commonThemes(groups)}},
	}
	for i, c := range p.campaigns {
		c.rules.Name = cast.Campaigns[i]
		c.rules.StartsOn, c.rules.EndsOn = p.date(c.starts), p.date(c.ends)
		p.planCampaign(c)
		p.planBooklets(c)
	}
}

// areas are the départements of the places and, for the campaign that crosses them, the
// intercommunal bodies.
func areas(groups []group) (departements, epcis []string) {
	for _, g := range groups {
		for _, one := range g.places {
			c, _ := territory.Lookup(one.record.INSEE)
			if !slices.Contains(departements, c.Departement) {
				departements = append(departements, c.Departement)
			}
			if c.EPCI != "" && !slices.Contains(epcis, c.EPCI) {
				epcis = append(epcis, c.EPCI)
			}
		}
	}
	slices.Reverse(departements) // the one with most places first
	return departements, epcis
}

// commonThemes are the three services that most places offer.
func commonThemes(groups []group) []string {
	count := map[string]int{}
	var themes []string
	for _, g := range groups {
		for _, one := range g.places {
			for _, o := range one.offers {
				if count[o.Theme]++; count[o.Theme] == 1 {
					themes = append(themes, o.Theme)
				}
			}
		}
	}
	slices.SortStableFunc(themes, func(a, b string) int { return count[b] - count[a] })
	return themes[:min(len(themes), 3)]
}

func (p *play) planCampaign(c *campaign) {
	p.on(c.starts, 6, "orders", func(ctx context.Context) error {
		funder := p.funders[c.funder]
		var defined campaigns.Campaign
		if err := funder.agent.post(ctx, "/campaigns", c.rules, &defined); err != nil {
			return err
		}
		c.id = defined.ID
		p.findSpots(c)
		if err := funder.third.post(ctx, "/orders", orders.PlaceRequest{Campaign: c.id, Vouchers: c.ordered}, &c.order); err != nil {
			return err
		}
		bill := c.order.Invoices[0]
		_, err := p.fetch(ctx, funder.third, fmt.Sprintf("/invoices/%d/pdf", bill.Invoice), fmt.Sprintf("facture-%s.pdf", bill.Number))
		return err
	})
	for _, pay := range c.payments {
		p.on(c.starts+pay.after, 6, "orders", func(ctx context.Context) error { return p.pay(ctx, c, pay) })
	}
}

// pay lets the funder's bank send money, imports the statement that shows it, and
// allocates what it covers.
func (p *play) pay(ctx context.Context, c *campaign, pay payment) error {
	funder := p.funders[c.funder]
	text := c.order.Reference
	if pay.unnamed {
		text = c.rules.Name
	}
	p.bank.receive(vouchers.DayOf(p.now), funder.Name, c.order.Face*vouchers.Cents(pay.percent)/100, text)
	if err := p.importStatement(ctx); err != nil {
		return err
	}
	if pay.unnamed {
		if err := p.attribute(ctx, c); err != nil {
			return err
		}
	}
	for i, share := range pay.share {
		if share == 0 {
			continue
		}
		request := issuing.AllocateRequest{Campaign: c.id, Prescriber: p.prescribers[i].ID, Vouchers: share}
		if err := funder.agent.post(ctx, "/allocations", request, nil); err != nil {
			return err
		}
	}
	return nil
}

// importStatement brings what the bank booked to the operator.
func (p *play) importStatement(ctx context.Context) error {
	file, err := p.bank.statement(p.now)
	if err != nil {
		return err
	}
	if err := p.keep(fmt.Sprintf("camt053-%03d.xml", p.bank.number), file); err != nil {
		return err
	}
	return p.operator.third.do(ctx, call{method: "POST", path: "/statements", in: file, kind: "application/xml"})
}

// attribute says which order the credit without a reference was for.
func (p *play) attribute(ctx context.Context, c *campaign) error {
	var waiting struct {
		Items []struct {
			ID int64 `json:"id"`
		} `json:"items"`
	}
	if err := p.operator.third.get(ctx, "/statements/lines", &waiting); err != nil {
		return err
	}
	for _, line := range waiting.Items {
		request := map[string]any{"order": c.order.ID}
		if err := p.operator.third.post(ctx, fmt.Sprintf("/statements/lines/%d/attribution", line.ID), request, nil); err != nil {
			return err
		}
	}
	return nil
}

// findSpots lists the services for which a campaign's vouchers are taken.
func (p *play) findSpots(c *campaign) {
	for _, s := range p.structures {
		for _, one := range s.places {
			for i, o := range one.offers {
				open := len(c.rules.Themes) == 0 || slices.Contains(c.rules.Themes, o.Theme)
				if open && o.PriceVouchers <= c.rules.PriceCap && c.rules.Area().Contains(one.record.INSEE) {
					c.places = append(c.places, spot{s, one, i})
				}
			}
		}
	}
}
