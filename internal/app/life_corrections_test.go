package app

import (
	"context"

	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
)

// complains lets somebody whom a redemption concerns say what is wrong with it.
func (l *life) complains() {
	r, there := pick(l.rand, l.redemptions[max(len(l.redemptions)-30, 0):])
	if !there {
		return
	}
	who := oneOf(l.rand, r.at.Actor, l.operator(), oneOf(l.rand, l.funders...), oneOf(l.rand, l.prescribers...))
	_, err := l.complaints.Open(l.ctx(), who, complaints.NewComplaint{Redemption: r.id, Cause: "mistake", Words: "Compté deux fois."}, "")
	l.act("a complaint is made", err)
}

// endsComplaint lets whoever made a complaint withdraw it, or the operator decide.
func (l *life) endsComplaint() {
	all, err := l.complaints.List(l.ctx(), l.Operator, complaints.Query{State: complaints.Open, Limit: 20})
	l.ok(err)
	c, there := pick(l.rand, all)
	if !there {
		return
	}
	switch l.rand.IntN(6) {
	case 0:
		for _, r := range l.redemptions {
			if r.id == c.Redemption {
				_, err := l.complaints.Withdraw(l.ctx(), r.at.Actor, c.ID, "")
				l.act("a complaint is withdrawn", err)
				return
			}
		}
	case 1, 2:
		_, err := l.complaints.Decide(l.ctx(), l.operator(), complaints.Decision{Complaint: c.ID, Reason: "La feuille est signée"})
		l.act("a complaint is dismissed", err)
	default:
		_, err := l.complaints.Decide(l.ctx(), l.operator(), complaints.Decision{Complaint: c.ID, Upheld: true, Reason: "Rien n’est signé"})
		l.act("a complaint is upheld", err)
	}
}

// asksCorrection asks to claw a redemption back, or to forgive a debt.
func (l *life) asksCorrection() {
	if l.one(2) {
		if r, there := pick(l.rand, l.redemptions); there {
			_, err := l.settlement.RequestClawback(l.ctx(), l.operator(), settlement.ClawbackRequest{Redemption: r.id, Reason: "Compté deux fois"})
			l.act("a clawback is asked for", err)
		}
		return
	}
	if d, there := pick(l.rand, l.owed().Open); there {
		_, err := l.settlement.RequestForgiveness(l.ctx(), l.operator(), settlement.ForgiveRequest{Debt: d.ID, Reason: "Trop peu"})
		l.act("a structure's debt is to be forgiven", err)
	}
}

func (l *life) owed() settlement.Debts {
	d, err := l.settlement.Debts(l.ctx(), l.Operator)
	l.ok(err)
	return d
}

func (l *life) decidesCorrection() {
	for _, r := range l.owed().Requests {
		if r.State != "requested" {
			return
		}
		decide, kind := l.settlement.ApproveRequest, map[settlement.RequestKind]string{settlement.Clawback: "a redemption is clawed back",
			settlement.Forgiveness: "a structure's debt is forgiven"}[r.Kind]
		if l.one(4) {
			decide, kind = l.settlement.RefuseRequest, "such a request is refused"
		}
		_, err := decide(l.ctx(), l.operator(), r.ID)
		l.act(kind, err)
		return
	}
}

// repays brings a structure's transfer for a debt note, or the operator's for what it forgave.
func (l *life) repays() {
	nobody := func(context.Context, *db.Tx, string, settlement.Note) error { return nil }
	made, err := l.settlement.IssueNotes(l.ctx(), settlement.NotePolicy{From: 30_00, Days: 5}, nobody)
	l.ok(err)
	if made > 0 {
		l.act("a debt note is issued", nil)
	}
	all := l.owed()
	if r, there := pick(l.rand, all.Requests); there && r.Reference != "" && l.one(2) {
		for _, d := range all.Open {
			if d.ID == r.Debt && d.ToMakeGood() > 0 {
				l.operating.books(l.entry(false, sepa.Transaction{Amount: d.ToMakeGood(), EndToEndID: "APPORT"}))
				line := l.brings(l.segregated, l.entry(true, sepa.Transaction{Amount: d.ToMakeGood(), CreditorReference: r.Reference}))
				l.became("what was forgiven is made good", line, statements.DebtRepaid)
				return
			}
		}
	}
	n, there := pick(l.rand, all.Notes)
	if !there {
		return
	}
	var left, owed = n.Left, false
	for _, d := range all.Open {
		owed = owed || d.Structure == n.Structure && d.Left > 0
	}
	if left == 0 || !owed {
		return
	}
	line := l.brings(l.segregated, l.entry(true, sepa.Transaction{Amount: l.cents(1, left), CreditorReference: n.Reference}))
	l.became("a structure repays", line, statements.DebtRepaid)
}
