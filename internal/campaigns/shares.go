package campaigns

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// ShareKind is how a funder's part of what was used is found.
type ShareKind string

const (
	Percent ShareKind = "percent" // of the value used
	Rest    ShareKind = "rest"    // what the others do not pay
)

// Share is what one funder of a campaign has agreed to pay of the value that is used.
type Share struct {
	Funder    vouchers.OrganisationID `json:"funder" db:"funder_id"`
	Kind      ShareKind               `json:"kind" db:"kind"`
	PercentBP int                     `json:"percent_basis_points" db:"percent_bp"` // 5000 is 50 %; 0 for the rest
	Ceiling   *vouchers.Cents         `json:"ceiling_cents" db:"ceiling_cents"`     // the most it pays
}

// SharesRequest says who pays for a campaign, all funders at once. Without a word on the
// rest it is the lead's.
type SharesRequest struct {
	Campaign vouchers.CampaignID `json:"campaign"`
	Shares   []Share             `json:"shares"`
}

// SetShares lets the funder that leads a campaign share what it costs with others. Once one
// of those has ordered, it has agreed to its share, and no share can be changed any more.
func (s *Service) SetShares(ctx context.Context, actor identity.Actor, req SharesRequest) ([]Share, error) {
	if err := actor.Needs(identity.Funder, identity.Finance); err != nil {
		return nil, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return nil, err
	}
	var all []Share
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		all, err = once.Do(ctx, tx, actor.Organisation, "set_shares", req, func() ([]Share, error) {
			return setShares(ctx, tx, actor, req)
		})
		return err
	})
	return all, err
}

func setShares(ctx context.Context, tx *db.Tx, actor identity.Actor, req SharesRequest) ([]Share, error) {
	if err := lockShares(ctx, tx, req.Campaign); err != nil {
		return nil, err
	}
	c, err := Led(ctx, tx, actor, req.Campaign)
	if err != nil {
		return nil, err
	}
	settled, err := SharesSettled(ctx, tx, c.ID)
	if err == nil && settled {
		err = fault.New(fault.Conflict, "shares_settled")
	}
	if err != nil {
		return nil, err
	}
	agreed, err := agreement(c.Funder, req.Shares)
	if err != nil {
		return nil, err
	}
	for _, share := range agreed {
		err := identity.MustBe(ctx, tx, share.Funder, identity.Funder)
		if fault.Code(err) == "not_found" {
			err = fault.New(fault.Invalid, "share_funder_unknown")
		}
		if err != nil {
			return nil, err
		}
	}
	before, err := SharesOf(ctx, tx, c.ID)
	if err != nil {
		return nil, err
	}
	if err := replaceShares(ctx, tx, actor, c.ID, agreed); err != nil {
		return nil, err
	}
	return agreed, audit.Record(ctx, tx, actor, "shares_set", fmt.Sprintf("campaign:%d", c.ID), before, agreed)
}

// SharesOf reads who pays for a campaign, in the order of the funders' ids. One that
// nobody shares is paid by its own funder.
func SharesOf(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) ([]Share, error) {
	all, err := shares(ctx, tx, id)
	if err != nil || len(all) > 0 {
		return all, err
	}
	c, err := Get(ctx, tx, id)
	return []Share{{Funder: c.Funder, Kind: Rest}}, err
}

// agreement completes shares, in the order of the funders' ids, and says what is wrong with
// them: exactly one funder pays the rest, or percentages make the whole.
func agreement(lead vouchers.OrganisationID, asked []Share) ([]Share, error) {
	all := slices.Clone(asked)
	if !slices.ContainsFunc(all, func(s Share) bool { return s.Kind == Rest || s.Funder == lead }) {
		all = append(all, Share{Funder: lead, Kind: Rest})
	}
	slices.SortFunc(all, func(a, b Share) int { return cmp.Compare(a.Funder, b.Funder) })
	percents, rests := 0, 0
	for i, s := range all {
		if i > 0 && s.Funder == all[i-1].Funder {
			return nil, fault.New(fault.Invalid, "share_twice")
		}
		if !s.wellFormed() {
			return nil, fault.New(fault.Invalid, "share_malformed")
		}
		if percents += s.PercentBP; s.Kind == Rest {
			rests++
		}
	}
	switch {
	case percents > 10000:
		return nil, fault.New(fault.Invalid, "shares_above_all")
	case rests > 1:
		return nil, fault.New(fault.Invalid, "share_rest_twice")
	case rests == 0 && percents < 10000:
		return nil, fault.New(fault.Invalid, "share_rest_missing")
	}
	return all, nil
}

func (s Share) wellFormed() bool {
	percent := s.Kind == Percent && s.PercentBP > 0 && s.PercentBP <= 10000 || s.Kind == Rest && s.PercentBP == 0
	return percent && (s.Ceiling == nil || *s.Ceiling > 0)
}
