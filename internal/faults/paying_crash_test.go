package faults_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/settlement"
)

// everywhere does a step, first with a key, then anew without one: it is done, and money
// moves no more. Done anew it crashes where it goes another way, and at each COMMIT.
func (p *paying) everywhere(s step) {
	p.t.Helper()
	t := p.tally(s.name)
	p.crashing(s, p.key(s))
	t.replays++
	was := p.transfers()
	for i, statement := range p.attempts(s, try{who: s.by[0]}).asked {
		if isCommit(statement) || t.asked[statement] && !(t.crashed[statement] && t.losing[statement]) {
			p.crashesAt(s, i+1, "")
		}
	}
	t.anew++
	if now := p.transfers(); now != was {
		p.t.Errorf("%s %s: done a second time it moved money", s.name, s.what)
	}
}

// crashing does a step with a crash at each of its statements, until it is done.
func (p *paying) crashing(s step, key string) {
	p.t.Helper()
	ways := map[string]bool{} // to a COMMIT that was done
	for at := 1; ; at++ {
		asked, fired := p.crashesAt(s, at, key)
		if !fired {
			p.reaches(s)
			p.sound()
			return
		}
		if way := strings.Join(asked, "\n"); isCommit(last(asked)) && !readsOnly(asked) && !ways[way] {
			ways[way] = true
			at = lastBegin(asked) // its transaction goes another way from now on
		}
	}
}

// crashesAt does a step with a crash at a statement, once before the server hears of it and
// once after it has done it, each time at a new instance and by somebody else. A crash
// before any COMMIT leaves no trace at all.
func (p *paying) crashesAt(s step, at int, key string) (asked []string, fired bool) {
	p.t.Helper()
	for i, before := range []bool{true, false} {
		was := p.rows()
		h := p.attempts(s, try{crash: crash{at: at, before: before}, key: key, who: s.by[(at+i)%len(s.by)]})
		if now := p.rows(); now != was {
			if h.fired && !commits(h.asked, before) {
				p.t.Errorf("%s: a crash at statement %d, before it: %v, has left something", s.name, at, before)
			}
			p.sound()
		}
		if p.t.Failed() {
			p.t.Fatalf("so far:\n%s", strings.Join(p.story, "\n"))
		}
		if asked, fired = h.asked, h.fired; !fired {
			break
		}
	}
	return asked, fired
}

// lastBegin counts the statements before the transaction in which the statements end.
func lastBegin(asked []string) int {
	at := len(asked) - 1
	for !strings.HasPrefix(asked[at], "BEGIN") {
		at--
	}
	return at
}

// commits says whether the server has done a COMMIT among the statements, of which the last
// one crashed, before it was done or after.
func commits(asked []string, before bool) bool {
	if before {
		asked = asked[:len(asked)-1]
	}
	return slices.ContainsFunc(asked, isCommit)
}

func (p *paying) transfers() int {
	p.t.Helper()
	return number(p.t, p.DB, `SELECT count(*) FROM transfers`)
}

// newest is the latest settlement.
func (p *paying) newest() settlement.Settlement {
	p.t.Helper()
	return p.all()[0]
}

// Every statement of every step from redemption to the bank's statement is the last one of
// some instance, both before and after it is done.
func TestPayingSurvivesACrashAtEveryStatement(t *testing.T) {
	t.Parallel()
	p := setUp(t)
	for i, s := range p.structures {
		p.redeems(s, p.booklets[i], i+1)
		p.redeems(s, p.booklets[3+i], 2)
	}
	p.calmly(p.closes())
	p.everywhere(p.cancels(p.newest()))
	p.everywhere(p.closes()) // what was cancelled is paid again
	p.everywhere(p.approves(p.newest()))
	p.everywhere(p.fetches(p.newest()))
	p.everywhere(p.sends(p.newest()))
	message, _ := p.bank.takes(p.left[p.newest().MessageID])
	sent := p.bank.of(message, ordered)
	p.bank.rejects(sent[1], "AM02")
	answer := p.bank.answers(message)
	p.everywhere(p.hears(answer, message))
	p.bank.heard(answer)
	p.bank.debits(sent[0])
	p.bank.debits(sent[2])
	p.bank.brings(sent[0], "AC04")
	statement := p.bank.states(0, 1, 3)
	p.everywhere(p.imports(statement, message))
	p.bank.heard(statement)
	p.stated = len(p.bank.journal)
	p.sound()
	p.everyStatementCrashed(map[string][]string{
		"close":     {"INSERT INTO settlements", "INSERT INTO payouts", "INSERT INTO payout_parts", "UPDATE payouts p SET reissued_in", "INSERT INTO transfers"},
		"cancel":    {"UPDATE payouts SET state = 'rejected'", "INSERT INTO transfers", "UPDATE settlements SET cancelled_at"},
		"approve":   {"UPDATE settlements SET approved_at"},
		"file":      {"UPDATE settlements SET taken_at"},
		"send":      {"UPDATE settlements SET taken_at"},
		"answer":    {"INSERT INTO bank_answers", "UPDATE payouts SET state = 'rejected'", "INSERT INTO transfers"},
		"statement": {"INSERT INTO statements", "INSERT INTO statement_lines", "UPDATE payouts SET state = 'booked'", "UPDATE payouts SET state = 'returned'"},
	})
	p.paysEverything()
	logCounts(t, p.seen)
}

// everyStatementCrashed is the positive control: every statement that a step asked was the
// last one, both ways, among them those that must be there.
func (p *paying) everyStatementCrashed(those map[string][]string) {
	p.t.Helper()
	for name, texts := range those {
		t := p.tally(name)
		for statement := range t.asked {
			if !t.crashed[statement] || !t.losing[statement] {
				p.t.Errorf("%s never crashed at %.80q", name, oneLine(statement))
			}
		}
		for _, text := range append(texts, "BEGIN", "COMMIT", "INSERT INTO audit_entries") {
			if !holds(t.crashed, text) {
				p.t.Errorf("%s never crashed at %s", name, text)
			}
		}
		if t.before < 5 || t.after < 5 || t.commits == 0 || t.replays == 0 || t.anew == 0 {
			p.t.Errorf("%s: %+v", name, *t)
		}
	}
}

func holds(statements map[string]bool, text string) bool {
	for statement := range statements {
		if strings.Contains(statement, text) {
			return true
		}
	}
	return false
}
