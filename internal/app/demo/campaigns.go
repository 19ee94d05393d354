package demo

import (
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// campaign is a programme of the play: what its funders decide and what happens to it.
type campaign struct {
	rules     campaigns.Rules
	funder    int // who defines it and pays its first purchase
	purchases []*purchase

	starts, ends int // days of the play
	givenOut     int // booklets

	id     vouchers.CampaignID
	places []spot // where it can be spent
}

// theState is the funder that shares the first campaign with the one that defines it.
const theState = 3

// spot is a service at a place.
type spot struct {
	structure *structure
	place     *place
	offer     int
}

// planCampaigns: one is over, so that vouchers expire and their money goes back to its two
// funders; two go on beyond the present. One is paid in time, one in parts and once by
// card, one too much.
func (p *play) planCampaigns(groups []group) {
	departements, epcis := areas(groups)
	p.campaigns = []*campaign{
		{funder: 0, starts: 5, ends: 85, givenOut: 90,
			purchases: []*purchase{
				{funder: 0, vouchers: 600, chorus: orders.Chorus{Engagement: "EJ-2145", ServiceCode: "CULTURE-NUM"},
					payments: []payment{{after: 3, percent: 100, share: [3]int{300, 300, 0}}}},
				{funder: theState, vouchers: 600, chorus: orders.Chorus{Engagement: "2500147896", ServiceCode: "D2274"},
					payments: []payment{{after: 6, percent: 100, share: [3]int{300, 200, 0}}}}},
			rules: campaigns.Rules{Face: 10_00, BookletSize: 10, ToleranceDays: 15, PriceCap: 4,
				Departements: departements[:1]}},
		{funder: 1, starts: 20, ends: lasts + 110, givenOut: 95,
			purchases: []*purchase{
				{funder: 1, vouchers: 1500, payments: []payment{
					{after: 4, percent: 40, share: [3]int{0, 300, 250}, kind: statements.PartPayment, decision: statements.RemindOf},
					{after: 40, percent: 20, share: [3]int{0, 150, 100}, text: mistyped, kind: statements.WrongReference, decision: statements.ForOrder},
					{after: lasts - 23, percent: 20, text: unnamed}}},
				{funder: 1, after: 62, vouchers: 100, online: [3]int{0, 50, 50}}},
			rules: campaigns.Rules{Face: 8_00, BookletSize: 5, ToleranceDays: 30, PriceCap: 3, NoShow: campaigns.OneVoucher,
				Departements: departements[len(departements)/2:][:1]}},
		{funder: 2, starts: 40, ends: lasts + 75, givenOut: 75,
			purchases: []*purchase{
				{funder: 2, vouchers: 800, chorus: orders.Chorus{Engagement: "VL-0457", ServiceCode: "CCAS"}, payments: []payment{
					{after: 4, percent: 103, share: [3]int{400, 0, 320}, kind: statements.OverPayment, decision: statements.GiveBack}}}},
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
	p.on(c.starts, 6, "orders", func(ctx context.Context) error { return p.define(ctx, c) })
	for _, one := range c.purchases {
		p.planPurchase(c, one)
	}
}

// define opens a campaign. Where the State is among those who pay, it pays a half of what
// will be used.
func (p *play) define(ctx context.Context, c *campaign) error {
	funder := p.funders[c.funder]
	var defined campaigns.Campaign
	if err := funder.agent.post(ctx, "/campaigns", c.rules, &defined); err != nil {
		return err
	}
	c.id = defined.ID
	p.findSpots(c)
	if !slices.ContainsFunc(c.purchases, func(one *purchase) bool { return one.funder == theState }) {
		return nil
	}
	half := map[string]any{"funder": p.funders[theState].ID, "kind": campaigns.Percent, "percent_basis_points": 5000}
	return funder.third.put(ctx, fmt.Sprintf("/campaigns/%d/shares", c.id), map[string]any{"shares": []any{half}})
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
