package campaigns

import (
	"context"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Plan is the part of the rules that a quote may change until a first order is accepted.
type Plan struct {
	BookletSize int          `json:"booklet_size"`
	StartsOn    vouchers.Day `json:"starts_on"`
	EndsOn      vouchers.Day `json:"ends_on"`
}

// Plan is the campaign's own.
func (c Campaign) Plan() Plan { return Plan{c.BookletSize, c.StartsOn, c.EndsOn} }

// CheckPlan says what would be wrong with the campaign if it followed p.
func (c Campaign) CheckPlan(p Plan, today vouchers.Day) error { return c.following(p).check(today) }

func (c Campaign) following(p Plan) Rules {
	r := c.Rules
	r.BookletSize, r.StartsOn, r.EndsOn = p.BookletSize, p.StartsOn, p.EndsOn
	return r
}

// Follow gives a campaign that Payer has read, and of which nothing has been ordered yet, the plan of its
// first order.
func Follow(ctx context.Context, tx *db.Tx, actor identity.Actor, c Campaign, p Plan) (Campaign, error) {
	if err := c.CheckPlan(p, vouchers.DayOf(tx.Now)); err != nil {
		return Campaign{}, err
	}
	if _, err := tx.Exec(ctx, `UPDATE campaigns SET booklet_size = $2, starts_on = $3, ends_on = $4 WHERE id = $1`,
		c.ID, p.BookletSize, p.StartsOn, p.EndsOn); err != nil {
		return Campaign{}, err
	}
	before := c.Plan()
	c.Rules = c.following(p)
	return c, audit.Record(ctx, tx, actor, "campaign_planned", object(c.ID), before, p)
}
