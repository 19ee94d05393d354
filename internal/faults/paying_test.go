package faults_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

// Our accounts.
const (
	payerIBAN     sepa.IBAN = "FR7630006000011234567890189"
	operatingIBAN sepa.IBAN = "FR1420041010050500013M02606"
)

// instance is the service as far as it pays structures, with connections of its own.
type instance struct {
	db         *db.DB
	settlement *settlement.Service
	answers    *answers.Service
	statements *statements.Service
}

// started starts an instance on the database at url. Whoever starts it closes its db.
func (p *paying) started(url string) *instance {
	p.t.Helper()
	d, err := db.Open(p.t.Context(), url, p.Clock.Now)
	must(p.t, err)
	log := slog.New(slog.DiscardHandler)
	seller := invoicing.Seller{Name: "Passerelle", VATID: "FR12345678900", Segregated: invoicing.Account{IBAN: payerIBAN},
		Operating: invoicing.Account{IBAN: operatingIBAN}}
	i := &instance{db: d}
	i.settlement = settlement.New(d, settlement.Debtor{Name: "Passerelle", IBAN: payerIBAN, BIC: "AGRIFRPP",
		Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon"}, notice)
	ordered := orders.New(d, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil })
	refunds := closing.New(d, closing.Options{Seller: seller, Orders: ordered, Log: log})
	i.statements = statements.New(d, statements.Accounts{Segregated: payerIBAN, Operating: operatingIBAN},
		statements.Rooms{Orders: ordered, Movers: []statements.Mover{i.settlement, refunds}, Filer: i.settlement}, log)
	i.answers = answers.New(d, []answers.Sender{i.settlement, refunds}, log)
	return i
}

// notice is a letter to a structure, as the program enqueues one.
func notice(ctx context.Context, tx *db.Tx, to string, p settlement.Payout) error {
	return jobs.Enqueue(ctx, tx, jobs.Job{Kind: "mail", Payload: to, Unique: fmt.Sprintf("payout:%d:%s", p.ID, p.State)})
}

// paying is an operator that pays structures, instances of the service that end in the
// middle of it, and the bank.
type paying struct {
	*world.World
	t          testing.TB
	calm       *instance // never crashes
	wire       *cutter
	url        string // of the database, through the wire
	staff      []identity.Actor
	structures []world.Structure
	booklets   []issuing.Booklet
	redeemed   map[vouchers.OrganisationID]vouchers.Cents // less what was undone
	bank       *bank
	stated     int  // entries of the bank's journal that our books have
	short      bool // a debit waits for a person, and cover is less by it

	rand    *rand.Rand
	letters []letter // of the bank, that our books have

	mu       sync.Mutex
	left     map[string][]byte                // files that ever left, by message id
	answered map[string]settlement.Settlement // by key

	keys  int
	kept  map[string]bool   // keys of what was done, whether anybody heard so or not
	story []string          // what was done, for whoever reads a failure
	seen  map[string]*tally // by step
}

func setUp(t testing.TB) *paying {
	t.Helper()
	p := &paying{World: world.New(t), t: t, redeemed: map[vouchers.OrganisationID]vouchers.Cents{}, left: map[string][]byte{},
		answered: map[string]settlement.Settlement{}, kept: map[string]bool{}, seen: map[string]*tally{}}
	p.wire, p.url = cut(t, p.URL)
	p.calm = p.started(p.URL)
	t.Cleanup(func() { p.calm.db.Close() })
	p.staff = []identity.Actor{p.Operator, p.Colleague(), p.Colleague()}
	p.structures = []world.Structure{p.Structure, p.NewStructure("Bonlieu Numérique"), p.NewStructure("Espace de Faverges")}
	for _, name := range []string{"Ateliers d’hiver", "Ateliers d’été"} {
		c := p.NewCampaign(name, 20_000)
		for range 3 {
			p.booklets = append(p.booklets, p.HandOver(c, 100))
		}
	}
	p.bank = newBank(t, p.Clock, -p.balance(ledger.Segregated))
	return p
}

func (p *paying) balance(a ledger.Account) (sum vouchers.Cents) {
	p.t.Helper()
	p.InTx(func(tx *db.Tx) (err error) {
		sum, err = ledger.Balance(p.t.Context(), tx, a)
		return err
	})
	return sum
}

// redeems spends count vouchers at a structure.
func (p *paying) redeems(s world.Structure, b issuing.Booklet, count int) redemption.Redemption {
	p.t.Helper()
	r := p.Redeem(s, b, count)
	p.redeemed[s.Organisation] += r.Amount
	p.tells("%s redeems %s", s.OrganisationName, r.Amount)
	return r
}

func (p *paying) tells(format string, args ...any) {
	p.story = append(p.story, fmt.Sprintf(format, args...))
}

// try is one try at a step.
type try struct {
	crash crash
	key   string // "": none
	who   identity.Actor
}

func (p *paying) key(s step) string {
	p.keys++
	return fmt.Sprintf("paying-%s-%d", s.name, p.keys)
}

// heard is what became of a try: the statements that were asked, whether the crash came, and
// what the caller heard.
type heard struct {
	asked []string
	fired bool
	err   error
}

// attempts a step at an instance that starts for it and ends with it, maybe before its time.
func (p *paying) attempts(s step, now try) heard {
	p.t.Helper()
	at := p.wired(now.crash)
	defer at.db.Close() // its connections may be gone
	h := p.tries(at, s, now)
	p.judges(s, now, h)
	return h
}

// wired starts an instance that crashes.
func (p *paying) wired(when crash) *instance {
	p.t.Helper()
	p.wire.prepare(crash{})
	at := p.started(p.url)
	p.wire.prepare(when)
	return at
}

func (p *paying) tries(at *instance, s step, now try) (h heard) {
	ctx, _ := once.With(p.t.Context(), now.key)
	h.err = s.do(ctx, at, now.who)
	h.asked, h.fired = p.wire.happened()
	return h
}

// judges what a caller heard: who dies says nothing, nobody is refused what may have been
// done, and an outcome that nobody knows is told as such.
func (p *paying) judges(s step, now try, h heard) {
	p.t.Helper()
	p.note(s, now, h)
	code := fault.Code(h.err)
	kept := p.kept[now.key]
	if now.key != "" && (h.err == nil || h.fired && !now.crash.before && isCommit(last(h.asked))) {
		p.kept[now.key] = true
	}
	switch {
	case !h.fired && kept && h.err != nil:
		p.t.Errorf("%s %s: what was done with key %q is now %v", s.name, s.what, now.key, h.err)
	case !h.fired:
		p.ends(s, h.err)
	case now.crash.line && (h.err == nil || slices.Contains(s.done, code)): // it could be asked again on another line
	case strings.HasPrefix(last(h.asked), "ROLLBACK") && slices.Contains(s.done, code): // which holds, whatever the end of it
	case h.err == nil:
		p.t.Errorf("%s %s: all is well, say the dead", s.name, s.what)
	case code != "" && !slices.Contains([]string{"outcome_unknown", "database_unavailable"}, code):
		p.t.Errorf("%s %s: refused by a dead server: %v", s.name, s.what, h.err)
	case !now.crash.line && isCommit(last(h.asked)) != (code == "outcome_unknown") && !readsOnly(h.asked):
		p.t.Errorf("%s %s: after %.60q the caller hears %v", s.name, s.what, last(h.asked), h.err)
	}
}

// ends wants a step that was tried for the last time to be done, by this try or an earlier one.
func (p *paying) ends(s step, err error) {
	p.t.Helper()
	if err != nil && !slices.Contains(s.done, fault.Code(err)) {
		p.t.Errorf("%s %s: %v", s.name, s.what, err)
	}
}

// all lists the settlements, newest first.
func (p *paying) all() []settlement.Settlement {
	p.t.Helper()
	all, err := p.calm.settlement.List(p.t.Context(), p.Operator, 0, 200)
	must(p.t, err)
	return all
}

func (p *paying) opened(s settlement.Settlement) settlement.Settlement {
	p.t.Helper()
	d, err := p.calm.settlement.Open(p.t.Context(), p.Operator, s.ID)
	must(p.t, err)
	return d.Settlement
}

// due counts the payouts that a settlement closed now would have.
func (p *paying) due() int {
	p.t.Helper()
	preview, err := p.calm.settlement.Preview(p.t.Context(), p.Operator)
	must(p.t, err)
	return preview.Payouts
}

// calmly does a step without any crash.
func (p *paying) calmly(s step) {
	p.t.Helper()
	err := s.do(p.t.Context(), p.calm, s.by[0])
	p.tells("%s %s, calmly", s.name, s.what)
	p.ends(s, err)
	p.reaches(s)
}

// reaches wants a step to be done.
func (p *paying) reaches(s step) {
	p.t.Helper()
	if s.now != nil && !s.now() {
		p.t.Errorf("%s %s is not done", s.name, s.what)
	}
}
