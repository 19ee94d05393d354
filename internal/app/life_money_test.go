package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func (l *life) settles() {
	closed, err := l.settlement.Close(l.ctx(), l.Operator, settlement.CloseRequest{})
	if !l.act("a settlement is closed", err) {
		return
	}
	if l.one(5) {
		_, err := l.settlement.Cancel(l.ctx(), l.operator(), closed.ID, "Mauvais jour")
		l.ok(err)
		l.act("a settlement is cancelled", nil)
		return
	}
	_, err = l.settlement.Approve(l.ctx(), l.colleague, settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	l.ok(err)
	detail, err := l.settlement.Open(l.ctx(), l.Operator, closed.ID)
	l.ok(err)
	l.payouts = append(l.payouts, detail.List...)
}

// payoutsIn are the payouts that the bank has to execute, or has executed.
func (l *life) payoutsIn(state string) []*settlement.Payout {
	var all []*settlement.Payout
	for i := range l.payouts {
		if l.payouts[i].State == state {
			all = append(all, &l.payouts[i])
		}
	}
	return all
}

func (l *life) bankPaysOut() {
	for _, p := range l.payoutsIn(settlement.InTransit) {
		if l.one(3) {
			continue
		}
		line := l.brings(l.segregated, l.entry(false, sepa.Transaction{Amount: p.Amount, EndToEndID: p.EndToEnd}))
		l.became("a payout is booked", line, statements.PayoutBooked)
		p.State = settlement.Booked
	}
}

// bankPaysInOneSum debits what is under way of a settlement's file in one sum, or all of it but one
// payout, which a person then names.
func (l *life) bankPaysInOneSum() {
	some, there := pick(l.rand, l.payoutsIn(settlement.InTransit))
	if !there {
		return
	}
	var in []*settlement.Payout
	var sum vouchers.Cents
	for _, p := range l.payoutsIn(settlement.InTransit) {
		if p.Settlement == some.Settlement {
			in, sum = append(in, p), sum+p.Amount
		}
	}
	t := sepa.Transaction{Amount: sum, PaymentID: fmt.Sprintf("PSL%d", some.Settlement), Count: len(in)}
	if len(in) == 1 || l.one(2) {
		l.became("a file is debited in one sum", l.brings(l.segregated, l.entry(false, t)), statements.BatchBooked)
		for _, p := range in {
			p.State = settlement.Booked
		}
		return
	}
	t.Amount, t.Count = t.Amount-some.Amount, l.rand.IntN(2)*t.Count
	line := l.brings(l.segregated, l.entry(false, t))
	l.became("a file is debited but for a payout", line, statements.UnexpectedDebit)
	_, err := l.statements.Decide(l.ctx(), l.operator(), statements.DecisionRequest{Line: line.ID, Decision: statements.AsBatch, NotDebited: []string{some.EndToEnd}})
	if l.act("a file's sum is decided", err) {
		for _, p := range in {
			p.State = settlement.Booked
		}
		some.State = settlement.Rejected
	}
}

// bankRejects answers that a payout will not be carried out, for a reason that is no fault of
// its account's.
func (l *life) bankRejects() {
	p, there := pick(l.rand, l.payoutsIn(settlement.InTransit))
	if !there {
		return
	}
	l.answered++
	transfer := fmt.Sprintf(`<OrgnlPmtInfAndSts><OrgnlPmtInfId>PSL%d</OrgnlPmtInfId><TxInfAndSts><OrgnlEndToEndId>%s</OrgnlEndToEndId>
<TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AM02</Cd></Rsn></StsRsnInf></TxInfAndSts></OrgnlPmtInfAndSts><!-- %d -->`, p.Settlement, p.EndToEnd, l.answered)
	a, err := l.answers.Import(l.ctx(), l.operator(), strings.NewReader(answerTo(fmt.Sprintf("PSL%d", p.Settlement), "PART", transfer)))
	if l.act("a payout is rejected", err) && a.Rejected != 1 {
		l.t.Errorf("a payout is rejected: %+v", a)
	}
	p.State = settlement.Rejected
}

func (l *life) payoutReturns() {
	if p, there := pick(l.rand, l.payoutsIn(settlement.Booked)); there {
		line := l.brings(l.segregated, l.entry(true, sepa.Transaction{Amount: p.Amount, OriginalEndToEndID: p.EndToEnd, ReturnReason: "MS03"}))
		l.became("a payout comes back", line, statements.PayoutReturned)
		p.State = settlement.Returned
	}
}

// became takes note of a line that must have an outcome.
func (l *life) became(kind string, line statements.Line, want statements.Outcome) {
	l.t.Helper()
	if line.Outcome != want {
		l.t.Errorf("%s: the line is %s", kind, line.Outcome)
	}
	l.act(kind, nil)
}

func (l *life) givesAccount() {
	who := oneOf(l.rand, l.funders...)
	_, err := l.closing.GiveAccount(l.ctx(), who, closing.NewAccount{IBAN: l.payers[who.Organisation].Full(), Holder: who.OrganisationName})
	l.act("an account is given", err)
}

func (l *life) verifies() {
	all, err := l.closing.ToVerify(l.ctx(), l.Operator)
	l.ok(err)
	if a, there := pick(l.rand, all); there {
		_, err := l.closing.VerifyAccount(l.ctx(), l.operator(), closing.VerifyRequest{Account: a.ID, How: "appel au 04 50 00 00 00"})
		l.act("an account is verified", err)
	}
}

// chooses says what becomes of the credit of a campaign, before its end or after it.
func (l *life) chooses() {
	who := oneOf(l.rand, l.funders...)
	c := oneOf(l.rand, l.programmes...)
	ask := closing.ChooseRequest{Campaign: c.ID, Kind: closing.ToBank}
	if all, err := l.closing.Credits(l.ctx(), who); err != nil {
		l.t.Fatal(err)
	} else if have, there := pick(l.rand, all); there && !l.one(3) {
		ask.Campaign = have.Campaign
	}
	kind := "credit is to be refunded"
	switch l.rand.IntN(5) {
	case 0, 1:
		ask.Kind, kind, ask.To = closing.ToCampaign, "credit is to be rolled over", l.Campaign.ID
		if to, there := pick(l.rand, l.running()); there && !l.one(4) {
			ask.To = to.ID
		}
	case 2:
		ask.Kind, kind = closing.Keep, "credit is to be kept"
	}
	_, err := l.closing.Choose(l.ctx(), who, ask)
	l.act(kind, err)
}

// refunds are those in a state.
func (l *life) refunds(state string) []closing.Refund {
	all, err := l.closing.Refunds(l.ctx(), l.Operator, closing.Query{State: state, Limit: 100})
	l.ok(err)
	return all
}

// approves some of the refunds of one account.
func (l *life) approves() {
	var ask closing.ApproveRequest
	var kinds []string
	waiting := l.refunds(closing.Proposed)
	first, there := pick(l.rand, waiting)
	for _, r := range waiting {
		if r.ID == first.ID || r.Kind.Account() == first.Kind.Account() && l.one(2) {
			ask.Refunds = append(ask.Refunds, r.ID)
			kinds = append(kinds, map[closing.Kind]string{closing.OfCredit: "a refund is approved", closing.OfClaim: "a claim is approved",
				closing.OfFees: "fees to give back are approved"}[r.Kind])
		}
	}
	if !there {
		return
	}
	file, err := l.closing.Approve(l.ctx(), l.operator(), ask)
	for _, kind := range kinds {
		if !l.act(kind, err) {
			return
		}
	}
	var made bytes.Buffer
	l.ok(l.closing.WriteFile(l.ctx(), l.Operator, file.ID, &made))
	if sum := sha256.Sum256(made.Bytes()); hex.EncodeToString(sum[:]) != file.SHA256 {
		l.t.Errorf("file %d is not the one that was approved", file.ID)
	}
}

func (l *life) withdraws() {
	for _, r := range l.refunds(closing.Proposed) {
		if r.RequestedBy != nil {
			_, err := l.closing.Withdraw(l.ctx(), l.operator(), r.ID)
			l.act("a refund is withdrawn", err)
			return
		}
	}
}

// bankRefunds lets the bank execute what was approved. A claim arrives on the other account,
// at times before it is shown to have left.
func (l *life) bankRefunds() {
	for _, r := range l.refunds(closing.Ordered) {
		if l.one(3) {
			continue
		}
		debit := l.entry(false, sepa.Transaction{Amount: r.Amount, EndToEndID: r.EndToEnd})
		switch r.Kind {
		case closing.OfCredit:
			l.became("a refund is booked", l.brings(l.segregated, debit), "refund_booked")
		case closing.OfFees:
			l.became("fees are given back", l.brings(l.operating, debit), "fees_back_booked")
		case closing.OfClaim:
			arrival := l.entry(true, sepa.Transaction{Amount: r.Amount, EndToEndID: r.EndToEnd})
			if l.one(3) {
				l.became("a claim is swept", l.brings(l.operating, arrival), "claim_arrived")
				l.became("a claim is swept", l.brings(l.segregated, debit), "claim_booked")
				continue
			}
			l.became("a claim is swept", l.brings(l.segregated, debit), "claim_booked")
			l.became("a claim is swept", l.brings(l.operating, arrival), "claim_arrived")
		}
	}
}

func (l *life) refundReturns() {
	r, there := pick(l.rand, l.refunds(closing.Booked))
	if !there || r.Kind == closing.OfClaim {
		return
	}
	at, want := l.segregated, statements.Outcome("refund_returned")
	if r.Kind == closing.OfFees {
		at, want = l.operating, "fees_back_returned"
	}
	line := l.brings(at, l.entry(true, sepa.Transaction{Amount: r.Amount, OriginalEndToEndID: r.EndToEnd, ReturnReason: "AC04"}))
	l.became("a refund comes back", line, want)
}

// debt is an order that owes something to the operator.
func (l *life) debt() (money.Debt, bool) {
	all, err := l.money.Debts(l.ctx(), l.Operator)
	l.ok(err)
	var owed []money.Debt
	for _, d := range all.Open {
		if d.Forgivable() > 0 {
			owed = append(owed, d)
		}
	}
	return pick(l.rand, owed)
}

func (l *life) paysDebt() {
	d, there := l.debt()
	if !there {
		return
	}
	line := l.brings(l.operating, l.entry(true, l.from(d.Funder, l.cents(1, d.Forgivable()), "dette")))
	if l.act("a debt is paid by bank", nil) && line.Outcome == statements.OperatingOther {
		l.decision(statements.DecisionRequest{Line: line.ID, Decision: statements.PaysDebt, Order: d.Order})
	}
}

func (l *life) asksWriteOff() {
	if d, there := l.debt(); there {
		_, err := l.money.RequestWriteOff(l.ctx(), l.operator(), money.WriteOffRequest{Order: d.Order, Reason: "Régie dissoute"})
		l.act("a write-off is asked for", err)
	}
}

func (l *life) decidesWriteOff() {
	all, err := l.money.Debts(l.ctx(), l.Operator)
	l.ok(err)
	for _, w := range all.WriteOffs {
		if w.State != money.Requested {
			continue
		}
		decide, kind := l.money.ApproveWriteOff, "a write-off is approved"
		if l.one(3) {
			decide, kind = l.money.RefuseWriteOff, "a write-off is refused"
		}
		_, err := decide(l.ctx(), l.operator(), w.ID)
		l.act(kind, err)
		return
	}
}
