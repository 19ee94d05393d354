// Package orders sells face value: a funder has vouchers quoted for a campaign, accepts the
// quote and gets two invoices, and bank lines that carry the reference of the first turn
// the order into funds. Nothing becomes live here.
package orders

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
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

// Order is a purchase of face value for one campaign. Fees are never part of what it
// receives: they are an invoice of their own.
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
	InDoubt      vouchers.Cents          `json:"-"`              // taken by a dispute or a refund that is not decided: not to be paid again meanwhile
	State        State                   `json:"state"`
	Fees         vouchers.Cents          `json:"fees_cents"` // of the service, without VAT
	VAT          vouchers.Cents          `json:"vat_cents"`  // of the fees
	Engagement   string                  `json:"engagement"`
	ServiceCode  string                  `json:"service_code"`
	Accepted     *Acceptance             `json:"accepted"`           // nil on orders of before there were quotes
	Invoices     []Bill                  `json:"invoices,omitempty"` // of an order that is opened; a list leaves them out
}

// Acceptance is what was accepted, and in whose name. When is the order's own time.
type Acceptance struct {
	Quote   vouchers.QuoteID  `json:"quote"`
	Number  string            `json:"quote_number"`
	Version int               `json:"quote_version"`
	Name    string            `json:"name"`
	Terms   vouchers.TariffID `json:"terms_version"` // 0: there were none
	Medium  Medium            `json:"medium"`
	Letter  string            `json:"letter_language"`
}

// Bill is one of an order's invoices and what is still to be paid of it.
type Bill struct {
	Invoice   vouchers.InvoiceID `json:"invoice"` // 0 on orders of before there were invoices
	Number    string             `json:"number"`
	Kind      invoicing.Kind     `json:"kind"`
	Amount    vouchers.Cents     `json:"amount_cents"` // VAT included
	Due       vouchers.Cents     `json:"due_cents"`
	DueOn     vouchers.Day       `json:"due_on"`
	Reference string             `json:"reference"` // of the transfer (ISO 11649)
	IBAN      sepa.IBAN          `json:"iban"`
	BIC       sepa.BIC           `json:"bic"`
	State     State              `json:"state"`
}

// Lacks is what has not arrived yet, or was taken back for good.
func (o Order) Lacks() vouchers.Cents { return o.Face - o.Received - o.InDoubt }

// AgeDays is how many days ago the order was made.
func (o Order) AgeDays(today vouchers.Day) int { return int(today - vouchers.DayOf(o.OrderedAt)) }

// Query selects orders. Zero values exclude nothing.
type Query struct {
	Campaign vouchers.CampaignID
	State    State
	Unfunded bool             // only those for which money is still missing
	Before   vouchers.OrderID // below this id: the cursor
	Limit    int              // 1 to 200
}

// List returns the orders of a funder, or of all funders for the operator, newest first.
func (s *Service) List(ctx context.Context, actor identity.Actor, q Query) ([]Order, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return nil, err
	}
	q.Limit = min(max(q.Limit, 1), 200)
	var all []Order
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = list(ctx, tx, seenBy(actor), q)
		return err
	})
	return all, err
}

// seenBy is whose rows an actor sees in a list: its organisation's, or 0, everybody's.
func seenBy(actor identity.Actor) vouchers.OrganisationID {
	if actor.Kind == identity.Operator {
		return 0
	}
	return actor.Organisation
}

// Open returns one order of the actor's organisation; the operator sees all.
func (s *Service) Open(ctx context.Context, actor identity.Actor, id vouchers.OrderID) (Order, error) {
	if err := actor.NeedsAny(identity.Funder, identity.Operator); err != nil {
		return Order{}, err
	}
	var o Order
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		if _, err = Owned(ctx, tx, actor, id); err == nil {
			o, err = s.withBills(ctx, tx, id)
		}
		return err
	})
	return o, err
}

// withBills reads an order with its invoices.
func (s *Service) withBills(ctx context.Context, tx *db.Tx, id vouchers.OrderID) (Order, error) {
	o, err := Get(ctx, tx, id)
	if err != nil {
		return Order{}, err
	}
	issued, err := invoicing.OfOrder(ctx, tx, id)
	o.Invoices = bills(o, issued, s.seller.Segregated)
	return o, err
}

// Owned reads an order that the actor may see, without its invoices.
func Owned(ctx context.Context, tx *db.Tx, actor identity.Actor, id vouchers.OrderID) (Order, error) {
	o, err := Get(ctx, tx, id)
	if err == nil && actor.Kind != identity.Operator && o.Funder != actor.Organisation {
		return Order{}, fault.New(fault.NotFound, "not_found")
	}
	return o, err
}

// Get reads an order without its invoices.
func Get(ctx context.Context, tx *db.Tx, id vouchers.OrderID) (Order, error) {
	var r row
	err := tx.Get(ctx, &r, selectOrders+`WHERE o.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return Order{}, fault.New(fault.NotFound, "not_found")
	}
	return r.order(), err
}

func object(id vouchers.OrderID) string { return fmt.Sprintf("order:%d", id) }
