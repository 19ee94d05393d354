package demo

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// bank keeps the operator's two accounts, as the operator's bank would: it receives
// transfers, executes the operator's files and writes statements.
type bank struct {
	segregated, operating account
	number                int // of the last file of statements
}

// account is one account at the bank.
type account struct {
	iban    sepa.IBAN
	balance vouchers.Cents
	entries []sepa.Entry // booked since the last statement
	booked  int          // entries ever
	ordered []transfer   // accepted and not yet executed
}

// transfer is one payment of a pain.001 file.
type transfer struct {
	on       vouchers.Day   // when the bank was asked to pay
	EndToEnd string         `xml:"PmtId>EndToEndId"`
	Amount   string         `xml:"Amt>InstdAmt"`
	Name     string         `xml:"Cdtr>Nm"`
	IBAN     string         `xml:"CdtrAcct>Id>IBAN"`
	cents    vouchers.Cents // Amount, read
}

// receive books a transfer to the account.
func (a *account) receive(on vouchers.Day, from sepa.Counterparty, amount vouchers.Cents, remittance string) {
	a.book(sepa.Entry{Booked: on, Amount: amount, Credit: true,
		Code:         sepa.BankCode{Domain: "PMNT", Family: "RCDT", SubFamily: "ESCT"},
		Transactions: []sepa.Transaction{{Amount: amount, Counterparty: from, Remittance: remittance}}})
}

// accept takes a pain.001 file, of either version that the operator may have chosen.
func (a *account) accept(file []byte) error {
	var message struct {
		Orders []struct {
			On struct {
				Older string `xml:",chardata"`
				Day   string `xml:"Dt"`
			} `xml:"ReqdExctnDt"`
			Transfers []transfer `xml:"CdtTrfTxInf"`
		} `xml:"CstmrCdtTrfInitn>PmtInf"`
	}
	if err := xml.Unmarshal(file, &message); err != nil {
		return fmt.Errorf("the bank cannot read the file: %w", err)
	}
	for _, order := range message.Orders {
		on, err := vouchers.ParseDay(cmp.Or(order.On.Day, strings.TrimSpace(order.On.Older)))
		if err != nil {
			return fmt.Errorf("the bank cannot read the day of the file: %w", err)
		}
		for _, t := range order.Transfers {
			cents, err := vouchers.ParseCents(t.Amount)
			if err != nil {
				return err
			}
			t.on, t.cents = on, cents
			a.ordered = append(a.ordered, t)
		}
	}
	return nil
}

// execute books all that was ordered for days before today, each transfer by itself, and
// returns it.
func (a *account) execute(today vouchers.Day) []transfer {
	var done, later []transfer
	for _, t := range a.ordered {
		if t.on >= today {
			later = append(later, t)
			continue
		}
		done = append(done, t)
		a.book(sepa.Entry{Booked: t.on, Amount: t.cents,
			Code:         sepa.BankCode{Domain: "PMNT", Family: "ICDT", SubFamily: "ESCT"},
			Transactions: []sepa.Transaction{{EndToEndID: t.EndToEnd, Amount: t.cents, Counterparty: t.creditor()}}})
	}
	a.ordered = later
	return done
}

// giveBack books the return of a transfer whose account was closed (AC04).
func (a *account) giveBack(on vouchers.Day, t transfer) {
	a.book(sepa.Entry{Booked: on, Amount: t.cents, Credit: true,
		Code: sepa.BankCode{Domain: "PMNT", Family: "ICDT", SubFamily: "RRTN"},
		Transactions: []sepa.Transaction{{OriginalEndToEndID: t.EndToEnd, Amount: t.cents, Counterparty: t.creditor(),
			ReturnReason: "AC04"}}})
}

func (t transfer) creditor() sepa.Counterparty {
	iban, _ := sepa.ParseIBAN(t.IBAN) // "" where it is none: the name remains
	return sepa.Counterparty{Name: t.Name, IBAN: iban}
}

func (a *account) book(e sepa.Entry) {
	a.booked++
	e.Reference = fmt.Sprintf("%d", len(a.entries)+1)
	e.BankReference = fmt.Sprintf("DEMO%06d", a.booked)
	e.Status, e.ValueDate = "BOOK", e.Booked
	a.entries = append(a.entries, e)
}

// statements writes what was booked since the last ones as camt.053, one statement for
// each account on which anything was.
func (b *bank) statements(now time.Time) ([]byte, error) {
	b.number++
	file := sepa.StatementFile{MessageID: fmt.Sprintf("DEMO-%03d", b.number), CreatedAt: now}
	for _, a := range []*account{&b.segregated, &b.operating} {
		if len(a.entries) > 0 {
			file.Statements = append(file.Statements, a.statement(fmt.Sprintf("%s-%d", file.MessageID, len(file.Statements)+1), now))
		}
	}
	var written bytes.Buffer
	err := sepa.WriteStatements(&written, file)
	return written.Bytes(), err
}

func (a *account) statement(id string, now time.Time) sepa.Statement {
	today := vouchers.DayOf(now)
	s := sepa.Statement{ID: id, Kind: sepa.KindStatement, Account: a.iban, CreatedAt: now,
		Opening: &sepa.Balance{Day: today, Amount: a.balance}, Entries: a.entries}
	for _, e := range a.entries {
		a.balance += e.Movement()
	}
	s.Closing = &sepa.Balance{Day: today, Amount: a.balance}
	a.entries = nil
	return s
}
