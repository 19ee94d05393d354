package statements

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// oneAtATime lets one import run at a time, until the end of its transaction: two of
// them would bring the same lines and lock the same orders.
func oneAtATime(ctx context.Context, tx *db.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(7021975)`)
	return err
}

// importedBefore tells whether a statement of a file was imported. It writes to it, for an
// answer that is given again rests on a logged write of its own.
func importedBefore(ctx context.Context, tx *db.Tx, sum []byte, part int) (bool, error) {
	n, err := tx.Exec(ctx, `UPDATE statements SET sha256 = sha256 WHERE sha256 = $1 AND part = $2`, sum, part)
	return n > 0, err
}

// newStatement is one statement of a file.
type newStatement struct {
	part    int
	account Account
	known   int // lines that an earlier statement brought
}

func insertStatement(ctx context.Context, tx *db.Tx, in incoming, n newStatement) (vouchers.StatementID, error) {
	s := in.statements[n.part]
	var opening, closing *vouchers.Cents
	var closingOn *vouchers.Day
	if s.Opening != nil {
		opening = &s.Opening.Amount
	}
	if s.Closing != nil {
		closing, closingOn = &s.Closing.Amount, &s.Closing.Day
	}
	var id vouchers.StatementID
	err := tx.Get(ctx, &id, `
		INSERT INTO statements (account, iban, kind, reference, sha256, part, opening_cents, closing_cents, closing_on, complete,
			known, pending, imported_at, imported_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) RETURNING id`,
		n.account, s.Account.Full(), s.Kind, s.ID, in.sha256, n.part, opening, closing, closingOn, s.CheckBalances() == nil,
		n.known, len(s.Pending), tx.Now, in.actor.Person)
	return id, err
}

// knownEntries finds which entries an earlier statement brought, by their first lines.
func knownEntries(ctx context.Context, tx *db.Tx, lines []*newLine) (map[string]bool, error) {
	entries := make([]string, len(lines))
	for i, l := range lines {
		entries[i] = l.entry
	}
	var found []string
	err := tx.Select(ctx, &found, `SELECT identity FROM statement_lines WHERE identity = ANY ($1)`, db.Array(entries))
	set := make(map[string]bool, len(found))
	for _, identity := range found {
		set[identity] = true
	}
	return set, err
}

// number draws the ids first: money moves under them before the lines are inserted,
// once, with their outcomes.
func number(ctx context.Context, tx *db.Tx, lines []*newLine) error {
	var ids []int64
	err := tx.Select(ctx, &ids, `
		SELECT nextval(pg_get_serial_sequence('statement_lines', 'id')) AS id FROM generate_series(1, $1::int) ORDER BY id`, len(lines))
	for i := range ids {
		lines[i].id = ids[i]
	}
	return err
}

func insertLines(ctx context.Context, tx *db.Tx, statement vouchers.StatementID, lines []*newLine) error {
	n := len(lines)
	ids, amounts, causes := make([]int64, n), make([]int64, n), make([]int64, n)
	identities, days, endToEnds, names := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	ibans, texts, reasons, outcomes := make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	credits, counts := make([]bool, n), make([]int64, n)
	for i, l := range lines {
		t := l.payment
		ids[i], identities[i], days[i], amounts[i], credits[i] = l.id, l.identity, l.bookedOn.String(), int64(t.Amount), l.credit
		endToEnds[i], names[i], ibans[i] = l.endToEnd, t.Counterparty.Name, t.Counterparty.IBAN.Full()
		texts[i], reasons[i], outcomes[i], causes[i] = remittance(t), t.ReturnReason, string(l.outcome), l.cause
		if l.file != "" {
			counts[i] = int64(t.Count)
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO statement_lines (id, statement_id, identity, booked_on, amount_cents, credit, end_to_end, counterparty,
			counterparty_iban, remittance, return_reason, outcome, cause, batch_count)
		OVERRIDING SYSTEM VALUE
		SELECT u.id, $1, u.identity, u.day, u.amount, u.credit, u.end_to_end, u.name, u.iban, u.text, u.reason, u.outcome, NULLIF(u.cause, 0),
			NULLIF(u.batch, 0)
		FROM unnest($2::bigint[], $3::text[], $4::date[], $5::bigint[], $6::boolean[], $7::text[], $8::text[], $9::text[],
			$10::text[], $11::text[], $12::text[], $13::bigint[], $14::bigint[])
			AS u(id, identity, day, amount, credit, end_to_end, name, iban, text, reason, outcome, cause, batch)`,
		statement, db.Array(ids), db.Array(identities), db.Array(days), db.Array(amounts), db.Array(credits), db.Array(endToEnds),
		db.Array(names), db.Array(ibans), db.Array(texts), db.Array(reasons), db.Array(outcomes), db.Array(causes), db.Array(counts))
	return err
}

const selectStatements = `
	SELECT s.id, s.kind, s.reference, s.account, s.iban, s.opening_cents, s.closing_cents, s.closing_on, s.complete, s.known, s.pending,
		s.imported_at, t.*
	FROM statements s, LATERAL (
		SELECT count(*) AS lines,
			count(*) FILTER (WHERE outcome = 'order_funded') AS funded,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome = 'order_funded'), 0)::bigint AS funded_cents,
			count(*) FILTER (WHERE outcome IN ('payout_booked', 'batch_booked')) AS booked,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome IN ('payout_booked', 'batch_booked')), 0)::bigint AS booked_cents,
			count(*) FILTER (WHERE outcome = 'payout_returned') AS returned,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome = 'payout_returned'), 0)::bigint AS returned_cents,
			count(*) FILTER (WHERE outcome = 'fees_paid') AS fees,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome = 'fees_paid'), 0)::bigint AS fees_cents,
			count(*) FILTER (WHERE outcome = 'unattributed') AS unattributed,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome = 'unattributed'), 0)::bigint AS unattributed_cents,
			count(*) FILTER (WHERE outcome = 'unexpected_debit') AS unexpected,
			COALESCE(sum(amount_cents) FILTER (WHERE outcome = 'unexpected_debit'), 0)::bigint AS unexpected_cents,
			COALESCE(sum(amount_cents), 0)::bigint AS all_cents,
			(SELECT count(*) FROM statement_lines l JOIN bank_cases k ON k.line_id = l.id WHERE l.statement_id = s.id AND k.decision IS NULL) AS cases
		FROM statement_lines WHERE statement_id = s.id) t `

type row struct {
	ID                vouchers.StatementID `db:"id"`
	Kind              sepa.Kind            `db:"kind"`
	Reference         string               `db:"reference"`
	Ours              Account              `db:"account"`
	IBAN              sepa.IBAN            `db:"iban"`
	Opening           *vouchers.Cents      `db:"opening_cents"`
	Closing           *vouchers.Cents      `db:"closing_cents"`
	ClosingOn         *vouchers.Day        `db:"closing_on"`
	Complete          bool                 `db:"complete"`
	Known             int                  `db:"known"`
	Pending           int                  `db:"pending"`
	ImportedAt        time.Time            `db:"imported_at"`
	Lines             int                  `db:"lines"`
	All               vouchers.Cents       `db:"all_cents"`
	Funded            int                  `db:"funded"`
	FundedCents       vouchers.Cents       `db:"funded_cents"`
	Booked            int                  `db:"booked"`
	BookedCents       vouchers.Cents       `db:"booked_cents"`
	Returned          int                  `db:"returned"`
	ReturnedCents     vouchers.Cents       `db:"returned_cents"`
	Fees              int                  `db:"fees"`
	FeesCents         vouchers.Cents       `db:"fees_cents"`
	Unattributed      int                  `db:"unattributed"`
	UnattributedCents vouchers.Cents       `db:"unattributed_cents"`
	Unexpected        int                  `db:"unexpected"`
	UnexpectedCents   vouchers.Cents       `db:"unexpected_cents"`
	Cases             int                  `db:"cases"`
}

func (r row) statement() Statement {
	s := Statement{
		ID: r.ID, Kind: r.Kind, Reference: r.Reference, Ours: r.Ours, Account: r.IBAN.Masked(), Opening: r.Opening, Closing: r.Closing,
		ClosingOn: r.ClosingOn, Complete: r.Complete, Known: r.Known, Pending: r.Pending, ImportedAt: r.ImportedAt, Lines: r.Lines,
		OrdersFunded: Tally{r.Funded, r.FundedCents}, PayoutsBooked: Tally{r.Booked, r.BookedCents},
		PayoutsReturned: Tally{r.Returned, r.ReturnedCents}, FeesPaid: Tally{r.Fees, r.FeesCents},
		Unattributed: Tally{r.Unattributed, r.UnattributedCents}, UnexpectedDebits: Tally{r.Unexpected, r.UnexpectedCents},
		Others: Tally{r.Lines, r.All}, Cases: r.Cases,
	}
	for _, t := range []Tally{s.OrdersFunded, s.PayoutsBooked, s.PayoutsReturned, s.FeesPaid, s.Unattributed, s.UnexpectedDebits} {
		s.Others.Count, s.Others.Amount = s.Others.Count-t.Count, s.Others.Amount-t.Amount
	}
	return s
}

func selectAll(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Statement, error) {
	var rows []row
	err := tx.Select(ctx, &rows, selectStatements+where, args...)
	all := make([]Statement, len(rows))
	for i, r := range rows {
		all[i] = r.statement()
	}
	return all, err
}

func ofFile(ctx context.Context, tx *db.Tx, sum []byte) ([]Statement, error) {
	return selectAll(ctx, tx, `WHERE s.sha256 = $1 ORDER BY s.part`, sum)
}

func list(ctx context.Context, tx *db.Tx, before vouchers.StatementID, limit int) ([]Statement, error) {
	return selectAll(ctx, tx, `WHERE $1 = 0 OR s.id < $1 ORDER BY s.id DESC LIMIT $2`, before, limit)
}

func one(ctx context.Context, tx *db.Tx, id vouchers.StatementID) (Statement, error) {
	var r row
	err := tx.Get(ctx, &r, selectStatements+`WHERE s.id = $1`, id)
	return r.statement(), err
}

// closingBalance is the bank's, with what it booked after that day.
type closingBalance struct {
	Account Account        `db:"account"`
	On      vouchers.Day   `db:"closing_on"`
	Amount  vouchers.Cents `db:"closing_cents"`
	Later   vouchers.Cents `db:"later"`
}

// latestClosings are those of each account, the segregated one first.
func latestClosings(ctx context.Context, tx *db.Tx) ([]closingBalance, error) {
	var all []closingBalance
	err := tx.Select(ctx, &all, `
		SELECT s.account, s.closing_on, s.closing_cents,
			(SELECT COALESCE(sum(CASE WHEN l.credit THEN l.amount_cents ELSE -l.amount_cents END), 0)::bigint
			 FROM statement_lines l JOIN statements o ON o.id = l.statement_id
			 WHERE l.booked_on > s.closing_on AND o.account = s.account) AS later
		FROM (SELECT DISTINCT ON (account) account, closing_on, closing_cents FROM statements
		      WHERE closing_on IS NOT NULL ORDER BY account, closing_on DESC, id DESC) AS s
		ORDER BY s.account DESC`)
	return all, err
}

// missing finds the statements of an account that do not begin where any other ends, with
// the one before each.
func missing(ctx context.Context, tx *db.Tx, account Account) ([]Missing, error) {
	all := []Missing{}
	err := tx.Select(ctx, &all, `
		SELECT $1 AS account, s.after, s.reference AS before, s.after_on AS closing_on, s.after_cents AS closing_cents, s.opening_cents
		FROM (SELECT id, reference, opening_cents, lag(reference) OVER days AS after, lag(closing_on) OVER days AS after_on,
				lag(closing_cents) OVER days AS after_cents
		      FROM statements WHERE account = $1 AND closing_on IS NOT NULL WINDOW days AS (ORDER BY closing_on, id)) AS s
		WHERE s.opening_cents IS NOT NULL AND s.after_on IS NOT NULL AND NOT EXISTS (
			SELECT 1 FROM statements e WHERE e.account = $1 AND e.id <> s.id AND e.closing_cents = s.opening_cents)
		ORDER BY s.after_on, s.id`, string(account))
	return all, err
}

func linesOfStatement(ctx context.Context, tx *db.Tx, id vouchers.StatementID, after int64, limit int) ([]Line, error) {
	return selectLines(ctx, tx, `WHERE l.statement_id = $1 AND l.id > $2 ORDER BY l.id LIMIT $3`, id, after, limit)
}

func waiting(ctx context.Context, tx *db.Tx, limit int) ([]Line, error) {
	return selectLines(ctx, tx, `WHERE l.cause IS NULL AND k.kind IS NOT NULL AND k.decision IS NULL ORDER BY l.booked_on, l.id LIMIT $1`, limit)
}

func selectLines(ctx context.Context, tx *db.Tx, where string, args ...any) ([]Line, error) {
	cases, err := selectMany(ctx, tx, selectCases+where, args...)
	lines := make([]Line, len(cases))
	for i, c := range cases {
		lines[i] = c.Line
	}
	return lines, err
}

// settle gives a line its outcome.
func settle(ctx context.Context, tx *db.Tx, line int64, o Outcome, cause int64) error {
	_, err := tx.Exec(ctx, `UPDATE statement_lines SET outcome = $2, cause = NULLIF($3::bigint, 0) WHERE id = $1`, line, o, cause)
	return err
}
