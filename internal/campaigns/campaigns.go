// Package campaigns keeps the funders' programmes and their rules: who may use the
// vouchers where, for what, until when.
package campaigns

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to define campaigns and to allocate their vouchers.
const Scope = "campaigns"

// Service is the use cases of campaigns.
type Service struct{ db *db.DB }

// New makes the service.
func New(d *db.DB) *Service { return &Service{db: d} }

// Rules are what a funder decides. Empty lists of places and themes exclude nothing.
type Rules struct {
	Name          string         `json:"name"`
	Face          vouchers.Cents `json:"face_cents"`      // value of one voucher
	BookletSize   int            `json:"booklet_size"`    // vouchers in a booklet
	StartsOn      vouchers.Day   `json:"starts_on"`       // first day of hand-over
	EndsOn        vouchers.Day   `json:"ends_on"`         // last day printed on booklets
	ToleranceDays int            `json:"tolerance_days"`  // days after it when a voucher is still taken
	PriceCap      int            `json:"price_cap"`       // most vouchers for one service
	NoShow        NoShow         `json:"no_show"`         // "" is none
	Themes        []string       `json:"service_themes"`  // services that may be paid
	Communes      []string       `json:"communes"`        // INSEE codes
	EPCIs         []string       `json:"epcis"`           // SIREN of intercommunalités
	Departements  []string       `json:"departements"`    // "74", "2A", "974"
	Labels        []string       `json:"accepted_labels"` // kinds of label, or national programmes and labels of which a labelled place has one
}

// NoShow is what is taken of a booklet whose holder does not come to a booked session.
type NoShow string

// The rules of a no-show.
const (
	Nothing    NoShow = "none"
	OneVoucher NoShow = "one"
	AllHeld    NoShow = "all" // the price of the session
)

// Of is what the rule takes of so many vouchers that are held.
func (n NoShow) Of(held int) int {
	switch n {
	case OneVoucher:
		return min(1, held)
	case AllHeld:
		return held
	}
	return 0
}

// Area is where the vouchers may be spent.
func (r Rules) Area() territory.Area {
	return territory.Area{Communes: r.Communes, EPCIs: r.EPCIs, Departements: r.Departements}
}

// Campaign is a funder's programme.
type Campaign struct {
	ID         vouchers.CampaignID     `json:"id"`
	Funder     vouchers.OrganisationID `json:"funder"`
	FunderName string                  `json:"funder_name"`
	CreatedAt  time.Time               `json:"created_at"`
	ClosedAt   *time.Time              `json:"closed_at"` // since when what it did not use is its funders' again
	Rules
}

// LastDay is the last day on which a voucher is taken, tolerance included.
func (c Campaign) LastDay() vouchers.Day { return c.EndsOn.AddDays(c.ToleranceDays) }

// Define creates a campaign of the actor's organisation.
func (s *Service) Define(ctx context.Context, actor identity.Actor, rules Rules) (Campaign, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Campaign{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Campaign{}, err
	}
	rules = rules.tidy()
	var c Campaign
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		if err := rules.check(vouchers.DayOf(tx.Now)); err != nil {
			return err
		}
		if unknown, err := unknownLabel(ctx, tx, rules.Labels); err != nil {
			return err
		} else if unknown != "" {
			return fault.New(fault.Invalid, "accepted_label_unknown", "label", unknown)
		}
		c, err = once.Do(ctx, tx, actor.Organisation, "define_campaign", rules, func() (Campaign, error) {
			return define(ctx, tx, actor, rules)
		})
		return err
	})
	return c, err
}

func define(ctx context.Context, tx *db.Tx, actor identity.Actor, rules Rules) (Campaign, error) {
	id, err := insert(ctx, tx, actor, rules)
	if err != nil {
		return Campaign{}, err
	}
	if err := audit.Record(ctx, tx, actor, "campaign_defined", object(id), nil, rules); err != nil {
		return Campaign{}, err
	}
	return Get(ctx, tx, id)
}

// List returns the campaigns that a funder leads or shares, or all of them for the
// operator, newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor) ([]Campaign, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	var all []Campaign
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if actor.Kind == identity.Operator {
			all, err = list(ctx, tx, 0)
			return err
		}
		all, err = list(ctx, tx, actor.Organisation)
		return err
	})
	return all, err
}

// Open returns one campaign that the actor's organisation leads or shares; the operator
// sees all.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.CampaignID) (Campaign, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Campaign{}, err
	}
	var c Campaign
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		c, err = Owned(ctx, tx, actor, id)
		return err
	})
	return c, err
}

// Owned reads a campaign that the actor may see: one that it leads or shares, or any for
// the operator. Another organisation's campaign does not exist for it.
func Owned(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Campaign, error) {
	c, err := Get(ctx, tx, id)
	if err != nil || actor.Kind == identity.Operator || c.Funder == actor.Organisation {
		return c, err
	}
	shared, err := isShared(ctx, tx, id, actor.Organisation)
	if err == nil && !shared {
		err = fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return Campaign{}, err
	}
	return c, nil
}

// Led reads a campaign that the actor's organisation decides on. Those who share it pay
// and look on.
func Led(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Campaign, error) {
	c, err := Get(ctx, tx, id)
	if err == nil && c.Funder != actor.Organisation {
		return Campaign{}, fault.New(fault.NotFound, "not_found")
	}
	return c, err
}

// Payer reads a campaign that the actor's organisation may order for: it leads or shares
// it. Neither its rules nor who shares it change before the end of tx.
func Payer(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.CampaignID) (Campaign, error) {
	if err := lockAsPayer(ctx, tx, id); err != nil {
		return Campaign{}, err
	}
	return Owned(ctx, tx, actor, id)
}

// Get reads a campaign for another room.
func Get(ctx context.Context, tx *db.Tx, id vouchers.CampaignID) (Campaign, error) {
	var r row
	err := tx.Get(ctx, &r, selectCampaigns+`WHERE c.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return Campaign{}, fault.New(fault.NotFound, "not_found")
	}
	return r.campaign(), err
}

func object(id vouchers.CampaignID) string { return fmt.Sprintf("campaign:%d", id) }
