package settlement

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

const selectDebts = `
	SELECT * FROM (
		SELECT d.id, d.redemption_id, r.at AS redeemed_at, d.structure_id, o.name AS structure_name, d.campaign_id, d.amount_cents, d.reason, d.made_at,
			COALESCE((SELECT -sum(amount_cents) FROM adjustments WHERE debt_id = d.id), 0)::bigint AS netted,
			COALESCE((SELECT sum(amount_cents) FROM debt_repayments WHERE debt_id = d.id AND note_id IS NOT NULL), 0)::bigint AS repaid,
			COALESCE((SELECT sum(amount_cents) FROM debt_repayments WHERE debt_id = d.id AND note_id IS NULL), 0)::bigint AS made_good,
			COALESCE((SELECT sum(amount_cents) FROM correction_requests WHERE debt_id = d.id AND state = 'approved'), 0)::bigint AS forgiven,
			` + leftOfDebt + ` AS left_cents,
			EXISTS (SELECT 1 FROM correction_requests WHERE debt_id = d.id AND state = 'requested') AS asked,
			COALESCE((SELECT 'ND-' || n.year || '-' || lpad(n.seq::text, 5, '0') FROM debt_note_lines l JOIN debt_notes n ON n.id = l.note_id
				WHERE l.debt_id = d.id ORDER BY n.id DESC LIMIT 1), '') AS note
		FROM corrections d JOIN organisations o ON o.id = d.structure_id JOIN redemptions r ON r.id = d.redemption_id
		WHERE d.outcome = 'debt') AS d `

// debtList are the debts that are not over: of one structure, or of all (0).
func debtList(ctx context.Context, tx *db.Tx, of vouchers.OrganisationID) ([]Debt, error) {
	all := []Debt{}
	err := tx.Select(ctx, &all, selectDebts+`WHERE ($1 = 0 OR d.structure_id = $1) AND (d.left_cents > 0 OR d.forgiven > d.made_good) ORDER BY d.id`, of)
	return all, err
}

func debt(ctx context.Context, tx *db.Tx, id int64) (Debt, error) {
	var d Debt
	err := tx.Get(ctx, &d, selectDebts+`WHERE d.id = $1`, id)
	if errors.Is(err, db.ErrNoRows) {
		return d, fault.New(fault.NotFound, "not_found")
	}
	return d, err
}

// lockDebt lets one person at a time make a debt less. Settlements, which hold the gate
// alone, need no lock.
func lockDebt(ctx context.Context, tx *db.Tx, id int64) error {
	_, err := tx.Exec(ctx, `SELECT 1 FROM corrections WHERE id = $1 FOR UPDATE`, id)
	return err
}

const selectRequests = `
	SELECT q.id, q.kind, COALESCE(q.redemption_id, d.redemption_id) AS redemption_id, COALESCE(q.debt_id, 0) AS debt_id, q.structure_id,
		o.name AS structure_name, q.amount_cents, q.reason, q.state, q.requested_at, q.requested_by, a.name AS requester,
		q.decided_at, COALESCE(b.name, '') AS decider
	FROM correction_requests q LEFT JOIN corrections d ON d.id = q.debt_id
	JOIN organisations o ON o.id = q.structure_id JOIN people a ON a.id = q.requested_by LEFT JOIN people b ON b.id = q.decided_by `

// requests are those that wait, then the latest that were decided.
func requests(ctx context.Context, tx *db.Tx) ([]Request, error) {
	all := []Request{}
	err := tx.Select(ctx, &all, selectRequests+`ORDER BY q.state <> 'requested', q.id DESC LIMIT 100`)
	for i := range all {
		if err := all[i].name(); err != nil {
			return nil, err
		}
	}
	return all, err
}

func request(ctx context.Context, tx *db.Tx, id int64) (Request, error) {
	var r Request
	if err := tx.Get(ctx, &r, selectRequests+`WHERE q.id = $1`, id); err != nil {
		return r, err
	}
	return r, r.name()
}

// name gives what was forgiven the reference of the transfer that makes it good.
func (r *Request) name() (err error) {
	if r.Kind == Forgiveness && r.State == "approved" {
		r.Reference, err = referenceOf(r.ID)
	}
	return err
}

func holdRequest(ctx context.Context, tx *db.Tx, id int64) error {
	var found int64
	return tx.Get(ctx, &found, `SELECT id FROM correction_requests WHERE id = $1 FOR UPDATE`, id)
}

func insertRequest(ctx context.Context, tx *db.Tx, actor identity.Actor, r Request) (int64, error) {
	var id int64
	var redeemed *vouchers.RedemptionID
	if r.Kind == Clawback {
		redeemed = &r.Redemption
	}
	err := tx.Get(ctx, &id, `
		INSERT INTO correction_requests (kind, redemption_id, debt_id, structure_id, amount_cents, reason, state, requested_at, requested_by)
		VALUES ($1, $2, NULLIF($3::bigint, 0), $4, $5, $6, 'requested', $7, $8) RETURNING id`,
		r.Kind, redeemed, r.Debt, r.Structure, r.Amount, r.Reason, tx.Now, actor.Person)
	return id, err
}

func setDecision(ctx context.Context, tx *db.Tx, actor identity.Actor, r Request, state string) error {
	_, err := tx.Exec(ctx, `
		UPDATE correction_requests SET state = $2, amount_cents = $3, decided_at = $4, decided_by = $5 WHERE id = $1`,
		r.ID, state, r.Amount, tx.Now, actor.Person)
	return err
}

// complained says whether a complaint about a redemption is open.
func complained(ctx context.Context, tx *db.Tx, id vouchers.RedemptionID) (bool, error) {
	var open bool
	err := tx.Get(ctx, &open, `SELECT EXISTS (SELECT 1 FROM complaints WHERE redemption_id = $1 AND state = 'open')`, id)
	return open, err
}

// owingTooMuch are the structures to which the policy wants a note sent.
func owingTooMuch(ctx context.Context, tx *db.Tx, p NotePolicy) ([]vouchers.OrganisationID, error) {
	var ids []vouchers.OrganisationID
	err := tx.Select(ctx, &ids, `
		SELECT structure_id FROM (`+unaskedSQL+`) AS d GROUP BY structure_id
		HAVING sum(left_cents) >= $1 OR min(made_at) <= $2 ORDER BY structure_id`, p.From, tx.Now.AddDate(0, 0, -p.Days))
	return ids, err
}

// unaskedSQL are the debts that no note asks for, with what is left of them.
const unaskedSQL = `
	SELECT d.id, d.structure_id, d.campaign_id, d.made_at, ` + leftOfDebt + ` AS left_cents FROM corrections d
	WHERE d.outcome = 'debt' AND ` + leftOfDebt + ` > 0 AND NOT EXISTS (SELECT 1 FROM debt_note_lines l WHERE l.debt_id = d.id)`

func unasked(ctx context.Context, tx *db.Tx, structure vouchers.OrganisationID) ([]owedBack, error) {
	var all []owedBack
	err := tx.Select(ctx, &all, `
		SELECT id, structure_id, campaign_id, left_cents FROM (`+unaskedSQL+`) AS d WHERE structure_id = $1 ORDER BY id`, structure)
	return all, err
}

// nextNote gives the next number of a year, and holds the numbers until the end of tx, so
// that none is lost.
func nextNote(ctx context.Context, tx *db.Tx, year int) (int, error) {
	var seq int
	err := tx.Get(ctx, &seq, `
		INSERT INTO debt_note_numbers (year, last) VALUES ($1, 1)
		ON CONFLICT ON CONSTRAINT debt_note_numbers_pkey DO UPDATE SET last = debt_note_numbers.last + 1 RETURNING last`, year)
	return seq, err
}

// freeNote gives a number back that nothing was made of.
func freeNote(ctx context.Context, tx *db.Tx, n Note) error {
	if n.Seq == 1 {
		_, err := tx.Exec(ctx, `DELETE FROM debt_note_numbers WHERE year = $1`, n.Year)
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE debt_note_numbers SET last = last - 1 WHERE year = $1`, n.Year)
	return err
}

func insertNote(ctx context.Context, tx *db.Tx, n Note, debts []owedBack) (Note, error) {
	ids, amounts := make([]int64, len(debts)), make([]int64, len(debts))
	for i, d := range debts {
		ids[i], amounts[i] = d.ID, int64(d.Left)
		n.Amount += d.Left
	}
	err := tx.Get(ctx, &n.ID, `
		INSERT INTO debt_notes (year, seq, structure_id, reference, amount_cents, issued_at, due_on)
		VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id`, n.Year, n.Seq, n.Structure, n.Reference, n.Amount, n.IssuedAt, n.DueOn)
	if err != nil {
		return n, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO debt_note_lines (note_id, debt_id, amount_cents)
		SELECT $1, u.debt_id, u.amount_cents FROM unnest($2::bigint[], $3::bigint[]) AS u(debt_id, amount_cents)`,
		n.ID, db.Array(ids), db.Array(amounts))
	if err != nil {
		return n, err
	}
	return note(ctx, tx, n.ID)
}

const selectNotes = `
	SELECT n.id, n.year, n.seq, n.structure_id, o.name AS structure_name, n.reference, n.amount_cents, n.issued_at, n.due_on,
		(SELECT COALESCE(sum(` + leftOfDebt + `), 0)::bigint FROM debt_note_lines l JOIN corrections d ON d.id = l.debt_id WHERE l.note_id = n.id) AS left_cents
	FROM debt_notes n JOIN organisations o ON o.id = n.structure_id `

func note(ctx context.Context, tx *db.Tx, id int64) (Note, error) {
	var n Note
	err := tx.Get(ctx, &n, selectNotes+`WHERE n.id = $1`, id)
	n.Number = noteNumber(n.Year, n.Seq)
	return n, err
}

// notesOf are the latest notes: of one structure, or of all (0).
func notesOf(ctx context.Context, tx *db.Tx, of vouchers.OrganisationID) ([]Note, error) {
	all := []Note{}
	err := tx.Select(ctx, &all, selectNotes+`WHERE $1 = 0 OR n.structure_id = $1 ORDER BY n.id DESC LIMIT 100`, of)
	for i := range all {
		all[i].Number = noteNumber(all[i].Year, all[i].Seq)
	}
	return all, err
}

func noteLines(ctx context.Context, tx *db.Tx, id int64) ([]documents.Owed, error) {
	var all []documents.Owed
	err := tx.Select(ctx, &all, `
		SELECT r.at, p.name AS place, r.booklet_id::text AS booklet, d.reason, l.amount_cents AS amount
		FROM debt_note_lines l JOIN corrections d ON d.id = l.debt_id JOIN redemptions r ON r.id = d.redemption_id JOIN places p ON p.id = r.place_id
		WHERE l.note_id = $1 ORDER BY d.id`, id)
	return all, err
}

// repayer is who pays by a reference: a structure its debts, or the operator one that it
// forgave.
type repayer struct {
	Note      *int64                  `db:"note_id"`
	Request   *int64                  `db:"request_id"`
	Structure vouchers.OrganisationID `db:"structure_id"`
	Debt      int64                   `db:"debt_id"` // of the operator
}

func payerOf(ctx context.Context, tx *db.Tx, reference string) (repayer, error) {
	var p repayer
	err := tx.Get(ctx, &p, `
		SELECT id AS note_id, structure_id, NULL::bigint AS request_id, 0 AS debt_id FROM debt_notes WHERE reference = $1`, reference)
	if !errors.Is(err, db.ErrNoRows) {
		return p, err
	}
	request, there := forgivenBy(reference)
	if !there {
		return p, db.ErrNoRows
	}
	err = tx.Get(ctx, &p, `
		SELECT NULL::bigint AS note_id, id AS request_id, structure_id, debt_id FROM correction_requests
		WHERE id = $1 AND kind = 'forgiveness' AND state = 'approved'`, request)
	return p, err
}

// forgivenBy reads the number out of a reference of referenceOf.
func forgivenBy(reference string) (int64, bool) {
	if len(reference) < 5 {
		return 0, false
	}
	var id int64
	if n, err := fmt.Sscanf(reference[4:], "AD%d", &id); n != 1 || err != nil {
		return 0, false
	}
	made, err := referenceOf(id)
	return id, err == nil && made == reference
}

// debts are those that the payer may pay, the oldest first, held until the end of tx.
func (p repayer) debts(ctx context.Context, tx *db.Tx) ([]owedBack, error) {
	var all []owedBack
	if p.Note == nil {
		if err := lockDebt(ctx, tx, p.Debt); err != nil {
			return nil, err
		}
		d, err := debt(ctx, tx, p.Debt)
		return []owedBack{{d.ID, d.Structure, d.Campaign, d.ToMakeGood()}}, err
	}
	_, err := tx.Exec(ctx, `SELECT 1 FROM corrections WHERE structure_id = $1 AND outcome = 'debt' ORDER BY id FOR UPDATE`, p.Structure)
	if err != nil {
		return nil, err
	}
	err = tx.Select(ctx, &all, `
		SELECT id, structure_id, campaign_id, left_cents
		FROM (SELECT d.id, d.structure_id, d.campaign_id, `+leftOfDebt+` AS left_cents FROM corrections d
		      WHERE d.structure_id = $1 AND d.outcome = 'debt') AS open
		WHERE left_cents > 0 ORDER BY id`, p.Structure)
	return all, err
}

func insertRepayment(ctx context.Context, tx *db.Tx, p repayer, line int64, d owedBack) (int64, error) {
	var id int64
	err := tx.Get(ctx, &id, `
		INSERT INTO debt_repayments (debt_id, note_id, request_id, line_id, amount_cents, paid_at)
		VALUES ($1, $2, $3, $4, $5, $6) RETURNING id`, d.ID, p.Note, p.Request, line, d.Left, tx.Now)
	return id, err
}

// owedBy finds which names are references by which a debt is paid, and locks the funds that
// the payments will go to.
func owedBy(ctx context.Context, tx *db.Tx, names []string) ([]string, error) {
	var found []string
	if err := tx.Select(ctx, &found, `SELECT reference FROM debt_notes WHERE reference = ANY ($1)`, db.Array(names)); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, there := forgivenBy(name); there && !slices.Contains(found, name) {
			found = append(found, name)
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	_, err := holdDebts(ctx, tx)
	return found, err
}
