package faults_test

import (
	"context"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/statements"
)

// decides that a file's one debit is that of all its payouts but some.
func (p *paying) decides(line int64, notDebited ...string) step {
	return step{name: "decide", by: p.staff, done: []string{"line_already_explained"},
		now: func() bool {
			c, err := p.calm.statements.Case(p.t.Context(), p.Operator, line)
			must(p.t, err)
			return c.Outcome == statements.BatchBooked
		},
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.statements.Decide(ctx, who, statements.DecisionRequest{Line: line, Decision: statements.AsBatch, NotDebited: notDebited})
			return err
		}}
}

// orders closes a settlement of what each structure redeems anew, and gives the bank its file.
func (p *paying) orders(vouchers ...int) (message string) {
	p.t.Helper()
	for i, n := range vouchers {
		p.redeems(p.structures[i], p.booklets[i], n)
	}
	p.calmly(p.closes())
	s := p.newest()
	p.calmly(p.approves(s))
	p.calmly(p.fetches(s))
	message, _ = p.bank.takes(p.left[s.MessageID])
	return message
}

// knows notes that our books have booked transfers.
func knows(all ...*transfer) {
	for _, x := range all {
		x.told = debited
	}
}

// books a file of what structures redeem anew by one debit, and counts the statements of it.
func (p *paying) books(vouchers ...int) int {
	p.t.Helper()
	message, at := p.orders(vouchers...), len(p.bank.journal)
	sent := p.bank.of(message, ordered)
	p.bank.sums(message, sent...)
	h := p.attempts(p.imports(p.bank.states(at, at+1), message), try{who: p.staff[0]})
	knows(sent...)
	p.sound()
	return len(h.asked)
}

// One debit for a whole file books all its payouts or none, wherever an instance ends, in as many
// statements for one payout as for three; and so does a person's word on what was not in it.
func TestABatchSurvivesACrashAtEveryStatement(t *testing.T) {
	t.Parallel()
	p := setUp(t)
	three, one := p.books(1, 2, 3), p.books(1)
	if three != one {
		t.Errorf("%d statements for three payouts, %d for one", three, one)
	}

	message := p.orders(1, 2, 3)
	sent := p.bank.of(message, ordered)
	p.bank.sums(message, sent...)
	p.everywhere(p.imports(p.bank.states(2, 3), message))
	knows(sent...)
	p.sound()

	message = p.orders(1, 2, 3)
	sent = p.bank.of(message, ordered)
	p.bank.sums(message, sent[0], sent[2])
	p.bank.rejects(sent[1], "AM02")
	p.short = true
	p.calmly(p.imports(p.bank.states(3, 4), message))
	p.everywhere(p.decides(p.waiting(), sent[1].name))
	p.short = false
	knows(sent[0], sent[2])
	p.stated = len(p.bank.journal)
	p.sound()
	p.everyStatementCrashed(map[string][]string{
		"statement": {"INSERT INTO statement_lines", "UPDATE payouts SET state = 'booked'", "INSERT INTO transfers", "INSERT INTO audit_entries", "INSERT INTO jobs"},
		"decide":    {"UPDATE payouts SET state = 'rejected'", "UPDATE payouts SET state = 'booked'", "UPDATE statement_lines SET outcome", "UPDATE bank_cases"},
	})
	p.paysEverything()
	logCounts(t, p.seen)
}

// waiting is the line of the one case that waits.
func (p *paying) waiting() (line int64) {
	p.t.Helper()
	p.InTx(func(tx *db.Tx) error {
		return tx.Get(p.t.Context(), &line, `SELECT line_id FROM bank_cases WHERE decision IS NULL`)
	})
	return line
}
