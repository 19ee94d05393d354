package statements_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// Our accounts in these tests, and a funder's.
const (
	account   sepa.IBAN = "FR7630006000011234567890189"
	operating sepa.IBAN = "FR1420041010050500013M02606"
	payer     sepa.IBAN = "FR7630004000031234567890143"
)

var seller = invoicing.Seller{Name: "Passerelle", VATID: "FR12345678900", Segregated: invoicing.Account{IBAN: account},
	Operating: invoicing.Account{IBAN: operating}}

// bank is a world with orders, payouts and statements, and a bank that writes files.
type bank struct {
	*world.World
	orders     *orders.Service
	settlement *settlement.Service
	room       *statements.Service
	log        *bytes.Buffer
	told       *[]orders.Order // notices to funders
	reminded   *[]statements.Reminder

	t       testing.TB
	balance vouchers.Cents // of the segregated account, as the bank says
	own     vouchers.Cents // of the operating one
	count   int
	short   bool // cover is short, and the test knows
}

func setup(t testing.TB) *bank {
	t.Helper()
	w := world.New(t)
	b := &bank{World: w, t: t, log: &bytes.Buffer{}, told: &[]orders.Order{}, reminded: &[]statements.Reminder{}}
	var mu sync.Mutex
	b.orders = orders.New(w.DB, seller,
		func(_ context.Context, _ *db.Tx, to string, o orders.Order, by orders.Source) error {
			mu.Lock()
			defer mu.Unlock()
			if to == "" || by.Line == 0 {
				t.Errorf("order %d: a notice to %q of %s", o.ID, to, by)
			}
			*b.told = append(*b.told, o)
			return nil
		})
	b.telling(func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	b.opens(nil)
	b.balance = b.held() // what the world has brought already
	return b
}

// telling opens the room that pays structures, with what it tells them.
func (b *bank) telling(notify settlement.Notify) {
	b.settlement = settlement.New(b.DB, settlement.Debtor{Name: "Passerelle", IBAN: account, BIC: "AGRIFRPP",
		Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}, notify)
}

// opens opens the room, with a neighbour that gives credit back, or none.
func (b *bank) opens(refunds statements.Refunds) {
	b.room = statements.New(b.DB, statements.Accounts{Segregated: account, Operating: operating}, statements.Rooms{Orders: b.orders,
		Movers: []statements.Mover{b.settlement}, Filer: b.settlement, Refunds: refunds, Remind: b.remind}, slog.New(slog.NewTextHandler(b.log, nil)))
}

// held is the ledger's cash on the segregated account.
func (b *bank) held() vouchers.Cents {
	b.t.Helper()
	return -b.owed(ledger.Segregated)
}

func (b *bank) owed(a ledger.Account) vouchers.Cents {
	b.t.Helper()
	var owed vouchers.Cents
	b.InTx(func(tx *db.Tx) (err error) {
		owed, err = ledger.Balance(b.t.Context(), tx, a)
		return err
	})
	return owed
}

// ordered is an order of the world's funder for its campaign.
func (b *bank) ordered(count int) orders.Order {
	b.t.Helper()
	o, err := b.orders.Place(b.t.Context(), b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: count})
	b.ok(err)
	return o
}

func (b *bank) order(id vouchers.OrderID) orders.Order {
	b.t.Helper()
	o, err := b.orders.Open(b.t.Context(), b.Funder, id)
	b.ok(err)
	return o
}

// credit is an entry that brings amount, with text as free text.
func (b *bank) credit(amount vouchers.Cents, text string) sepa.Entry {
	return b.entry(true, sepa.Transaction{Amount: amount, Remittance: text,
		Counterparty: sepa.Counterparty{Name: "Trésorerie de Haute-Savoie"}})
}

func (b *bank) debit(amount vouchers.Cents, endToEnd string) sepa.Entry {
	return b.entry(false, sepa.Transaction{Amount: amount, EndToEndID: endToEnd})
}

// entry is booked today under a reference that the bank gives no other.
func (b *bank) entry(credit bool, payments ...sepa.Transaction) sepa.Entry {
	b.count++
	today := vouchers.DayOf(b.Clock.Now())
	e := sepa.Entry{Reference: "1", BankReference: fmt.Sprintf("BANK%06d", b.count), Status: "BOOK", Booked: today, ValueDate: today,
		Credit: credit, Code: sepa.BankCode{Proprietary: "X"}, Transactions: payments}
	for _, p := range payments {
		e.Amount += p.Amount
	}
	return e
}

// file is a camt.053 file of one statement with these entries.
func (b *bank) file(entries ...sepa.Entry) []byte {
	b.t.Helper()
	return b.write(b.statement(account, &b.balance, entries))
}

// operatingFile is file, of the operating account.
func (b *bank) operatingFile(entries ...sepa.Entry) []byte {
	b.t.Helper()
	return b.write(b.statement(operating, &b.own, entries))
}

// statement carries the balance of an account on.
func (b *bank) statement(of sepa.IBAN, balance *vouchers.Cents, entries []sepa.Entry) sepa.Statement {
	b.count++
	today := vouchers.DayOf(b.Clock.Now())
	s := sepa.Statement{ID: fmt.Sprintf("REL%d", b.count), Kind: sepa.KindStatement, Account: of, Entries: entries,
		Opening: &sepa.Balance{Day: today, Amount: *balance}}
	for _, e := range entries {
		*balance += e.Movement()
	}
	s.Closing = &sepa.Balance{Day: today, Amount: *balance}
	return s
}

// fees invoices an order's fees: net and 20 % of VAT.
func (b *bank) fees(o orders.Order, net vouchers.Cents) invoicing.Invoice {
	b.t.Helper()
	var i invoicing.Invoice
	b.InTx(func(tx *db.Tx) (err error) {
		today := vouchers.DayOf(tx.Now)
		i, err = invoicing.Issue(b.t.Context(), tx, seller, invoicing.Draft{Kind: invoicing.Fees, Order: o.ID, Campaign: o.Campaign,
			Funder: o.Funder, Lines: []invoicing.Line{{Text: "Service", Quantity: 1, Unit: net}}, VATRate: 2000, From: today, Until: today})
		return err
	})
	return i
}

func (b *bank) feesDue() vouchers.Cents { return -b.owed(ledger.FeesDue(b.Funder.Organisation)) }

// from is an entry that brings amount from an account, with text as free text.
func (b *bank) from(iban sepa.IBAN, amount vouchers.Cents, text string) sepa.Entry {
	return b.entry(true, sepa.Transaction{Amount: amount, Remittance: text,
		Counterparty: sepa.Counterparty{Name: "Paierie départementale", IBAN: iban}})
}

// onlyCase is the one case that waits.
func (b *bank) onlyCase() statements.Case {
	b.t.Helper()
	all, _, err := b.room.Cases(b.t.Context(), b.Operator, statements.Queue{Limit: 10})
	b.ok(err)
	if len(all) != 1 {
		b.t.Fatalf("%d cases wait: %+v", len(all), all)
	}
	return all[0]
}

func (b *bank) cases() int {
	b.t.Helper()
	all, counts, err := b.room.Cases(b.t.Context(), b.Operator, statements.Queue{Limit: 100})
	b.ok(err)
	sum := 0
	for _, c := range counts {
		sum += c.Count
	}
	b.same("cases counted", sum, len(all))
	return sum
}

// decides decides a line and checks that the books still hold.
func (b *bank) decides(line int64, req statements.DecisionRequest) statements.Case {
	b.t.Helper()
	req.Line = line
	c, err := b.room.Decide(b.t.Context(), b.Operator, req)
	b.ok(err)
	b.holds()
	return c
}

func (b *bank) refuses(line int64, req statements.DecisionRequest, code string) {
	b.t.Helper()
	req.Line = line
	_, err := b.room.Decide(b.t.Context(), b.Operator, req)
	b.refused(err, code)
}

// holds checks the invariants of money, but INV-5 where cover is short on purpose.
func (b *bank) holds() {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		found, err := reporting.Verify(b.t.Context(), tx, settlement.FileOf)
		for _, f := range found {
			if !f.OK && !(f.ID == "INV-5" && b.short) {
				b.t.Errorf("%s: %v", f.ID, f.Evidence)
			}
		}
		return err
	})
}

func (b *bank) remind(_ context.Context, _ *db.Tx, to string, r statements.Reminder) error {
	if to == "" {
		b.t.Errorf("a reminder of %s to nobody", r.Reference)
	}
	*b.reminded = append(*b.reminded, r)
	return nil
}

func (b *bank) write(s ...sepa.Statement) []byte {
	b.t.Helper()
	var out bytes.Buffer
	b.ok(sepa.WriteStatements(&out, sepa.StatementFile{MessageID: fmt.Sprintf("MSG%d", b.count), CreatedAt: b.Clock.Now(), Statements: s}))
	return out.Bytes()
}

// imports takes a file and returns what became of its first statement.
func (b *bank) imports(file []byte) statements.Statement {
	b.t.Helper()
	r, err := b.room.Import(b.t.Context(), b.Operator, bytes.NewReader(file), nil)
	b.ok(err)
	b.agrees(r.Agreements)
	return r.Statements[0]
}

// agrees checks that the bank's closing balances are our books'.
func (b *bank) agrees(all []statements.Agreement) {
	b.t.Helper()
	if len(all) == 0 {
		b.t.Error("the bank has told no balance")
	}
	for _, a := range all {
		if a.Gap() != 0 {
			b.t.Errorf("bank and books: %+v", a)
		}
	}
}

func (b *bank) waiting() []statements.Line {
	b.t.Helper()
	all, err := b.room.Unexplained(b.t.Context(), b.Operator)
	b.ok(err)
	return all
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

func (b *bank) same(what string, got, want any) {
	b.t.Helper()
	if got != want {
		b.t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// settles closes a settlement, which a second person approves.
func (b *bank) settles() []settlement.Payout {
	b.t.Helper()
	closed, err := b.settlement.Close(b.t.Context(), b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = b.settlement.Approve(b.t.Context(), b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	d, err := b.settlement.Open(b.t.Context(), b.Operator, closed.ID)
	b.ok(err)
	return d.List
}
