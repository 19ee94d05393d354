package reporting

import (
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
)

// batchBreakages break what one debit of a file has booked, in either direction.
var batchBreakages = []struct{ what, evidence, sql string }{
	{"a payout booked by no line", "payout:1 state=booked debits=0", `UPDATE payouts SET batch_line = NULL WHERE id = 1`},
	{"a payout booked by a line of its own too", "payout:1 state=booked debits=2",
		`INSERT INTO statement_lines (statement_id, identity, booked_on, amount_cents, credit, end_to_end, counterparty, counterparty_iban, remittance,
			return_reason, outcome, cause)
		 SELECT l.statement_id, 'twice', l.booked_on, p.amount_cents, false, p.end_to_end, '', '', '', '', 'payout_booked', p.id
		 FROM payouts p JOIN statement_lines l ON l.id = p.batch_line WHERE p.id = 1`},
	{"a payout that its file's debit has left out", "batch_cents=", `UPDATE payouts SET batch_line = NULL WHERE id = 2`},
	{"a payout more than the debit", "batch_cents=",
		`UPDATE payouts SET batch_line = (SELECT batch_line FROM payouts WHERE id = 1), state = 'booked' WHERE state = 'in_transit'`},
	{"a debit of another amount", "batch_cents=3001", `UPDATE statement_lines SET amount_cents = amount_cents + 1 WHERE outcome = 'batch_booked'`},
	{"a line that books nothing", "batch_cents=", `UPDATE statement_lines SET outcome = 'batch_booked', cause = 1 WHERE outcome = 'order_funded'`},
	{"a payout booked by another settlement's debit", "PSL1-4 batch_line=2 is_no_debit_of_its_file", `UPDATE statement_lines SET cause = 2 WHERE outcome = 'batch_booked'`},
	{"a payout booked by another file's debit", "PSL1-4 batch_line=2 is_no_debit_of_its_file", `UPDATE statement_lines SET end_to_end = 'PSL2' WHERE outcome = 'batch_booked'`},
	{"a payout booked by a credit", "PSL1-4 batch_line=2 is_no_debit_of_its_file", `UPDATE statement_lines SET credit = true WHERE outcome = 'batch_booked'`},
	{"a payout booked by a line that is gone", "PSL1-4 batch_line=2 is_no_debit_of_its_file", `DELETE FROM statement_lines WHERE outcome = 'batch_booked'`},
}

func TestABrokenBatchIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet, second := b.HandOver(b.Campaign, 10), b.NewStructure("Médiathèque de Faverges")
	b.Redeem(b.Structure, booklet, 1)
	b.Redeem(second, booklet, 2)
	b.settles()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: 30_00, Outcome: "batch_booked", EndToEnd: "PSL1", Cause: 1})
		if err != nil {
			return err
		}
		settlement, err := b.settlement.BookBatch(t.Context(), tx, sepa.Batch{Line: line, Account: payer.IBAN, File: "PSL1", Amount: 30_00, Count: 2,
			On: b.Campaign.StartsOn})
		if settlement != 1 {
			t.Errorf("settlement %d is booked", settlement)
		}
		return err
	})
	b.Redeem(b.Structure, booklet, 1)
	b.settles()
	for id, f := range b.verify() {
		if !f.OK {
			t.Errorf("%s is broken in a sound world: %v", id, f.Evidence)
		}
	}
	for _, broken := range batchBreakages {
		b.wantBroken(t, broken.what, "INV-4", broken.evidence, broken.sql)
	}
}
