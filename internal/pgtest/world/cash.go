package world

import (
	"fmt"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// This file writes the rows of orders and of the bank's statements itself, so that tests
// of other rooms need no file from a bank.

// Line is a line of the bank's statement.
type Line struct {
	Amount   vouchers.Cents
	Credit   bool
	Outcome  string // what became of it: "order_funded", "payout_booked"…
	EndToEnd string
	Cause    int64 // the order or the payout; 0 for none
}

// Fund orders vouchers for a campaign and lets the bank's line pay for them.
func (w *World) Fund(c campaigns.Campaign, amount vouchers.Cents) {
	w.t.Helper()
	w.InTx(func(tx *db.Tx) error {
		ctx := w.t.Context()
		var order int64
		err := tx.Get(ctx, &order, `
			INSERT INTO orders (campaign_id, funder_id, vouchers, face_cents, reference, ordered_at, ordered_by)
			SELECT $1, $2, $3, $4, $5, $6, min(person_id) FROM memberships WHERE organisation_id = $2 RETURNING id`,
			c.ID, c.Funder, int64(amount/c.Face), amount, fmt.Sprintf("RF%d", w.count.Add(1)), tx.Now)
		if err != nil {
			return err
		}
		line, err := w.BankLine(tx, Line{Amount: amount, Credit: true, Outcome: "order_funded", Cause: order})
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO receipts (line_id, order_id, funds_cents, credit_cents, received_at) VALUES ($1, $2, $3, 0, $4)`,
			line, order, amount, tx.Now)
		if err != nil {
			return err
		}
		return ledger.Post(ctx, tx, ledger.OrderPaid(line, ledger.Received{Campaign: c.ID, Funder: c.Funder, Funds: amount})...)
	})
}

// BankLine writes a statement of one line and returns the line's id. What the line does
// to the books is the caller's.
func (w *World) BankLine(tx *db.Tx, l Line) (int64, error) {
	ctx, n := w.t.Context(), w.count.Add(1)
	var statement, line int64
	err := tx.Get(ctx, &statement, `
		INSERT INTO statements (iban, kind, reference, sha256, part, complete, known, pending, imported_at, imported_by)
		VALUES ($1, 'camt.053', $2, $3, 0, true, 0, 0, $4, $5) RETURNING id`,
		ibanOf(0), fmt.Sprint(n), []byte(fmt.Sprint(n)), tx.Now, w.Operator.Person)
	if err != nil {
		return 0, err
	}
	err = tx.Get(ctx, &line, `
		INSERT INTO statement_lines (statement_id, identity, booked_on, amount_cents, credit, end_to_end, counterparty, counterparty_iban,
			remittance, return_reason, outcome, cause)
		VALUES ($1, $2, $3, $4, $5, $6, '', '', '', '', $7, NULLIF($8::bigint, 0)) RETURNING id`,
		statement, fmt.Sprint(n), vouchers.DayOf(tx.Now), l.Amount, l.Credit, l.EndToEnd, l.Outcome, l.Cause)
	return line, err
}
