package settlement

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// complains opens a complaint, as the room of complaints does.
func (b bundle) complains(id vouchers.RedemptionID) bool {
	b.t.Helper()
	withheld, err := b.triesToComplain(id)
	b.ok(err)
	return withheld
}

func (b bundle) triesToComplain(id vouchers.RedemptionID) (withheld bool, err error) {
	err = b.DB.WithoutRetries().InTx(b.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(b.t.Context(), `
			INSERT INTO complaints (redemption_id, structure_id, campaign_id, opened_as, opened_at, cause, words, answer_by, state)
			SELECT id, structure_id, campaign_id, 'holder', $2, 'other', 'x', $3, 'open' FROM redemptions WHERE id = $1`,
			id, tx.Now, vouchers.DayOf(tx.Now).AddDays(15))
		if err != nil {
			return err
		}
		withheld, err = Withhold(b.t.Context(), tx, identity.Actor{}, id)
		return err
	})
	return withheld, err
}

// dismissed ends it for the structure, upheld against it.
func (b bundle) dismissed(id vouchers.RedemptionID) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		if err := Release(b.t.Context(), tx, b.Operator, id); err != nil {
			return err
		}
		return b.ends(tx, id, "dismissed", 0)
	})
}

func (b bundle) upheld(id vouchers.RedemptionID) (c Correction) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) (err error) {
		if c, err = Correct(b.t.Context(), tx, b.Operator, id, "nobody came"); err != nil {
			return err
		}
		return b.ends(tx, id, "upheld", c.ID)
	})
	return c
}

func (b bundle) ends(tx *db.Tx, id vouchers.RedemptionID, state string, correction int64) error {
	_, err := tx.Exec(b.t.Context(), `
		UPDATE complaints SET state = $2, ended_at = $3, decided_by = $4, correction_id = NULLIF($5::bigint, 0)
		WHERE redemption_id = $1 AND state = 'open'`, id, state, tx.Now, b.Operator.Person, correction)
	return err
}

// sound recomputes every invariant, and the cover. The bank's lines of payouts are played
// without its statements here: INV-4 is not looked at.
func (b bundle) sound() {
	b.t.Helper()
	b.holds()
	b.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(b.t.Context(), tx, FileOf)
		for _, f := range found {
			if !f.OK && f.ID != "INV-4" {
				b.t.Errorf("%s: %s", f.ID, strings.Join(f.Evidence, "; "))
			}
		}
		return err
	})
	b.covered()
}

func (b bundle) covered() {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		cover, err := reporting.CoverNow(b.t.Context(), tx)
		if err == nil && !cover.Covered {
			b.t.Errorf("not covered: %+v", cover)
		}
		return err
	})
}

// balance is what an account owes.
func (b bundle) balance(a ledger.Account) (sum vouchers.Cents) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) (err error) {
		sum, err = ledger.Balance(b.t.Context(), tx, a)
		return err
	})
	return sum
}

// repays plays a line of the statement that names a reference.
func (b bundle) repays(reference string, amount vouchers.Cents) (outcome string) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		known, err := b.Names(b.t.Context(), tx, []string{reference})
		if err != nil || !known[reference] {
			return err
		}
		line, err := b.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "unattributed"})
		if err != nil {
			return err
		}
		outcome, _, err = b.Book(b.t.Context(), tx, sepa.Movement{Line: line, Account: payer.IBAN, Name: reference, Amount: amount, Credit: true})
		if err != nil {
			return err
		}
		if outcome == "" {
			_, err = tx.Exec(b.t.Context(), `DELETE FROM statement_lines WHERE id = $1`, line)
			return err
		}
		_, err = tx.Exec(b.t.Context(), `UPDATE statement_lines SET outcome = $2, cause = 1 WHERE id = $1`, line, outcome)
		return err
	})
	return outcome
}

// notes asks for debts from an amount on.
func (b bundle) asks(from vouchers.Cents, days int) []Note {
	b.t.Helper()
	_, err := b.IssueNotes(b.t.Context(), NotePolicy{From: from, Days: days}, func(_ context.Context, _ *db.Tx, _ string, _ Note) error { return nil })
	b.ok(err)
	d, err := b.Debts(b.t.Context(), b.Operator)
	b.ok(err)
	return d.Notes
}

func TestOnlyTheContestedLineWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 20)
	contested, other := b.Redeem(b.Structure, booklet, 2), b.Redeem(b.Structure, booklet, 3)
	if !b.complains(contested.ID) {
		t.Error("nothing was withheld")
	}
	b.sound()
	if p := b.settles().List; len(p) != 1 || p[0].Amount != other.Amount || p[0].Redemptions != 2 {
		t.Fatalf("paid: %+v", p)
	}
	if m := b.money(b.Structure.Actor); m.Owed != 0 || m.Withheld != contested.Amount {
		t.Errorf("owed: %+v", m)
	}
	b.dismissed(contested.ID)
	b.sound()
	p := b.settles().List
	if len(p) != 1 || p[0].Amount != contested.Amount || p[0].Redemptions != 0 {
		t.Fatalf("paid then: %+v", p)
	}
	d, err := b.Statement(t.Context(), b.Structure.Actor, p[0].ID)
	b.ok(err)
	if len(d.Redeemed) != 0 || len(d.Adjusted) != 1 || d.Adjusted[0].Kind != "released" || d.Adjusted[0].Amount != contested.Amount {
		t.Errorf("the statement says %+v", d)
	}
	b.sound()
}

func TestAComplaintThatIsRightGivesTheVouchersBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 8)
	contested := b.Redeem(b.Structure, booklet, 2)
	b.complains(contested.ID)
	_, err := b.Counter.Undo(t.Context(), b.Structure.Actor, redemption.UndoRequest{ID: contested.ID, Reason: "to be quick"})
	b.refused(err, "redemption_withheld")
	if c := b.upheld(contested.ID); c.Outcome != ToHolder {
		t.Errorf("it went to %s", c.Outcome)
	}
	b.sound()
	if left := b.left(booklet); left != 8 {
		t.Errorf("%d vouchers are left", left)
	}
	_, err = b.Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "nothing_to_settle")
	// They can be spent again, and that is paid.
	b.Redeem(b.Structure, booklet, 2)
	b.settles()
	b.sound()
}

func TestAfterTheBookletsEndItsValueIsTheCampaigns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 8)
	contested := b.Redeem(b.Structure, booklet, 2)
	b.complains(contested.ID)
	b.Clock.Add(500 * 24 * time.Hour)
	before := -b.balance(ledger.Funds(b.Campaign.ID))
	if c := b.upheld(contested.ID); c.Outcome != ToCampaign {
		t.Errorf("it went to %s", c.Outcome)
	}
	if after := -b.balance(ledger.Funds(b.Campaign.ID)); before-after != contested.Amount {
		t.Errorf("the campaign had %s and has %s", before, after)
	}
	b.sound()
}

func TestWhatWasPaidIsADebtThatIsNetted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	second := b.NewCampaign("Ateliers d’hiver", 100)
	mistaken := b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 5)
	b.books(b.settles().List[0])
	if b.complains(mistaken.ID) {
		t.Error("what is paid cannot be withheld")
	}
	if c := b.upheld(mistaken.ID); c.Outcome != AsDebt {
		t.Errorf("it went to %s", c.Outcome)
	}
	b.sound()
	other := b.HandOver(second, 20)
	b.Redeem(b.Structure, other, 2)
	preview, err := b.Preview(t.Context(), b.Operator)
	b.ok(err)
	if preview.Payouts != 0 || preview.Total != 0 || preview.Netted != 20_00 {
		t.Errorf("the preview says %+v", preview)
	}
	_, err = b.Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "nothing_to_settle")
	b.Redeem(b.Structure, other, 5)
	p := b.settles().List
	if len(p) != 1 || p[0].Amount != 20_00 {
		t.Fatalf("paid: %+v", p)
	}
	b.sound()
	d, err := b.Statement(t.Context(), b.Structure.Actor, p[0].ID)
	b.ok(err)
	if d.Recovered != 50_00 || len(d.Redeemed) != 2 {
		t.Errorf("the statement says %+v", d)
	}
	if debt := b.balance(ledger.StructureDebt(b.Structure.Organisation)); debt != 0 {
		t.Errorf("%s is still owed", debt)
	}
}

// A redemption that has paid a debt can be neither undone nor withheld: it is as good as paid.
func TestWhatHasPaidADebtIsAsGoodAsPaid(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 20)
	mistaken, other := b.Redeem(b.Structure, booklet, 3), b.NewStructure("Bonlieu")
	b.books(b.settles().List[0])
	b.clawsBack(mistaken.ID)
	late := b.Redeem(b.Structure, booklet, 2)
	b.Redeem(other, booklet, 1)
	b.settles() // all that is owed pays the debt
	b.sound()
	_, err := b.Counter.Undo(t.Context(), b.Structure.Actor, redemption.UndoRequest{ID: late.ID, Reason: "wrong person"})
	b.refused(err, "already_settled")
	if b.complains(late.ID) {
		t.Error("it was withheld")
	}
	if c := b.upheld(late.ID); c.Outcome != AsDebt {
		t.Errorf("it went to %s", c.Outcome)
	}
	b.sound()
	if m := b.money(b.Structure.Actor); m.Owed != 0 || m.Withheld != 0 || m.Debt != 30_00 {
		t.Errorf("owed: %+v", m)
	}
}

// What comes back of a payout that a debt had been taken out of is withheld only as far as it
// is there.
func TestAContestedLineComesBackAfterNetting(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 20)
	mistaken := b.Redeem(b.Structure, booklet, 1)
	b.books(b.settles().List[0])
	b.clawsBack(mistaken.ID)
	contested := b.Redeem(b.Structure, booklet, 3)
	p := b.settles().List[0]
	b.books(p)
	b.complains(contested.ID)
	b.returns(p)
	b.sound()
	if m := b.money(b.Structure.Actor); m.Owed != 20_00 || m.Withheld != 0 {
		t.Errorf("owed: %+v", m)
	}
	b.Redeem(b.Structure, booklet, 1)
	if c := b.upheld(contested.ID); c.Outcome != ToHolder {
		t.Errorf("it went to %s", c.Outcome)
	}
	b.sound()
}

func TestAContestedLineThatComesBackWaits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	contested := b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 2)
	p := b.settles().List[0]
	b.complains(contested.ID)
	b.books(p)
	b.returns(p)
	b.sound()
	if m := b.money(b.Structure.Actor); m.Owed != 0 || m.Withheld != contested.Amount {
		t.Errorf("owed: %+v", m)
	}
	b.dismissed(contested.ID)
	if list := b.settles().List; len(list) != 1 || list[0].Amount != contested.Amount {
		t.Errorf("paid: %+v", list)
	}
	b.sound()
}

func TestADebtNoteIsPaidByItsReference(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 12)
	mistaken := []redemption.Redemption{b.Redeem(b.Structure, booklet, 4), b.Redeem(b.Structure, booklet, 4), b.Redeem(b.Structure, booklet, 4)}
	b.books(b.settles().List[0])
	for _, r := range mistaken {
		b.clawsBack(r.ID)
	}
	if notes := b.asks(200_00, 90); len(notes) != 0 {
		t.Errorf("too early: %+v", notes)
	}
	notes := b.asks(100_00, 90)
	if len(notes) != 1 || notes[0].Amount != 120_00 || notes[0].Number != "ND-2026-00001" || !sepa.ValidRF(notes[0].Reference) {
		t.Fatalf("notes: %+v", notes)
	}
	if again := b.asks(100_00, 90); len(again) != 1 {
		t.Errorf("asked twice: %+v", again)
	}
	if b.repays(notes[0].Reference, 130_00) != "" {
		t.Error("more than is owed waits for a person")
	}
	if b.repays(notes[0].Reference, 50_00) != "debt_repaid" || b.repays(notes[0].Reference, 70_00) != "debt_repaid" {
		t.Error("the line was not recognised")
	}
	b.sound()
	d, err := b.Debts(t.Context(), b.Structure.Actor)
	b.ok(err)
	if len(d.Open) != 0 || len(d.Notes) != 1 || d.Notes[0].Left != 0 {
		t.Errorf("debts: %+v", d)
	}
	_, err = b.Note(t.Context(), b.Structure.Actor, notes[0].ID)
	b.ok(err)
	_, err = b.Note(t.Context(), b.NewStructure("Bonlieu").Actor, notes[0].ID)
	b.refused(err, "not_found")
	b.Clock.Add(91 * 24 * time.Hour)
	if notes := b.asks(100_00, 90); len(notes) != 1 {
		t.Errorf("nothing is owed any more: %+v", notes)
	}
}

func TestAnOldDebtIsAskedFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mistaken := b.Redeem(b.Structure, b.HandOver(b.Campaign, 1), 1)
	b.settles()
	b.clawsBack(mistaken.ID)
	b.Clock.Add(91 * 24 * time.Hour)
	if notes := b.asks(100_00, 90); len(notes) != 1 || notes[0].Amount != 10_00 {
		t.Errorf("notes: %+v", notes)
	}
	b.sound()
}

// clawsBack asks with one person and approves with another.
func (b bundle) clawsBack(id vouchers.RedemptionID) Request {
	b.t.Helper()
	r, err := b.RequestClawback(b.t.Context(), b.Operator, ClawbackRequest{Redemption: id, Reason: "counted twice"})
	b.ok(err)
	_, err = b.ApproveRequest(b.t.Context(), b.Operator, r.ID)
	b.refused(err, "request_same_person")
	r, err = b.ApproveRequest(b.t.Context(), b.Colleague(), r.ID)
	b.ok(err)
	b.sound()
	return r
}

func TestTwoPeopleForgiveADebtAndTheOperatorMakesItGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	mistaken := b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	_, err := b.RequestClawback(t.Context(), b.Operator, ClawbackRequest{Redemption: mistaken.ID, Reason: "too early"})
	b.refused(err, "redemption_not_paid")
	b.settles()
	b.clawsBack(mistaken.ID)
	d, err := b.Debts(t.Context(), b.Operator)
	b.ok(err)
	ask, err := b.RequestForgiveness(t.Context(), b.Operator, ForgiveRequest{Debt: d.Open[0].ID, Reason: "the structure is closing"})
	b.ok(err)
	_, err = b.RequestForgiveness(t.Context(), b.Operator, ForgiveRequest{Debt: d.Open[0].ID, Reason: "the structure is closing"})
	b.refused(err, "request_already_made")
	_, err = b.ApproveRequest(t.Context(), b.Operator, ask.ID)
	b.refused(err, "request_same_person")
	done, err := b.ApproveRequest(t.Context(), b.Colleague(), ask.ID)
	b.ok(err)
	_, err = b.RefuseRequest(t.Context(), b.Operator, ask.ID)
	b.refused(err, "request_decided")
	b.sound()
	if lost := -b.balance(ledger.Losses); lost != 30_00 || b.balance(ledger.Recoverable(b.Campaign.ID)) != 30_00 {
		t.Errorf("the loss is %s", lost)
	}
	if b.repays(done.Reference, 30_00) != "debt_repaid" {
		t.Error("the operator's transfer was not recognised")
	}
	b.sound()
	if left := b.balance(ledger.Recoverable(b.Campaign.ID)); left != 0 {
		t.Errorf("the campaign still lacks %s", left)
	}
}

// left counts a booklet's live vouchers.
func (b bundle) left(booklet issuing.Booklet) (n int) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) (err error) {
		n, err = issuing.Left(b.t.Context(), tx, booklet.ID)
		return err
	})
	return n
}
