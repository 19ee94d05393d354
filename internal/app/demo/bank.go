package demo

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// bank keeps the segregated account, as the operator's bank would: it receives the
// funders' transfers, executes the operator's files and writes statements.
type bank struct {
	account sepa.IBAN
	balance vouchers.Cents
	entries []sepa.Entry // booked since the last statement
	number  int          // of the last statement
	booked  int          // entries ever
	ordered []transfer   // accepted and not yet executed
}

// transfer is one payment of a pain.001 file.
type transfer struct {
	EndToEnd string         `xml:"PmtId>EndToEndId"`
	Amount   string         `xml:"Amt>InstdAmt"`
	Name     string         `xml:"Cdtr>Nm"`
	IBAN     string         `xml:"CdtrAcct>Id>IBAN"`
	cents    vouchers.Cents // Amount, read
}

// receive books a transfer to the account.
func (b *bank) receive(on vouchers.Day, from string, amount vouchers.Cents, remittance string) {
	b.book(sepa.Entry{Booked: on, Amount: amount, Credit: true,
		Code:         sepa.BankCode{Domain: "PMNT", Family: "RCDT", SubFamily: "ESCT"},
		Transactions: []sepa.Transaction{{Amount: amount, Counterparty: sepa.Counterparty{Name: from}, Remittance: remittance}}})
}

// accept takes a pain.001 file.
func (b *bank) accept(file []byte) error {
	var message struct {
		Transfers []transfer `xml:"CstmrCdtTrfInitn>PmtInf>CdtTrfTxInf"`
	}
	if err := xml.Unmarshal(file, &message); err != nil {
		return fmt.Errorf("the bank cannot read the file: %w", err)
	}
	for _, t := range message.Transfers {
		cents, err := vouchers.ParseCents(t.Amount)
		if err != nil {
			return err
		}
		t.cents = cents
		b.ordered = append(b.ordered, t)
	}
	return nil
}

// execute books all that was ordered, each transfer by itself, and returns it.
func (b *bank) execute(on vouchers.Day) []transfer {
	done := b.ordered
	b.ordered = nil
	for _, t := range done {
		b.book(sepa.Entry{Booked: on, Amount: t.cents,
			Code:         sepa.BankCode{Domain: "PMNT", Family: "ICDT", SubFamily: "ESCT"},
			Transactions: []sepa.Transaction{{EndToEndID: t.EndToEnd, Amount: t.cents, Counterparty: t.creditor()}}})
	}
	return done
}

// giveBack books the return of a transfer whose account was closed (AC04).
func (b *bank) giveBack(on vouchers.Day, t transfer) {
	b.book(sepa.Entry{Booked: on, Amount: t.cents, Credit: true,
		Code: sepa.BankCode{Domain: "PMNT", Family: "ICDT", SubFamily: "RRTN"},
		Transactions: []sepa.Transaction{{OriginalEndToEndID: t.EndToEnd, Amount: t.cents, Counterparty: t.creditor(),
			ReturnReason: "AC04"}}})
}

func (t transfer) creditor() sepa.Counterparty {
	iban, _ := sepa.ParseIBAN(t.IBAN) // "" where it is none: the name remains
	return sepa.Counterparty{Name: t.Name, IBAN: iban}
}

func (b *bank) book(e sepa.Entry) {
	b.booked++
	e.Reference = fmt.Sprintf("%d", len(b.entries)+1)
	e.BankReference = fmt.Sprintf("DEMO%06d", b.booked)
	e.Status, e.ValueDate = "BOOK", e.Booked
	b.entries = append(b.entries, e)
}

// statement writes what was booked since the last one as camt.053.
func (b *bank) statement(now time.Time) ([]byte, error) {
	b.number++
	today := vouchers.DayOf(now)
	s := sepa.Statement{ID: fmt.Sprintf("DEMO-%03d", b.number), Kind: sepa.KindStatement, Account: b.account, CreatedAt: now,
		Opening: &sepa.Balance{Day: today, Amount: b.balance}, Entries: b.entries}
	for _, e := range b.entries {
		b.balance += e.Movement()
	}
	s.Closing = &sepa.Balance{Day: today, Amount: b.balance}
	b.entries = nil
	var file bytes.Buffer
	err := sepa.WriteStatements(&file, sepa.StatementFile{
		MessageID: s.ID, CreatedAt: now, Statements: []sepa.Statement{s}})
	return file.Bytes(), err
}
