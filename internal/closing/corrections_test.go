package closing_test

import (
	"context"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func (s *stage) till() *settlement.Service {
	return settlement.New(s.DB, settlement.Debtor{Name: "Passerelle", IBAN: segregated, Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
}

// paid settles, and books what leaves.
func (s *stage) paid(till *settlement.Service) {
	s.t.Helper()
	closed, err := till.Close(s.t.Context(), s.Operator, settlement.CloseRequest{})
	s.ok(err)
	_, err = till.Approve(s.t.Context(), s.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	s.ok(err)
	d, err := till.Open(s.t.Context(), s.Operator, closed.ID)
	s.ok(err)
	for _, p := range d.List {
		s.InTx(func(tx *db.Tx) error {
			line, err := s.BankLine(tx, world.Line{Amount: p.Amount, Outcome: "payout_booked", EndToEnd: p.EndToEnd, Cause: int64(p.ID)})
			if err != nil {
				return err
			}
			_, _, err = till.Book(s.t.Context(), tx, sepa.Movement{Line: line, Account: segregated, Name: p.EndToEnd, Amount: p.Amount, On: p.ExecutionOn})
			return err
		})
	}
}

// complained opens a complaint as the room of complaints does; upheld ends it against the
// structure.
func (s *stage) complained(id vouchers.RedemptionID) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), `
			INSERT INTO complaints (redemption_id, structure_id, campaign_id, opened_as, opened_at, cause, words, answer_by, state)
			SELECT id, structure_id, campaign_id, 'holder', $2, 'other', 'x', $3, 'open' FROM redemptions WHERE id = $1`, id, tx.Now, vouchers.DayOf(tx.Now))
		if err != nil {
			return err
		}
		_, err = settlement.Withhold(s.t.Context(), tx, identity.Actor{}, id)
		return err
	})
}

func (s *stage) upheld(id vouchers.RedemptionID) (c settlement.Correction) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) (err error) {
		if c, err = settlement.Correct(s.t.Context(), tx, s.Operator, id, "nobody came"); err != nil {
			return err
		}
		_, err = tx.Exec(s.t.Context(), `UPDATE complaints SET state = 'upheld', ended_at = $2, decided_by = $3, correction_id = $4 WHERE redemption_id = $1`,
			id, tx.Now, s.Operator.Person, c.ID)
		return err
	})
	return c
}

// What a complaint gives back after the end of its campaign, or a structure, is its funder's.
func TestWhatIsCorrectedAfterTheEndIsTheFunders(t *testing.T) {
	t.Parallel()
	s := setup(t)
	till := s.till()
	c := s.funded("Premiers pas", 20)
	booklet := s.HandOver(c, 10)
	contested, mistaken := s.Redeem(s.Structure, booklet, 2), s.Redeem(s.Structure, booklet, 3)
	s.complained(contested.ID)
	s.paid(till)
	s.on(c.LastDay().AddDays(3))
	s.closes(1)
	if have := s.credit(s.Funder); have != 150_00 { // 5 expired, 10 never handed over
		t.Errorf("the funder gets %s", have)
	}
	if made := s.upheld(contested.ID); made.Outcome != settlement.ToCampaign {
		t.Errorf("it went to %s", made.Outcome)
	}
	s.closes(1)
	if have := s.credit(s.Funder); have != 170_00 {
		t.Errorf("with the contested line the funder gets %s", have)
	}

	if made := s.upheld(mistaken.ID); made.Outcome != settlement.AsDebt || s.owed(ledger.Recoverable(c.ID)) != 30_00 {
		t.Errorf("it went to %s", made.Outcome)
	}
	s.closes(0)
	s.Redeem(s.Structure, s.HandOver(s.Campaign, 10), 4)
	s.paid(till)
	if left := s.owed(ledger.Recoverable(c.ID)); left != 0 {
		t.Errorf("%s is still to be recovered", left)
	}
	s.closes(1)
	if have := s.credit(s.Funder); have != 200_00 {
		t.Errorf("with what the structure gave back the funder gets %s", have)
	}
}

// A campaign whose line is contested can be closed meanwhile, and nothing waits for anything
// crosswise: a decision, a settlement that nets and a closing at once.
func TestADecisionASettlementAndAClosingAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	till := s.till()
	c := s.funded("Premiers pas", 20)
	booklet := s.HandOver(c, 10)
	first, second := s.Redeem(s.Structure, booklet, 2), s.Redeem(s.Structure, booklet, 2)
	s.paid(till)
	s.complained(first.ID)
	s.upheld(first.ID)
	s.Redeem(s.Structure, s.HandOver(s.Campaign, 10), 4)
	third := s.Redeem(s.Structure, booklet, 1)
	s.complained(third.ID)
	s.complained(second.ID)
	s.on(c.LastDay().AddDays(3))
	_, err := s.Issuing.ExpireDue(t.Context())
	s.ok(err)
	run := make(chan error, 4)
	go func() {
		run <- s.DB.WithoutRetries().InTx(t.Context(), func(tx *db.Tx) error {
			made, err := settlement.Correct(t.Context(), tx, s.Operator, third.ID, "nobody came")
			if err != nil {
				return err
			}
			_, err = tx.Exec(t.Context(), `UPDATE complaints SET state = 'upheld', ended_at = $2, decided_by = $3, correction_id = $4 WHERE redemption_id = $1`,
				third.ID, tx.Now, s.Operator.Person, made.ID)
			return err
		})
	}()
	go func() {
		_, err := till.Close(t.Context(), s.Operator, settlement.CloseRequest{})
		run <- err
	}()
	go func() {
		_, err := s.room.CloseDue(t.Context())
		run <- err
	}()
	go func() {
		_, err := till.RequestClawback(t.Context(), s.Operator, settlement.ClawbackRequest{Redemption: second.ID, Reason: "counted twice"})
		if fault.Code(err) == "complaint_open" {
			err = nil
		}
		run <- err
	}()
	for range 4 {
		if err := <-run; err != nil {
			t.Error(err)
		}
	}
	s.holds()
}
