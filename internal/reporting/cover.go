package reporting

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// coverFor is how long a cover is shown before it is counted again.
const coverFor = 5 * time.Second

// Owed is what the cash on the segregated account is there for.
type Owed struct {
	Live      vouchers.Cents `json:"live_cents"`       // in people's hands
	Payable   vouchers.Cents `json:"payable_cents"`    // redeemed and not yet ordered from the bank, whether a complaint withholds it or not
	InTransit vouchers.Cents `json:"in_transit_cents"` // ordered from the bank and not yet on its statement
	Funds     vouchers.Cents `json:"funds_cents"`      // received and not yet handed over
	Expired   vouchers.Cents `json:"expired_cents"`    // came back from people, to be given back to the funders
	Credit    vouchers.Cents `json:"credit_cents"`     // the funders' again, or on its way to them
	Claims    vouchers.Cents `json:"claims_cents"`     // the operator's, for what it gave back in advance
}

// Total is all of it.
func (o Owed) Total() vouchers.Cents {
	return o.Live + o.Payable + o.InTransit + o.Funds + o.Expired + o.Credit + o.Claims
}

// Cover sets the cash on the segregated account against what it is there for.
type Cover struct {
	At      time.Time      `json:"at"`
	Covered bool           `json:"covered"` // in sum, and each campaign by itself
	Held    vouchers.Cents `json:"held_cents"`
	Owed
	// Suspense is cash that nobody has explained yet; below zero the bank took cash that
	// we did not order out, and cover is short of it.
	Suspense  vouchers.Cents  `json:"suspense_cents"`
	Campaigns []CampaignCover `json:"campaigns"`
}

// CampaignCover is the cover of one campaign.
type CampaignCover struct {
	ID      vouchers.CampaignID `json:"campaign" db:"id"`
	Name    string              `json:"name" db:"name"`
	Funder  string              `json:"funder" db:"funder"`
	Covered bool                `json:"covered"`
	Held    vouchers.Cents      `json:"held_cents"`
	Owed
}

// Cover counts the cover in one snapshot, at most every few seconds: At says when.
func (s *Service) Cover(ctx context.Context) (Cover, error) {
	s.cover.mu.Lock()
	defer s.cover.mu.Unlock()
	if age := s.db.Now().Sub(s.cover.last.At); age >= 0 && age < coverFor {
		return s.cover.last, nil
	}
	var c Cover
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		c, err = CoverNow(ctx, tx)
		return err
	})
	if err == nil {
		s.cover.last = c
	}
	return c, err
}

// CoverNow counts the cover as tx sees it.
func CoverNow(ctx context.Context, tx *db.Tx) (Cover, error) {
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return Cover{}, err
	}
	var names []CampaignCover
	err = tx.Select(ctx, &names, `
		SELECT c.id, c.name, o.name AS funder FROM campaigns c JOIN organisations o ON o.id = c.funder_id`)
	if err != nil {
		return Cover{}, err
	}
	return coverOf(tx.Now, sums, names), nil
}

// coverOf sorts the sums into campaigns and judges each, and all of them together.
func coverOf(at time.Time, sums []ledger.Sum, names []CampaignCover) Cover {
	c := Cover{At: at, Campaigns: []CampaignCover{}}
	lines := make(map[vouchers.CampaignID]*CampaignCover, len(names))
	for i := range names {
		lines[names[i].ID] = &names[i]
	}
	touched := map[vouchers.CampaignID]bool{}
	for _, sum := range sums {
		line := lines[sum.Campaign]
		if line == nil { // no campaign's yet
			line = &CampaignCover{}
		}
		touched[sum.Campaign] = true
		if slices.Contains([]ledger.Account{ledger.Segregated, ledger.StripeSegregated, ledger.StripePayouts}, sum.Account) {
			c.Held += sum.Held()
			line.Held += sum.Held()
			continue
		}
		if sum.Account == ledger.Suspense {
			c.Suspense += sum.Owed()
			continue
		}
		c.Owed.add(sum)
		line.Owed.add(sum)
	}
	c.Covered = c.Held >= c.Owed.Total()
	for _, line := range lines {
		if !touched[line.ID] {
			continue // ordered, perhaps, but no money has moved
		}
		line.Covered = line.Held >= line.Owed.Total()
		c.Covered = c.Covered && line.Covered
		c.Campaigns = append(c.Campaigns, *line)
	}
	slices.SortFunc(c.Campaigns, func(a, b CampaignCover) int { return cmp.Compare(b.ID, a.ID) })
	return c
}

// add puts an account's balance where it belongs.
func (o *Owed) add(sum ledger.Sum) {
	name := string(sum.Account)
	switch {
	case sum.Account == ledger.InTransit:
		o.InTransit += sum.Owed()
	case strings.HasSuffix(name, ":live"):
		o.Live += sum.Owed()
	case strings.HasSuffix(name, ":payable"), strings.HasSuffix(name, ":withheld"):
		o.Payable += sum.Owed()
	case strings.HasSuffix(name, ":funds"):
		o.Funds += sum.Owed()
	case strings.HasSuffix(name, ":unused"):
		o.Expired += sum.Owed()
	case strings.HasSuffix(name, ":credit"), sum.Account == ledger.RefundsInTransit:
		o.Credit += sum.Owed()
	case sum.Account == ledger.Claims:
		o.Claims += sum.Owed()
	}
}

// ToStructures is what is owed to structures, ordered from the bank or not.
func (o Owed) ToStructures() vouchers.Cents { return o.Payable + o.InTransit }

// Unused is what is not in people's hands, and not any more.
func (o Owed) Unused() vouchers.Cents { return o.Funds + o.Expired + o.Credit + o.Claims }
