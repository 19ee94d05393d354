package statements_test

import (
	"context"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAPlainPaymentIsNoCase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	i := b.fees(o, 10_00)
	b.imports(b.file(b.credit(100_00, o.Reference)))
	b.imports(b.operatingFile(b.credit(12_00, i.Reference), b.debit(7_00, "LOYER")))
	b.same("cases", b.cases(), 0)
	b.same("fees due", b.feesDue(), vouchers.Cents(0))
	b.same("of the operator's own", b.owed(ledger.OperatingSuspense), vouchers.Cents(-7_00))
	b.holds()
}

func TestAPartPaymentWaitsForTheRest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.credit(40_00, o.Reference)))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.PartPayment)
	b.same("missing", c.Order.Lacks(), vouchers.Cents(60_00))

	c = b.decides(c.ID, statements.DecisionRequest{Decision: statements.RemindOf})
	b.same("reminders", (*b.reminded)[0].Lacks, vouchers.Cents(60_00))
	b.same("it still waits", c.Open(), true)

	b.imports(b.file(b.credit(30_00, o.Reference)))
	b.same("one case for one order", b.onlyCase().ID, c.ID)
	b.imports(b.file(b.credit(30_00, o.Reference)))
	b.same("cases", b.cases(), 0)
	c, err := b.room.Case(t.Context(), b.Operator, c.ID)
	b.ok(err)
	b.same("closed by", c.DecidedBy, "")
	b.holds()
}

func TestAnOverPaymentIsKeptAsCreditAndReconsidered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.credit(130_00, o.Reference)))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.OverPayment)
	b.same("above", c.Excess, vouchers.Cents(30_00))
	b.same("to give back", has(c, statements.GiveBack), false) // no room does it here
	c = b.decides(c.ID, statements.DecisionRequest{Decision: statements.Keep, Note: "Pour la prochaine commande"})
	b.same("cases", b.cases(), 0)
	b.same("credit", b.owed(ledger.Credit(b.Funder.Organisation)), vouchers.Cents(30_00))
	c = b.decides(c.ID, statements.DecisionRequest{Decision: statements.Undo})
	b.same("kind again", b.onlyCase().Kind, statements.OverPayment)
	b.same("note", c.Note, "")
}

func TestADoublePaymentWasForAnotherOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	paid, other := b.ordered(10), b.ordered(10)
	b.imports(b.file(b.credit(100_00, paid.Reference)))
	b.imports(b.file(b.credit(100_00, paid.Reference)))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.DoublePayment)
	b.refuses(c.ID, statements.DecisionRequest{Decision: statements.ForOrder, Order: paid.ID}, "same_order")
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.ForOrder, Order: other.ID})
	b.same("the other order", b.order(other.ID).State, orders.Funded)
	b.same("credit", b.order(paid.ID).Credit, vouchers.Cents(0))
	b.same("cases", b.cases(), 0)
}

func TestCreditGoesBackToThePayer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	back := b.givesBack()
	o := b.ordered(10)
	b.imports(b.file(b.credit(110_00, b.ordered(10).Reference)))
	b.same("to an account that nobody knows", has(b.onlyCase(), statements.GiveBack), false)
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.Keep})
	b.imports(b.file(b.from(payer, 130_00, o.Reference)))
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.GiveBack})
	b.same("given back", *back, statements.Refund{Line: back.Line, Funder: b.Funder.Organisation, Campaign: b.Campaign.ID, Amount: 30_00,
		IBAN: payer, Holder: "Paierie départementale"})
	b.refuses(back.Line, statements.DecisionRequest{Decision: statements.Undo}, "line_already_explained")
}

func TestAWrongAttributionIsTakenBackBeforeItIsLive(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wrong, right := b.ordered(10), b.ordered(10)
	b.imports(b.file(b.credit(100_00, "RF00PASS999999")))
	line := b.onlyCase().ID
	b.same("kind", b.onlyCase().Kind, statements.WrongReference)
	b.decides(line, statements.DecisionRequest{Decision: statements.ForOrder, Order: wrong.ID})
	b.decides(line, statements.DecisionRequest{Decision: statements.Undo})
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(100_00))
	b.same("the wrong order", b.order(wrong.ID).State, orders.AwaitingPayment)
	b.decides(line, statements.DecisionRequest{Decision: statements.ForOrder, Order: right.ID})
	b.same("the right order", b.order(right.ID).State, orders.Funded)
}

func TestWhatIsLiveCannotBeTakenBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.campaign(10) // 100.00 of the world's own, all to be handed over
	o, err := b.orders.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: c.ID, Vouchers: 10})
	b.ok(err)
	b.imports(b.file(b.credit(100_00, o.Reference)))
	b.allocates(c.ID, 10)
	b.HandOver(c, 10)
	line := b.lineOf(o.ID)
	b.decides(line, statements.DecisionRequest{Decision: statements.Undo}) // what is left of the funds is enough
	b.decides(line, statements.DecisionRequest{Decision: statements.ForOrder, Order: o.ID})
	b.allocates(c.ID, 10)
	b.HandOver(c, 10)
	b.refuses(line, statements.DecisionRequest{Decision: statements.Undo}, "payment_already_used")
	b.refuses(line, statements.DecisionRequest{Decision: statements.ForOrder, Order: b.ordered(10).ID}, "payment_already_used")
	b.same("still funded", b.order(o.ID).State, orders.Funded)
}

func TestAnUnknownPayerIsRecognised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.imports(b.file(b.from(payer, 100_00, b.ordered(10).Reference)))
	b.ordered(7)
	mine := b.ordered(20)
	b.imports(b.file(b.from(payer, 200_00, "cheques culture numerique")))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.UnknownPayer)
	b.same("proposed first", c.Proposals[0].Order, mine.ID)
	b.same("because of", c.Proposals[0].Reasons[0], statements.ByIBAN)
	b.same("and of", c.Proposals[0].Reasons[1], statements.ByAmount)
	b.same("nothing by itself", b.order(mine.ID).State, orders.AwaitingPayment)
	b.decides(c.ID, statements.DecisionRequest{Decision: c.Proposals[0].Decision, Order: c.Proposals[0].Order})
	b.same("confirmed", b.order(mine.ID).State, orders.Funded)
}

func TestAReferenceWithAWrongKeyIsRecognised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.credit(55_00, "RF00 "+o.Reference[4:])))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.WrongReference)
	b.same("proposed", c.Proposals[0].Order, o.ID)
	b.same("because of", c.Proposals[0].Reasons[0], statements.ByReference)
}

func TestFaceValueOnTheOperatingAccountIsSentOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.operatingFile(b.credit(100_00, o.Reference)))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.WrongAccount)
	b.same("the order", b.order(o.ID).State, orders.AwaitingPayment)
	b.imports(b.operatingFile(b.debit(100_00, "VERS SEQUESTRE")))
	b.imports(b.file(b.credit(100_00, o.Reference)))
	answers := b.answers(c.ID)
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Answer, Other: answers[0].ID})
	b.same("the order", b.order(o.ID).State, orders.Funded)
	b.same("cases", b.cases(), 0)
	b.same("suspense", b.owed(ledger.OperatingSuspense), vouchers.Cents(0))
}

func TestFeesOnTheSegregatedAccountLeaveIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.fees(b.ordered(10), 10_00)
	b.imports(b.file(b.credit(12_00, i.Reference)))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.WrongAccount)
	b.imports(b.file(b.debit(12_00, "VERS EXPLOITATION")))
	answers := b.answers(c.ID)
	b.refuses(c.ID, statements.DecisionRequest{Decision: statements.Answer, Other: c.ID}, "lines_do_not_match")
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Answer, Other: answers[0].ID})
	b.same("cases", b.cases(), 0)
	b.decides(answers[0].ID, statements.DecisionRequest{Decision: statements.Undo})
	b.same("both wait again", b.cases(), 2)
	b.decides(answers[0].ID, statements.DecisionRequest{Decision: statements.Answer, Other: c.ID})
	b.imports(b.operatingFile(b.credit(12_00, i.Reference)))
	b.same("fees due", b.feesDue(), vouchers.Cents(0))
}

func TestFeesAreFoundByHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.fees(b.ordered(10), 10_00)
	b.imports(b.operatingFile(b.credit(12_00, "facture "+i.Number)))
	c := b.onlyCase()
	b.same("proposed", c.Proposals[0].Invoice, i.ID)
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.ForFees, Invoice: i.ID})
	b.same("fees due", b.feesDue(), vouchers.Cents(0))
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Undo})
	b.same("due again", b.feesDue(), vouchers.Cents(12_00))
	b.refuses(c.ID, statements.DecisionRequest{Decision: statements.Noted}, "note_missing")
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Noted, Note: "Subvention de la Région"})
	b.same("cases", b.cases(), 0)
}

func TestFeesPaidInPartTwiceAndTooMuch(t *testing.T) {
	t.Parallel()
	b := setup(t)
	i := b.fees(b.ordered(10), 10_00)
	b.imports(b.operatingFile(b.credit(2_00, i.Reference)))
	part := b.onlyCase()
	b.same("first", part.Kind, statements.PartPayment)
	b.decides(part.ID, statements.DecisionRequest{Decision: statements.RemindOf})
	b.same("reminded of", (*b.reminded)[0].Lacks, vouchers.Cents(10_00))
	b.imports(b.operatingFile(b.credit(11_00, i.Reference)))
	b.same("then", b.onlyCase().Kind, statements.OverPayment)
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.Keep})
	b.imports(b.operatingFile(b.credit(12_00, i.Reference)))
	b.same("at last", b.onlyCase().Kind, statements.DoublePayment)
	b.same("the funder's", b.feesDue(), vouchers.Cents(-13_00))
}

func TestAReturnedPaymentLeavesTheFunds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.from(payer, 120_00, o.Reference)))
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.Keep})
	b.imports(b.file(b.entry(false, sepa.Transaction{Amount: 120_00, Counterparty: sepa.Counterparty{IBAN: payer}})))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.GivenBack)
	b.same("proposed", c.Proposals[0].Order, o.ID)
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.AsReturn, Order: o.ID})
	o = b.order(o.ID)
	b.same("state", o.State, orders.AwaitingPayment)
	b.same("credit", o.Credit, vouchers.Cents(0))
	b.same("debt", o.Debt, vouchers.Cents(0))
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(0))
}

// A payment comes back when its vouchers are live: the operator makes it good, and the
// funder pays the operator.
func TestAReturnedPaymentThatIsLiveIsADebt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.campaign(1)
	o, err := b.orders.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: c.ID, Vouchers: 10})
	b.ok(err)
	b.imports(b.file(b.entry(true, sepa.Transaction{Amount: 100_00, EndToEndID: "MANDAT-7", CreditorReference: o.Reference})))
	b.allocates(c.ID, 10)
	b.HandOver(c, 10)
	b.imports(b.file(b.entry(false, sepa.Transaction{Amount: 100_00, OriginalEndToEndID: "MANDAT-7", ReturnReason: "DUPL"})))
	line := b.onlyCase()
	b.same("kind", line.Kind, statements.GivenBack)
	b.short = true
	b.decides(line.ID, statements.DecisionRequest{Decision: statements.AsReturn, Order: o.ID})
	b.same("debt", b.order(o.ID).Debt, vouchers.Cents(90_00))
	b.same("funds", b.owed(ledger.Funds(c.ID)), vouchers.Cents(0))

	b.imports(b.file(b.credit(90_00, "renflouement")))
	line = b.onlyCase()
	b.refuses(line.ID, statements.DecisionRequest{Decision: statements.TopUp, Order: b.ordered(1).ID}, "top_up_above_debt")
	b.short = false
	b.decides(line.ID, statements.DecisionRequest{Decision: statements.TopUp, Order: o.ID})
	b.imports(b.operatingFile(b.debit(90_00, "renflouement"), b.credit(90_00, "notre dette")))
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.PaysDebt, Order: o.ID})
	b.same("debt", b.order(o.ID).Debt, vouchers.Cents(0))
	b.same("what the funder owes", b.owed(ledger.Debt(b.Funder.Organisation)), vouchers.Cents(0))
	b.same("suspense", b.owed(ledger.OperatingSuspense), vouchers.Cents(0))
	b.same("missing", b.order(o.ID).Lacks(), vouchers.Cents(10_00))
}

func TestANewPaymentRepaysTheDebtFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.campaign(1)
	o, err := b.orders.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: c.ID, Vouchers: 10})
	b.ok(err)
	b.imports(b.file(b.credit(100_00, o.Reference)))
	b.allocates(c.ID, 10)
	b.HandOver(c, 10)
	b.imports(b.file(b.debit(100_00, "RETOUR")))
	b.short = true
	b.decides(b.onlyCase().ID, statements.DecisionRequest{Decision: statements.AsReturn, Order: o.ID})
	b.short = false
	b.imports(b.file(b.credit(100_00, o.Reference)))
	b.holds()
	b.same("debt", b.order(o.ID).Debt, vouchers.Cents(0))
	b.same("state", b.order(o.ID).State, orders.Funded)
	b.same("cases", b.cases(), 0)
}

func TestBankChargesAreMadeGood(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.imports(b.file(b.debit(3_50, "FRAIS")))
	b.imports(b.file(b.credit(3_50, "remboursement des frais")))
	b.same("cases", b.cases(), 2)
	all, _, err := b.room.Cases(t.Context(), b.Operator, statements.Queue{Kind: statements.NobodysDebit, Limit: 5})
	b.ok(err)
	answers := b.answers(all[0].ID)
	b.decides(all[0].ID, statements.DecisionRequest{Decision: statements.Answer, Other: answers[0].ID})
	b.same("cases", b.cases(), 0)
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(0))
}

func TestAPayoutThatComesBackIsNoted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	p := b.settles()[0]
	b.imports(b.file(b.debit(p.Amount, p.EndToEnd),
		b.entry(true, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, ReturnReason: "AC04"})))
	c := b.onlyCase()
	b.same("kind", c.Kind, statements.PayoutCameBack)
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.Noted, Note: "Appelé : nouveau RIB demandé"})
	b.same("cases", b.cases(), 0)
}

func TestCasesAreForTheOperatorsFinance(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.imports(b.file(b.credit(5_00, "?")))
	line := b.onlyCase().ID
	reader := b.Operator
	reader.Role = "reader"
	_, err := b.room.Decide(t.Context(), reader, statements.DecisionRequest{Line: line, Decision: statements.Noted})
	b.refused(err, "forbidden")
	_, err = b.room.Case(t.Context(), b.Funder, line)
	b.refused(err, "forbidden")
	b.refuses(line, statements.DecisionRequest{Decision: statements.Noted, Note: "x"}, "line_already_explained")
	b.refuses(line+1000, statements.DecisionRequest{Decision: statements.Noted}, "not_found")
	b.refuses(line, statements.DecisionRequest{Decision: statements.ForOrder, Order: 12345}, "order_unknown")
}

func TestOneKeyDecidesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.credit(100_00, "?")))
	ctx, token := once.With(t.Context(), "a-decision-of-monday")
	req := statements.DecisionRequest{Line: b.onlyCase().ID, Decision: statements.ForOrder, Order: o.ID}
	first, err := b.room.Decide(ctx, b.Operator, req)
	b.ok(err)
	again, err := b.room.Decide(ctx, b.Operator, req)
	b.ok(err)
	b.same("replayed", token.Replayed, true)
	b.same("outcome", again.Outcome, first.Outcome)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(100_00))
}

func TestADecisionIsRehearsedAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	b.imports(b.file(b.credit(100_00, "?")))
	line := b.onlyCase().ID
	told, err := ledger.Rehearse(t.Context(), func(ctx context.Context) error {
		_, err := b.room.Decide(ctx, b.Operator, statements.DecisionRequest{Line: line, Decision: statements.ForOrder, Order: o.ID})
		return err
	})
	b.ok(err)
	b.same("transfers told", len(told), 2)
	b.same("it still waits", b.onlyCase().ID, line)
}

func TestTheOldestCaseComesFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.imports(b.file(b.credit(1_00, "?")))
	b.Clock.Add(48 * time.Hour)
	b.imports(b.file(b.credit(2_00, "?"), b.debit(3_00, "FRAIS")))
	all, counts, err := b.room.Cases(t.Context(), b.Operator, statements.Queue{Limit: 1})
	b.ok(err)
	b.same("the first", all[0].Amount, vouchers.Cents(1_00))
	b.same("kinds", len(counts), 2)
	b.same("the gravest", counts[0].Kind, statements.NobodysDebit)
	next, _, err := b.room.Cases(t.Context(), b.Operator, statements.Queue{After: all[0].ID, Limit: 5})
	b.ok(err)
	b.same("then", next[0].Amount, vouchers.Cents(2_00))
	b.same("of the rest", len(next), 2)
}

func (b *bank) answers(line int64) []statements.Case {
	b.t.Helper()
	c, err := b.room.Choices(b.t.Context(), b.Operator, line)
	b.ok(err)
	return c.Answers
}

func has(c statements.Case, d statements.Decision) bool {
	for _, one := range c.Decisions {
		if one == d {
			return true
		}
	}
	return false
}

// paidBack is a neighbour that gives credit back: it keeps what it was asked last.
type paidBack struct{ last *statements.Refund }

func (p paidBack) ToPayer(_ context.Context, _ *db.Tx, _ identity.Actor, r statements.Refund) error {
	*p.last = r
	return nil
}

func (b *bank) givesBack() *statements.Refund {
	asked := paidBack{&statements.Refund{}}
	b.opens(asked)
	return asked.last
}

// campaign is a second one, funded with so many vouchers.
func (b *bank) campaign(count int) campaigns.Campaign {
	b.t.Helper()
	c := b.NewCampaign("Seconds pas", count)
	b.balance = b.held()
	return c
}

func (b *bank) allocates(c vouchers.CampaignID, count int) {
	b.t.Helper()
	_, err := b.Issuing.Allocate(b.t.Context(), b.Funder, issuing.AllocateRequest{Campaign: c, Prescriber: b.Prescriber.Organisation, Vouchers: count})
	b.ok(err)
}

// lineOf is the line that paid an order.
func (b *bank) lineOf(id vouchers.OrderID) int64 {
	b.t.Helper()
	var line int64
	b.InTx(func(tx *db.Tx) error {
		return tx.Get(b.t.Context(), &line, `SELECT line_id FROM receipts WHERE order_id = $1`, id)
	})
	return line
}
