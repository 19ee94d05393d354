package sepa

import (
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// StatementFile is a camt.053 message as a bank sends it.
type StatementFile struct {
	MessageID  string // 1 to 35 characters
	CreatedAt  time.Time
	Statements []Statement // each with both balances
}

// WriteStatements writes a camt.053.001.08 file, as a bank would: the demonstration's
// bank answers orders with it. ReadStatements reads it back to the same values. The same
// file always gives the same bytes.
func WriteStatements(w io.Writer, file StatementFile) error {
	for _, s := range file.Statements {
		if s.Opening == nil || s.Closing == nil || s.Kind != KindStatement {
			return fmt.Errorf("statement %q has no balances or is no camt.053", s.ID)
		}
	}
	x := newXMLWriter(w)
	x.document(camt053Namespace)
	x.open("BkToCstmrStmt")
	x.open("GrpHdr")
	x.element("MsgId", file.MessageID)
	x.element("CreDtTm", moment(file.CreatedAt))
	x.close("GrpHdr")
	for i := range file.Statements {
		x.statement(&file.Statements[i])
	}
	x.close("BkToCstmrStmt")
	return x.finish()
}

func (x *xmlWriter) statement(s *Statement) {
	x.open("Stmt")
	x.element("Id", s.ID)
	if !s.CreatedAt.IsZero() {
		x.element("CreDtTm", moment(s.CreatedAt))
	}
	if !s.From.IsZero() && !s.To.IsZero() {
		x.open("FrToDt")
		x.element("FrDtTm", moment(s.From))
		x.element("ToDtTm", moment(s.To))
		x.close("FrToDt")
	}
	x.element("Acct", xmlAccount{s.Account.Full()})
	x.balance("OPBD", *s.Opening)
	x.balance("CLBD", *s.Closing)
	for i := range s.Entries {
		x.entry(&s.Entries[i])
	}
	for i := range s.Pending {
		x.entry(&s.Pending[i])
	}
	x.close("Stmt")
}

func (x *xmlWriter) balance(code string, b Balance) {
	x.open("Bal")
	x.open("Tp")
	x.element("CdOrPrtry", xmlCode{code})
	x.close("Tp")
	x.element("Amt", euros(max(b.Amount, -b.Amount)))
	x.element("CdtDbtInd", direction(b.Amount >= 0))
	x.day("Dt", b.Day)
	x.close("Bal")
}

func (x *xmlWriter) entry(e *Entry) {
	x.open("Ntry")
	x.text("NtryRef", e.Reference)
	x.element("Amt", euros(e.Amount))
	x.element("CdtDbtInd", direction(e.Credit))
	if e.Reversal {
		x.element("RvslInd", "true")
	}
	x.element("Sts", xmlCode{e.Status})
	x.day("BookgDt", e.Booked)
	x.day("ValDt", e.ValueDate)
	x.text("AcctSvcrRef", e.BankReference)
	x.bankCode(e.Code)
	x.open("NtryDtls")
	for i := range e.Transactions {
		t := &e.Transactions[i]
		if i > 0 && (t.Count > 0 || e.Transactions[i-1].Count > 0) { // a count is of a block
			x.close("NtryDtls")
			x.open("NtryDtls")
		}
		if t.Count > 0 {
			x.batch(t)
		}
		x.transaction(t, e)
	}
	x.close("NtryDtls")
	x.close("Ntry")
}

// batch says of how many transfers a transaction is the sum.
func (x *xmlWriter) batch(t *Transaction) {
	x.open("Btch")
	x.text("MsgId", t.MessageID)
	x.text("PmtInfId", t.PaymentID)
	x.element("NbOfTxs", strconv.Itoa(t.Count))
	x.element("TtlAmt", euros(t.Amount))
	x.close("Btch")
}

func (x *xmlWriter) bankCode(c BankCode) {
	x.open("BkTxCd")
	if c.Domain != "" {
		x.open("Domn")
		x.element("Cd", c.Domain)
		x.open("Fmly")
		x.element("Cd", c.Family)
		x.element("SubFmlyCd", c.SubFamily)
		x.close("Fmly")
		x.close("Domn")
	}
	if c.Proprietary != "" {
		x.element("Prtry", xmlCode{c.Proprietary})
	}
	x.close("BkTxCd")
}

func (x *xmlWriter) transaction(t *Transaction, e *Entry) {
	x.open("TxDtls")
	if id := firstOf(t.EndToEndID, t.OriginalEndToEndID); t.MessageID+t.PaymentID+t.InstructionID+id != "" {
		x.open("Refs")
		x.text("MsgId", t.MessageID)
		x.text("PmtInfId", t.PaymentID)
		x.text("InstrId", t.InstructionID)
		x.text("EndToEndId", id)
		x.close("Refs")
	}
	x.element("Amt", euros(t.Amount))
	x.element("CdtDbtInd", direction(e.Credit))
	returned := t.ReturnReason != "" || e.Reversal
	x.counterparty(t.Counterparty, e.Credit != returned)
	x.remittance(t)
	if t.ReturnReason != "" {
		x.open("RtrInf")
		x.element("Rsn", xmlCode{t.ReturnReason})
		x.close("RtrInf")
	}
	x.close("TxDtls")
}

func (x *xmlWriter) counterparty(c Counterparty, debtor bool) {
	if c.Name == "" && c.IBAN == "" {
		return
	}
	role := "Cdtr"
	if debtor {
		role = "Dbtr"
	}
	x.open("RltdPties")
	if c.Name != "" {
		x.open(role)
		x.open("Pty")
		x.element("Nm", c.Name)
		x.close("Pty")
		x.close(role)
	}
	if c.IBAN != "" {
		x.element(role+"Acct", xmlAccount{c.IBAN.Full()})
	}
	x.close("RltdPties")
}

func (x *xmlWriter) remittance(t *Transaction) {
	if t.Remittance == "" && t.CreditorReference == "" {
		return
	}
	x.open("RmtInf")
	x.text("Ustrd", t.Remittance)
	if t.CreditorReference != "" {
		x.open("Strd")
		x.open("CdtrRefInf")
		x.element("Ref", t.CreditorReference)
		x.close("CdtrRefInf")
		x.close("Strd")
	}
	x.close("RmtInf")
}

// day writes a date wrapped in Dt; nothing for a zero one.
func (x *xmlWriter) day(name string, day vouchers.Day) {
	if day == 0 {
		return
	}
	x.open(name)
	x.element("Dt", day.String())
	x.close(name)
}

// moment writes an ISODateTime in UTC, to the second.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func direction(credit bool) string {
	if credit {
		return "CRDT"
	}
	return "DBIT"
}
