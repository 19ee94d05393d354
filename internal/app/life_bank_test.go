package app

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// bankAccount is one of ours, as the bank has it.
type bankAccount struct {
	iban    sepa.IBAN
	balance vouchers.Cents
	waiting []sepa.Entry // booked, and on no statement yet
}

// payment is a bank line that has paid an order.
type payment struct {
	line  statements.Line
	order vouchers.OrderID
}

// entry is a movement of today.
func (l *life) entry(credit bool, t sepa.Transaction) sepa.Entry {
	l.entries++
	return sepa.Entry{Reference: "1", BankReference: fmt.Sprintf("BANK%06d", l.entries), Status: "BOOK", Booked: l.today(), ValueDate: l.today(),
		Credit: credit, Amount: t.Amount, Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{t}}
}

// books lets the bank book an entry, which waits for the next statement.
func (a *bankAccount) books(e sepa.Entry) {
	a.balance += e.Movement()
	a.waiting = append(a.waiting, e)
}

// imports brings the statement of what waits, and gives its lines. Bank and books must
// agree after it, and the same file again changes nothing.
func (l *life) imports(a *bankAccount) []statements.Line {
	l.t.Helper()
	if len(a.waiting) == 0 {
		return nil
	}
	l.entries++
	s := sepa.Statement{ID: fmt.Sprintf("REL%d", l.entries), Kind: sepa.KindStatement, Account: a.iban, Entries: a.waiting,
		Opening: &sepa.Balance{Day: l.today(), Amount: a.balance}, Closing: &sepa.Balance{Day: l.today(), Amount: a.balance}}
	for _, e := range a.waiting {
		s.Opening.Amount -= e.Movement()
	}
	a.waiting = nil
	var file bytes.Buffer
	l.ok(sepa.WriteStatements(&file, sepa.StatementFile{MessageID: s.ID, CreatedAt: l.Clock.Now(), Statements: []sepa.Statement{s}}))
	report, err := l.statements.Import(l.ctx(), l.operator(), bytes.NewReader(file.Bytes()), nil)
	l.ok(err)
	for _, agreement := range report.Agreements {
		if agreement.Gap() != 0 {
			l.t.Errorf("the bank and the books of the %s account: %+v", agreement.Account, agreement)
		}
	}
	if l.one(10) {
		again, err := l.statements.Import(l.ctx(), l.operator(), &file, nil)
		if l.act("a file is imported again", err) && !again.AlreadyImported {
			l.t.Error("a file was imported twice")
		}
	}
	return l.read(report.Statements[0].ID)
}

// read gives the lines of a statement, and remembers those that paid an order.
func (l *life) read(id vouchers.StatementID) []statements.Line {
	l.t.Helper()
	detail, err := l.statements.Open(l.ctx(), l.Operator, id, 0)
	l.ok(err)
	for _, line := range detail.Items {
		if line.Outcome == statements.OrderFunded {
			l.brought = kept(l.brought, payment{line, vouchers.OrderID(*line.Cause)})
		}
	}
	return detail.Items
}

// brings lets the bank bring one movement at once, and gives its line.
func (l *life) brings(a *bankAccount, e sepa.Entry) statements.Line {
	l.t.Helper()
	a.books(e)
	lines := l.imports(a)
	return lines[len(lines)-1]
}

// unpaid are orders for which money is missing.
func (l *life) unpaid() []orders.Order {
	l.t.Helper()
	all, err := l.orders.List(l.ctx(), l.Operator, orders.Query{Unfunded: true, Limit: 25})
	l.ok(err)
	return all
}

// current leaves the orders of campaigns that go on, and at times all of them.
func (l *life) current(all []orders.Order) []orders.Order {
	if l.one(6) {
		return all
	}
	open := l.running()
	return slices.DeleteFunc(all, func(o orders.Order) bool {
		return !slices.ContainsFunc(open, func(c campaigns.Campaign) bool { return c.ID == o.Campaign })
	})
}

// from is a transfer of a funder, with a text that is written as payers do.
func (l *life) from(funder vouchers.OrganisationID, amount vouchers.Cents, text string) sepa.Transaction {
	t := sepa.Transaction{Amount: amount, EndToEndID: fmt.Sprintf("MANDAT%06d", l.entries), Counterparty: sepa.Counterparty{Name: l.funder(funder).OrganisationName, IBAN: l.payers[funder]}}
	switch l.rand.IntN(3) {
	case 0:
		t.CreditorReference = text
	case 1:
		t.Remittance = "FACTURE " + strings.ToLower(text)
	default:
		t.Remittance = text
	}
	return t
}

// paysByBank pays an order in one of the ways in which funders do.
func (l *life) paysByBank() {
	all := l.current(l.unpaid())
	if l.one(5) {
		if p, there := pick(l.rand, l.brought); there {
			o, err := l.orders.Open(l.ctx(), l.Operator, p.order)
			l.ok(err)
			all = []orders.Order{o}
		}
	}
	o, there := pick(l.rand, all)
	if !there {
		return
	}
	amount, text, at, kind := o.Lacks(), o.Reference, l.segregated, "the bank brings the sum"
	switch l.rand.IntN(9) {
	case 0:
		amount, kind = l.cents(1, max(amount-1, 1)), "the bank brings a part"
	case 1:
		amount, kind = max(amount, 0)+l.cents(1, 40_00), "the bank brings too much"
	case 2:
		text, kind = "", "the bank brings it without reference"
	case 3:
		text, kind = "RF00"+text[4:], "the bank brings it with a wrong reference"
	case 4:
		at, kind = l.operating, "the bank brings it on the wrong account"
	}
	if amount <= 0 {
		amount, text, at, kind = o.Face, o.Reference, l.segregated, "the bank brings it twice"
	}
	at.books(l.entry(true, l.from(o.Funder, amount, text)))
	l.act(kind, nil)
	if !l.one(3) {
		l.imports(at)
	}
}

func (l *life) paysFees() {
	all, err := l.invoicing.List(l.ctx(), l.Operator, invoicing.Query{Kind: "fees", Unpaid: true, Limit: 25})
	l.ok(err)
	i, there := pick(l.rand, all)
	if !there {
		return
	}
	amount, at, kind := i.Due(), l.operating, "the bank brings fees"
	switch l.rand.IntN(6) {
	case 0:
		amount, kind = l.cents(1, amount), "the bank brings a part of fees"
	case 1:
		amount, kind = amount+l.cents(1, 5_00), "the bank brings too much of fees"
	case 2:
		at, kind = l.segregated, "the bank brings fees on the wrong account"
	}
	at.books(l.entry(true, l.from(i.Funder, amount, i.Reference)))
	l.act(kind, nil)
	if !l.one(3) {
		l.imports(at)
	}
}

// bankGivesBack lets the bank give a payment back to its payer. The operator accepts it, and
// makes good what is live of it.
func (l *life) bankGivesBack() {
	p, there := pick(l.rand, l.brought)
	if !there {
		return
	}
	debit := l.brings(l.segregated, l.entry(false, sepa.Transaction{Amount: p.line.Amount, OriginalEndToEndID: p.line.EndToEnd, ReturnReason: "AC04",
		Counterparty: sepa.Counterparty{Name: p.line.Counterparty, IBAN: p.line.IBAN}}))
	l.act("the bank gives a payment back", nil)
	if debit.Outcome == statements.UnexpectedDebit {
		l.decision(statements.DecisionRequest{Line: debit.ID, Decision: statements.AsReturn, Order: p.order})
	}
	l.makesGood()
}

// bankErrs takes money that is not the bank's to take, and puts it back.
func (l *life) bankErrs() {
	l.brings(l.segregated, l.entry(false, sepa.Transaction{Amount: l.cents(1, 50_00), Remittance: "FRAIS"}))
	l.act("the bank takes what is not its own", nil)
	l.makesGood()
}

// decision decides a line, and tells whether that was granted.
func (l *life) decision(req statements.DecisionRequest) bool {
	l.t.Helper()
	after, err := l.statements.Decide(l.ctx(), l.operator(), req)
	granted := l.act("decided: "+string(req.Decision), err)
	if granted && after.Outcome == statements.OrderFunded && req.Decision == statements.ForOrder {
		l.brought = kept(l.brought, payment{after.Line, req.Order})
	}
	return granted
}

// decides any line that offers a decision, mostly one that waits, in any way that it offers.
func (l *life) decides() {
	waiting, _, err := l.statements.Cases(l.ctx(), l.Operator, statements.Queue{Limit: 100})
	l.ok(err)
	c, there := pick(l.rand, waiting)
	if p, before := pick(l.rand, l.brought); before && (!there || l.one(6)) {
		c, err = l.statements.Case(l.ctx(), l.Operator, p.line.ID)
		l.ok(err)
	}
	decision, there := pick(l.rand, c.Decisions)
	if !there {
		return
	}
	choices, err := l.statements.Choices(l.ctx(), l.Operator, c.ID)
	l.ok(err)
	req := statements.DecisionRequest{Line: c.ID, Decision: decision, Note: "vu"}
	switch decision {
	case statements.ForOrder, statements.AsReturn:
		o, _ := pick(l.rand, choices.Orders)
		req.Order = o.ID
	case statements.TopUp, statements.PaysDebt:
		o, _ := pick(l.rand, choices.Debts)
		req.Order = o.ID
	case statements.ForFees:
		i, _ := pick(l.rand, choices.Fees)
		req.Invoice = i.ID
	case statements.Answer:
		other, _ := pick(l.rand, choices.Answers)
		req.Other = other.ID
	}
	if p, there := pick(l.rand, c.Proposals); there && !l.one(4) {
		req.Decision, req.Order, req.Invoice = p.Decision, p.Order, p.Invoice
	}
	l.decision(req)
	l.makesGood()
}

// makesGood gives cover back what banks have taken from it: the operator tops debts up, or
// their funders pay again; debits that nobody knows are put back by the bank.
func (l *life) makesGood() {
	l.t.Helper()
	owed, err := l.money.Debts(l.ctx(), l.Operator)
	l.ok(err)
	for _, d := range owed.Open {
		if d.ToBank <= 0 {
			continue
		}
		if l.one(3) {
			o, err := l.orders.Open(l.ctx(), l.Operator, d.Order)
			l.ok(err)
			l.brings(l.segregated, l.entry(true, l.from(d.Funder, d.ToBank+l.cents(0, 20_00), o.Reference)))
			continue
		}
		credit := l.brings(l.segregated, l.entry(true, sepa.Transaction{Amount: d.ToBank, Remittance: "APPORT"}))
		l.operating.books(l.entry(false, sepa.Transaction{Amount: d.ToBank, Remittance: "APPORT"}))
		l.decision(statements.DecisionRequest{Line: credit.ID, Decision: statements.TopUp, Order: d.Order})
	}
	for _, kind := range []statements.Kind{statements.NobodysDebit, statements.GivenBack} {
		all, _, err := l.statements.Cases(l.ctx(), l.Operator, statements.Queue{Kind: kind, Limit: 100})
		l.ok(err)
		for _, c := range all {
			credit := l.brings(l.segregated, l.entry(true, sepa.Transaction{Amount: c.Amount, Remittance: "ANNULATION"}))
			l.decision(statements.DecisionRequest{Line: c.ID, Decision: statements.Answer, Other: credit.ID, Note: "rendu par la banque"})
		}
	}
}
