package faults_test

import (
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// performs a step that may crash, anywhere and more than once, until it is done: again with
// the same key, or anew by somebody else, or at two instances at once.
func (p *paying) performs(s step) {
	p.t.Helper()
	key, t := "", p.tally(s.name)
	if p.rand.IntN(3) > 0 {
		key = p.key(s)
	}
	for range p.rand.IntN(2) + p.rand.IntN(3) {
		was := p.rows()
		if h := p.attempts(s, p.chance(s, key)); h.fired && p.rows() != was {
			p.sound()
		}
	}
	switch p.rand.IntN(3) {
	case 0:
		p.attempts(s, try{key: key, who: oneOf(p, s.by)})
		t.replays++
	case 1:
		p.attempts(s, try{who: oneOf(p, s.by)})
		t.anew++
	default:
		if p.rand.IntN(2) == 0 {
			key = ""
		}
		p.together(s, s, key)
		p.attempts(s, try{key: key, who: oneOf(p, s.by)})
		t.together++
	}
	p.reaches(s)
}

// chance is a try that crashes somewhere, or not at all.
func (p *paying) chance(s step, key string) try {
	when := crash{at: 1 + p.rand.IntN(max(p.tally(s.name).longest, 12)), before: p.rand.IntN(2) == 0, line: p.rand.IntN(3) == 0}
	if p.rand.IntN(3) == 0 {
		when.at, when.commit = 1+p.rand.IntN(2), true
	}
	return try{crash: when, key: key, who: oneOf(p, s.by)}
}

// rivals tries two steps at once of which one at most can be done.
func (p *paying) rivals(one, other step) {
	p.t.Helper()
	if p.rand.IntN(2) == 0 {
		one, other = other, one
	}
	p.together(one, other, "")
	p.tally(one.name).together++
	if one.name != "approve" && other.name != "approve" && one.now() && other.now() { // what is approved may be cancelled
		p.t.Errorf("%s and %s of %s are both done", one.name, other.name, one.what)
	}
}

// together does two steps, or one twice, at two instances at once, of which the first may
// crash.
func (p *paying) together(one, other step, key string) {
	p.t.Helper()
	now, then := p.chance(one, key), try{key: key, who: oneOf(p, other.by)}
	at, beside := p.wired(now.crash), p.started(p.URL)
	defer at.db.Close() // its connections may be gone
	defer beside.db.Close()
	var first, second heard
	var both sync.WaitGroup
	both.Go(func() { first = p.tries(at, one, now) })
	both.Go(func() { second = p.tries(beside, other, then) })
	both.Wait()
	second.asked, second.fired = nil, false // it has a line of its own
	p.judges(one, now, first)
	p.judges(other, then, second)
	p.sound()
}

// paysEverything does what is left to do, without any crash: at the end nothing is owed or
// under way, and each structure has got what it redeemed, once.
func (p *paying) paysEverything() {
	p.t.Helper()
	for range 3 { // what is cancelled or rejected is paid by the next
		p.finishes()
		for _, s := range p.structures {
			if p.money(s).Refused {
				p.SetBank(s.Actor)
			}
		}
		p.calmly(p.closes())
	}
	p.finishes()
	reached := p.reached()
	for _, s := range p.structures {
		owed, left := p.balance(ledger.Payable(s.Organisation)), p.balance("payouts:in_transit")
		if owed != 0 || left != 0 || reached[s.Organisation] != p.redeemed[s.Organisation] {
			p.t.Errorf("%s redeemed %s and got %s; %s is owed and %s under way", s.OrganisationName, p.redeemed[s.Organisation],
				reached[s.Organisation], owed, left)
		}
	}
	p.tells("everything is paid")
	all, err := p.calm.statements.Agreements(p.t.Context(), p.Operator)
	must(p.t, err)
	for _, a := range all {
		if a.Gap() != 0 {
			p.t.Errorf("bank and books: %+v", a)
		}
	}
}

func (p *paying) money(s world.Structure) settlement.Money {
	p.t.Helper()
	m, err := p.calm.settlement.Payouts(p.t.Context(), s.Actor, 0, 1)
	must(p.t, err)
	return m
}

// finishes carries all settlements that are open to their end, and the bank all that it was
// ordered.
func (p *paying) finishes() {
	p.t.Helper()
	for _, s := range p.all() {
		late := s.ExecutionOn < vouchers.DayOf(p.Clock.Now()) && s.TakenAt == nil
		switch {
		case s.State == settlement.Cancelled || s.State == settlement.Done:
			continue
		case late:
			p.calmly(p.cancels(s))
			continue
		case s.State == settlement.Waiting:
			p.calmly(p.approves(s))
		}
		p.calmly(p.fetches(s))
		if message, first := p.bank.takes(p.left[s.MessageID]); !first {
			p.calmly(p.hears(p.bank.refuses(message), message+" again"))
			p.sound()
		}
		p.calmly(p.sends(s))
	}
	for _, x := range p.bank.of("", ordered) {
		p.bank.debits(x)
	}
	for message := range p.bank.files {
		l := p.bank.answers(message)
		p.calmly(p.hears(l, message))
		p.bank.heard(l)
	}
	if n := len(p.bank.journal); n > p.stated {
		l := p.bank.states(p.stated, n)
		p.calmly(p.imports(l, "of the rest"))
		p.bank.heard(l)
		p.stated = n
	}
	p.Clock.Add(time.Hour)
	p.sound()
}
