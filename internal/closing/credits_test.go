package closing_test

import (
	"context"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

func TestACreditIsRefundedToTheVerifiedAccount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 100)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	a, err := s.room.GiveAccount(t.Context(), s.Funder, closing.NewAccount{IBAN: funderIBAN, Holder: "Trésorerie"})
	s.ok(err)
	if told := s.told.take("account"); len(told) != 1 || strings.Contains(told[0], "M02606") {
		t.Errorf("told %q", told)
	}
	if n := len(s.proposed()); n != 0 {
		t.Errorf("%d refunds proposed to an account that nobody has verified", n)
	}
	_, err = s.room.VerifyAccount(t.Context(), s.Operator, closing.VerifyRequest{Account: a.ID, How: "  "})
	s.refused(err, "verification_missing")
	_, err = s.room.VerifyAccount(t.Context(), s.finance, closing.VerifyRequest{Account: a.ID, How: "rappel au 04 50 00 00 00"})
	s.ok(err)
	_, err = s.room.VerifyAccount(t.Context(), s.finance, closing.VerifyRequest{Account: a.ID, How: "rappel au 04 50 00 00 00"})
	s.refused(err, "account_verified")
	all := s.proposed()
	if len(all) != 1 || all[0].Amount != 1000_00 || all[0].Holder != "Trésorerie" {
		t.Fatalf("proposed: %+v", all)
	}
	would, err := ledger.Rehearse(t.Context(), func(ctx context.Context) error {
		_, err := s.room.Approve(ctx, s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{all[0].ID}})
		return err
	})
	s.ok(err)
	if len(would) != 1 || would[0].Credit != ledger.RefundsInTransit {
		t.Errorf("rehearsed: %+v", would)
	}
	f := s.approves(all...)
	s.fileIsValid(f, `<EndToEndId>RFD`, `<InstdAmt Ccy="EUR">1000.00</InstdAmt>`, `<IBAN>`+funderIBAN+`</IBAN>`, `<IBAN>`+segregated.Full()+`</IBAN>`)
	sent := s.refund(all[0].ID)
	if out := s.bank(segregated, sent, false, ""); out != "refund_booked" {
		t.Errorf("outcome %q", out)
	}
	s.holds()
	if s.credit(s.Funder) != 0 || s.owed(ledger.RefundsInTransit) != 0 {
		t.Error("something is left")
	}
	if told := s.told.take("sent"); len(told) != 1 {
		t.Errorf("told %q", told)
	}
}

// A new account that nobody has verified yet takes the place of the old one at once.
func TestNothingGoesToAnAccountThatWasReplaced(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 10)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.givesAccount(s.Funder, funderIBAN)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	old := s.proposed()[0]
	_, err := s.room.GiveAccount(t.Context(), s.Funder, closing.NewAccount{IBAN: segregated.Full(), Holder: "Paierie"})
	s.ok(err)
	if n := len(s.proposed()); n != 0 {
		t.Errorf("%d refunds wait that nobody can send", n)
	}
	_, err = s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{old.ID}})
	s.refused(err, "refund_changed")
	s.holds()
}

func TestARefundThatCameBackIsSentAgainToANewAccount(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 10)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.givesAccount(s.Funder, funderIBAN)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	first := s.proposed()[0]
	s.approves(first)
	first = s.refund(first.ID)
	if out := s.bank(segregated, first, true, "AC04"); out != "" {
		t.Errorf("came back before it left: %q", out)
	}
	s.exec(`DELETE FROM statement_lines WHERE outcome = 'unexpected_debit'`)
	s.bank(segregated, first, false, "")
	if out := s.bank(segregated, first, true, "AC04"); out != "refund_returned" {
		t.Fatalf("outcome %q", out)
	}
	s.holds()
	if told := s.told.take("returned"); len(told) != 1 || s.credit(s.Funder) != 100_00 {
		t.Errorf("told %q, credit %s", told, s.credit(s.Funder))
	}
	s.closes(0)
	if len(s.proposed()) != 0 {
		t.Error("proposed again to the account that the bank refused")
	}
	s.givesAccount(s.Funder, "FR7630006000011234567890189")
	again := s.proposed()
	if len(again) != 1 || again[0].Amount != 100_00 {
		t.Fatalf("proposed: %+v", again)
	}
	s.approves(again...)
	if out := s.bank(segregated, s.refund(again[0].ID), false, ""); out != "refund_booked" {
		t.Errorf("outcome %q", out)
	}
	s.holds()
}

func TestACreditIsRolledOverInWholeVouchers(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.campaign("Premiers clics")
	s.pays(s.orderedBy(s.Funder, c, 10), 103_50) // 3.50 too much
	next := s.campaign("Premiers clics, suite")
	s.exec(`UPDATE campaigns SET ends_on = ends_on + 200 WHERE id = $1`, next.ID)
	s.refused(s.choose(s.Funder, c.ID, closing.ToCampaign, c.ID), "rollover_target")
	s.refused(s.choose(s.Funder, c.ID, closing.ToCampaign, 999), "rollover_target")
	s.refused(s.choose(s.Funder, c.ID, "burn", 0), "choice_unknown")
	s.refused(s.choose(s.Organisation(identity.Funder, "Ville"), c.ID, closing.Keep, 0), "not_found")
	s.chooses(s.Funder, c, closing.Keep, 0)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	if s.credit(s.Funder) != 103_50 {
		t.Errorf("credit %s", s.credit(s.Funder))
	}
	s.chooses(s.Funder, c, closing.ToCampaign, next.ID) // changed: done at once
	if s.owed(ledger.Funds(next.ID)) != 100_00 || s.credit(s.Funder) != 3_50 {
		t.Errorf("%s rolled over, %s left", s.owed(ledger.Funds(next.ID)), s.credit(s.Funder))
	}
	mine := s.statement(s.Funder, c).Funders[0]
	if len(mine.RolledOver) != 1 || mine.RolledOver[0].To != next.ID || mine.RolledOver[0].Amount != 100_00 {
		t.Errorf("rolled over: %+v", mine.RolledOver)
	}
	s.closes(0)
	s.allocates(next, 10)
}

// choose is chooses for a choice that may be refused.
func (s *stage) choose(who identity.Actor, c vouchers.CampaignID, kind string, to vouchers.CampaignID) error {
	_, err := s.room.Choose(s.t.Context(), who, closing.ChooseRequest{Campaign: c, Kind: kind, To: to})
	return err
}

func TestAChoiceCanBeChangedUntilItIsDone(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 10)
	s.givesAccount(s.Funder, funderIBAN)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	old := s.proposed()
	if len(old) != 1 {
		t.Fatalf("proposed: %+v", old)
	}
	s.chooses(s.Funder, c, closing.Keep, 0)
	if len(s.proposed()) != 0 {
		t.Error("a refund is proposed that nobody wants any more")
	}
	_, err := s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{old[0].ID}})
	s.refused(err, "refund_changed")
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.approves(s.proposed()...)
	s.chooses(s.Funder, c, closing.Keep, 0)
	if s.owed(ledger.RefundsInTransit) != 100_00 || len(s.proposed()) != 0 {
		t.Error("what was ordered is ordered")
	}
}

func TestMoneyThatArrivesAfterTheEndFollowsTheChoice(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.campaign("Premiers clics")
	o := s.orderedBy(s.Funder, c, 10)
	s.givesAccount(s.Funder, funderIBAN)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	s.pays(o, 100_00)
	s.closes(0)
	if all := s.proposed(); len(all) != 1 || all[0].Amount != 100_00 {
		t.Errorf("proposed: %+v", all)
	}
}

func TestACreditWithoutAChoiceIsRememberedAndStays(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 10)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	for _, later := range []int{1, 8, 31, 91, 400} {
		s.on(start.AddDays(closesOn + later))
		s.ok(s.room.Remind(t.Context()))
	}
	want := []string{"choice of 100.00, 7", "choice of 100.00, 30", "choice of 100.00, 90", "choice of 100.00, 90"}
	if got := s.told.take("waits"); len(got) != len(want) || !strings.HasSuffix(got[0], want[0]) || !strings.HasSuffix(got[3], want[3]) {
		t.Errorf("told %q", got)
	}
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.ok(s.room.Remind(t.Context()))
	if got := s.told.take("waits"); len(got) != 1 || !strings.Contains(got[0], "account of 100.00") {
		t.Errorf("told %q", got)
	}
	s.holds()
}

func TestADebtAnswersBeforeAnythingIsGivenBack(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c, other := s.funded("Premiers clics", 10), s.funded("Bourse de Noël", 10)
	s.givesAccount(s.Funder, funderIBAN)
	s.chooses(s.Funder, c, closing.ToBank, 0)
	s.InTx(func(tx *db.Tx) error {
		return ledger.Post(t.Context(), tx, ledger.Disputed(1, ledger.Contested{Campaign: other.ID, Funder: s.Funder.Organisation, Counted: 40_00})...)
	})
	s.on(start.AddDays(closesOn))
	if _, err := s.room.CloseDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.exec(`DELETE FROM credit_choices WHERE campaign_id = $1`, other.ID)
	s.ok(s.room.BringBack(t.Context()))
	if all := s.proposed(); len(all) != 1 || all[0].Amount != 100_00 {
		t.Errorf("160.00 of 200.00 are free: %+v", all)
	}
	s.ok(s.choose(s.Funder, other.ID, closing.ToBank, 0))
	if all := s.proposed(); len(all) != 1 || all[0].Amount != 160_00 {
		t.Errorf("40.00 answer for the debt: %+v", all)
	}
}
