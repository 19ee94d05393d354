package faults_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// stepsOfATill is how many steps one operator takes.
const stepsOfATill = 75

// Whatever is redeemed, closed, approved, cancelled, fetched, sent, answered and stated, in
// whatever order, and wherever the service ends in the middle of it: after every step and
// every crash the invariants hold (INV-3, 4 and 10 among them), nothing is ordered twice from
// the bank, and at the end each structure has got what it redeemed, once.
//
// PASSERELLE_STEPS takes more steps, at more operators; PASSERELLE_SEED takes others.
func TestPayingSurvivesCrashesInAnyOrder(t *testing.T) {
	t.Parallel()
	steps, seed := setting(t, "PASSERELLE_STEPS", 2*stepsOfATill), setting(t, "PASSERELLE_SEED", 1)
	var mu sync.Mutex
	all := map[string]*tally{}
	t.Run("operators", func(t *testing.T) {
		for n := range (steps + stepsOfATill - 1) / stepsOfATill {
			t.Run(fmt.Sprint(n), func(t *testing.T) {
				t.Parallel()
				p := setUp(t)
				p.rand = rand.New(rand.NewPCG(uint64(seed+n), 0))
				defer func() {
					if t.Failed() {
						t.Logf("operator %d with seed %d:\n%s", n, seed+n, strings.Join(p.story, "\n"))
					}
				}()
				for range stepsOfATill {
					if p.acts(); t.Failed() {
						return
					}
				}
				p.paysEverything()
				mu.Lock()
				defer mu.Unlock()
				for name, one := range p.seen {
					all[name] = one.and(all[name])
				}
			})
		}
	})
	logCounts(t, all)
	for _, name := range []string{"close", "approve", "cancel", "file", "send", "answer", "statement"} {
		if one := all[name]; !t.Failed() && (one == nil || one.before+one.after == 0 || one.replays+one.anew == 0 || one.together == 0) {
			t.Errorf("%s: %+v", name, one)
		}
	}
}

func setting(t *testing.T, name string, usual int) int {
	t.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv(name), strconv.Itoa(usual)))
	if err != nil || n < 1 {
		t.Fatalf("%s is no number above 0", name)
	}
	return n
}

// choice is something that could be done now, and how often it is.
type choice struct {
	often int
	do    func()
}

// acts does one thing of all that could be done now.
func (p *paying) acts() {
	p.t.Helper()
	choices := append(p.bankChoices(), choice{6, p.spends}, choice{1, p.undoes}, choice{1, func() { p.performs(p.closes()) }},
		choice{1, func() { p.Clock.Add(24 * time.Hour) }})
	if p.due() > 0 {
		choices = append(choices, choice{4, func() { p.performs(p.closes()) }})
	}
	for _, s := range p.all() {
		choices = append(choices, p.choicesOn(s)...)
	}
	for _, s := range p.structures {
		if p.money(s).Refused {
			choices = append(choices, choice{3, func() { p.tells("%s gives another account", s.OrganisationName); p.SetBank(s.Actor) }})
		}
	}
	sum := 0
	for _, c := range choices {
		sum += c.often
	}
	at := p.rand.IntN(sum)
	for _, c := range choices {
		if at -= c.often; at < 0 {
			c.do()
			break
		}
	}
	p.Clock.Add(time.Minute)
	p.sound()
}

// choicesOn are those that a settlement gives.
func (p *paying) choicesOn(s settlement.Settlement) []choice {
	cancel, approve, fetch := func() { p.performs(p.cancels(s)) }, func() { p.performs(p.approves(s)) }, func() { p.performs(p.fetches(s)) }
	late := s.TakenAt == nil && s.ExecutionOn < vouchers.DayOf(p.Clock.Now())
	switch {
	case s.State == settlement.Cancelled || s.State == settlement.Done:
		return nil
	case late:
		return []choice{{6, cancel}}
	case s.State == settlement.Waiting:
		return []choice{{5, approve}, {1, cancel}, {2, func() { p.rivals(p.approves(s), p.cancels(s)) }}}
	case s.TakenAt == nil:
		return []choice{{5, fetch}, {1, cancel}, {2, func() { p.rivals(p.fetches(s), p.cancels(s)) }}}
	}
	again, give, send := 1, 5, 3
	if p.left[s.MessageID] == nil {
		return []choice{{6, fetch}} // its taking crashed
	}
	if p.bank.files[s.MessageID] != nil {
		give = 1
	}
	if s.SentAt != nil {
		again, send = 0, 0
	}
	return []choice{{again, fetch}, {give, func() { p.gives(s.MessageID) }}, {send, func() { p.performs(p.sends(s)) }}}
}

// gives the bank a file, maybe once more. It says then that it had it before.
func (p *paying) gives(message string) {
	p.t.Helper()
	p.tells("the bank is given %s", message)
	if _, first := p.bank.takes(p.left[message]); !first {
		p.performs(p.hears(p.bank.refuses(message), message+" again"))
	}
}

func (p *paying) spends() {
	for range 1 + p.rand.IntN(3) {
		p.redeems(oneOf(p, p.structures), oneOf(p, p.booklets), 1)
	}
}

// undoes the latest redemption of a structure, if that is not yet in a settlement.
func (p *paying) undoes() {
	p.t.Helper()
	s := oneOf(p, p.structures)
	lines, err := p.Counter.List(p.t.Context(), s.Actor, 0, 1)
	must(p.t, err)
	if len(lines) == 0 {
		return
	}
	_, err = p.Counter.Undo(p.t.Context(), s.Actor, redemption.UndoRequest{ID: lines[0].ID, Reason: "wrong person"})
	if err == nil {
		p.redeemed[s.Organisation] -= lines[0].Amount
		p.tells("%s undoes %s", s.OrganisationName, lines[0].Amount)
	} else if !slices.Contains([]string{"already_settled", "already_undone", "undo_too_late"}, fault.Code(err)) {
		p.t.Error(err)
	}
}

// bankChoices are those that the bank's letters give.
func (p *paying) bankChoices() (all []choice) {
	if len(p.bank.of("", ordered)) > 0 {
		all = append(all, choice{6, p.bankWorks})
	}
	if len(p.bank.files) > 0 {
		all = append(all, choice{4, func() {
			message := oneOf(p, slices.Sorted(maps.Keys(p.bank.files)))
			l := p.bank.answers(message)
			p.performs(p.hears(l, message))
			p.takes(l)
		}})
	}
	if n := len(p.bank.journal); n > p.stated {
		all = append(all, choice{5, p.reads})
	}
	if len(p.letters) > 0 {
		all = append(all, choice{1, func() { l := oneOf(p, p.letters); p.performs(p.opens(l)) }})
	}
	return all
}

// takes notes that our books have a letter of the bank, which may come again.
func (p *paying) takes(l letter) {
	p.bank.heard(l)
	p.letters = append(p.letters, l)
}

// opens a letter that came before.
func (p *paying) opens(l letter) step {
	if l.answer {
		return p.hears(l, "that came before")
	}
	return p.imports(l, "that came before")
}

// bankWorks carries out some of what the bank was ordered, rejects some of it, and brings
// back some of what it debited.
func (p *paying) bankWorks() {
	for _, x := range p.bank.of("", ordered) {
		switch p.rand.IntN(8) {
		case 0:
			p.bank.rejects(x, oneOf(p, []string{"AM02", "MS03", "AC04"}))
		case 1, 2:
		default:
			p.bank.debits(x)
		}
	}
	for _, x := range p.bank.of("", debited) {
		if p.rand.IntN(12) == 0 {
			p.bank.brings(x, oneOf(p, []string{"AC04", "MD07", "MS03"}))
		}
	}
	p.tells("the bank has worked")
}

// reads what the bank states next: some of its journal, beginning with what is known, in one
// or two statements, or without balances.
func (p *paying) reads() {
	p.t.Helper()
	from := max(0, p.stated-p.rand.IntN(3))
	until := p.stated + 1 + p.rand.IntN(len(p.bank.journal)-p.stated)
	var l letter
	switch {
	case p.rand.IntN(4) == 0:
		l = p.bank.notifies(from, until)
	case until-from > 1 && p.rand.IntN(2) == 0:
		l = p.bank.states(from, from+1+p.rand.IntN(until-from-1), until)
	default:
		l = p.bank.states(from, until)
	}
	p.performs(p.imports(l, fmt.Sprintf("%d to %d", from, until)))
	p.takes(l)
	p.stated = until
}

func oneOf[T any](p *paying, all []T) T { return all[p.rand.IntN(len(all))] }
