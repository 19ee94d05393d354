package closing_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// closesOn is the day on which a campaign of the stage is closed: 60 days, 10 of tolerance,
// one for undoing, and the morning after.
const closesOn = 72

func TestAFunderGetsBackEveryCentThatWasNotUsed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 100)
	used, asleep := s.HandOver(c, 10), s.HandOver(c, 20)
	s.Redeem(s.Structure, used, 3)

	before := s.statement(s.Funder, c)
	if before.Closed() || before.Received != 1000_00 || before.HandedOver != 300_00 || before.Used != 30_00 || before.Live != 270_00 || before.Back() != 970_00 {
		t.Errorf("before the end: %+v", before)
	}
	s.on(start.AddDays(closesOn))
	s.closes(1)
	s.closes(0)

	after := s.statement(s.Operator, c)
	if !after.Closed() || after.Used != 30_00 || after.Live != 0 || after.Expired() != 270_00 || after.Never() != 700_00 || after.Back() != 970_00 {
		t.Errorf("after the end: %+v", after)
	}
	mine := after.Funders[0]
	if mine.Paid != 1000_00 || mine.Used != 30_00 || mine.Credit != 970_00 || len(mine.CreditNotes) != 1 || mine.Choice != nil {
		t.Errorf("the funder's part: %+v", mine)
	}
	if got := s.credit(s.Funder); got != 970_00 || s.owed(ledger.Unused(c.ID)) != 0 || s.owed(ledger.Funds(c.ID)) != 0 {
		t.Errorf("credit %s", got)
	}
	if got := s.told.take("closed"); len(got) != 1 || !strings.HasSuffix(got[0], "paid 1000.00, used 30.00, back 970.00") {
		t.Errorf("told %q", got)
	}
	_, err := s.Issuing.HandOver(t.Context(), s.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 1})
	s.refused(err, "campaign_over")
	_, err = s.Counter.Redeem(t.Context(), s.Structure.Actor, redemption.Request{Code: asleep.Typed, Count: 1, Theme: "everyday_tools", DurationMinutes: 60, Mode: "individual"})
	s.refused(err, "voucher_expired")
}

func TestTwoFundersGetBackWhatEachPaidMoreThanItsShare(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	state := s.Organisation(identity.Funder, "État")
	c := s.campaign("Premiers clics")
	s.shares(c, state, 50)
	s.pays(s.orderedBy(s.Funder, c, 60), 600_00)
	s.pays(s.orderedBy(state, c, 40), 400_00)
	s.allocates(c, 100)
	b := s.HandOver(c, 51)
	for _, n := range []int{10, 10, 10, 10, 10, 1} {
		s.Redeem(s.Structure, b, n)
	}
	s.on(start.AddDays(closesOn))
	s.closes(1)
	if own, other := s.credit(s.Funder), s.credit(state); own != 345_00 || other != 145_00 {
		t.Errorf("the département gets %s back, the State %s; each pays 255.00 of 510.00", own, other)
	}
	notes := s.notes(c.ID)
	if len(notes) != 2 || notes[0].Net+notes[1].Net != 490_00 {
		t.Errorf("credit notes: %+v", notes)
	}
	if st := s.statement(s.Funder, c); len(st.Funders) != 2 || st.Back() != 490_00 {
		t.Errorf("the campaign's own funder sees %+v", st.Funders)
	}
}

// notes are the credit notes of a campaign.
func (s *stage) notes(id vouchers.CampaignID) []invoicing.Invoice {
	s.t.Helper()
	var all []invoicing.Invoice
	s.InTx(func(tx *db.Tx) (err error) {
		all, err = invoicing.OfCampaign(s.t.Context(), tx, id)
		return err
	})
	return slices.DeleteFunc(all, func(i invoicing.Invoice) bool { return i.Corrects == nil })
}

func TestWhatWasNeverPaidIsNotOwedAnyMore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.campaign("Premiers clics")
	o := s.orderedBy(s.Funder, c, 100)
	s.pays(o, 400_00)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	notes := s.notes(c.ID)
	if len(notes) != 2 || notes[0].Net != 600_00 || notes[1].Net != 400_00 {
		t.Fatalf("credit notes: %+v", notes)
	}
	if s.credit(s.Funder) != 400_00 {
		t.Errorf("credit %s", s.credit(s.Funder))
	}
	s.pays(o, 600_00)
	s.holds()
	if s.credit(s.Funder) != 1000_00 || s.owed(ledger.Funds(c.ID)) != 0 {
		t.Errorf("money that arrives after the end is credit: %s", s.credit(s.Funder))
	}
}

func TestFeesComeBackInProportionWhereTheTermsSaySo(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.feesBack = back
			start := s.today()
			c := s.funded("Premiers clics", 100)
			s.invoicesFees(c.ID, 50_00)
			s.Redeem(s.Structure, s.HandOver(c, 10), 10)
			s.on(start.AddDays(closesOn))
			s.closes(1)
			want := vouchers.Cents(0)
			if back {
				want = 54_00 // nine tenths of 50.00, and 20 % of VAT on them
			}
			if got := s.statement(s.Funder, c).Funders[0].FeesBack; got != want {
				t.Errorf("fees given back: %s, not %s", got, want)
			}
			if !back {
				return
			}
			s.paysFees(c.ID, 60_00)
			s.givesAccount(s.Funder, funderIBAN)
			all := s.proposed()
			if len(all) != 1 || all[0].Kind != closing.OfFees || all[0].Amount != 54_00 {
				t.Fatalf("proposed: %+v", all)
			}
			s.approves(all...)
			sent := s.refund(all[0].ID)
			if out := s.bank(segregated, sent, false, ""); out != "" {
				t.Errorf("fees left the wrong account: %s", out)
			}
			s.exec(`DELETE FROM statement_lines WHERE outcome = 'unexpected_debit'`)
			if out := s.bank(operating, sent, false, ""); out != "fees_back_booked" {
				t.Errorf("outcome %q", out)
			}
			s.holds()
			if out := s.bank(operating, sent, true, "AC04"); out != "fees_back_returned" {
				t.Errorf("outcome %q", out)
			}
			s.holds()
		})
	}
}

// invoicesFees gives the only order of a campaign an invoice of fees.
func (s *stage) invoicesFees(id vouchers.CampaignID, net vouchers.Cents) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		var order vouchers.OrderID
		if err := tx.Get(s.t.Context(), &order, `SELECT id FROM orders WHERE campaign_id = $1`, id); err != nil {
			return err
		}
		_, err := invoicing.Issue(s.t.Context(), tx, s.room.Seller, invoicing.Draft{Kind: invoicing.Fees, Order: order, Campaign: id, Funder: s.Funder.Organisation,
			Lines: []invoicing.Line{{Text: "Service", Quantity: 1, Unit: net}}, VATRate: 2000, From: s.today(), Until: s.today()})
		return err
	})
}

// paysFees lets a line of the operating account pay the fees of a campaign.
func (s *stage) paysFees(id vouchers.CampaignID, amount vouchers.Cents) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		ctx := s.t.Context()
		var invoice vouchers.InvoiceID
		if err := tx.Get(ctx, &invoice, `SELECT id FROM invoices WHERE campaign_id = $1 AND kind = 'fees' AND corrects IS NULL`, id); err != nil {
			return err
		}
		line, err := s.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "fees_paid", Cause: int64(invoice)})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE statements SET account = 'operating' WHERE id = (SELECT statement_id FROM statement_lines WHERE id = $1)`, line); err != nil {
			return err
		}
		if _, err := invoicing.PayFees(ctx, tx, invoicing.FeesPaid{Invoice: invoice, Line: line, Amount: amount}); err != nil {
			return err
		}
		return ledger.Post(ctx, tx, ledger.FeesPaid(line, s.Funder.Organisation, amount)...)
	})
}

func TestACampaignWaitsForWhatIsStillLive(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 20)
	b := s.HandOver(c, 10)
	last := start.AddDays(70)
	s.on(last)
	r := s.Redeem(s.Structure, b, 4)
	s.on(last.AddDays(1))
	s.closes(0)
	_, err := s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_not_over")
	s.Undo(s.Structure, r.ID)
	s.on(last.AddDays(2))
	_, err = s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_still_live")
	s.closes(1)
	if s.credit(s.Funder) != 200_00 {
		t.Errorf("credit %s", s.credit(s.Funder))
	}
	_, err = s.room.Close(t.Context(), s.Operator, c.ID)
	s.refused(err, "campaign_closed")
}

func TestAnExtensionIsSignedAndOldPaperStillWorks(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 40)
	b := s.HandOver(c, 10)
	s.Redeem(s.Structure, b, 2)
	until := start.AddDays(120)

	p, err := s.room.PreviewExtension(t.Context(), s.Funder, c.ID, until)
	s.ok(err)
	if p.Booklets != 1 || p.Vouchers != 8 || p.Value != 80_00 || p.From != start.AddDays(60) || p.LastDay != start.AddDays(130) {
		t.Errorf("preview: %+v", p)
	}
	ask := closing.ExtendRequest{Campaign: c.ID, Until: until, Name: "Camille Martin", Agreed: true}
	unsigned, untold, early, far := ask, ask, ask, ask
	unsigned.Name, untold.Agreed, early.Until, far.Until = " ", false, start.AddDays(60), start.AddDays(5000)
	for code, req := range map[string]closing.ExtendRequest{"signature_missing": unsigned, "agreement_missing": untold, "extension_not_later": early, "campaign_too_long": far} {
		_, err := s.room.Extend(t.Context(), s.Funder, req)
		s.refused(err, code)
	}
	_, err = s.room.Extend(t.Context(), s.Organisation(identity.Funder, "Ville"), ask)
	s.refused(err, "not_found")
	s.on(start.AddDays(68)) // within the tolerance
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.ok(err)
	if told := s.told.take("extended"); len(told) != 2 {
		t.Errorf("told %q", told)
	}
	s.on(start.AddDays(125))
	s.closes(0)
	s.Redeem(s.Structure, b, 3) // the code that was printed before
	s.holds()
	again, err := s.Issuing.Reprint(t.Context(), s.Prescriber, b.ID)
	s.ok(err)
	if again.Until != until || again.Typed != b.Typed || again.QR == b.QR {
		t.Errorf("printed again: %s, %v", again.Until, again.Typed == b.Typed)
	}
	if st := s.statement(s.Funder, c); len(st.Extensions) != 1 || st.Extensions[0].SignedBy != "Camille Martin" {
		t.Errorf("extensions: %+v", st.Extensions)
	}
	s.on(start.AddDays(131))
	ask.Until = start.AddDays(200)
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.refused(err, "campaign_expired")
	s.on(start.AddDays(132))
	s.closes(1)
	_, err = s.room.Extend(t.Context(), s.Funder, ask)
	s.refused(err, "campaign_closed")
}

func TestPeopleAreToldThirtyFifteenAndSevenDaysBefore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.funded("Premiers clics", 50)
	s.Redeem(s.Structure, s.HandOver(c, 10), 1)
	s.HandOver(c, 10)
	for day := range 62 {
		s.on(start.AddDays(day))
		s.ok(s.room.Remind(t.Context()))
	}
	got := s.told.take("ending")
	want := map[string]int{"J-30 30 days": 0, "J-15 15 days": 0, "J-7 7 days": 0}
	for _, text := range got {
		for key := range want {
			if strings.Contains(text, key+": 50 issued, 20 handed over, 30 waiting, 1 asleep") {
				want[key]++
			}
		}
	}
	for key, n := range want {
		if n != 2 {
			t.Errorf("%s: told %d times, not to the funder and the prescriber", key, n)
		}
	}
}

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
		return ledger.Post(t.Context(), tx, ledger.Disputed(1, other.ID, s.Funder.Organisation, 40_00, 0)...)
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
