package reporting

import (
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// shared is a campaign of 1,000 vouchers of 10.00, of which the lead has paid all and each
// co-funder pays some more.
func (b bundle) shared(shares ...campaigns.Share) campaigns.Campaign {
	b.t.Helper()
	_, err := b.Campaigns.SetShares(b.t.Context(), b.Funder, campaigns.SharesRequest{Campaign: b.Campaign.ID, Shares: shares})
	b.ok(err)
	for _, s := range shares {
		theirs := b.Campaign
		theirs.Funder = s.Funder
		if s.Funder != b.Campaign.Funder {
			b.Fund(theirs, 200_00)
		}
	}
	return b.Campaign
}

// uses spends vouchers of the campaign.
func (b bundle) uses(count int) {
	b.t.Helper()
	b.Redeem(b.Structure, b.HandOver(b.Campaign, count), count)
}

// pays checks the part of a funder, as the operator sees it.
func (b bundle) pays(funder identity.Actor, part vouchers.Cents) {
	b.t.Helper()
	all, err := b.Sharing(b.t.Context(), b.Operator, b.Campaign.ID)
	b.ok(err)
	for _, p := range all.Parts {
		if p.Funder == funder.Organisation && *p.Part != part {
			b.t.Errorf("%s pays %s, not %s", p.Name, *p.Part, part)
		}
	}
}

func TestTheStatePaysHalfOfWhatIsUsedUpToItsCeiling(t *testing.T) {
	t.Parallel()
	b := setup(t)
	state := b.Organisation(identity.Funder, "État")
	ceiling := vouchers.Cents(60_00)
	b.shared(campaigns.Share{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 5000, Ceiling: &ceiling})
	b.uses(9)
	b.pays(state, 45_00)
	b.pays(b.Funder, 45_00)
	b.uses(9)
	b.pays(state, 60_00)
	b.pays(b.Funder, 120_00)
	if !b.verify()["INV-16"].OK {
		t.Error("an order of a co-funder is called another's")
	}
}

func TestThreeFundersShareACentThatDoesNotDivide(t *testing.T) {
	t.Parallel()
	b := setup(t)
	state, mutual := b.Organisation(identity.Funder, "État"), b.Organisation(identity.Funder, "Mutuelle")
	b.shared(
		campaigns.Share{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 3333},
		campaigns.Share{Funder: mutual.Organisation, Kind: campaigns.Percent, PercentBP: 3333})
	b.uses(1)
	b.pays(state, 3_33)
	b.pays(mutual, 3_33)
	b.pays(b.Funder, 3_34)
}

func TestACoFunderIsToldItsOwnMoneyOnly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	state, stranger := b.Organisation(identity.Funder, "État"), b.Organisation(identity.Funder, "Mutuelle")
	b.shared(campaigns.Share{Funder: state.Organisation, Kind: campaigns.Percent, PercentBP: 5000})
	b.uses(2)
	for _, who := range []identity.Actor{state, b.Funder} {
		all, err := b.Sharing(t.Context(), who, b.Campaign.ID)
		b.ok(err)
		for _, p := range all.Parts {
			if own := p.Funder == who.Organisation; (p.Paid != nil) != own || (p.Part != nil) != own || own && *p.Part != 10_00 {
				t.Errorf("%s is told %+v", who.OrganisationName, p)
			}
		}
		if !all.Settled || len(all.Parts) != 2 {
			t.Errorf("%+v", all)
		}
	}
	flows, err := b.Flows(t.Context(), state, b.Campaign.ID)
	if err != nil || flows[b.Campaign.ID].Used != 20_00 {
		t.Errorf("the whole campaign's counters: %+v, %v", flows, err)
	}
	if _, err := b.Sharing(t.Context(), stranger, b.Campaign.ID); fault.Code(err) != "not_found" {
		t.Errorf("a stranger: %v", err)
	}
	_, err = b.Campaigns.SetShares(t.Context(), b.Funder, campaigns.SharesRequest{Campaign: b.Campaign.ID})
	if fault.Code(err) != "shares_settled" {
		t.Errorf("changed after the State has ordered: %v", err)
	}
}
