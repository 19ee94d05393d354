package orders

import (
	"context"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// AcceptRequest accepts one version of a quote. Name is that of the person who does.
type AcceptRequest struct {
	Quote   vouchers.QuoteID `json:"quote"`
	Version int              `json:"version"`
	Name    string           `json:"name"`
	Chorus
}

// Accept makes an order of a quote and issues its invoices. Who accepts binds the funder:
// it takes somebody of its finance, or an admin.
func (s *Service) Accept(ctx context.Context, actor identity.Actor, req AcceptRequest) (Order, error) {
	if err := mayBind(actor); err != nil {
		return Order{}, err
	}
	req.Name = strings.TrimSpace(req.Name)
	if len(req.Name) < 2 || len(req.Name) > 140 {
		return Order{}, fault.New(fault.Invalid, "accepted_name_length")
	}
	if err := req.Chorus.check(); err != nil {
		return Order{}, err
	}
	var o Order
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "accept_quote", req, func() (Order, error) {
			q, err := lockQuote(ctx, tx, actor, req.Quote)
			if err != nil {
				return Order{}, err
			}
			return s.accept(ctx, tx, actor, q, req)
		})
		return err
	})
	return o, err
}

// PlaceRequest orders vouchers for a campaign without looking at a quote first.
type PlaceRequest struct {
	Campaign vouchers.CampaignID `json:"campaign"`
	Vouchers int                 `json:"vouchers"`
	Medium   Medium              `json:"medium,omitempty"`
	Letter   string              `json:"letter_language,omitempty"`
	Chorus
}

// Place quotes and accepts in one act, with the rights of acceptance.
func (s *Service) Place(ctx context.Context, actor identity.Actor, req PlaceRequest) (Order, error) {
	if err := mayBind(actor); err != nil {
		return Order{}, err
	}
	if err := req.Chorus.check(); err != nil {
		return Order{}, err
	}
	var o Order
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "place_order", req, func() (Order, error) {
			return s.place(ctx, tx, actor, req, false)
		})
		return err
	})
	return o, err
}

func (s *Service) place(ctx context.Context, tx *db.Tx, actor identity.Actor, req PlaceRequest, prepaid bool) (Order, error) {
	q, err := offer(ctx, tx, actor, QuoteRequest{Campaign: req.Campaign,
		Choices: Choices{Vouchers: req.Vouchers, Medium: req.Medium, Letter: req.Letter, prepaid: prepaid}})
	if err != nil {
		return Order{}, err
	}
	return s.accept(ctx, tx, actor, q, AcceptRequest{Quote: q.ID, Version: 1, Name: actor.Name, Chorus: req.Chorus})
}

func mayBind(actor identity.Actor) error {
	if err := actor.Needs(identity.Funder, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

func (s *Service) accept(ctx context.Context, tx *db.Tx, actor identity.Actor, q Quote, req AcceptRequest) (Order, error) {
	v := q.Latest()
	switch {
	case q.Order != 0:
		return Order{}, alreadyAccepted(q)
	case req.Version != v.Number:
		return Order{}, fault.New(fault.Conflict, "quote_superseded", "number", q.Number, "version", v.Number)
	case v.ValidUntil < vouchers.DayOf(tx.Now):
		return Order{}, fault.New(fault.Conflict, "quote_expired", "number", q.Number, "on", v.ValidUntil)
	}
	c, err := campaigns.Payer(ctx, tx, actor, q.Campaign)
	if err != nil {
		return Order{}, err
	}
	if v.Plan != c.Plan() {
		if err := mayPlan(ctx, tx, actor, c); err != nil {
			return Order{}, err
		}
		if c, err = campaigns.Follow(ctx, tx, actor, c, v.Plan); err != nil {
			return Order{}, err
		}
	}
	id, err := nextID(ctx, tx)
	if err != nil {
		return Order{}, err
	}
	reference, err := sepa.MakeRF(fmt.Sprintf("PASS%06d", id))
	if err != nil {
		return Order{}, err
	}
	if err := insert(ctx, tx, actor, newOrder{id, reference, q, req}); err != nil {
		return Order{}, err
	}
	if err := s.invoice(ctx, tx, newOrder{id, reference, q, req}); err != nil {
		return Order{}, err
	}
	if err := audit.Record(ctx, tx, actor, "quote_accepted", object(id), nil, req); err != nil {
		return Order{}, err
	}
	return s.withBills(ctx, tx, id)
}

// invoice issues the order's invoices: face value to the segregated account, fees to the
// operating one.
func (s *Service) invoice(ctx context.Context, tx *db.Tx, o newOrder) error {
	v := o.quote.Latest()
	face := invoicing.Draft{Kind: invoicing.Face, Order: o.id, Campaign: o.quote.Campaign, Funder: o.quote.Funder,
		Lines: []invoicing.Line{{Text: o.quote.CampaignName, Quantity: v.Vouchers, Unit: o.quote.Voucher}}, Reference: o.reference,
		From: v.StartsOn, Until: v.EndsOn, Engagement: o.act.Engagement, ServiceCode: o.act.ServiceCode}
	if _, err := invoicing.Issue(ctx, tx, s.seller, face); err != nil {
		return err
	}
	fees := face
	fees.Kind, fees.Reference, fees.VATRate = invoicing.Fees, "", v.Tariff.VATRate
	if fees.Lines = feeLines(v.Tariff.NewTariff, v.Choices, v.Price); fees.Lines == nil {
		return nil
	}
	_, err := invoicing.Issue(ctx, tx, s.seller, fees)
	return err
}

func alreadyAccepted(q Quote) error {
	return fault.New(fault.Conflict, "quote_already_accepted", "number", q.Number, "order", int64(q.Order))
}

// FeesBack tells whether what was not used of an order's fees is given back at the end of
// its campaign, as the terms that were accepted say.
func FeesBack(ctx context.Context, tx *db.Tx, order vouchers.OrderID) (bool, error) {
	return feesRefunded(ctx, tx, order)
}
