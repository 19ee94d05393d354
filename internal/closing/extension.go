package closing

import (
	"context"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

// ExtendRequest is a funder's decision to let a campaign last longer, signed by name.
type ExtendRequest struct {
	Campaign vouchers.CampaignID `json:"-"`
	Until    vouchers.Day        `json:"until"`
	Name     string              `json:"signed_name"`
	Agreed   bool                `json:"agreed"`
}

// Extension is what it concerns.
type Extension struct {
	Campaign vouchers.CampaignID `json:"campaign" db:"campaign_id"`
	From     vouchers.Day        `json:"from" db:"from_on"` // the end until then, which paper still shows
	Until    vouchers.Day        `json:"until" db:"until_on"`
	LastDay  vouchers.Day        `json:"last_day" db:"last_day"` // tolerance included
	issuing.Holdings
	SignedBy  string    `json:"signed_name,omitempty" db:"signed_name"`
	DecidedAt time.Time `json:"decided_at,omitzero" db:"decided_at"`
}

// PreviewExtension tells what an extension would concern; until 0 is thirty days after the
// end in force. Its faults are those of Extend.
func (s *Service) PreviewExtension(ctx context.Context, actor identity.Actor, id vouchers.CampaignID, until vouchers.Day) (Extension, error) {
	if err := mayDecide(actor); err != nil {
		return Extension{}, err
	}
	var e Extension
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		c, err := campaigns.Led(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		if until == 0 {
			until = c.EndsOn.AddDays(usualExtension)
		}
		e, err = extension(ctx, tx, c, until)
		return err
	})
	return e, err
}

// usualExtension is what is shown before somebody has chosen, in days.
const usualExtension = 30

// Extend lets a campaign of the actor's organisation, and the booklets that people hold,
// run until a later day. Its faults are campaign_closed, campaign_expired,
// extension_not_later, campaign_too_long, signature_missing and decision_missing.
func (s *Service) Extend(ctx context.Context, actor identity.Actor, req ExtendRequest) (Extension, error) {
	if err := mayDecide(actor); err != nil {
		return Extension{}, err
	}
	req.Name = strings.Join(strings.Fields(req.Name), " ")
	switch {
	case len([]rune(req.Name)) < 3 || len([]rune(req.Name)) > 140:
		return Extension{}, fault.New(fault.Invalid, "signature_missing")
	case !req.Agreed:
		return Extension{}, fault.New(fault.Invalid, "decision_missing")
	}
	var e Extension
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		e, err = once.Do(ctx, tx, actor.Organisation, "extend_campaign", []any{req.Campaign, req}, func() (Extension, error) {
			return s.extend(ctx, tx, actor, req)
		})
		return err
	})
	return e, err
}

func (s *Service) extend(ctx context.Context, tx *db.Tx, actor identity.Actor, req ExtendRequest) (Extension, error) {
	if _, err := campaigns.Led(ctx, tx, actor, req.Campaign); err != nil {
		return Extension{}, err
	}
	c, err := campaigns.Hold(ctx, tx, req.Campaign)
	if err != nil {
		return Extension{}, err
	}
	if _, err := ledger.LockGuarded(ctx, tx, ledger.Funds(c.ID)); err != nil {
		return Extension{}, err
	}
	e, err := extension(ctx, tx, c, req.Until)
	if err != nil {
		return Extension{}, err
	}
	e.SignedBy, e.DecidedAt = req.Name, tx.Now
	// Booklets first: which of them are over is judged by the old end.
	if err := issuing.Extend(ctx, tx, c.ID, req.Until); err != nil {
		return Extension{}, err
	}
	if err := campaigns.Extend(ctx, tx, c.ID, req.Until); err != nil {
		return Extension{}, err
	}
	if err := keepExtension(ctx, tx, actor, e); err != nil {
		return Extension{}, err
	}
	if err := audit.Record(ctx, tx, actor, "campaign_extended", object(c.ID), map[string]any{"ends_on": c.EndsOn}, e); err != nil {
		return Extension{}, err
	}
	return e, s.tellExtended(ctx, tx, c, e)
}

// extension counts what a later end concerns, if it is allowed.
func extension(ctx context.Context, tx *db.Tx, c campaigns.Campaign, until vouchers.Day) (Extension, error) {
	switch today := vouchers.DayOf(tx.Now); {
	case c.ClosedAt != nil:
		return Extension{}, fault.New(fault.Conflict, "campaign_closed", "on", vouchers.DayOf(*c.ClosedAt))
	case today > c.LastDay():
		return Extension{}, fault.New(fault.Conflict, "campaign_expired", "on", c.LastDay())
	case until < today:
		return Extension{}, fault.New(fault.Invalid, "campaign_in_the_past")
	}
	if err := c.MayEndOn(until); err != nil {
		return Extension{}, err
	}
	held, err := issuing.HeldIn(ctx, tx, c.ID)
	return Extension{Campaign: c.ID, From: c.EndsOn, Until: until, LastDay: until.AddDays(c.ToleranceDays), Holdings: held}, err
}

// mayDecide refuses who does not decide for a funder.
func mayDecide(actor identity.Actor) error {
	if err := actor.Needs(identity.Funder, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}
