package campaigns_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

type parts = map[vouchers.OrganisationID]vouchers.Cents

const (
	lead vouchers.OrganisationID = iota + 1
	state
	mutual
)

func percent(funder vouchers.OrganisationID, bp int) campaigns.Share {
	return campaigns.Share{Funder: funder, Kind: campaigns.Percent, PercentBP: bp}
}

func rest(funder vouchers.OrganisationID) campaigns.Share {
	return campaigns.Share{Funder: funder, Kind: campaigns.Rest}
}

func upTo(s campaigns.Share, ceiling vouchers.Cents) campaigns.Share {
	s.Ceiling = &ceiling
	return s
}

func TestWhoPaysWhatWasUsed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		used   vouchers.Cents
		shares []campaigns.Share
		paid   parts
		want   parts
	}{
		"nobody shares": {700_00, []campaigns.Share{rest(lead)}, parts{lead: 1000_00}, parts{lead: 700_00}},
		"the State pays half, the lead the rest": {700_00, []campaigns.Share{rest(lead), percent(state, 5000)},
			parts{lead: 500_00, state: 500_00}, parts{lead: 350_00, state: 350_00}},
		"the cent that does not divide is the rest's": {101, []campaigns.Share{rest(lead), percent(state, 5000)},
			parts{lead: 100, state: 100}, parts{lead: 51, state: 50}},
		"three thirds": {100, []campaigns.Share{percent(lead, 3334), percent(state, 3333), percent(mutual, 3333)},
			parts{lead: 100, state: 100, mutual: 100}, parts{lead: 34, state: 33, mutual: 33}},
		"two halves of an odd cent: the first funder": {3, []campaigns.Share{percent(lead, 5000), percent(state, 5000)},
			parts{lead: 9, state: 9}, parts{lead: 2, state: 1}},
		"a ceiling is reached": {1000, []campaigns.Share{rest(lead), upTo(percent(state, 5000), 300)},
			parts{lead: 1000, state: 1000}, parts{lead: 700, state: 300}},
		"the rest up to a ceiling, then those below theirs": {1000, []campaigns.Share{upTo(rest(lead), 100), percent(state, 5000), upTo(percent(mutual, 1000), 200)},
			parts{lead: 1000, state: 1000, mutual: 1000}, parts{lead: 100, state: 750, mutual: 150}},
		"one has paid less than its part": {1000, []campaigns.Share{rest(lead), percent(state, 5000)},
			parts{lead: 900, state: 200}, parts{lead: 800, state: 200}},
		"the rest has paid less than its part": {1000, []campaigns.Share{rest(lead), percent(state, 5000), percent(mutual, 1000)},
			parts{lead: 100, state: 800, mutual: 300}, parts{lead: 100, state: 680, mutual: 220}},
		"above a ceiling when nobody else has paid": {1000, []campaigns.Share{rest(lead), upTo(percent(state, 5000), 300)},
			parts{lead: 500, state: 600}, parts{lead: 500, state: 500}},
		"large sums": {9_000_000_000_000_00, []campaigns.Share{percent(lead, 1), rest(state)},
			parts{lead: 1, state: 9_000_000_000_000_00}, parts{lead: 1, state: 8_999_999_999_999_99}},
	} {
		got := campaigns.Split(c.used, c.shares, c.paid)
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", name, got, c.want)
		}
	}
}

func TestNoCentIsLostBetweenFunders(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cents := rapid.Int64Range(0, 1_000_000_000_000)
		var shares []campaigns.Share
		paid, total, left := parts{}, vouchers.Cents(0), 10000
		restOf := rapid.IntRange(0, 5).Draw(t, "rest")
		for i := range rapid.IntRange(1, 5).Draw(t, "funders") {
			s := rest(vouchers.OrganisationID(i + 1))
			if i != restOf {
				s = percent(s.Funder, rapid.IntRange(0, left).Draw(t, "percent"))
				left -= s.PercentBP
			}
			if rapid.Bool().Draw(t, "bounded") {
				s = upTo(s, vouchers.Cents(cents.Draw(t, "ceiling"))+1)
			}
			shares = append(shares, s)
			paid[s.Funder] = vouchers.Cents(cents.Draw(t, "paid"))
			total += paid[s.Funder]
		}
		used := vouchers.Cents(rapid.Int64Range(0, int64(total)).Draw(t, "used"))
		got := campaigns.Split(used, shares, paid)
		var sum vouchers.Cents
		for f, part := range got {
			sum += part
			if part < 0 || part > paid[f] {
				t.Fatalf("funder %d pays %d of the %d that it has paid", f, part, paid[f])
			}
		}
		if sum != used {
			t.Fatalf("parts sum to %d, not %d", sum, used)
		}
		if other := campaigns.Split(used, rapid.Permutation(shares).Draw(t, "order"), paid); !maps.Equal(other, got) {
			t.Fatalf("in another order %v, not %v", other, got)
		}
		var withinCeilings vouchers.Cents
		for _, s := range shares {
			withinCeilings += most(s, paid)
		}
		for _, s := range shares {
			if withinCeilings >= used && got[s.Funder] > most(s, paid) {
				t.Fatalf("funder %d pays %d above its ceiling %d, and others could pay", s.Funder, got[s.Funder], *s.Ceiling)
			}
		}
	})
}

func most(s campaigns.Share, paid parts) vouchers.Cents {
	if s.Ceiling == nil {
		return paid[s.Funder]
	}
	return min(paid[s.Funder], *s.Ceiling)
}

func TestACampaignThatNobodySharesIsItsFunders(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	err := w.DB.Read(t.Context(), func(tx *db.Tx) error {
		shares, err := campaigns.SharesOf(t.Context(), tx, w.Campaign.ID)
		if len(shares) != 1 || shares[0] != rest(w.Funder.Organisation) {
			t.Errorf("%+v", shares)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
