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

func insert(ctx context.Context, tx *db.Tx, n number, i Invoice) (vouchers.InvoiceID, error) {
	snapshot, err := json.Marshal(i.Snapshot)
	if err != nil {
		return 0, err
	}
	var id vouchers.InvoiceID
	err = tx.Get(ctx, &id, `
		INSERT INTO invoices (series, year, seq, number, kind, corrects, order_id, campaign_id, funder_id, issued_at, issued_on, due_on,
			net_cents, vat_bp, vat_cents, reference, engagement, service_code, snapshot, xml)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, '') RETURNING id`,
		n.series, n.year, n.seq, i.Number, i.Kind, i.Corrects, i.Order, i.Campaign, i.Funder, i.IssuedAt, i.IssuedOn, i.DueOn,
		i.Net, i.VATRate, i.VAT, i.Reference, i.Engagement, i.ServiceCode, string(snapshot))
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

// invoices reads those of a condition, in the order of their issue.
func invoices(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Invoice, error) {
	var rows []row
	err := tx.Select(ctx, &rows, `
		SELECT i.id, i.number, i.kind, i.corrects, i.order_id, i.campaign_id, i.funder_id, i.issued_at, i.issued_on, i.due_on,
			i.net_cents, i.vat_bp, i.vat_cents, i.reference, i.engagement, i.service_code, i.snapshot::text AS snapshot,
			(SELECT COALESCE(sum(amount_cents), 0)::bigint FROM fee_receipts WHERE invoice_id = i.id) AS paid,
			(SELECT COALESCE(sum(net_cents + vat_cents), 0)::bigint FROM invoices WHERE corrects = i.id) AS credited
		FROM invoices i WHERE `+where+` ORDER BY i.id`, args...)
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

func insertFeeReceipt(ctx context.Context, tx *db.Tx, p FeesPaid) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO fee_receipts (invoice_id, line_id, checkout_id, amount_cents, received_at)
		VALUES ($1, NULLIF($2::bigint, 0), NULLIF($3::bigint, 0), $4, $5)`, p.Invoice, p.Line, p.Checkout, p.Amount, tx.Now)
	return err
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
