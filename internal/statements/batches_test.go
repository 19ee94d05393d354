package statements_test

import (
	"bytes"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// ordersFile closes and approves a settlement of payouts of €10, €20, €30 and so on, in the
// order of their amounts.
func (b *bank) ordersFile(payouts int) []settlement.Payout {
	b.t.Helper()
	booklet := b.HandOver(b.Campaign, payouts*(payouts+1)/2)
	for i := range payouts {
		b.Redeem(b.NewStructure("Lieu"), booklet, i+1)
	}
	all := b.settles()
	slices.SortFunc(all, func(p, q settlement.Payout) int { return int(p.Amount - q.Amount) })
	return all
}

// sum is an entry that debits a file as one sum, of which the bank says how many transfers it is
// (0: it does not).
func (b *bank) sum(file string, amount vouchers.Cents, count int) sepa.Entry {
	return b.entry(false, sepa.Transaction{Amount: amount, MessageID: file, PaymentID: file, Count: count})
}

// withoutDetails leaves of each entry's details the batch alone, as many banks do.
func withoutDetails(file []byte) []byte {
	return regexp.MustCompile(`(?s)<TxDtls>.*?</TxDtls>`).ReplaceAll(file, nil)
}

func (b *bank) states(of []settlement.Payout) string {
	b.t.Helper()
	var states []string
	d, err := b.settlement.Open(b.t.Context(), b.Operator, of[0].Settlement)
	b.ok(err)
	for _, one := range of {
		i := slices.IndexFunc(d.List, func(p settlement.Payout) bool { return p.ID == one.ID })
		states = append(states, d.List[i].State)
	}
	return strings.Join(states, " ")
}

func (b *bank) rejects(p settlement.Payout) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		_, err := b.settlement.Reject(b.t.Context(), tx, p.EndToEnd, "AM05")
		return err
	})
}

// A bank may book one sum for a whole file and name no transfer of it: with a block that says how
// many there are, with one that has the file's references alone, or with neither count nor block.
func TestOneSumForAFileBooksAllItsPayouts(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]func(b *bank) []byte{
		"a count and no transfer": func(b *bank) []byte { return withoutDetails(b.file(b.sum("PSL1", 60_00, 3))) },
		"one block of references": func(b *bank) []byte { return b.file(b.sum("PSL1", 60_00, 3)) },
		"no count":                func(b *bank) []byte { return b.file(b.sum("PSL1", 60_00, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			payouts := b.ordersFile(3)
			s := b.imports(file(b))
			b.same("booked", s.PayoutsBooked, statements.Tally{Count: 1, Amount: 60_00})
			b.same("cases", b.cases(), 0)
			b.same("states", b.states(payouts), "booked booked booked")
			b.same("in transit", b.owed(ledger.InTransit), vouchers.Cents(0))
			d, err := b.settlement.Open(t.Context(), b.Operator, payouts[0].Settlement)
			b.ok(err)
			if d.State != settlement.Done || *d.List[0].BookedOn != vouchers.DayOf(b.Clock.Now()) {
				t.Errorf("%+v, booked on %v", d.Settlement, d.List[0].BookedOn)
			}
			b.holds()
			b.comesBack(payouts[1])
		})
	}
}

// comesBack brings one payout back, which is owed again.
func (b *bank) comesBack(p settlement.Payout) {
	b.t.Helper()
	s := b.imports(b.file(b.entry(true, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, ReturnReason: "MS03"})))
	b.same("returned", s.PayoutsReturned, statements.Tally{Count: 1, Amount: p.Amount})
	b.same("owed again", b.owed(ledger.Payable(p.Structure)), p.Amount)
	b.holds()
}

func TestOneSumWithItsTransfersIsBookedPayoutByPayout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	in := func(p settlement.Payout) sepa.Transaction {
		return sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd, MessageID: "PSL1", PaymentID: "PSL1"}
	}
	told := b.ordersFile(2)
	s := b.imports(b.file(b.entry(false, in(told[0]), in(told[1]))))
	b.same("booked", s.PayoutsBooked, statements.Tally{Count: 2, Amount: 30_00})
	b.holds()
}

func TestTwoFilesInOneSumAreBookedFileByFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, second := b.ordersFile(2), b.ordersFile(1)
	e := b.sum("PSL1", 30_00, 2)
	e.Amount, e.Transactions = 40_00, append(e.Transactions, sepa.Transaction{Amount: 10_00, PaymentID: "PSL2", Count: 1})
	s := b.imports(withoutDetails(b.file(e)))
	b.same("booked", s.PayoutsBooked, statements.Tally{Count: 2, Amount: 40_00})
	b.same("states", b.states(first)+" "+b.states(second), "booked booked booked")
	b.holds()
}

func TestEachStructureOfABatchIsToldOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var told []settlement.Payout
	b.telling(func(_ context.Context, _ *db.Tx, to string, p settlement.Payout) error {
		if to == "" {
			t.Errorf("payout %d: a notice to nobody", p.ID)
		}
		told = append(told, p)
		return nil
	})
	b.opens(nil)
	payouts := b.ordersFile(3)
	b.imports(b.file(b.sum("PSL1", 60_00, 3)))
	b.comesBack(payouts[0]) // before anybody is told
	var payload []string
	b.InTx(func(tx *db.Tx) error {
		return tx.Select(t.Context(), &payload, `SELECT payload::text FROM jobs WHERE kind = $1`, settlement.JobKind)
	})
	if len(payload) != 1 {
		t.Fatalf("%d jobs", len(payload))
	}
	b.ok(b.settlement.DoTell(t.Context(), jobs.Work{Payload: json.RawMessage(payload[0])}))
	if len(told) != 3 {
		t.Fatalf("told of %d payouts", len(told))
	}
	for i, p := range told {
		if p.State != settlement.Booked || p.BookedOn == nil || p.Account == "" || p.ID != told[0].ID+vouchers.PayoutID(i) {
			t.Errorf("told of %+v", p)
		}
	}
}

func TestABatchIsKnownInEveryFileThatShowsIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payouts := b.ordersFile(3)
	e := b.sum("PSL1", 60_00, 3)
	told := b.file(e)
	notified := regexp.MustCompile(`(?s)<Bal>.*?</Bal>`).ReplaceAll([]byte(strings.NewReplacer("camt.053.001", "camt.054.001", "BkToCstmrStmt",
		"BkToCstmrDbtCdtNtfctn", "<Stmt>", "<Ntfctn>", "</Stmt>", "</Ntfctn>").Replace(string(told))), nil)
	_, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(notified), nil)
	b.ok(err)
	b.same("states", b.states(payouts), "booked booked booked")
	s := b.imports(told)
	b.same("known", s.Known, 1)
	b.same("cases", b.cases(), 0)
	b.holds()
}

// The bank has left two out and has not said so yet: nothing is booked, the alarm is there, and a
// person says which they were.
func TestABatchThatLacksPayoutsWaitsForAPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payouts := b.ordersFile(5)
	b.short = true
	s := b.imports(b.file(b.sum("PSL1", 90_00, 3)))
	b.same("alarm", s.UnexpectedDebits, statements.Tally{Count: 1, Amount: 90_00})
	if !strings.Contains(b.log.String(), "debits that nobody ordered") {
		t.Errorf("the log says %q", b.log)
	}
	b.same("states", b.states(payouts), "in_transit in_transit in_transit in_transit in_transit")
	b.holds()
	c := b.onlyCase()
	if c.Kind != statements.BatchMismatch || c.EndToEnd != "PSL1" || c.BatchCount == nil || *c.BatchCount != 3 || c.Batch == nil ||
		*c.Batch != (sepa.UnderWay{File: "PSL1", Settlement: 1, Count: 5, Amount: 150_00}) || !slices.Equal(c.Decisions, []statements.Decision{statements.AsBatch, statements.Answer}) {
		t.Errorf("the case is %+v, %+v", c, c.Batch)
	}
	not := func(names ...string) statements.DecisionRequest {
		return statements.DecisionRequest{Decision: statements.AsBatch, NotDebited: names}
	}
	b.refuses(c.ID, not(), "batch_sum_differs")
	b.refuses(c.ID, not(payouts[0].EndToEnd), "batch_sum_differs")
	b.refuses(c.ID, not(payouts[0].EndToEnd, "PSL1-999999"), "batch_transfer_unknown")
	b.same("states", b.states(payouts), "in_transit in_transit in_transit in_transit in_transit")

	b.short = false
	c = b.decides(c.ID, not(payouts[0].EndToEnd, payouts[4].EndToEnd, payouts[0].EndToEnd))
	if c.Open() || c.Outcome != statements.BatchBooked || *c.Cause != int64(payouts[0].Settlement) || len(c.Decisions) != 0 {
		t.Errorf("decided: %+v", c)
	}
	b.same("states", b.states(payouts), "rejected booked booked booked rejected")
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(0))
	b.same("owed again", b.owed(ledger.Payable(payouts[4].Structure)), vouchers.Cents(50_00))
	b.refuses(c.ID, not(), "line_already_explained")
	again := b.settles()
	b.same("paid again", len(again), 2)
	b.holds()
}

// Once the bank's answer has rejected what was left out, the debit is what the file comes to.
func TestABatchIsBookedOnceTheBankHasSaidWhatItLacks(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payouts := b.ordersFile(3)
	b.short = true
	b.imports(b.file(b.sum("PSL1", 40_00, 2)))
	c := b.onlyCase()
	b.rejects(payouts[1])
	closed, err := b.settlement.Preview(t.Context(), b.Operator)
	b.ok(err)
	if closed.Payouts != 0 || len(closed.Held) != 1 || closed.Held[0].Reason != "booked_after_all" {
		t.Errorf("what a waiting debit may have paid would be paid again: %+v", closed)
	}
	b.short = false
	c = b.onlyCase()
	b.same("expected", *c.Batch, sepa.UnderWay{File: "PSL1", Settlement: 1, Count: 2, Amount: 40_00})
	b.decides(c.ID, statements.DecisionRequest{Decision: statements.AsBatch})
	b.same("states", b.states(payouts), "booked rejected booked")
	b.same("paid again", len(b.settles()), 1)
}

func TestABatchIsBookedWithoutWhatTheBankHadRejected(t *testing.T) {
	t.Parallel()
	b := setup(t)
	payouts := b.ordersFile(3)
	b.rejects(payouts[2])
	b.imports(b.file(b.sum("PSL1", 30_00, 2)))
	b.same("states", b.states(payouts), "booked booked rejected")
	b.same("cases", b.cases(), 0)
	b.holds()
}

// Whatever contradicts the books is booked by nobody: a count that is another, a payout that
// had a line of its own before, a batch that is told a second time under another name.
func TestABatchThatContradictsTheBooksWaits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(b *bank, p []settlement.Payout)
		amount vouchers.Cents
		count  int
		after  string
		open   sepa.UnderWay
	}{
		"another count": {amount: 60_00, count: 4, after: "in_transit in_transit in_transit", open: sepa.UnderWay{File: "PSL1", Settlement: 1, Count: 3, Amount: 60_00}},
		"a line of its own before": {func(b *bank, p []settlement.Payout) { b.imports(b.file(b.debit(10_00, p[0].EndToEnd))) },
			60_00, 3, "booked in_transit in_transit", sepa.UnderWay{File: "PSL1", Settlement: 1, Count: 2, Amount: 50_00}},
		"a second time": {func(b *bank, p []settlement.Payout) { b.imports(b.file(b.sum("PSL1", 60_00, 3))) },
			60_00, 3, "booked booked booked", sepa.UnderWay{File: "PSL1", Settlement: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			payouts := b.ordersFile(3)
			if c.before != nil {
				c.before(b, payouts)
			}
			b.short = true
			b.imports(b.file(b.sum("PSL1", c.amount, c.count)))
			b.same("states", b.states(payouts), c.after)
			waits := b.onlyCase()
			b.same("expected", *waits.Batch, c.open)
			b.holds()
			if c.open.Count != 3 {
				b.refuses(waits.ID, statements.DecisionRequest{Decision: statements.AsBatch}, "batch_sum_differs")
			} else {
				b.decides(waits.ID, statements.DecisionRequest{Decision: statements.AsBatch}) // some banks count what was ordered
			}
		})
	}
}

// What nobody approved, and what was cancelled, is no file that the bank may have; nor does the
// operator's own account pay structures.
func TestASumOfNoApprovedFileIsNobodysDebit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.short = true
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 3), 3)
	waiting, err := b.settlement.Close(t.Context(), b.Operator, settlement.CloseRequest{})
	b.ok(err)
	b.imports(b.file(b.sum("PSL1", 30_00, 1)))
	b.same("unapproved", b.onlyCase().Kind, statements.NobodysDebit)
	_, err = b.settlement.Cancel(t.Context(), b.Operator, waiting.ID, "wrong day")
	b.ok(err)
	b.imports(b.file(b.sum("PSL1", 30_00, 1)))
	approved := b.settles()[0]
	_, err = b.settlement.Cancel(t.Context(), b.Operator, approved.Settlement, "wrong day")
	b.ok(err)
	b.imports(b.file(b.sum("PSL2", 30_00, 1)))
	payouts := b.settles()
	b.imports(b.operatingFile(b.sum("PSL3", 30_00, 1)))
	all, counts, err := b.room.Cases(t.Context(), b.Operator, statements.Queue{Limit: 10})
	b.ok(err)
	if len(all) != 4 || len(counts) != 1 || counts[0] != (statements.KindCount{Kind: statements.NobodysDebit, Count: 4}) {
		t.Errorf("%+v", counts)
	}
	b.same("states", b.states(payouts), "in_transit")
	b.holds()
}
