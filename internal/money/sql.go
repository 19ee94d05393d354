package money

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// row is a transfer.
type row struct {
	ID       int64               `db:"id"`
	At       time.Time           `db:"at"`
	Event    ledger.Event        `db:"event"`
	Cause    int64               `db:"cause"`
	Debit    ledger.Account      `db:"debit"`
	Credit   ledger.Account      `db:"credit"`
	Amount   vouchers.Cents      `db:"amount"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
}

const selectTransfers = `SELECT id, at, event, cause, debit, credit, amount, campaign_id FROM transfers `

// ofAccount is the condition of an account's transfers, with those of one campaign alone
// where $2 is not 0.
const ofAccount = `(debit = $1 OR credit = $1) AND ($2 = 0 OR campaign_id = $2) `

// near is how many transfers are looked through one by one, from the cursor down.
const near = 200_000

// newest finds a page of an account's transfers. A busy account's are near; for a quiet
// one all the others are asked by way of transfers_found, which costs redemptions nothing.
func newest(ctx context.Context, tx *db.Tx, q MovesQuery) ([]row, error) {
	var top int64
	if err := tx.Get(ctx, &top, `SELECT COALESCE(max(id), 0) FROM transfers`); err != nil {
		return nil, err
	}
	var rows []row
	query := selectTransfers + `WHERE ` + ofAccount + `AND id < $3 AND id > $4 ORDER BY id DESC LIMIT $5`
	err := tx.Select(ctx, &rows, query, q.Account, q.Campaign, q.Before, min(top, q.Before)-near, q.Limit)
	if err != nil || len(rows) == q.Limit {
		return rows, err
	}
	if err := byFinder(ctx, tx); err != nil {
		return nil, err
	}
	rows = nil
	err = tx.Select(ctx, &rows, query, q.Account, q.Campaign, q.Before, 0, q.Limit)
	return rows, err
}

// byFinder lets the statements that follow use transfers_found. The planner never does by
// itself: it takes the order of rows for the worth of such an index, which is a filter.
func byFinder(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SET LOCAL enable_seqscan = off`)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `SET LOCAL enable_indexscan = off`)
	return err
}

// debitedFrom is by how much an account was debited from the cursor on.
func debitedFrom(ctx context.Context, tx *db.Tx, q MovesQuery) (vouchers.Cents, error) {
	var sum vouchers.Cents
	err := tx.Get(ctx, &sum, `
		SELECT COALESCE(sum(CASE WHEN debit = $1 THEN amount ELSE -amount END), 0)::bigint
		FROM transfers WHERE `+ofAccount+`AND id >= $3`, q.Account, q.Campaign, q.Before)
	return sum, err
}

func eachOf(ctx context.Context, tx *db.Tx, q MovesQuery, visit func(row) error) error {
	return db.Each(ctx, tx, visit, selectTransfers+`WHERE `+ofAccount+`ORDER BY id`, q.Account, q.Campaign)
}

func ofEvent(ctx context.Context, tx *db.Tx, event ledger.Event, cause int64) ([]row, error) {
	if err := byFinder(ctx, tx); err != nil {
		return nil, err
	}
	var rows []row
	err := tx.Select(ctx, &rows, selectTransfers+`WHERE cause = $1 AND event = $2 ORDER BY id`, cause, event)
	return rows, err
}

// buckets are the ages, in days, by which what is unpaid is sorted.
var buckets = []Bucket{{FromDays: 0, ToDays: 15}, {FromDays: 16, ToDays: 30}, {FromDays: 31, ToDays: 60}, {FromDays: 61}}

// ageing sorts by age what orders of running campaigns lack of their face value, and what
// invoices of fees lack.
func ageing(ctx context.Context, tx *db.Tx) ([]Bucket, error) {
	var due []struct {
		Kind   string         `db:"kind"`
		Bucket int            `db:"bucket"`
		Count  int            `db:"count"`
		Cents  vouchers.Cents `db:"cents"`
	}
	err := tx.Select(ctx, &due, `
		SELECT kind, width_bucket(age, ARRAY[0, 16, 31, 61]) - 1 AS bucket, count(*), sum(cents)::bigint AS cents
		FROM (SELECT 'face' AS kind, $1::date - (o.ordered_at AT TIME ZONE 'Europe/Paris')::date AS age, o.face_cents - m.received AS cents
		      FROM orders o JOIN campaigns c ON c.id = o.campaign_id CROSS JOIN LATERAL (`+orders.MoneyOfOrder+`) AS m
		      WHERE c.closed_at IS NULL
		      UNION ALL
		      SELECT 'fees', $1::date - i.issued_on, i.net_cents + i.vat_cents
			      - (`+invoicing.PaidOfFees+`)
			      - (SELECT COALESCE(sum(net_cents + vat_cents), 0) FROM invoices WHERE corrects = i.id)
		      FROM invoices i WHERE i.kind = 'fees' AND i.corrects IS NULL) AS due
		WHERE cents > 0 GROUP BY 1, 2`, vouchers.DayOf(tx.Now))
	all := append([]Bucket{}, buckets...)
	for _, d := range due {
		b := &all[max(d.Bucket, 0)]
		if d.Kind == "face" {
			b.Orders, b.Face = d.Count, d.Cents
		} else {
			b.Invoices, b.Fees = d.Count, d.Cents
		}
	}
	return all, err
}

// ordersInDebt are the orders whose money was taken back after it had become live.
const ordersInDebt = `
	SELECT o.id, o.funder_id, o.campaign_id, m.debt, m.debt_to_bank, m.debt_to_operator,
		(SELECT min((t.taken_at AT TIME ZONE 'Europe/Paris')::date) FROM takebacks t WHERE t.order_id = o.id AND t.debt_cents > 0 AND t.undone_at IS NULL) AS since
	FROM orders o CROSS JOIN LATERAL (` + orders.MoneyOfOrder + `) AS m
	WHERE o.id IN (SELECT order_id FROM takebacks WHERE debt_cents > 0 AND undone_at IS NULL) AND m.debt > 0`

func debts(ctx context.Context, tx *db.Tx) ([]Debt, error) {
	all := []Debt{}
	err := tx.Select(ctx, &all, `
		SELECT d.id, d.funder_id, f.name AS funder_name, d.campaign_id, d.debt, d.debt_to_bank, d.debt_to_operator, d.since,
			EXISTS (SELECT 1 FROM debt_writeoffs w WHERE w.order_id = d.id AND w.state = 'requested') AS asked
		FROM (`+ordersInDebt+`) AS d JOIN organisations f ON f.id = d.funder_id ORDER BY d.since, d.id`)
	return all, err
}

const selectWriteOffs = `
	SELECT w.id, w.order_id, w.funder_id, f.name AS funder_name, w.amount_cents, w.reason, w.state, w.requested_at, w.requested_by,
		p.name AS requester, w.decided_at, COALESCE(d.name, '') AS decider
	FROM debt_writeoffs w
	JOIN organisations f ON f.id = w.funder_id
	JOIN people p ON p.id = w.requested_by
	LEFT JOIN people d ON d.id = w.decided_by `

func writeOffs(ctx context.Context, tx *db.Tx) ([]WriteOff, error) {
	all := []WriteOff{}
	err := tx.Select(ctx, &all, selectWriteOffs+`ORDER BY w.state <> 'requested', w.id DESC LIMIT 100`)
	return all, err
}

func oneWriteOff(ctx context.Context, tx *db.Tx, id int64) (WriteOff, error) {
	var w WriteOff
	err := tx.Get(ctx, &w, selectWriteOffs+`WHERE w.id = $1`, id)
	return w, err
}

func lockWriteOff(ctx context.Context, tx *db.Tx, id int64) error {
	var locked int64
	return tx.Get(ctx, &locked, `SELECT id FROM debt_writeoffs WHERE id = $1 FOR UPDATE`, id)
}

func insertWriteOff(ctx context.Context, tx *db.Tx, actor identity.Actor, req WriteOffRequest, d orders.Debt) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO debt_writeoffs (order_id, funder_id, amount_cents, reason, state, requested_at, requested_by)
		VALUES ($1, $2, $3, $4, 'requested', $5, $6) RETURNING id`,
		req.Order, d.Funder, d.ToOperator, req.Reason, tx.Now, actor.Person)
	return id, err
}

func setDecision(ctx context.Context, tx *db.Tx, actor identity.Actor, id int64, state State) error {
	_, err := tx.Exec(ctx, `UPDATE debt_writeoffs SET state = $2, decided_at = $3, decided_by = $4 WHERE id = $1`, id, state, tx.Now, actor.Person)
	return err
}

// ownerNames name what accounts are of, by kind and number.
type ownerNames struct{ campaigns, organisations map[int64]string }

func (n ownerNames) name(a ledger.Account) string {
	kind, number := a.Parts()
	if len(kind) > 9 && kind[:9] == "campaign:" {
		return n.campaigns[number]
	}
	return n.organisations[number]
}

func owners(ctx context.Context, tx *db.Tx) (n ownerNames, err error) {
	if n.campaigns, err = named(ctx, tx, `SELECT id, name FROM campaigns`); err != nil {
		return n, err
	}
	n.organisations, err = organisations(ctx, tx)
	return n, err
}

func organisations(ctx context.Context, tx *db.Tx) (map[int64]string, error) {
	return named(ctx, tx, `SELECT id, name FROM organisations`)
}

func named(ctx context.Context, tx *db.Tx, query string) (map[int64]string, error) {
	var rows []struct {
		ID   int64  `db:"id"`
		Name string `db:"name"`
	}
	err := tx.Select(ctx, &rows, query)
	names := make(map[int64]string, len(rows))
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, err
}
