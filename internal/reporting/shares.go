package reporting

import (
	"context"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// Sharing is who pays for a campaign.
type Sharing struct {
	Settled bool   `json:"settled"` // can no longer be changed
	Parts   []Part `json:"shares"`
}

// Part is one funder's share, and what it comes to. A funder is told its own money only.
type Part struct {
	campaigns.Share
	Name string          `json:"funder_name"`
	Paid *vouchers.Cents `json:"paid_cents"` // for its orders; nil: not the reader's business
	Part *vouchers.Cents `json:"part_cents"` // of what was used so far, if the campaign ended now; nil as above
}

// Sharing tells who pays for a campaign that the actor may see.
func (s *Service) Sharing(ctx context.Context, actor identity.Actor, id vouchers.CampaignID) (Sharing, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Sharing{}, err
	}
	var all Sharing
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = sharing(ctx, tx, actor, id)
		return err
	})
	return all, err
}

func sharing(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Sharing, error) {
	if _, err := campaigns.Owned(ctx, tx, actor, id); err != nil {
		return Sharing{}, err
	}
	shares, err := campaigns.SharesOf(ctx, tx, id)
	if err != nil {
		return Sharing{}, err
	}
	paid, err := orders.PaidBy(ctx, tx, id)
	if err != nil {
		return Sharing{}, err
	}
	flows, err := Flows(ctx, tx, id)
	if err != nil {
		return Sharing{}, err
	}
	parts := campaigns.Split(flows[id].Used, shares, paid)
	var all Sharing
	for _, share := range shares {
		funder, err := identity.OrganisationOf(ctx, tx, share.Funder)
		if err != nil {
			return Sharing{}, err
		}
		p := Part{Share: share, Name: funder.Name}
		if actor.Kind == identity.Operator || actor.Organisation == share.Funder {
			itsPaid, itsPart := paid[share.Funder], parts[share.Funder]
			p.Paid, p.Part = &itsPaid, &itsPart
		}
		all.Parts = append(all.Parts, p)
	}
	all.Settled, err = campaigns.SharesSettled(ctx, tx, id)
	return all, err
}
