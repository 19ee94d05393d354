// Package orders sells face value: a funder orders vouchers for a campaign, gets a
// pro-forma with a reference of its own, and bank lines that carry it turn the order
// into funds. Nothing becomes live here.
package orders

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to order.
const Scope = "orders"

// Notify enqueues the notice that money has arrived for an order, in its transaction.
// by is what brought the last of it, so that each notice has a name of its own.
type Notify func(ctx context.Context, tx *db.Tx, to string, order Order, by Source) error

// Service is the use cases of orders.
type Service struct {
	db     *db.DB
	seller invoicing.Seller
	notify Notify
}

// New makes the service. seller is the operator, with its accounts.
func New(d *db.DB, seller invoicing.Seller, notify Notify) *Service {
	return &Service{db: d, seller: seller, notify: notify}
}

// State is what has arrived of an order.
type State string

const (
	AwaitingPayment State = "awaiting_payment"
	PartlyFunded    State = "partly_funded"
	Funded          State = "funded"
)

// Order is a purchase of face value for one campaign. Fees are never part of it.
type Order struct {
	ID           vouchers.OrderID        `json:"id"`
	Campaign     vouchers.CampaignID     `json:"campaign"`
	CampaignName string                  `json:"campaign_name"`
	Funder       vouchers.OrganisationID `json:"funder"`
	FunderName   string                  `json:"funder_name"`
	Vouchers     int                     `json:"vouchers"`
	Face         vouchers.Cents          `json:"face_cents"` // of all its vouchers together
	Reference    string                  `json:"reference"`  // of the transfer (ISO 11649)
	OrderedAt    time.Time               `json:"ordered_at"`
	Received     vouchers.Cents          `json:"received_cents"` // and not taken back, or forgiven; at most Face, what came above is the funder's credit
	Credit       vouchers.Cents          `json:"credit_cents"`   // what came above Face
	Debt         vouchers.Cents          `json:"debt_cents"`     // taken back after it had become live, and neither repaid nor forgiven
	State        State                   `json:"state"`
}

// Lacks is what has not arrived yet.
func (o Order) Lacks() vouchers.Cents { return o.Face - o.Received }

// AgeDays is how many days ago the order was made.
func (o Order) AgeDays(today vouchers.Day) int { return int(today - vouchers.DayOf(o.OrderedAt)) }

// PlaceRequest orders vouchers for a campaign.
type PlaceRequest struct {
	Campaign vouchers.CampaignID `json:"campaign" form:"campaign"`
	Vouchers int                 `json:"vouchers" form:"vouchers"`
}

// Place orders vouchers for a campaign that the actor's organisation leads or shares.
func (s *Service) Place(ctx context.Context, actor identity.Actor, req PlaceRequest) (Order, error) {
	if err := actor.Needs(identity.Funder, identity.Agent, identity.Finance); err != nil {
		return Order{}, err
	}
	if err := actor.NeedsScope(Scope); err != nil {
		return Order{}, err
	}
	if req.Vouchers < 1 || req.Vouchers > 1_000_000 {
		return Order{}, fault.New(fault.Invalid, "order_size_out_of_range")
	}
	var o Order
	err := s.db.InTx(ctx, func(tx *db.Tx) (err error) {
		o, err = once.Do(ctx, tx, actor.Organisation, "place_order", req, func() (Order, error) {
			return s.place(ctx, tx, actor, req)
		})
		return err
	})
	return o, err
}

func (s *Service) place(ctx context.Context, tx *db.Tx, actor identity.Actor, req PlaceRequest) (Order, error) {
	c, err := campaigns.Payer(ctx, tx, actor, req.Campaign)
	if err != nil {
		return Order{}, err
	}
	if c.EndsOn < vouchers.DayOf(tx.Now) {
		return Order{}, fault.New(fault.Conflict, "campaign_ended", "on", c.EndsOn)
	}
	id, err := nextID(ctx, tx)
	if err != nil {
		return Order{}, err
	}
	reference, err := sepa.MakeRF(fmt.Sprintf("PASS%06d", id))
	if err != nil {
		return Order{}, err
	}
	if err := insert(ctx, tx, actor, newOrder{id, c, req.Vouchers, reference}); err != nil {
		return Order{}, err
	}
	if _, err := invoicing.Issue(ctx, tx, s.seller, invoicing.Draft{Kind: invoicing.Face, Order: id, Campaign: c.ID, Funder: actor.Organisation,
		Lines: []invoicing.Line{{Text: c.Name, Quantity: req.Vouchers, Unit: c.Face}}, Reference: reference,
		From: c.StartsOn, Until: c.EndsOn}); err != nil {
		return Order{}, err
	}
	if err := audit.Record(ctx, tx, actor, "order_placed", object(id), nil, req); err != nil {
		return Order{}, err
	}
	return one(ctx, tx, id)
}

// Query selects orders. Zero values exclude nothing.
type Query struct {
	Campaign vouchers.CampaignID
	Unfunded bool             // only those for which money is still missing
	Before   vouchers.OrderID // below this id: the cursor
	Limit    int              // 1 to 200
}

// List returns the orders of a funder, or of all funders for the operator, newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor, q Query) ([]Order, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	funder := actor.Organisation
	if actor.Kind == identity.Operator {
		funder = 0
	}
	q.Limit = min(max(q.Limit, 1), 200)
	var all []Order
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, funder, q)
		return err
	})
	return all, err
}

// Open returns one order of the actor's organisation; the operator sees all.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.OrderID) (Order, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Order{}, err
	}
	var o Order
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		o, err = owned(ctx, tx, actor, id)
		return err
	})
	return o, err
}

// Proforma writes the order's request for payment as a PDF. The same order always gives
// the same bytes.
func (s *Service) Proforma(ctx context.Context, actor identity.Actor, id vouchers.OrderID, words documents.Words, w io.Writer) error {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return err
	}
	var p documents.Proforma
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		o, err := owned(ctx, tx, actor, id)
		if err != nil {
			return err
		}
		buyer, err := identity.OrganisationOf(ctx, tx, o.Funder)
		p = proforma(s.seller, buyer, o)
		return err
	})
	if err != nil {
		return err
	}
	return documents.WriteProforma(w, words, p)
}

// owned reads an order that the actor may see.
func owned(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.OrderID) (Order, error) {
	o, err := one(ctx, tx, id)
	if err == nil && actor.Kind != identity.Operator && o.Funder != actor.Organisation {
		return Order{}, fault.New(fault.NotFound, "not_found")
	}
	return o, err
}

func one(ctx context.Context, tx *db.Tx, id vouchers.OrderID) (Order, error) {
	var r row
	err := tx.Get(ctx, &r, selectOrders+`WHERE o.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return Order{}, fault.New(fault.NotFound, "not_found")
	}
	return r.order(), err
}

func object(id vouchers.OrderID) string { return fmt.Sprintf("order:%d", id) }
