package reporting

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// corrects lets a structure be paid for what proves wrong: of two debts, a debt note asks for
// both, one is netted and one forgiven. Of three complaints about what is not paid, one is
// dismissed, one upheld and one open.
func (b bundle) corrects() {
	b.t.Helper()
	s := b.NewStructure("Espace de Cluses")
	booklet := b.HandOver(b.Campaign, 20)
	first, second := b.Redeem(s, booklet, 2), b.Redeem(s, booklet, 1)
	for _, p := range b.settles() {
		b.books(p)
	}
	b.clawsBack(first.ID)
	b.clawsBack(second.ID)
	_, err := b.settlement.IssueNotes(b.t.Context(), settlement.NotePolicy{From: 1}, func(context.Context, *db.Tx, string, settlement.Note) error { return nil })
	b.ok(err)
	debts, err := b.settlement.Debts(b.t.Context(), b.Operator)
	b.ok(err)
	ask, err := b.settlement.RequestForgiveness(b.t.Context(), b.Operator, settlement.ForgiveRequest{Debt: debts.Open[1].ID, Reason: "too small"})
	b.ok(err)
	_, err = b.settlement.ApproveRequest(b.t.Context(), b.Colleague(), ask.ID)
	b.ok(err)

	dismissed, open, upheld := b.Redeem(s, booklet, 1), b.Redeem(s, booklet, 1), b.Redeem(s, booklet, 1)
	b.complains(dismissed, func(tx *db.Tx) (int64, error) {
		return 0, settlement.Release(b.t.Context(), tx, b.Operator, dismissed.ID)
	})
	b.complains(open, nil)
	b.complains(upheld, func(tx *db.Tx) (int64, error) {
		c, err := settlement.Correct(b.t.Context(), tx, b.Operator, upheld.ID, "nobody came")
		return c.ID, err
	})
	b.Redeem(s, booklet, 3)
	b.settles()
}

func (b bundle) clawsBack(id vouchers.RedemptionID) {
	b.t.Helper()
	ask, err := b.settlement.RequestClawback(b.t.Context(), b.Operator, settlement.ClawbackRequest{Redemption: id, Reason: "counted twice"})
	b.ok(err)
	_, err = b.settlement.ApproveRequest(b.t.Context(), b.Colleague(), ask.ID)
	b.ok(err)
}

// complains opens a complaint, and ends it where decide does: with a correction, it was right.
func (b bundle) complains(r redemption.Redemption, decide func(tx *db.Tx) (int64, error)) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(b.t.Context(), `
			INSERT INTO complaints (redemption_id, structure_id, campaign_id, opened_as, opened_at, cause, words, answer_by, state)
			SELECT id, structure_id, campaign_id, 'holder', $2, 'other', 'x', $3, 'open' FROM redemptions WHERE id = $1`,
			r.ID, tx.Now, vouchers.DayOf(tx.Now).AddDays(15))
		if err != nil {
			return err
		}
		if _, err := settlement.Withhold(b.t.Context(), tx, b.Operator, r.ID); err != nil || decide == nil {
			return err
		}
		correction, err := decide(tx)
		if err != nil {
			return err
		}
		_, err = tx.Exec(b.t.Context(), `
			UPDATE complaints SET state = CASE WHEN $2 = 0 THEN 'dismissed' ELSE 'upheld' END, ended_at = $3, decided_by = $4,
				correction_id = NULLIF($2::bigint, 0) WHERE redemption_id = $1`, r.ID, correction, tx.Now, b.Operator.Person)
		return err
	})
}
