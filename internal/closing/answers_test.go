package closing_test

import (
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

// rejects plays the bank's answer that refuses a refund, and says what came of it.
func (s *stage) rejects(r closing.Refund, reason string) (effect string) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) (err error) {
		effect, err = s.room.Reject(s.t.Context(), tx, r.EndToEnd, reason)
		return err
	})
	return effect
}

func TestARefundThatTheBankRejectsIsCreditAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	_, r := s.overpaid()
	f, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.ok(err)
	r = s.refund(r.ID)
	s.InTx(func(tx *db.Tx) error {
		sent, err := s.room.Sent(t.Context(), tx, f.MessageID)
		if len(sent) != 1 || sent[0].Name != r.EndToEnd || sent[0].Amount != 25_00 || sent[0].Rejected {
			t.Errorf("sent: %+v", sent)
		}
		return err
	})
	credit := ledger.Credit(s.Funder.Organisation)
	before := s.owed(credit)
	if effect := s.rejects(r, "AC04"); effect != "rejected" {
		t.Errorf("it is %s", effect)
	}
	if got := s.refund(r.ID); got.State != closing.Rejected || got.ReturnReason != "AC04" || got.BookedOn != nil {
		t.Errorf("the refund is %+v", got)
	}
	if s.owed(credit) != before+25_00 || s.owed(ledger.RefundsInTransit) != 0 {
		t.Errorf("credit %s, then %s; in transit %s", before, s.owed(credit), s.owed(ledger.RefundsInTransit))
	}
	s.holds()
	if effect := s.rejects(r, "AC04"); effect != "rejected_before" {
		t.Errorf("the second time it is %s", effect)
	}
	if out := s.bank(segregated, r, false, ""); out != "" {
		t.Errorf("the bank takes it all the same, and the line is %s", out)
	}
}

func TestARefundThatHasLeftIsRejectedNoMore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	_, r := s.overpaid()
	_, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.ok(err)
	r = s.refund(r.ID)
	s.wantBank(segregated, r, false, "refund_booked")
	if effect := s.rejects(r, "AC04"); effect != "contradicted" {
		t.Errorf("it is %s", effect)
	}
	s.holds()
	if got := s.refund(r.ID); got.State != closing.Booked {
		t.Errorf("the refund is %+v", got)
	}
}

// A claim is swept again, and one that has arrived was not rejected, whatever the bank says.
func TestAClaimThatTheBankRejectsIsProposedAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	o := s.orderedBy(s.Funder, s.campaign("Premiers clics"), 100)
	s.pays(o, o.Face)
	s.givenBack(o, 70_00, false)
	claim := s.claim(70_00)
	if effect := s.rejects(claim, "AM02"); effect != "rejected" {
		t.Errorf("it is %s", effect)
	}
	s.wantBank(operating, claim, true, "")
	s.exec(`DELETE FROM statement_lines WHERE end_to_end = $1`, claim.EndToEnd)
	again := s.claim(70_00)
	s.wantBank(operating, again, true, "claim_arrived")
	if effect := s.rejects(again, "AM02"); effect != "contradicted" {
		t.Errorf("it is %s", effect)
	}
}

// The bank carries out what it had rejected: until somebody has decided on that line, the
// money that is credit again is not sent a second time.
func TestWhatTheBankTakesAfterRejectingItIsNotSentAgain(t *testing.T) {
	t.Parallel()
	for _, kind := range []closing.Kind{closing.OfCredit, closing.OfFees, closing.OfClaim} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			first := s.one(kind)
			approves := func(r closing.Refund) error {
				_, err := s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
				return err
			}
			s.ok(approves(first))
			first = s.refund(first.ID)
			s.rejects(first, "AM02")
			s.ok(s.room.BringBack(t.Context()))
			again := s.proposed()
			if len(again) != 1 || again[0].Amount != first.Amount {
				t.Fatalf("proposed: %+v", again)
			}
			debit := s.takesAfterAll(first)
			s.refused(approves(again[0]), "refund_booked_after_all")
			s.exec(`UPDATE bank_cases SET decision = 'noted', decided_at = opened_at WHERE line_id = $1`, debit)
			s.ok(approves(again[0]))
		})
	}
}

// one is the only refund that is proposed, of a kind.
func (s *stage) one(kind closing.Kind) closing.Refund {
	s.t.Helper()
	start := s.today()
	switch kind {
	case closing.OfFees:
		_, err := s.orders.Publish(s.t.Context(), s.Operator, orders.NewTariff{FromOn: start, FeeRate: 500, VATRate: 2000, ValidityDays: 30,
			FeesRefunded: true, Terms: "Conditions"})
		s.ok(err)
		c := s.funded("Premiers clics", 10)
		s.on(start.AddDays(closesOn))
		s.closes(1)
		s.paysFees(c.ID, 6_00)
		s.givesAccount(s.Funder, funderIBAN)
	case closing.OfClaim:
		o := s.orderedBy(s.Funder, s.campaign("Premiers clics"), 100)
		s.pays(o, o.Face)
		s.givenBack(o, 70_00, false)
		s.ok(s.room.BringBack(s.t.Context()))
	default:
		c := s.funded("Premiers clics", 10)
		s.chooses(s.Funder, c, closing.ToBank, 0)
		s.givesAccount(s.Funder, funderIBAN)
		s.on(start.AddDays(closesOn))
		s.closes(1)
	}
	all := s.proposed()
	if len(all) != 1 || all[0].Kind != kind {
		s.t.Fatalf("proposed: %+v", all)
	}
	return all[0]
}

// takesAfterAll is the line, and the case, of a debit that names a rejected refund.
func (s *stage) takesAfterAll(r closing.Refund) (line int64) {
	s.t.Helper()
	outcome := "unexpected_debit"
	if r.Kind.Account() == closing.Operating {
		outcome = "operating_other"
	}
	s.InTx(func(tx *db.Tx) (err error) {
		line, err = s.BankLine(tx, world.Line{Amount: r.Amount, Outcome: outcome, EndToEnd: r.EndToEnd})
		return err
	})
	s.exec(`INSERT INTO bank_cases (line_id, kind, opened_at) VALUES ($1, 'unexpected_debit', $2)`, line, s.Clock.Now())
	return line
}
