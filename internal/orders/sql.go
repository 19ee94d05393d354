package orders

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

const selectOrders = `
	SELECT o.id, o.campaign_id, c.name AS campaign_name, o.funder_id, f.name AS funder_name, f.email, o.vouchers, o.face_cents,
		o.reference, o.ordered_at, m.received, m.credit, m.debt, m.in_doubt, o.engagement, o.service_code, o.accepted_name,
		COALESCE(v.quote_id, 0) AS quote_id, COALESCE(v.version, 0) AS version, q.made_at AS quoted_at, COALESCE(v.tariff_id, 0) AS tariff_id,
		COALESCE(v.medium, '') AS medium, COALESCE(v.letter_language, '') AS letter_language,
		COALESCE(v.service_cents + v.printing_cents, 0) AS fees, COALESCE(v.vat_cents, 0) AS vat
	FROM orders o JOIN campaigns c ON c.id = o.campaign_id JOIN organisations f ON f.id = o.funder_id
	LEFT JOIN quote_versions v ON v.quote_id = o.quote_id AND v.version = o.quote_version LEFT JOIN quotes q ON q.id = o.quote_id
	CROSS JOIN LATERAL (` + MoneyOfOrder + `) AS m `

// MoneyOfOrder is what has arrived for order o and stayed, what came above it, and what was
// taken back after it had become live and was neither repaid nor forgiven. What was
// forgiven counts as received: the operator bears it. While a dispute is open, or a card
// refund on its way, nobody knows whether what it took will come back: it is in doubt, and
// neither paid again, repaid nor forgiven.
const MoneyOfOrder = `
	SELECT (r.funds + r.debt + r.claim + t.paid - t.funds - t.debt + w.forgiven)::bigint AS received, (r.credit - t.credit)::bigint AS credit,
		(t.debt - t.paid - r.debt - r.claim - w.forgiven)::bigint AS debt, (t.to_bank - r.debt)::bigint AS debt_to_bank,
		(t.debt - t.paid - t.to_bank - t.disputed - r.claim - w.forgiven)::bigint AS debt_to_operator, (t.disputed + t.doubtful)::bigint AS in_doubt
	FROM (SELECT COALESCE(sum(funds_cents), 0) AS funds, COALESCE(sum(debt_cents), 0) AS debt, COALESCE(sum(claim_cents), 0) AS claim,
			COALESCE(sum(credit_cents), 0) AS credit
		FROM receipts WHERE order_id = o.id) AS r,
		(SELECT COALESCE(sum(k.funds_cents), 0) AS funds, COALESCE(sum(k.debt_cents), 0) AS debt, COALESCE(sum(k.credit_cents), 0) AS credit,
			COALESCE(sum(k.paid_cents), 0) AS paid, COALESCE(sum(k.debt_cents) FILTER (WHERE d.state = 'open'), 0) AS disputed,
			COALESCE(sum(k.funds_cents) FILTER (WHERE d.state = 'open' OR c.state IN ('asked', 'pending')), 0) AS doubtful,
			COALESCE(sum(k.debt_cents - k.topped_up_cents) FILTER (WHERE k.line_id IS NOT NULL), 0) AS to_bank
		FROM takebacks k LEFT JOIN disputes d ON d.id = k.dispute_id LEFT JOIN card_refunds c ON c.id = k.card_refund_id
		WHERE k.order_id = o.id AND k.undone_at IS NULL) AS t,
		(SELECT COALESCE(sum(amount_cents), 0) AS forgiven FROM debt_writeoffs WHERE order_id = o.id AND state = 'approved') AS w`

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
	Debt         vouchers.Cents          `db:"debt"`
	InDoubt      vouchers.Cents          `db:"in_doubt"`
	Fees         vouchers.Cents          `db:"fees"`
	VAT          vouchers.Cents          `db:"vat"`
	Engagement   string                  `db:"engagement"`
	ServiceCode  string                  `db:"service_code"`
	AcceptedName string                  `db:"accepted_name"`
	Quote        vouchers.QuoteID        `db:"quote_id"` // 0 for none
	Version      int                     `db:"version"`
	QuotedAt     *time.Time              `db:"quoted_at"`
	Tariff       vouchers.TariffID       `db:"tariff_id"`
	Medium       Medium                  `db:"medium"`
	Letter       string                  `db:"letter_language"`
}

func (r row) order() Order {
	o := Order{ID: r.ID, Campaign: r.Campaign, CampaignName: r.CampaignName, Funder: r.Funder, FunderName: r.FunderName,
		Vouchers: r.Vouchers, Face: r.Face, Reference: r.Reference, OrderedAt: r.OrderedAt,
		Received: r.Received, Credit: max(r.Credit, 0), // after the end of the campaign more may have gone back than came above
		Debt: r.Debt, InDoubt: r.InDoubt, State: stateOf(r.Received, r.Face),
		Fees: r.Fees, VAT: r.VAT, Engagement: r.Engagement, ServiceCode: r.ServiceCode}
	if r.Quote != 0 {
		o.Accepted = &Acceptance{Quote: r.Quote, Number: quoteNumber(r.Quote, *r.QuotedAt), Version: r.Version, Name: r.AcceptedName,
			Terms: r.Tariff, Medium: r.Medium, Letter: r.Letter}
	}
	return o
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
	reference string
	quote     Quote
	act       AcceptRequest
}

func insert(ctx context.Context, tx *db.Tx, actor identity.Actor, o newOrder) error {
	v := o.quote.Latest()
	_, err := tx.Exec(ctx, `
		INSERT INTO orders (id, campaign_id, funder_id, vouchers, face_cents, reference, ordered_at, ordered_by,
			quote_id, quote_version, accepted_name, engagement, service_code)
		OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		o.id, o.quote.Campaign, o.quote.Funder, v.Vouchers, v.Face, o.reference, tx.Now, actor.Person,
		o.quote.ID, v.Number, o.act.Name, o.act.Engagement, o.act.ServiceCode)
	return err
}

// list returns a funder's orders; those of all funders for funder 0.
func list(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, q Query) ([]Order, error) {
	var rows []row
	err := tx.Select(ctx, &rows, selectOrders+`
		WHERE ($1 = 0 OR o.funder_id = $1) AND ($2 = 0 OR o.campaign_id = $2) AND ($3 = 0 OR o.id < $3)
			AND (NOT $4 OR m.received < o.face_cents)
			AND CASE $5 WHEN 'awaiting_payment' THEN m.received <= 0 WHEN 'partly_funded' THEN m.received > 0 AND m.received < o.face_cents
				WHEN 'funded' THEN m.received >= o.face_cents ELSE true END
		ORDER BY o.id DESC LIMIT $6`, funder, q.Campaign, q.Before, q.Unfunded, q.State, q.Limit)
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

// locked is an order whose money nobody else changes until the end of the transaction.
type locked struct {
	ID             vouchers.OrderID        `db:"id"`
	Campaign       vouchers.CampaignID     `db:"campaign_id"`
	Funder         vouchers.OrganisationID `db:"funder_id"`
	Face           vouchers.Cents          `db:"face_cents"`
	Received       vouchers.Cents          `db:"received"`
	Credit         vouchers.Cents          `db:"credit"`           // what came above
	DebtToBank     vouchers.Cents          `db:"debt_to_bank"`     // what the bank took back, and the segregated account lacks
	DebtToOperator vouchers.Cents          `db:"debt_to_operator"` // what Stripe took back, out of the operator's money
	InDoubt        vouchers.Cents          `db:"in_doubt"`         // what Stripe took and may give back
	Closed         bool                    `db:"closed"`           // the campaign
	Others         vouchers.Cents          `db:"others"`           // what other funders have paid for the campaign
}

// lock takes orders in the order of their ids. What they have received is read by a
// second statement: the first one's snapshot may be older than its locks.
func lock(ctx context.Context, tx *db.Tx, ids []int64) (map[vouchers.OrderID]*locked, error) {
	if _, err := tx.Exec(ctx, `SELECT id FROM orders WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, db.Array(ids)); err != nil {
		return nil, err
	}
	var rows []locked
	err := tx.Select(ctx, &rows, `
		SELECT o.id, o.campaign_id, o.funder_id, o.face_cents, m.received, m.credit, m.debt_to_bank, m.debt_to_operator, m.in_doubt,
			c.closed_at IS NOT NULL AS closed,
			(SELECT COALESCE(sum(q.funds_cents), 0)::bigint FROM orders w JOIN receipts q ON q.order_id = w.id
			 WHERE w.campaign_id = o.campaign_id AND w.funder_id <> o.funder_id) AS others
		FROM orders o JOIN campaigns c ON c.id = o.campaign_id
		CROSS JOIN LATERAL (`+MoneyOfOrder+`) AS m
		WHERE o.id = ANY ($1)`, db.Array(ids))
	all := make(map[vouchers.OrderID]*locked, len(rows))
	for i := range rows {
		all[rows[i].ID] = &rows[i]
	}
	return all, err
}

// insertReceipts keeps receipts and gives them their ids.
func insertReceipts(ctx context.Context, tx *db.Tx, receipts []receipt) error {
	n := len(receipts)
	lines, checkouts, rollovers, orders := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	funds, debts, claims, credits := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	for i, r := range receipts {
		lines[i], checkouts[i], rollovers[i], orders[i] = r.source.Line, int64(r.source.Checkout), int64(r.source.Rollover), int64(r.order.ID)
		funds[i], debts[i] = int64(r.shared.Funds), int64(r.shared.Debt)
		claims[i], credits[i] = int64(r.shared.Claim), int64(r.shared.Excess)
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO receipts (line_id, checkout_id, rollover_id, order_id, funds_cents, debt_cents, claim_cents, credit_cents, received_at)
		SELECT NULLIF(u.line, 0), NULLIF(u.checkout, 0), NULLIF(u.rollover, 0), u.order_id, u.funds, u.debt, u.claim, u.credit, $9
		FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[])
			AS u(line, checkout, rollover, order_id, funds, debt, claim, credit)`,
		db.Array(lines), db.Array(checkouts), db.Array(rollovers), db.Array(orders),
		db.Array(funds), db.Array(debts), db.Array(claims), db.Array(credits), tx.Now)
	return err
}

func orderOfLine(ctx context.Context, tx *db.Tx, line int64) (vouchers.OrderID, error) {
	var id vouchers.OrderID
	err := tx.Get(ctx, &id, `SELECT order_id FROM receipts WHERE line_id = $1`, line)
	return id, err
}

// deleteReceipt removes what never was one. The ledger and the audit keep the story.
func deleteReceipt(ctx context.Context, tx *db.Tx, line int64) (ledger.Received, error) {
	var r struct {
		Funds  vouchers.Cents `db:"funds_cents"`
		Debt   vouchers.Cents `db:"debt_cents"`
		Claim  vouchers.Cents `db:"claim_cents"`
		Credit vouchers.Cents `db:"credit_cents"`
	}
	err := tx.Get(ctx, &r, `
		DELETE FROM receipts WHERE line_id = $1 RETURNING funds_cents, debt_cents, claim_cents, credit_cents`, line)
	return ledger.Received{Funds: r.Funds, Debt: r.Debt, Claim: r.Claim, Excess: r.Credit}, err
}

// topUp and payDebt fill the order's takebacks with amount, the oldest first.
func topUp(ctx context.Context, tx *db.Tx, order vouchers.OrderID, amount vouchers.Cents) error {
	_, err := tx.Exec(ctx, `
		UPDATE takebacks t SET topped_up_cents = t.topped_up_cents + least(f.free, $2 - f.before)
		FROM (SELECT id, free, sum(free) OVER (ORDER BY id) - free AS before
		      FROM (SELECT id, debt_cents - topped_up_cents AS free FROM takebacks
		            WHERE order_id = $1 AND line_id IS NOT NULL AND undone_at IS NULL) AS each_one) AS f
		WHERE t.id = f.id AND f.before < $2`, order, amount)
	return err
}

func payDebt(ctx context.Context, tx *db.Tx, order vouchers.OrderID, amount vouchers.Cents) error {
	_, err := tx.Exec(ctx, `
		UPDATE takebacks t SET paid_cents = t.paid_cents + least(f.free, $2 - f.before)
		FROM (SELECT id, free, sum(free) OVER (ORDER BY id) - free AS before
		      FROM (SELECT k.id, k.debt_cents - k.paid_cents AS free FROM takebacks k LEFT JOIN disputes d ON d.id = k.dispute_id
	            WHERE k.order_id = $1 AND k.undone_at IS NULL AND d.state IS DISTINCT FROM 'open') AS each_one) AS f
		WHERE t.id = f.id AND f.before < $2`, order, amount)
	return err
}

// indebted finds the orders with a debt.
func indebted(ctx context.Context, tx *db.Tx) ([]int64, error) {
	var ids []int64
	err := tx.Select(ctx, &ids, `
		SELECT o.id FROM orders o CROSS JOIN LATERAL (`+MoneyOfOrder+`) AS m
		WHERE EXISTS (SELECT 1 FROM takebacks k WHERE k.order_id = o.id AND k.debt_cents > 0) AND m.debt > 0 ORDER BY o.id`)
	return ids, err
}

func insertTakeback(ctx context.Context, tx *db.Tx, order vouchers.OrderID, by Taker, t Taken) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO takebacks (order_id, line_id, card_refund_id, dispute_id, credit_cents, funds_cents, debt_cents, taken_at)
		VALUES ($1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0), NULLIF($4::bigint, 0), $5, $6, $7, $8)`,
		order, by.Line, by.CardRefund, by.Dispute, t.Credit, t.Funds, t.Debt, tx.Now)
	return err
}

// undoTakeback marks what was taken as given back; not twice.
func undoTakeback(ctx context.Context, tx *db.Tx, by Taker) (funds, debt vouchers.Cents, err error) {
	var row struct {
		Funds vouchers.Cents `db:"funds_cents"`
		Debt  vouchers.Cents `db:"debt_cents"`
	}
	err = tx.Get(ctx, &row, `
		UPDATE takebacks SET undone_at = $3
		WHERE (dispute_id = NULLIF($1::bigint, 0) OR card_refund_id = NULLIF($2::bigint, 0)) AND undone_at IS NULL
		RETURNING funds_cents, debt_cents`, by.Dispute, by.CardRefund, tx.Now)
	return row.Funds, row.Debt, err
}

// comesLate shares out the debt that a takeback made and nobody has repaid: first what the
// order still owes, then what the operator has forgiven.
func comesLate(ctx context.Context, tx *db.Tx, by Taker, owed vouchers.Cents) (Late, error) {
	var all []Late
	err := tx.Select(ctx, &all, `
		UPDATE takebacks t SET paid_cents = paid_cents + s.debt, back_cents = s.debt, forgiven_back_cents = s.forgiven
		FROM (SELECT k.id, least(k.debt_cents - k.paid_cents, $2) AS debt,
				least(k.debt_cents - k.paid_cents - least(k.debt_cents - k.paid_cents, $2),
					(SELECT COALESCE(sum(amount_cents), 0)::bigint FROM debt_writeoffs WHERE order_id = k.order_id AND state = 'approved')
					- (SELECT sum(forgiven_back_cents)::bigint FROM takebacks WHERE order_id = k.order_id)) AS forgiven
			FROM takebacks k WHERE k.dispute_id = $1 AND k.undone_at IS NULL) AS s
		WHERE t.id = s.id RETURNING t.back_cents, t.forgiven_back_cents`, by.Dispute, owed)
	if err != nil || len(all) == 0 {
		return Late{}, err
	}
	return all[0], nil
}
