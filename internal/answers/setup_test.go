package answers_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	account   sepa.IBAN = "FR7630006000011234567890189"
	operating sepa.IBAN = "FR1420041010050500013M02606"
)

// bank is a world that settles, and a bank that answers.
type bank struct {
	*world.World
	settlement *settlement.Service
	statements *statements.Service
	room       *answers.Service
	log        *bytes.Buffer
	told       *[]settlement.Payout // notices to structures

	t       testing.TB
	count   int
	alarmed bool // the bank took what nobody ordered: cover is short
}

func setup(t testing.TB) *bank {
	t.Helper()
	w := world.New(t)
	b := &bank{World: w, t: t, log: &bytes.Buffer{}, told: &[]settlement.Payout{}}
	d := w.DB.WithoutRetries() // so that a deadlock shows
	seller := invoicing.Seller{Name: "Passerelle", VATID: "FR12345678900", Segregated: invoicing.Account{IBAN: account},
		Operating: invoicing.Account{IBAN: operating}}
	b.settlement = settlement.New(d, settlement.Debtor{Name: "Passerelle", IBAN: account, BIC: "AGRIFRPP",
		Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"},
		func(_ context.Context, _ *db.Tx, to string, p settlement.Payout) error {
			if to == "" {
				t.Errorf("payout %d: a notice to nobody", p.ID)
			}
			*b.told = append(*b.told, p)
			return nil
		})
	log := slog.New(slog.NewTextHandler(b.log, nil))
	ordered := orders.New(d, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil })
	refunds := closing.New(d, closing.Options{Seller: seller, Orders: ordered, Log: log})
	b.statements = statements.New(d, statements.Accounts{Segregated: account, Operating: operating},
		statements.Rooms{Orders: ordered, Movers: []statements.Mover{b.settlement, refunds}, Filer: b.settlement}, log)
	b.room = answers.New(d, []answers.Sender{b.settlement, refunds}, log)
	return b
}

// structures are three that are owed 10.00, 20.00 and 30.00.
func (b *bank) structures() []world.Structure {
	b.t.Helper()
	all := []world.Structure{b.Structure, b.NewStructure("Bonlieu Numérique"), b.NewStructure("Espace de Faverges")}
	for i, s := range all {
		b.Redeem(s, b.HandOver(b.Campaign, 10), i+1)
	}
	return all
}

// settles closes a settlement and gives its payouts, the smallest first.
func (b *bank) settles() []settlement.Payout {
	b.t.Helper()
	closed, err := b.settlement.Close(b.t.Context(), b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = b.settlement.Approve(b.t.Context(), b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	return b.payouts(closed.ID)
}

func (b *bank) payouts(id vouchers.SettlementID) []settlement.Payout {
	b.t.Helper()
	d, err := b.settlement.Open(b.t.Context(), b.Operator, id)
	b.ok(err)
	list := d.List
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[j].Amount < list[i].Amount {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}

// states are those of a settlement's payouts, the smallest first.
func (b *bank) states(id vouchers.SettlementID) string {
	b.t.Helper()
	var states []string
	for _, p := range b.payouts(id) {
		states = append(states, p.State)
	}
	return strings.Join(states, " ")
}

// said is what a bank says of one transfer.
type said struct{ name, status, reason string }

func reasonOf(code string) string {
	if code == "" {
		return ""
	}
	return "<StsRsnInf><Rsn><Cd>" + code + "</Cd></Rsn></StsRsnInf>"
}

// file is an answer to the file with a message id. No two are the same.
func (b *bank) file(message, status, reason string, transfers ...said) string {
	b.count++
	var list strings.Builder
	for _, t := range transfers {
		fmt.Fprintf(&list, "<TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId><TxSts>%s</TxSts>%s</TxInfAndSts>", t.name, t.status, reasonOf(t.reason))
	}
	return fmt.Sprintf(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03"><CstmrPmtStsRpt>
		<GrpHdr><MsgId>ANSWER%d</MsgId><CreDtTm>2026-03-09T18:00:00</CreDtTm></GrpHdr>
		<OrgnlGrpInfAndSts><OrgnlMsgId>%s</OrgnlMsgId><GrpSts>%s</GrpSts>%s</OrgnlGrpInfAndSts>
		<OrgnlPmtInfAndSts><OrgnlPmtInfId>%s</OrgnlPmtInfId>%s</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>`,
		b.count, message, status, reasonOf(reason), message, list.String())
}

func (b *bank) answers(file string) answers.Answer {
	b.t.Helper()
	a, err := b.room.Import(b.t.Context(), b.Operator, strings.NewReader(file))
	b.ok(err)
	b.holds()
	return a
}

// debits plays a statement that shows a payout leave, and gives what became of the line.
func (b *bank) debits(p settlement.Payout) statements.Outcome { return b.shows(p, false).Outcome }

// shows plays a statement of one line with a payout's amount: its debit, or the same back.
func (b *bank) shows(p settlement.Payout, credit bool) statements.Line {
	b.t.Helper()
	b.count++
	today := vouchers.DayOf(b.Clock.Now())
	e := sepa.Entry{Reference: "1", BankReference: fmt.Sprintf("BANK%06d", b.count), Status: "BOOK", Booked: today, ValueDate: today,
		Amount: p.Amount, Credit: credit, Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{{Amount: p.Amount, EndToEndID: p.EndToEnd}}}
	none := sepa.Balance{Day: today}
	after := sepa.Balance{Day: today, Amount: e.Movement()}
	var out bytes.Buffer
	b.ok(sepa.WriteStatements(&out, sepa.StatementFile{MessageID: fmt.Sprintf("MSG%d", b.count), CreatedAt: b.Clock.Now(), Statements: []sepa.Statement{
		{ID: fmt.Sprintf("REL%d", b.count), Kind: sepa.KindStatement, Account: account, Entries: []sepa.Entry{e}, Opening: &none, Closing: &after}}}))
	r, err := b.statements.Import(b.t.Context(), b.Operator, &out, nil)
	b.ok(err)
	d, err := b.statements.Open(b.t.Context(), b.Operator, r.Statements[0].ID, 0)
	b.ok(err)
	return d.Items[0]
}

// holds checks the invariants of money, but INV-5 once the bank took what nobody ordered.
func (b *bank) holds() {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(b.t.Context(), tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK && !(f.ID == "INV-5" && b.alarmed) {
				b.t.Errorf("%s: %v", f.ID, f.Evidence)
			}
		}
		return err
	})
}

func (b *bank) owed(s world.Structure) settlement.Money {
	b.t.Helper()
	m, err := b.settlement.Payouts(b.t.Context(), s.Actor, 0, 50)
	b.ok(err)
	return m
}

func (b *bank) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bank) refused(err error, code string) {
	b.t.Helper()
	if fault.Code(err) != code {
		b.t.Errorf("got %v, want fault %q", err, code)
	}
}
