package orders

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const selectOrders = `
	SELECT o.id, o.campaign_id, c.name AS campaign_name, o.funder_id, f.name AS funder_name, f.email, o.vouchers, o.face_cents,
		o.reference, o.ordered_at, COALESCE(r.funds, 0) AS received, COALESCE(r.credit, 0) AS credit
	FROM orders o JOIN campaigns c ON c.id = o.campaign_id JOIN organisations f ON f.id = o.funder_id
	LEFT JOIN LATERAL (SELECT sum(funds_cents)::bigint AS funds, sum(credit_cents)::bigint AS credit
		FROM receipts WHERE order_id = o.id) r ON true `

type row struct {
	ID           vouchers.OrderID        `db:"id"`
	Campaign     vouchers.CampaignID     `db:"campaign_id"`
	CampaignName string                  `db:"campaign_name"`
	Funder       vouchers.OrganisationID `db:"funder_id"`
	FunderName   string                  `db:"funder_name"`
	Email        string                  `db:"email"` // of the funder
	Vouchers     int                     `db:"vouchers"`
	Face         vouchers.Cents          `db:"face_cents"`
	Reference    string                  `db:"reference"`
	OrderedAt    time.Time               `db:"ordered_at"`
	Received     vouchers.Cents          `db:"received"`
	Credit       vouchers.Cents          `db:"credit"`
}

func (r row) order() Order {
	return Order{ID: r.ID, Campaign: r.Campaign, CampaignName: r.CampaignName, Funder: r.Funder, FunderName: r.FunderName,
		Vouchers: r.Vouchers, Face: r.Face, Reference: r.Reference, OrderedAt: r.OrderedAt,
		Received: r.Received, Credit: r.Credit, State: stateOf(r.Received, r.Face)}
}

// withFunders reads orders with their funders' addresses, in the order of their ids.
func withFunders(ctx context.Context, tx *db.Tx, ids []int64) ([]row, error) {
	var rows []row
	err := tx.Select(ctx, &rows, selectOrders+`WHERE o.id = ANY ($1) ORDER BY o.id`, db.Array(ids))
	return rows, err
}

// nextID draws the id first: the reference holds it.
func nextID(ctx context.Context, tx *db.Tx) (vouchers.OrderID, error) {
	var id vouchers.OrderID
	err := tx.Get(ctx, &id, `SELECT nextval(pg_get_serial_sequence('orders', 'id'))`)
	return id, err
}

type newOrder struct {
	id        vouchers.OrderID
	campaign  campaigns.Campaign
	vouchers  int
	reference string
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, o newOrder) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO orders (id, campaign_id, funder_id, vouchers, face_cents, reference, ordered_at, ordered_by)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		o.id, o.campaign.ID, actor.Organisation, o.vouchers, o.campaign.Face*vouchers.Cents(o.vouchers), o.reference, tx.Now, actor.Person)
	return err
}

// list returns a funder's orders; those of all funders for funder 0.
func list(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, q Query) ([]Order, error) {
	var rows []row
	err := tx.Select(ctx, &rows, selectOrders+`
		WHERE ($1 = 0 OR o.funder_id = $1) AND ($2 = 0 OR o.campaign_id = $2) AND ($3 = 0 OR o.id < $3)
			AND (NOT $4 OR COALESCE(r.funds, 0) < o.face_cents)
		ORDER BY o.id DESC LIMIT $5`, funder, q.Campaign, q.Before, q.Unfunded, q.Limit)
	all := make([]Order, len(rows))
	for i, r := range rows {
		all[i] = r.order()
	}
	return all, err
}

// ordersNamed finds the orders that were issued under any reference of payments.
func ordersNamed(ctx context.Context, tx *db.Tx, payments []Payment) (map[string]vouchers.OrderID, error) {
	var references []string
	for _, p := range payments {
		references = append(append(references, p.Stated...), p.Found...)
	}
	var rows []struct {
		ID        vouchers.OrderID `db:"id"`
		Reference string           `db:"reference"`
	}
	err := tx.Select(ctx, &rows, `SELECT id, reference FROM orders WHERE reference = ANY ($1)`, db.Array(references))
	found := make(map[string]vouchers.OrderID, len(rows))
	for _, r := range rows {
		found[r.Reference] = r.ID
	}
	return found, err
}

// locked is an order whose receipts nobody else adds to until the end of the transaction.
type locked struct {
	ID       vouchers.OrderID        `db:"id"`
	Campaign vouchers.CampaignID     `db:"campaign_id"`
	Funder   vouchers.OrganisationID `db:"funder_id"`
	Face     vouchers.Cents          `db:"face_cents"`
	Received vouchers.Cents          `db:"received"`
}

// lock takes orders in the order of their ids. What they have received is read by a
// second statement: the first one's snapshot may be older than its locks.
func lock(ctx context.Context, tx *db.Tx, ids []int64) (map[vouchers.OrderID]*locked, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM orders WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, db.Array(ids)); err != nil {
		return nil, err
	}
	var rows []locked
	err := tx.Select(ctx, &rows, `
		SELECT o.id, o.campaign_id, o.funder_id, o.face_cents, COALESCE(sum(r.funds_cents), 0)::bigint AS received
		FROM orders o LEFT JOIN receipts r ON r.order_id = o.id
		WHERE o.id = ANY ($1) GROUP BY o.id`, db.Array(ids))
	all := make(map[vouchers.OrderID]*locked, len(rows))
	for i := range rows {
		all[rows[i].ID] = &rows[i]
	}
	return all, err
}

func insertReceipts(ctx context.Context, tx *db.Tx, receipts []receipt) error {
	n := len(receipts)
	lines, orders, funds, credits := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, r := range receipts {
		lines[i], orders[i], funds[i], credits[i] = r.line, int64(r.order.ID), int64(r.funds), int64(r.credit)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO receipts (line_id, order_id, funds_cents, credit_cents, received_at)
		SELECT u.line, u.order_id, u.funds, u.credit, $5
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[]) AS u(line, order_id, funds, credit)`,
		db.Array(lines), db.Array(orders), db.Array(funds), db.Array(credits), tx.Now)
	return err
}
