package reporting

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Flow is where a campaign's money is, from order to payment. Each figure is part of
// the one before.
type Flow struct {
	Ordered    vouchers.Cents `json:"ordered_cents"`     // face value of all orders
	Received   vouchers.Cents `json:"received_cents"`    // cash that arrived for them
	HandedOver vouchers.Cents `json:"handed_over_cents"` // in booklets given to people
	Used       vouchers.Cents `json:"used_cents"`        // redeemed and not undone
	Paid       vouchers.Cents `json:"paid_cents"`        // on the bank's statement

	Allocated        vouchers.Cents `json:"allocated_cents"`     // that prescribers may hand over or have
	Left             vouchers.Cents `json:"left_cents"`          // in people's hands and not used
	Booklets         int            `json:"booklets"`            // handed over
	BookletsUsedOnce int            `json:"booklets_first_used"` // that have served at least once
}

// Expired is what people held and did not use in time.
func (f Flow) Expired() vouchers.Cents { return f.HandedOver - f.Used - f.Left }

// Asleep is how many booklets have not served yet.
func (f Flow) Asleep() int { return f.Booklets - f.BookletsUsedOnce }

// Report is what a campaign did, counted live.
type Report struct {
	At       time.Time          `json:"at"`
	Campaign campaigns.Campaign `json:"campaign"`
	Flow
	ExpiredCents vouchers.Cents `json:"expired_cents"`
	Months       []MonthFigure  `json:"by_month"`
	Themes       []ThemeFigure  `json:"by_theme"`
	Places       []PlaceFigure  `json:"by_place"`
	Residents    Residents      `json:"by_commune"`
}

// Use is what was redeemed and not undone.
type Use struct {
	Redemptions int            `json:"redemptions" db:"redemptions"`
	Vouchers    int            `json:"vouchers" db:"vouchers"`
	Amount      vouchers.Cents `json:"amount_cents" db:"amount_cents"`
}

// MonthFigure is one month in Paris. Every month of the campaign has one, from its
// first movement to today or its last.
type MonthFigure struct {
	First      vouchers.Day `json:"month" db:"first"` // its first day
	Booklets   int          `json:"booklets" db:"booklets"`
	HandedOver int          `json:"vouchers_handed_over" db:"handed_over"`
	Use
}

// ThemeFigure is the use for one kind of service.
type ThemeFigure struct {
	Theme string `json:"service_theme" db:"theme"`
	Use
}

// PlaceFigure is the use at one place: the structure's own public activity.
type PlaceFigure struct {
	Place vouchers.PlaceID `json:"place" db:"place_id"`
	Name  string           `json:"name" db:"name"`
	INSEE string           `json:"insee" db:"insee"`
	Town  string           `json:"town" db:"town"`
	Use
}

// Report counts a campaign of the actor's organisation; the operator sees all.
func (s *Service) Report(ctx context.Context, actor identity.Actor, id vouchers.CampaignID) (Report, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Report{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Report{}, err
	}
	var r Report
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		r, err = report(ctx, tx, actor, id)
		return err
	})
	return r, err
}

func report(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Report, error) {
	c, err := campaigns.Owned(ctx, tx, actor, id)
	if err != nil {
		return Report{}, err
	}
	flows, err := Flows(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	r := Report{At: tx.Now, Campaign: c, Flow: flows[id], ExpiredCents: flows[id].Expired()}
	cells, err := uses(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	if r.Places, err = places(ctx, tx, cells); err != nil {
		return Report{}, err
	}
	handed, err := handedOverByMonth(ctx, tx, id)
	if err != nil {
		return Report{}, err
	}
	r.Months, r.Themes = byMonth(handed, cells), byTheme(cells)
	homes, err := homes(ctx, tx, id)
	r.Residents = ShowResidents(homes)
	return r, err
}

// Flows returns the flow of each campaign. Its cost follows the number of booklets, not
// of redemptions: money comes from the ledger's roll-ups.
func Flows(ctx context.Context, tx *db.Tx, ids ...vouchers.CampaignID) (map[vouchers.CampaignID]Flow, error) {
	rows, err := flows(ctx, tx, ids)
	if err != nil {
		return nil, err
	}
	all := make(map[vouchers.CampaignID]Flow, len(rows))
	for _, r := range rows {
		all[r.Campaign] = r.flow()
	}
	return all, nil
}

// Flows returns the flow of each of the actor's campaigns that is asked for; the
// operator's are all.
func (s *Service) Flows(ctx context.Context, actor identity.Actor, ids ...vouchers.CampaignID) (map[vouchers.CampaignID]Flow, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	var all map[vouchers.CampaignID]Flow
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		for _, id := range ids {
			if _, err := campaigns.Owned(ctx, tx, actor, id); err != nil {
				return err
			}
		}
		var err error
		all, err = Flows(ctx, tx, ids...)
		return err
	})
	return all, err
}
