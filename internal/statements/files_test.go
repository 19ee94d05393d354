package statements_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAFileOfBothAccountsIsImportedStatementByStatement(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	i := b.fees(o, 10_00)
	file := b.write(b.statement(account, &b.balance, []sepa.Entry{b.credit(100_00, o.Reference)}),
		b.statement(operating, &b.own, []sepa.Entry{b.credit(12_00, i.Reference)}))
	var told []statements.Progress
	r, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(file), func(p statements.Progress) { told = append(told, p) })
	b.ok(err)
	b.agrees(r.Agreements)
	b.same("accounts that agree", len(r.Agreements), 2)
	b.same("first", r.Statements[0].Ours, statements.Segregated)
	b.same("second", r.Statements[1].FeesPaid.Amount, vouchers.Cents(12_00))
	b.same("progress", told[0], statements.Progress{Lines: 2, Done: 1})
	b.same("at the end", told[1], statements.Progress{Lines: 2, Done: 2})
	b.holds()
}

func TestAnInterruptedFileGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	file := b.write(b.statement(account, &b.balance, []sepa.Entry{b.credit(60_00, o.Reference)}),
		b.statement(account, &b.balance, []sepa.Entry{b.credit(40_00, o.Reference)}))
	ctx, cut := context.WithCancel(t.Context())
	_, err := b.room.Import(ctx, b.Operator, bytes.NewReader(file), func(p statements.Progress) {
		if p.Done == 2 { // the second statement is being written
			cut()
		}
	})
	if err == nil {
		t.Error("the import was not cut")
	}
	b.same("after the first", b.order(o.ID).Received, vouchers.Cents(60_00))
	r, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	b.same("known", r.AlreadyImported, false)
	b.same("statements", len(r.Statements), 2)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(100_00))
	b.holds()
}

func TestAMissingStatementIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.imports(b.file(b.credit(1_00, "?")))
	b.file(b.credit(12_34, "?")) // never imported
	r, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(b.file(b.credit(2_00, "?"))), nil)
	b.ok(err)
	a := r.Agreements[0]
	b.same("gap", a.Gap(), vouchers.Cents(12_34))
	b.same("statements missing", len(a.Missing), 1)
	b.same("by", a.Missing[0].Opening-a.Missing[0].Closing, vouchers.Cents(12_34))
}

func TestASentFileIsImportedByAJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	file := b.file(b.credit(100_00, o.Reference), b.credit(1_00, "?"))
	_, err := b.room.Send(t.Context(), b.Operator, "x.xml", []byte("<html>"))
	if err == nil {
		t.Error("a page was taken for a statement")
	}
	_, err = b.room.Send(t.Context(), b.Funder, "x.xml", file)
	b.refused(err, "forbidden")
	id, err := b.room.Send(t.Context(), b.Operator, "releve.xml", file)
	b.ok(err)
	sent, err := b.room.Sent(t.Context(), b.Operator, id)
	b.ok(err)
	b.same("lines", sent.Lines, 2)
	b.same("done at once", sent.DoneAt == nil, true)
	b.same("the order", b.order(o.ID).State, orders.AwaitingPayment)

	b.works(id)
	sent, err = b.room.Sent(t.Context(), b.Operator, id)
	b.ok(err)
	b.same("done", sent.Done, 2)
	b.same("imported", len(sent.Imported), 1)
	b.same("the order", b.order(o.ID).State, orders.Funded)
	b.works(id) // again, as after a lost answer
	b.same("received once", b.order(o.ID).Received, vouchers.Cents(100_00))
	_, err = b.room.Sent(t.Context(), b.Operator, id+1)
	b.refused(err, "not_found")
}

func TestEveryVersionThatBanksSendIsRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.short = true // the files show debits that nobody ordered
	b.reads("camt053-02", sepa.KindStatement)
	b.reads("camt054-02", sepa.KindNotification)
	b.reads("camt054-08", sepa.KindNotification)
	b.holds()
}

// reads imports an example of package sepa, twice.
func (b *bank) reads(name string, kind sepa.Kind) {
	b.t.Helper()
	file, err := os.ReadFile("../sepa/testdata/" + name + ".xml")
	b.ok(err)
	r, err := b.room.Import(b.t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	b.same(name, r.Statements[0].Kind, kind)
	if r.Statements[0].Lines+r.Statements[0].Known == 0 {
		b.t.Errorf("%s: nothing was read", name)
	}
	held := b.held()
	r, err = b.room.Import(b.t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	b.same(name+" again", r.AlreadyImported, true)
	b.same("cash", b.held(), held)
}

func TestANoticeAndItsStatementAreOneFact(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(10)
	early := b.credit(40_00, o.Reference)
	b.count++
	_, err := b.room.Import(t.Context(), b.Operator, strings.NewReader(asNotice(b.write(sepa.Statement{ID: "AVIS", Kind: sepa.KindStatement,
		Account: account, Opening: &sepa.Balance{Day: early.Booked}, Closing: &sepa.Balance{Day: early.Booked, Amount: 40_00},
		Entries: []sepa.Entry{early}}))), nil)
	b.ok(err)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(40_00))
	s := b.imports(b.file(early, b.credit(60_00, o.Reference)))
	b.same("known by the notice", s.Known, 1)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(100_00))
}

// asNotice makes a camt.054 file of a camt.053 file.
func asNotice(file []byte) string {
	return strings.NewReplacer("camt.053.001.08", "camt.054.001.08", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "<Stmt>", "<Ntfctn>",
		"</Stmt>", "</Ntfctn>").Replace(string(file))
}

// works does the job of a file.
func (b *bank) works(id vouchers.FileID) {
	b.t.Helper()
	payload, err := json.Marshal(id)
	b.ok(err)
	b.ok(b.room.DoImport(b.t.Context(), jobs.Work{Kind: statements.JobKind, Attempt: 1, Payload: payload}))
}
