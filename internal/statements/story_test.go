package statements_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAPartPaymentFundsAPart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(100)
	before := b.owed(ledger.Funds(b.Campaign.ID))
	b.same("at first", o.State, orders.AwaitingPayment)

	s := b.imports(b.file(b.credit(400_00, "VIR SEPA "+strings.ToLower(o.Reference)+" acompte")))
	b.same("lines that funded", s.OrdersFunded, statements.Tally{Count: 1, Amount: 400_00})
	o = b.order(o.ID)
	b.same("after a part", o.State, orders.PartlyFunded)
	b.same("received", o.Received, vouchers.Cents(400_00))
	b.same("funds", b.owed(ledger.Funds(b.Campaign.ID))-before, vouchers.Cents(400_00))

	b.imports(b.file(b.credit(600_00, o.Reference)))
	b.same("after the rest", b.order(o.ID).State, orders.Funded)
	b.same("notices", len(*b.told), 2)
}

func TestWhatIsPaidAboveTheOrderIsTheFundersCredit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	before := b.owed(ledger.Funds(b.Campaign.ID))
	b.imports(b.file(
		b.entry(true, sepa.Transaction{Amount: 70_00, CreditorReference: o.Reference}),
		b.entry(true, sepa.Transaction{Amount: 50_00, EndToEndID: o.Reference})))
	o = b.order(o.ID)
	b.same("received", o.Received, vouchers.Cents(100_00))
	b.same("credit", o.Credit, vouchers.Cents(20_00))
	b.same("state", o.State, orders.Funded)
	b.same("funds", b.owed(ledger.Funds(b.Campaign.ID))-before, vouchers.Cents(100_00))
	b.same("the funder's account", b.owed(ledger.Credit(b.Funder.Organisation)), vouchers.Cents(20_00))
}

func TestAWrongReferenceWaitsAndIsAttributedByHand(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	s := b.imports(b.file(b.credit(100_00, "RF00PASS000001 cheques")))
	b.same("unattributed", s.Unattributed, statements.Tally{Count: 1, Amount: 100_00})
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(100_00))
	b.same("the order", b.order(o.ID).State, orders.AwaitingPayment)

	b.Clock.Add(72 * time.Hour)
	queue := b.waiting()
	b.same("lines waiting", len(queue), 1)
	b.same("age in days", queue[0].AgeDays(vouchers.DayOf(b.Clock.Now())), 3)

	_, err := b.room.Attribute(t.Context(), b.Operator, statements.AttributeRequest{Line: queue[0].ID, Order: o.ID + 1000})
	b.refused(err, "order_unknown")
	l, err := b.room.Attribute(t.Context(), b.Operator, statements.AttributeRequest{Line: queue[0].ID, Order: o.ID})
	b.ok(err)
	b.same("outcome", l.Outcome, statements.OrderFunded)
	b.same("the order", b.order(o.ID).State, orders.Funded)
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(0))
	b.same("lines waiting", len(b.waiting()), 0)

	_, err = b.room.Attribute(t.Context(), b.Operator, statements.AttributeRequest{Line: l.ID, Order: o.ID})
	b.refused(err, "line_already_explained")
	b.same("received", b.order(o.ID).Received, vouchers.Cents(100_00))
}

func TestATextThatNamesTwoOrdersWaitsForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.ordered(10), b.ordered(10)
	s := b.imports(b.file(b.credit(200_00, one.Reference+" + "+two.Reference)))
	b.same("unattributed", s.Unattributed.Count, 1)
	s = b.imports(b.file(b.entry(true, sepa.Transaction{Amount: 100_00, CreditorReference: two.Reference, Remittance: one.Reference})))
	b.same("with a stated reference", s.OrdersFunded.Count, 1)
	b.same("the order stated", b.order(two.ID).State, orders.Funded)
	b.same("the order in the text", b.order(one.ID).State, orders.AwaitingPayment)
}

func TestTheSameFileAgainChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	file := b.file(b.credit(60_00, o.Reference), b.credit(5_00, "?"), b.debit(3_00, "FRAIS"))
	first, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	held := b.held()
	again, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	if first.AlreadyImported || !again.AlreadyImported {
		t.Error("a file is new once")
	}
	again.AlreadyImported = false
	if !reflect.DeepEqual(first, again) {
		t.Errorf("first %+v\nthen %+v", first, again)
	}
	b.same("cash", b.held(), held)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(60_00))

	ctx, token := once.With(t.Context(), "import-of-monday")
	if _, err = b.room.Import(ctx, b.Operator, bytes.NewReader(file), nil); err != nil || token.Replayed {
		t.Errorf("%v, replayed %v", err, token.Replayed)
	}
	if _, err = b.room.Import(ctx, b.Operator, bytes.NewReader(file), nil); err != nil || !token.Replayed {
		t.Errorf("%v, replayed %v", err, token.Replayed)
	}
	_, err = b.room.Import(ctx, b.Operator, bytes.NewReader(b.file()), nil)
	b.refused(err, "idempotency_conflict")
}

func TestALineInTwoStatementsIsCountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(100)
	a, shared, c := b.credit(100_00, o.Reference), b.credit(200_00, o.Reference), b.credit(300_00, o.Reference)
	b.imports(b.file(a, shared))
	b.balance -= shared.Amount // the next statement begins before it
	s := b.imports(b.file(shared, c))
	b.same("known", s.Known, 1)
	b.same("new", s.Lines, 1)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(600_00))
}

func TestEqualPaymentsWithoutBankReferenceAreAllCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(100)
	twin := b.credit(100_00, o.Reference)
	twin.BankReference = ""
	s := b.imports(b.file(twin, twin))
	b.same("new", s.Lines, 2)
	b.balance -= 2 * twin.Amount
	s = b.imports(b.file(twin, twin, b.credit(1_00, o.Reference)))
	b.same("known", s.Known, 2)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(201_00))
}

func TestASumAndItsDetailsAreTheSameEntry(t *testing.T) {
	t.Parallel()
	b := setup(t)
	whole := b.credit(300_00, "remise de virements")
	b.imports(b.file(whole))
	whole.Transactions = []sepa.Transaction{{Amount: 100_00, Remittance: "a"}, {Amount: 200_00, Remittance: "b"}}
	b.balance -= 300_00
	s := b.imports(b.file(whole))
	b.same("known", s.Known, 2)
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(300_00))
}

func TestWhatTheBankHasNotBookedIsNoFact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	announced := b.credit(100_00, o.Reference)
	announced.Status = "PDNG"
	today := vouchers.DayOf(b.Clock.Now())
	balance := sepa.Balance{Day: today, Amount: b.balance}
	s := b.imports(b.write(sepa.Statement{ID: "P", Kind: sepa.KindStatement, Account: account,
		Opening: &balance, Closing: &balance, Pending: []sepa.Entry{announced}}))
	b.same("pending", s.Pending, 1)
	b.same("lines", s.Lines, 0)
	b.same("state", b.order(o.ID).State, orders.AwaitingPayment)
}

func TestOnlyOurAccountsAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	balance := sepa.Balance{Day: vouchers.DayOf(b.Clock.Now())}
	_, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(b.write(sepa.Statement{ID: "X", Kind: sepa.KindStatement,
		Account: payer, Opening: &balance, Closing: &balance})), nil)
	b.refused(err, "statement_other_account")
	_, err = b.room.Import(t.Context(), b.Operator, strings.NewReader("<html>"), nil)
	if err == nil {
		t.Error("a page was read as a statement")
	}
	for _, nobody := range []string{"funder", "prescriber"} {
		actor := b.Funder
		if nobody == "prescriber" {
			actor = b.Prescriber
		}
		_, err = b.room.Import(t.Context(), actor, bytes.NewReader(b.file()), nil)
		b.refused(err, "forbidden")
	}
}

func TestAGapBetweenBankAndBooksIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	missing := b.credit(12_34, "?")
	b.file(missing) // never imported
	o := b.ordered(1)
	r, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(b.file(b.credit(10_00, o.Reference))), nil)
	b.ok(err)
	b.same("gap", r.Agreements[0].Gap(), vouchers.Cents(12_34))
}

func TestAnUnexpectedDebitIsAnAlarm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	s := b.imports(b.file(b.debit(3_50, "FRAIS")))
	b.same("unexpected", s.UnexpectedDebits, statements.Tally{Count: 1, Amount: 3_50})
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(-3_50))
	if !strings.Contains(b.log.String(), "debits that nobody ordered") {
		t.Errorf("the log says %q", b.log)
	}
	l := b.waiting()[0]
	o := b.ordered(1)
	_, err := b.room.Attribute(t.Context(), b.Operator, statements.AttributeRequest{Line: l.ID, Order: o.ID})
	b.refused(err, "line_already_explained")
}

func TestAPayoutIsBookedAndComesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 4)
	p := b.settles()[0]

	s := b.imports(b.file(b.debit(39_99, p.EndToEnd)))
	b.same("another amount is unexpected", s.UnexpectedDebits.Count, 1)
	s = b.imports(b.file(b.debit(p.Amount, p.EndToEnd)))
	b.same("booked", s.PayoutsBooked, statements.Tally{Count: 1, Amount: 40_00})
	b.same("in transit", b.owed(ledger.InTransit), vouchers.Cents(0))

	s = b.imports(b.file(b.entry(true, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, ReturnReason: "AC04"})))
	b.same("returned", s.PayoutsReturned, statements.Tally{Count: 1, Amount: 40_00})
	b.same("owed again", b.owed(ledger.Payable(b.Structure.Organisation)), vouchers.Cents(40_00))

	s = b.imports(b.file(b.entry(true, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, ReturnReason: "AC04"})))
	b.same("it cannot come back twice", s.Unattributed.Count, 1)
}

func TestAPayoutMayGoAndComeBackInOneFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	p := b.settles()[0]
	s := b.imports(b.file(
		b.entry(true, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, ReturnReason: "AC01"}), b.debit(p.Amount, p.EndToEnd)))
	b.same("booked", s.PayoutsBooked.Count, 1)
	b.same("returned", s.PayoutsReturned.Count, 1)
}
