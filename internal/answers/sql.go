package answers

import (
	"context"
	"errors"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// insert writes an answer, unless the same file is there: then its id is given. Whoever
// sends it at the same time waits here.
func insert(ctx context.Context, tx *db.Tx, in incoming) (id vouchers.AnswerID, isNew bool, err error) {
	err = tx.Get(ctx, &id, `
		INSERT INTO bank_answers (sha256, reference, message_id, status, reason, answered_at, imported_at, imported_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (sha256) DO NOTHING RETURNING id`,
		in.sha256, in.said.ID, in.said.MessageID, in.said.Group.Status, in.said.Group.Reason, in.answeredAt(), tx.Now, in.actor.Person)
	if errors.Is(err, db.ErrNoRows) {
		return id, false, tx.Get(ctx, &id, `SELECT id FROM bank_answers WHERE sha256 = $1`, in.sha256)
	}
	return id, true, err
}

// answeredAt is nil where the bank does not say.
func (in incoming) answeredAt() any {
	if in.said.CreatedAt.IsZero() {
		return nil
	}
	return in.said.CreatedAt
}

func insertLines(ctx context.Context, tx *db.Tx, id vouchers.AnswerID, lines []Line) error {
	amounts := make([]int64, len(lines))
	texts := make([][]string, 5)
	for i, l := range lines {
		amounts[i] = int64(l.Amount)
		for column, text := range []string{l.EndToEnd, l.Payee, l.Status, l.Reason, l.Effect} {
			texts[column] = append(texts[column], text)
		}
	}
	_, err := tx.Exec(ctx, `
		INSERT INTO bank_answer_lines (answer_id, end_to_end, payee, amount_cents, status, reason, effect)
		SELECT $1, u.end_to_end, u.payee, u.amount_cents, u.status, u.reason, u.effect
		FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[])
			AS u(end_to_end, payee, amount_cents, status, reason, effect)`,
		id, db.Array(texts[0]), db.Array(texts[1]), db.Array(amounts), db.Array(texts[2]), db.Array(texts[3]), db.Array(texts[4]))
	return err
}

const selectAnswers = `
	SELECT a.id, a.reference, a.message_id, a.status, a.reason, a.answered_at, a.imported_at,
		n.accepted, n.waiting, n.rejected, n.contradicted
	FROM bank_answers a CROSS JOIN LATERAL (
		SELECT count(*) FILTER (WHERE l.effect = 'accepted') AS accepted, count(*) FILTER (WHERE l.effect = 'waiting') AS waiting,
			count(*) FILTER (WHERE l.effect IN ('rejected', 'rejected_before')) AS rejected,
			count(*) FILTER (WHERE l.effect = 'contradicted') AS contradicted
		FROM bank_answer_lines l WHERE l.answer_id = a.id) AS n `

func list(ctx context.Context, tx *db.Tx, before vouchers.AnswerID, limit int) ([]Answer, error) {
	all := []Answer{}
	err := tx.Select(ctx, &all, selectAnswers+`WHERE $1 = 0 OR a.id < $1 ORDER BY a.id DESC LIMIT $2`, before, limit)
	for i := range all {
		all[i].Lines = []Line{}
	}
	return all, err
}

// open reads an answer with its lines, those first that ask for somebody.
func open(ctx context.Context, tx *db.Tx, id vouchers.AnswerID) (Answer, error) {
	a := Answer{Lines: []Line{}}
	if err := tx.Get(ctx, &a, selectAnswers+`WHERE a.id = $1`, id); err != nil {
		return a, err
	}
	err := tx.Select(ctx, &a.Lines, `
		SELECT end_to_end, payee, amount_cents, status, reason, effect FROM bank_answer_lines WHERE answer_id = $1
		ORDER BY array_position('{contradicted,rejected,rejected_before,waiting,accepted}', effect), payee COLLATE "fr-x-icu", end_to_end`, id)
	return a, err
}
