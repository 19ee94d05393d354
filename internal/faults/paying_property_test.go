package faults_test

import (
	"time"

	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// paysEverything does what is left to do, without any crash: at the end nothing is owed or
// under way, and each structure has got what it redeemed, once.
func (p *paying) paysEverything() {
	p.t.Helper()
	for range 4 {
		p.finishes()
		for _, s := range p.structures {
			if m := p.money(s.Organisation); m.Refused {
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
	p.sound()
}

func (p *paying) money(structure vouchers.OrganisationID) settlement.Money {
	p.t.Helper()
	for _, s := range p.structures {
		if s.Organisation == structure {
			m, err := p.calm.settlement.Payouts(p.t.Context(), s.Actor, 0, 1)
			must(p.t, err)
			return m
		}
	}
	return settlement.Money{}
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
			step := p.approves(s)
			p.calmly(step)
		}
		p.calmly(p.fetches(s))
		if message, first := p.bank.takes(p.left[s.MessageID]); !first {
			refusal := p.bank.refuses(message)
			p.calmly(p.hears(refusal, message))
		}
		p.calmly(p.sends(s))
	}
	p.sound()
	for _, x := range p.bank.of("", ordered) {
		p.bank.debits(x)
	}
	for message := range p.bank.files {
		answer := p.bank.answers(message)
		p.calmly(p.hears(answer, message))
		p.bank.heard(answer)
	}
	if n := len(p.bank.journal); n > p.stated {
		l := p.bank.states(p.stated, n)
		p.calmly(p.imports(l, "all"))
		p.bank.heard(l)
		p.stated = n
	}
	p.passes(time.Hour)
	p.sound()
}
