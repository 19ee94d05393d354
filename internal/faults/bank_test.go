package faults_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// bank is the other side: it takes files, does what they order, and writes its answers and
// statements from its own memory. It reads our files by itself and knows nothing of our books.
type bank struct {
	t     testing.TB
	clock *pgtest.Clock

	files    map[string][]byte    // by message id
	orders   map[string]*transfer // by end-to-end id
	names    []string             // of the transfers, as they came
	refusals int                  // files that were given again
	journal  []sepa.Entry
	opening  vouchers.Cents
	letters  int // names its messages
}

// The ends of a transfer. A rejected one stays so; another one goes on from step to step.
type end int

const (
	ordered end = iota
	rejected
	debited
	returned
)

// endOf is what a payout of each state says of its transfer.
var endOf = map[string]end{settlement.InTransit: ordered, settlement.Rejected: rejected, settlement.Booked: debited, settlement.Returned: returned}

// transfer is one that the bank was ordered to make.
type transfer struct {
	name, message, iban string
	amount              vouchers.Cents
	end                 end    // what the bank has done
	told                end    // what of it our books have heard for sure
	reason              string // of a rejection or a return
}

// fits says whether our books may say this of the transfer.
func (x *transfer) fits(books end) bool {
	if x.end == rejected || books == rejected {
		return x.end == rejected && (books == rejected || books == ordered && x.told == ordered)
	}
	return x.told <= books && books <= x.end
}

func newBank(t testing.TB, clock *pgtest.Clock, opening vouchers.Cents) *bank {
	return &bank{t: t, clock: clock, opening: opening, files: map[string][]byte{}, orders: map[string]*transfer{}}
}

// initiation is what a bank reads of a pain.001 file.
type initiation struct {
	Header struct {
		MsgId, NbOfTxs, CtrlSum string
	} `xml:"CstmrCdtTrfInitn>GrpHdr"`
	Transfers []struct {
		EndToEnd string `xml:"PmtId>EndToEndId"`
		Amount   string `xml:"Amt>InstdAmt"`
		IBAN     string `xml:"CdtrAcct>Id>IBAN"`
	} `xml:"CstmrCdtTrfInitn>PmtInf>CdtTrfTxInf"`
}

func (b *bank) reads(file []byte) initiation {
	var read initiation
	if err := xml.Unmarshal(file, &read); err != nil {
		b.t.Errorf("the bank cannot read a file: %v", err)
	}
	return read
}

// cents reads an amount as banks write it.
func (b *bank) cents(amount string) (cents vouchers.Cents) {
	whole, rest, _ := strings.Cut(amount, ".")
	if _, err := fmt.Sscan(whole+(rest + "00")[:2], &cents); err != nil {
		b.t.Errorf("an amount of %q: %v", amount, err)
	}
	return cents
}

// takes a file, and says by its message id whether it is the first of that name: another one
// is refused. No transfer may ever be ordered in two files.
func (b *bank) takes(file []byte) (message string, first bool) {
	read := b.reads(file)
	message = read.Header.MsgId
	if before, there := b.files[message]; there {
		if !bytes.Equal(before, file) {
			b.t.Errorf("two files are named %s", message)
		}
		b.refusals++
		return message, false
	}
	b.files[message] = file
	var sum vouchers.Cents
	for _, one := range read.Transfers {
		if before, there := b.orders[one.EndToEnd]; there {
			b.t.Errorf("%s is ordered in %s and in %s", one.EndToEnd, before.message, message)
			continue
		}
		x := &transfer{name: one.EndToEnd, message: message, iban: one.IBAN, amount: b.cents(one.Amount)}
		b.orders[x.name], b.names, sum = x, append(b.names, x.name), sum+x.amount
	}
	if fmt.Sprint(len(read.Transfers)) != read.Header.NbOfTxs || sum != b.cents(read.Header.CtrlSum) {
		b.t.Errorf("%s has %d transfers of %s, and says %s of %s", message, len(read.Transfers), sum, read.Header.NbOfTxs, read.Header.CtrlSum)
	}
	return message, true
}

// of lists the transfers of a file, or of all ("") that have come to an end.
func (b *bank) of(message string, at end) (all []*transfer) {
	for _, name := range b.names {
		if x := b.orders[name]; x.end == at && (message == "" || x.message == message) {
			all = append(all, x)
		}
	}
	return all
}

// rejects a transfer before anything is debited.
func (b *bank) rejects(x *transfer, reason string) { x.end, x.reason = rejected, reason }

func (b *bank) debits(x *transfer) {
	x.end = debited
	b.enters(x, sepa.Transaction{Amount: x.amount, EndToEndID: x.name, Remittance: x.name, Counterparty: sepa.Counterparty{IBAN: sepa.IBAN(x.iban)}}, false)
}

// sums debits transfers of a file as one sum, and names none of them.
func (b *bank) sums(message string, all ...*transfer) {
	t := sepa.Transaction{MessageID: message, PaymentID: message, Count: len(all)}
	for _, x := range all {
		x.end, t.Amount = debited, t.Amount+x.amount
	}
	b.enters(&transfer{amount: t.Amount}, t, false)
}

// brings a debited transfer back.
func (b *bank) brings(x *transfer, reason string) {
	x.end, x.reason = returned, reason
	b.enters(x, sepa.Transaction{Amount: x.amount, OriginalEndToEndID: x.name, ReturnReason: reason}, true)
}

func (b *bank) enters(x *transfer, t sepa.Transaction, credit bool) {
	day := vouchers.DayOf(b.clock.Now())
	b.journal = append(b.journal, sepa.Entry{Reference: "1", BankReference: fmt.Sprintf("BANK%06d", len(b.journal)), Status: "BOOK",
		Booked: day, ValueDate: day, Amount: x.amount, Credit: credit, Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{t}})
}

// letter is a message of the bank, and what whoever has read it knows.
type letter struct {
	body   []byte
	says   map[string]end
	answer bool // a pain.002
}

// heard notes that our books have taken a letter.
func (b *bank) heard(l letter) {
	for name, told := range l.says {
		x := b.orders[name]
		x.told = max(x.told, told)
	}
}

func (b *bank) next(kind string) string {
	b.letters++
	return fmt.Sprintf("%s%d", kind, b.letters)
}

// answers says of each transfer of a file whether it is accepted (pain.002).
func (b *bank) answers(message string) letter {
	l := letter{says: map[string]end{}, answer: true}
	var list strings.Builder
	for _, name := range b.names {
		x := b.orders[name]
		switch {
		case x.message != message:
		case x.end == rejected:
			l.says[name] = rejected
			fmt.Fprintf(&list, "<TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>RJCT</TxSts>%s</TxInfAndSts>", name, because(x.reason))
		default:
			fmt.Fprintf(&list, "<TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>ACSP</TxSts></TxInfAndSts>", name)
		}
	}
	l.body = b.report(message, "", list.String())
	return l
}

// refuses says that a file of this name has come before: it changes nothing about that one.
func (b *bank) refuses(message string) letter {
	return letter{answer: true, body: b.report(message, "<GrpSts>RJCT</GrpSts>"+because("DU01"), "")}
}

func because(reason string) string {
	return "<StsRsnInf><Rsn><Cd>" + reason + "</Cd></Rsn></StsRsnInf>"
}

func (b *bank) report(message, group, transfers string) []byte {
	return fmt.Appendf(nil, `<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
		<GrpHdr><MsgId>%s</MsgId><CreDtTm>2026-03-09T18:00:00</CreDtTm></GrpHdr>
		<OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId>%s</OrgnlGrpInfAndSts>
		<OrgnlPmtInfAndSts><OrgnlPmtInfId>%s</OrgnlPmtInfId>%s</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>`,
		b.next("ANSWER"), message, group, message, transfers)
}

// states writes statements of the journal (camt.053), each from the end of the one before to
// the next of cuts. They may begin with what was stated before.
func (b *bank) states(from int, cuts ...int) letter {
	l := letter{says: map[string]end{}}
	file := sepa.StatementFile{MessageID: b.next("MSG"), CreatedAt: b.clock.Now()}
	for _, until := range cuts {
		opening, closing := b.balance(from), b.balance(until)
		file.Statements = append(file.Statements, sepa.Statement{ID: b.next("REL"), Kind: sepa.KindStatement, Account: payerIBAN,
			Entries: b.journal[from:until], Opening: &opening, Closing: &closing})
		for _, e := range b.journal[from:until] {
			if t := e.Transactions[0]; t.Count > 0 { // a sum, which names no transfer
			} else if e.Credit {
				l.says[t.OriginalEndToEndID] = returned
			} else {
				l.says[t.EndToEndID] = max(l.says[t.EndToEndID], debited)
			}
		}
		from = until
	}
	var out bytes.Buffer
	must(b.t, sepa.WriteStatements(&out, file))
	l.body = out.Bytes()
	return l
}

// notifies tells the same as states does, without balances (camt.054).
func (b *bank) notifies(from, until int) letter {
	l := b.states(from, until)
	text := strings.NewReplacer("camt.053.001", "camt.054.001", "BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "<Stmt>", "<Ntfctn>", "</Stmt>", "</Ntfctn>").
		Replace(string(l.body))
	l.body = regexp.MustCompile(`(?s)<Bal>.*?</Bal>`).ReplaceAll([]byte(text), nil)
	return l
}

// balance is that of our account after so many entries.
func (b *bank) balance(entries int) sepa.Balance {
	sum := b.opening
	for _, e := range b.journal[:entries] {
		sum += e.Movement()
	}
	return sepa.Balance{Day: vouchers.DayOf(b.clock.Now()), Amount: sum}
}

// got is what reached an account and stayed there.
func (b *bank) got() map[string]vouchers.Cents {
	sums := map[string]vouchers.Cents{}
	for _, x := range b.of("", debited) {
		sums[x.iban] += x.amount
	}
	return sums
}
