package campaigns_test

import (
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func TestALeadSharesItsCampaignAndTheOtherSeesIt(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	ctx := t.Context()
	state := w.Organisation(identity.Funder, "État")
	share := func(shares ...campaigns.Share) ([]campaigns.Share, error) {
		return w.Campaigns.SetShares(ctx, w.Funder, campaigns.SharesRequest{Campaign: w.Campaign.ID, Shares: shares})
	}
	agreed, err := share(percent(state.Organisation, 5000))
	if err != nil || len(agreed) != 2 || agreed[0] != rest(w.Funder.Organisation) || agreed[1] != percent(state.Organisation, 5000) {
		t.Fatalf("half is the State's, the rest the lead's: %+v, %v", agreed, err)
	}
	if c, err := w.Campaigns.Open(ctx, state, w.Campaign.ID); err != nil || c.Funder != w.Funder.Organisation {
		t.Errorf("the State does not see it: %v", err)
	}
	if list, err := w.Campaigns.List(ctx, state); err != nil || len(list) != 1 {
		t.Errorf("%d in the State's list, %v", len(list), err)
	}
	if _, err := w.Campaigns.SetShares(ctx, state, campaigns.SharesRequest{Campaign: w.Campaign.ID}); fault.Code(err) != "not_found" {
		t.Errorf("the State changed the shares: %v", err)
	}
	if _, err := share(); err != nil {
		t.Errorf("taken back before an order: %v", err)
	}
	if _, err := w.Campaigns.Open(ctx, state, w.Campaign.ID); fault.Code(err) != "not_found" {
		t.Errorf("the State still sees it: %v", err)
	}
}

func TestASharesRequestIsRefusedWithItsReason(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	lead, other, third := w.Funder.Organisation, w.Organisation(identity.Funder, "État").Organisation, w.Organisation(identity.Funder, "Mutuelle").Organisation
	for name, c := range map[string]struct {
		code   string
		shares []campaigns.Share
	}{
		"more than all":            {"shares_above_all", []campaigns.Share{percent(other, 6000), percent(third, 4001)}},
		"a funder twice":           {"share_twice", []campaigns.Share{percent(other, 6000), percent(other, 1000)}},
		"two pay the rest":         {"share_rest_twice", []campaigns.Share{rest(other), rest(third), percent(lead, 1)}},
		"nobody pays the rest":     {"share_rest_missing", []campaigns.Share{percent(lead, 5000), percent(other, 4999)}},
		"nothing":                  {"share_malformed", []campaigns.Share{percent(other, 0)}},
		"a percentage of the rest": {"share_malformed", []campaigns.Share{{Funder: other, Kind: campaigns.Rest, PercentBP: 5}}},
		"a ceiling of nothing":     {"share_malformed", []campaigns.Share{upTo(percent(other, 10), 0)}},
		"another kind":             {"share_malformed", []campaigns.Share{{Funder: other, Kind: "half"}}},
		"a prescriber":             {"share_funder_unknown", []campaigns.Share{percent(w.Prescriber.Organisation, 10)}},
		"nobody there":             {"share_funder_unknown", []campaigns.Share{percent(9999, 10)}},
	} {
		_, err := w.Campaigns.SetShares(t.Context(), w.Funder, campaigns.SharesRequest{Campaign: w.Campaign.ID, Shares: c.shares})
		if fault.Code(err) != c.code {
			t.Errorf("%s: %v, not %s", name, err, c.code)
		}
	}
	agent := w.Funder
	agent.Role = identity.Agent
	if _, err := w.Campaigns.SetShares(t.Context(), agent, campaigns.SharesRequest{Campaign: w.Campaign.ID}); fault.Code(err) != "forbidden" {
		t.Errorf("an agent shared what its finance pays: %v", err)
	}
	thirds := []campaigns.Share{percent(lead, 3334), percent(other, 3333), upTo(percent(third, 3333), vouchers.Cents(500_00))}
	if _, err := w.Campaigns.SetShares(t.Context(), w.Funder, campaigns.SharesRequest{Campaign: w.Campaign.ID, Shares: thirds}); err != nil {
		t.Errorf("three thirds: %v", err)
	}
}
