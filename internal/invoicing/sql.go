package invoicing

import (
	"context"
	"encoding/json"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// nextNumber draws the next number of a series and a year. The row stays locked until the
// end of tx, so that a number is lost with its invoice and taken by the next one: no gap.
func nextNumber(ctx context.Context, tx *db.Tx, series string, year int) (number, error) {
	n := number{series: series, year: year}
	err := tx.Get(ctx, &n.seq, `
		INSERT INTO invoice_numbers (series, year, last) VALUES ($1, $2, 1)
		ON CONFLICT ON CONSTRAINT invoice_numbers_pkey DO UPDATE SET last = invoice_numbers.last + 1
		RETURNING last`, series, year)
	return n, err
}

func insert(ctx context.Context, tx *db.Tx, n number, i Invoice, xml string) (vouchers.InvoiceID, error) {
	snapshot, err := json.Marshal(i.Snapshot)
	if err != nil {
		return 0, err
	}
	var id vouchers.InvoiceID
	err = tx.Get(ctx, &id, `
		INSERT INTO invoices (series, year, seq, number, kind, corrects, order_id, campaign_id, funder_id, issued_at, issued_on, due_on,
			net_cents, vat_bp, vat_cents, reference, engagement, service_code, snapshot, xml)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING id`,
		n.series, n.year, n.seq, i.Number, i.Kind, i.Corrects, i.Order, i.Campaign, i.Funder, i.IssuedAt, i.IssuedOn, i.DueOn,
		i.Net, i.VATRate, i.VAT, i.Reference, i.Engagement, i.ServiceCode, string(snapshot), xml)
	return id, err
}

// lock takes an invoice until the end of tx. Invoices are never changed, so the lock is an
// advisory one.
func lock(ctx context.Context, tx *db.Tx, id vouchers.InvoiceID) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021976, $1::int)`, int64(id))
	return err
}

type row struct {
	Invoice
	RawSnapshot string `db:"snapshot"`
}

// invoices reads those of a condition, which may end with their order and number.
func invoices(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Invoice, error) {
	var rows []row
	err := tx.Select(ctx, &rows, `
		SELECT i.id, i.number, i.kind, i.corrects, i.order_id, i.campaign_id, i.funder_id, i.issued_at, i.issued_on, i.due_on,
			i.net_cents, i.vat_bp, i.vat_cents, i.reference, i.engagement, i.service_code, i.snapshot::text AS snapshot,
			CASE WHEN i.corrects IS NOT NULL THEN 0 WHEN i.kind = 'fees' THEN f.cents ELSE r.cents END AS paid,
			c.credited, c.credited_net, COALESCE(d.status, '') AS chorus
		FROM invoices i
		CROSS JOIN LATERAL (`+PaidOfFees+`) AS f
		CROSS JOIN LATERAL (SELECT (COALESCE(sum(q.cents), 0))::bigint AS cents
			FROM (SELECT funds_cents + debt_cents + claim_cents AS cents FROM receipts WHERE order_id = i.order_id
			      UNION ALL
			      SELECT -funds_cents - debt_cents FROM takebacks WHERE order_id = i.order_id AND undone_at IS NULL) AS q) AS r
		CROSS JOIN LATERAL (SELECT COALESCE(sum(net_cents + vat_cents), 0)::bigint AS credited, COALESCE(sum(net_cents), 0)::bigint AS credited_net
			FROM invoices WHERE corrects = i.id) AS c
		LEFT JOIN LATERAL (SELECT status FROM chorus_deposits WHERE invoice_id = i.id ORDER BY id DESC LIMIT 1) AS d ON true
		WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	all := make([]Invoice, len(rows))
	for n, r := range rows {
		all[n] = r.Invoice
		if err := json.Unmarshal([]byte(r.RawSnapshot), &all[n].Snapshot); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// PaidOfFees is what has been paid of the fees of invoice i and was not taken back.
const PaidOfFees = `
	SELECT (COALESCE((SELECT sum(amount_cents) FROM fee_receipts WHERE invoice_id = i.id), 0)
		- COALESCE((SELECT sum(amount_cents) FROM fee_takebacks WHERE invoice_id = i.id AND undone_at IS NULL), 0))::bigint AS cents`

func insertFeeTakeback(ctx context.Context, tx *db.Tx, b FeesTakenBack) error {
	_, err := tx.Exec(ctx, `INSERT INTO fee_takebacks (dispute_id, invoice_id, amount_cents, taken_at) VALUES ($1, $2, $3, $4)`,
		b.Dispute, b.Invoice, b.Amount, tx.Now)
	return err
}

func undoFeeTakeback(ctx context.Context, tx *db.Tx, dispute int64) error {
	_, err := tx.Exec(ctx, `UPDATE fee_takebacks SET undone_at = $2 WHERE dispute_id = $1 AND undone_at IS NULL`, dispute, tx.Now)
	return err
}

func insertFeeReceipt(ctx context.Context, tx *db.Tx, p FeesPaid) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO fee_receipts (invoice_id, line_id, checkout_id, amount_cents, received_at)
		VALUES ($1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0), $4, $5)`, p.Invoice, p.Line, p.Checkout, p.Amount, tx.Now)
	return err
}

// matching reads a funder's invoices, newest first; those of all funders for funder 0.
func matching(ctx context.Context, tx *db.Tx, funder vouchers.OrganisationID, q Query) ([]Invoice, error) {
	return invoices(ctx, tx, `($1 = 0 OR i.funder_id = $1) AND ($2 = 0 OR i.id < $2) AND ($3 = 0 OR i.year = $3)
		AND ($4 = '' OR i.kind = $4 AND i.corrects IS NULL OR $4 = 'credit' AND i.corrects IS NOT NULL)
		AND (NOT $5 OR i.corrects IS NULL AND i.net_cents + i.vat_cents > c.credited + CASE WHEN i.kind = 'fees' THEN f.cents ELSE r.cents END)
		ORDER BY i.id DESC LIMIT $6`, funder, q.Before, q.Year, q.Kind, q.Unpaid, q.Limit)
}

func storedXML(ctx context.Context, tx *db.Tx, id vouchers.InvoiceID) (string, error) {
	var xml string
	err := tx.Get(ctx, &xml, `SELECT xml FROM invoices WHERE id = $1`, id)
	return xml, err
}

func insertDeposit(ctx context.Context, tx *db.Tx, by vouchers.PersonID, d DepositRequest) error {
	_, err := tx.Exec(ctx, `INSERT INTO chorus_deposits (invoice_id, status, note, at, by) VALUES ($1, $2, $3, $4, $5)`,
		d.Invoice, d.Status, d.Note, tx.Now, by)
	return err
}

func deposits(ctx context.Context, tx *db.Tx, id vouchers.InvoiceID) ([]Deposit, error) {
	all := []Deposit{}
	err := tx.Select(ctx, &all, `
		SELECT d.status, d.note, d.at, p.name AS by FROM chorus_deposits d JOIN people p ON p.id = d.by
		WHERE d.invoice_id = $1 ORDER BY d.id DESC`, id)
	return all, err
}

func invoiceOfLine(ctx context.Context, tx *db.Tx, line int64) (vouchers.InvoiceID, error) {
	var id vouchers.InvoiceID
	err := tx.Get(ctx, &id, `SELECT invoice_id FROM fee_receipts WHERE line_id = $1`, line)
	return id, err
}

func deleteFeeReceipt(ctx context.Context, tx *db.Tx, line int64) error {
	_, err := tx.Exec(ctx, `DELETE FROM fee_receipts WHERE line_id = $1`, line)
	return err
}
