package statements

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// openCases opens the cases of new lines. A part payment opens none where the order or
// invoice has one already.
func openCases(ctx context.Context, tx *db.Tx, lines []*newLine) error {
	if err := recogniseReturns(ctx, tx, lines); err != nil {
		return err
	}
	lastPartOnly(lines)
	var ids []int64
	var kinds []string
	for _, l := range lines {
		if l.kind != asItShouldBe {
			ids, kinds = append(ids, l.id), append(kinds, string(l.kind))
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO bank_cases (line_id, kind, opened_at)
		SELECT u.id, u.kind, $3 FROM unnest($1::bigint[], $2::text[]) AS u(id, kind) JOIN statement_lines l ON l.id = u.id
		WHERE u.kind <> 'part_payment' OR NOT EXISTS (
			SELECT 1 FROM bank_cases k JOIN statement_lines m ON m.id = k.line_id
			WHERE k.kind = 'part_payment' AND k.decision IS NULL AND m.outcome = l.outcome AND m.cause = l.cause)`,
		db.Array(ids), db.Array(kinds), tx.Now)
	return err
}

// recogniseReturns finds the unexpected debits that look like the return of a payment: the
// bank says so, or they have its name, or its amount and account.
func recogniseReturns(ctx context.Context, tx *db.Tx, lines []*newLine) error {
	var debits []int64
	for _, l := range lines {
		if l.outcome == UnexpectedDebit {
			debits = append(debits, l.id)
		}
	}
	returns, err := returnable(ctx, tx, debits)
	for _, l := range lines {
		if l.outcome == UnexpectedDebit && l.kind == NobodysDebit && (l.returned || len(returns[l.id]) > 0 && returns[l.id][0].found != "") {
			l.kind = GivenBack
		}
	}
	return err
}

// returnable finds the payments of orders that debits may give back, by line, the surest
// first.
func returnable(ctx context.Context, tx *db.Tx, debits []int64) (map[int64][]Proposal, error) {
	found := map[int64][]Proposal{}
	if len(debits) == 0 {
		return found, nil
	}
	var rows []struct {
		Debit     int64                   `db:"debit"`
		Order     vouchers.OrderID        `db:"order_id"`
		Reference string                  `db:"reference"`
		Funder    vouchers.OrganisationID `db:"funder_id"`
		Name      string                  `db:"name"`
		Amount    vouchers.Cents          `db:"amount_cents"`
		Found     Reason                  `db:"found"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT d.id AS debit, o.id AS order_id, o.reference, o.funder_id, f.name, p.amount_cents, p.found
		FROM statement_lines d
		CROSS JOIN LATERAL (
			SELECT DISTINCT ON (c.cause) c.cause, c.amount_cents, c.id,
				CASE WHEN d.end_to_end <> '' AND c.end_to_end = d.end_to_end THEN 'end_to_end_id'
					WHEN d.counterparty_iban <> '' AND c.counterparty_iban = d.counterparty_iban THEN 'iban' ELSE '' END AS found
			FROM statement_lines c
			WHERE c.outcome = 'order_funded' AND (c.amount_cents = d.amount_cents OR d.end_to_end <> '' AND c.end_to_end = d.end_to_end)
			ORDER BY c.cause, c.id DESC) AS p
		JOIN orders o ON o.id = p.cause JOIN organisations f ON f.id = o.funder_id
		WHERE d.id = ANY ($1)
		ORDER BY d.id, CASE p.found WHEN 'end_to_end_id' THEN 0 WHEN 'iban' THEN 1 ELSE 2 END, p.id DESC`, db.Array(debits))
	for _, r := range rows {
		found[r.Debit] = append(found[r.Debit], Proposal{Decision: AsReturn, Order: r.Order, Label: r.Reference, Funder: r.Funder, Name: r.Name,
			Lacks: r.Amount, found: r.Found})
	}
	return found, err
}

// payersOf finds for which funders accounts have paid before, by IBAN.
func payersOf(ctx context.Context, tx *db.Tx, ibans []string) (map[string]map[vouchers.OrganisationID]bool, error) {
	var rows []struct {
		IBAN   string                  `db:"counterparty_iban"`
		Funder vouchers.OrganisationID `db:"funder_id"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT DISTINCT l.counterparty_iban, COALESCE(o.funder_id, i.funder_id) AS funder_id
		FROM statement_lines l
		LEFT JOIN orders o ON l.outcome = 'order_funded' AND o.id = l.cause
		LEFT JOIN invoices i ON l.outcome = 'fees_paid' AND i.id = l.cause
		WHERE l.counterparty_iban = ANY ($1) AND l.counterparty_iban <> '' AND l.outcome IN ('order_funded', 'fees_paid')`, db.Array(ibans))
	payers := map[string]map[vouchers.OrganisationID]bool{}
	for _, r := range rows {
		if payers[r.IBAN] == nil {
			payers[r.IBAN] = map[vouchers.OrganisationID]bool{}
		}
		payers[r.IBAN][r.Funder] = true
	}
	return payers, err
}

// partPayments locks the part payments that wait. Those that somebody is deciding are left
// for the next time.
func partPayments(ctx context.Context, tx *db.Tx) ([]Case, error) {
	return selectMany(ctx, tx, selectCases+`
		WHERE l.id IN (SELECT line_id FROM bank_cases WHERE kind = 'part_payment' AND decision IS NULL ORDER BY line_id FOR UPDATE SKIP LOCKED)`)
}

func closeCompleted(ctx context.Context, tx *db.Tx, lines []int64) error {
	_, err := tx.Exec(ctx, `UPDATE bank_cases SET decision = 'completed', decided_at = $2 WHERE line_id = ANY ($1)`, db.Array(lines), tx.Now)
	return err
}

const selectCases = `
	SELECT l.id, l.statement_id, l.booked_on, l.amount_cents, l.credit, l.end_to_end, l.counterparty, l.counterparty_iban, l.remittance,
		l.return_reason, l.outcome, l.cause, l.batch_count, CASE WHEN k.decision IS NULL THEN COALESCE(k.kind, '') ELSE '' END AS waits, s.account, COALESCE(k.kind, '') AS kind, k.opened_at, k.reminded_at, COALESCE(k.decision, '') AS decision,
		k.decided_at, COALESCE(p.name, '') AS decided_by, COALESCE(k.note, '') AS note, k.pair_id, COALESCE(r.credit_cents, 0) AS excess,
		CASE WHEN k.decision = 'refund' THEN COALESCE((SELECT bool_and(b.state IN ('returned', 'rejected')) FROM refunds b WHERE b.line_id = l.id), false)
			ELSE false END AS unrefunded
	FROM statement_lines l
	JOIN statements s ON s.id = l.statement_id
	LEFT JOIN bank_cases k ON k.line_id = l.id
	LEFT JOIN people p ON p.id = k.decided_by
	LEFT JOIN receipts r ON r.line_id = l.id `

func openOnes(ctx context.Context, tx *db.Tx, q Queue) ([]Case, error) {
	return selectMany(ctx, tx, selectCases+`
		WHERE k.decision IS NULL AND k.kind IS NOT NULL AND ($1 = '' OR k.kind = $1)
			AND ($2 = 0 OR (l.booked_on, l.id) > (SELECT c.booked_on, c.id FROM statement_lines c WHERE c.id = $2))
		ORDER BY l.booked_on, l.id LIMIT $3`, string(q.Kind), q.After, q.Limit)
}

func caseOfLine(ctx context.Context, tx *db.Tx, line int64) (Case, error) {
	all, err := selectMany(ctx, tx, selectCases+`WHERE l.id = $1`, line)
	if err == nil && len(all) == 0 {
		err = db.ErrNoRows
	}
	if err != nil {
		return Case{}, err
	}
	return all[0], nil
}

func selectMany(ctx context.Context, tx *db.Tx, query string, args ...any) ([]Case, error) {
	all := []Case{}
	err := tx.Select(ctx, &all, query, args...)
	for i := range all {
		all[i].Account = all[i].IBAN.Masked()
	}
	return all, err
}

func countOpen(ctx context.Context, tx *db.Tx) ([]KindCount, error) {
	counts := []KindCount{}
	err := tx.Select(ctx, &counts, `SELECT kind, count(*) AS count FROM bank_cases WHERE decision IS NULL GROUP BY kind`)
	return counts, err
}

// answerable finds the waiting lines that may answer one: of the same account and amount,
// in the other direction.
func answerable(ctx context.Context, tx *db.Tx, line int64) ([]Case, error) {
	return selectMany(ctx, tx, selectCases+`
		JOIN statement_lines m ON m.id = $1 JOIN statements n ON n.id = m.statement_id
		WHERE l.cause IS NULL AND l.amount_cents = m.amount_cents AND l.credit <> m.credit AND s.account = n.account
			AND NOT EXISTS (SELECT 1 FROM bank_cases u WHERE u.pair_id = l.id)
			AND (k.kind IS NOT NULL AND k.decision IS NULL OR l.outcome = 'operating_other' AND k.kind IS NULL)
		ORDER BY l.booked_on, l.id LIMIT 20`, line)
}

// lockLines locks lines in the order of their ids, until the end of tx.
func lockLines(ctx context.Context, tx *db.Tx, lines ...int64) error {
	_, err := tx.Exec(ctx, `SELECT id FROM statement_lines WHERE id = ANY ($1) ORDER BY id FOR UPDATE`, db.Array(lines))
	return err
}

// decideCase writes what was decided of a line.
func decideCase(ctx context.Context, tx *db.Tx, line int64, d decided) error {
	_, err := tx.Exec(ctx, `
		UPDATE bank_cases SET decision = $2, decided_at = $3, decided_by = $4, note = $5, pair_id = NULLIF($6::bigint, 0) WHERE line_id = $1`,
		line, d.decision, tx.Now, d.by, d.note, d.pair)
	return err
}

// reopen makes a line wait again, or for the first time.
func reopen(ctx context.Context, tx *db.Tx, line int64, kind Kind) error {
	_, err := tx.Exec(ctx, `
		INSERT INTO bank_cases (line_id, kind, opened_at) VALUES ($1, $2, $3)
		ON CONFLICT ON CONSTRAINT bank_cases_pkey DO UPDATE
		SET kind = excluded.kind, decision = NULL, decided_at = NULL, decided_by = NULL, pair_id = NULL, note = ''`, line, kind, tx.Now)
	return err
}

// reopenPaired makes the other line of a pair wait again, where it was a case.
func reopenPaired(ctx context.Context, tx *db.Tx, line, pair int64) error {
	_, err := tx.Exec(ctx, `
		UPDATE bank_cases SET decision = NULL, decided_at = NULL, decided_by = NULL, pair_id = NULL, note = ''
		WHERE line_id = $1 AND pair_id = $2`, line, pair)
	return err
}

func markReminded(ctx context.Context, tx *db.Tx, line int64) error {
	_, err := tx.Exec(ctx, `UPDATE bank_cases SET reminded_at = $2 WHERE line_id = $1`, line, tx.Now)
	return err
}
