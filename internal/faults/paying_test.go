package faults_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

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
		statements.Rooms{Orders: ordered, Movers: []statements.Mover{i.settlement, refunds}}, log)
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
	stated     int // entries of the bank's journal that our books have

	mu    sync.Mutex
	left  map[string][]byte // files that ever left, by message id
	keys  int
	story []string          // what was done, for whoever reads a failure
	seen  map[string]*tally // by step
}

// tally counts the crashes of a step.
type tally struct {
	before, after   int // a statement: it was never heard of, or it was done and its answer lost
	commits         int // of those after: COMMITs that nobody was told of
	replays, anew   int // steps done again with their key, or by somebody without it
	together        int // at two instances at once
	longest         int // in statements
	asked           map[string]bool
	crashed, losing map[string]bool // statements that a crash came before, or after
}

func setUp(t testing.TB) *paying {
	t.Helper()
	p := &paying{World: world.New(t), t: t, redeemed: map[vouchers.OrganisationID]vouchers.Cents{}, left: map[string][]byte{}, seen: map[string]*tally{}}
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

// step is one thing that the operator's people do at an instance.
type step struct {
	name string
	what string // it is about, for the story
	do   func(ctx context.Context, at *instance, who identity.Actor) error
	done []string         // faults that say that somebody has done it already, or something else
	by   []identity.Actor // who may
}

func (p *paying) closes() step {
	return step{name: "close", by: p.staff, done: []string{"nothing_to_settle"},
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.settlement.Close(ctx, who, settlement.CloseRequest{})
			return err
		}}
}

func (p *paying) approves(s settlement.Settlement) step {
	others := slices.DeleteFunc(slices.Clone(p.staff), func(a identity.Actor) bool { return a.Person == s.ClosedBy })
	return step{name: "approve", what: s.MessageID, by: others, done: []string{"settlement_decided"},
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.settlement.Approve(ctx, who, settlement.ApproveRequest{ID: s.ID, SHA256: s.SHA256})
			return err
		}}
}

func (p *paying) cancels(s settlement.Settlement) step {
	return step{name: "cancel", what: s.MessageID, by: p.staff, done: []string{"settlement_decided"},
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.settlement.Cancel(ctx, who, s.ID, "Mauvais jour")
			return err
		}}
}

// fetches a file. Its bytes have left once they were answered.
func (p *paying) fetches(s settlement.Settlement) step {
	return step{name: "file", what: s.MessageID, by: p.staff, done: []string{"settlement_unapproved"},
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			var file bytes.Buffer
			err := at.settlement.File(ctx, who, s.ID, &file)
			if err != nil && file.Len() > 0 {
				return fmt.Errorf("%d bytes left, and then: %w", file.Len(), err)
			}
			if err == nil {
				p.leaves(s.MessageID, file.Bytes())
			}
			return err
		}}
}

// leaves notes a file that left the house: always the same one under a name.
func (p *paying) leaves(message string, file []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if before, there := p.left[message]; there && !bytes.Equal(before, file) {
		p.t.Errorf("%s left as two files", message)
	}
	p.left[message] = file
}

func (p *paying) sends(s settlement.Settlement) step {
	return step{name: "send", what: s.MessageID, by: p.staff,
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.settlement.Send(ctx, who, s.ID)
			return err
		}}
}

func (p *paying) hears(l letter, what string) step {
	return step{name: "answer", what: what, by: p.staff,
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.answers.Import(ctx, who, bytes.NewReader(l.body))
			return err
		}}
}

func (p *paying) imports(l letter, what string) step {
	return step{name: "statement", what: what, by: p.staff,
		do: func(ctx context.Context, at *instance, who identity.Actor) error {
			_, err := at.statements.Import(ctx, who, bytes.NewReader(l.body), nil)
			return err
		}}
}

func (p *paying) tally(name string) *tally {
	if p.seen[name] == nil {
		p.seen[name] = &tally{asked: map[string]bool{}, crashed: map[string]bool{}, losing: map[string]bool{}}
	}
	return p.seen[name]
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

// attempts a step at an instance that starts for it and ends with it, maybe before its time.
// It gives the statements that were asked, whether the crash came, and what the caller heard.
func (p *paying) attempts(s step, now try) (asked []string, fired bool, err error) {
	p.wire.prepare(crash{})
	at := p.started(p.url)
	defer at.db.Close() // its connections may be gone
	p.wire.prepare(now.crash)
	ctx, _ := once.With(p.t.Context(), now.key)
	err = s.do(ctx, at, now.who)
	asked, fired = p.wire.happened()
	p.note(s, now, asked, fired, err)
	switch code := fault.Code(err); {
	case fired && err == nil && !now.crash.line:
		p.t.Errorf("%s %s: all is well, say the dead", s.name, s.what)
	case fired && strings.HasPrefix(last(asked), "ROLLBACK") && slices.Contains(s.done, code): // which holds, whatever the end of it
	case fired && code != "" && !slices.Contains([]string{"outcome_unknown", "database_unavailable"}, code):
		p.t.Errorf("%s %s: refused by a dead server: %v", s.name, s.what, err)
	case fired && err != nil && !now.crash.line && isCommit(last(asked)) != (code == "outcome_unknown") && !readsOnly(asked):
		p.t.Errorf("%s %s: after %.60q the caller hears %v", s.name, s.what, last(asked), err)
	}
	return asked, fired, err
}

func (p *paying) note(s step, now try, asked []string, fired bool, err error) {
	t := p.tally(s.name)
	t.longest = max(t.longest, len(asked))
	for _, statement := range asked {
		if !strings.HasPrefix(statement, "ROLLBACK") { // as good as the end of its line
			t.asked[statement] = true
		}
	}
	how := "is done"
	switch {
	case fired && now.crash.before:
		how = fmt.Sprintf("crashes before statement %d (%.40s)", now.crash.at, oneLine(last(asked)))
		t.before++
		t.crashed[last(asked)] = true
	case fired:
		how = fmt.Sprintf("crashes after statement %d (%.40s)", now.crash.at, oneLine(last(asked)))
		t.after++
		t.losing[last(asked)] = true
		if isCommit(last(asked)) {
			t.commits++
		}
	case err != nil:
		how = "hears " + err.Error()
	}
	p.tells("%s %s, key %q, person %d: %s", s.name, s.what, now.key, now.who.Person, how)
}

func oneLine(statement string) string { return strings.Join(strings.Fields(statement), " ") }

func last(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1]
}

func isCommit(statement string) bool { return strings.HasPrefix(statement, "COMMIT") }

// readsOnly says whether the transaction in which the statements end cannot write.
func readsOnly(asked []string) bool {
	for _, statement := range slices.Backward(asked) {
		if strings.HasPrefix(statement, "BEGIN") {
			return strings.Contains(statement, "READ ONLY")
		}
	}
	return false
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

// passes lets time go by.
func (p *paying) passes(d time.Duration) { p.Clock.Add(d) }

// calmly does a step without any crash.
func (p *paying) calmly(s step) {
	p.t.Helper()
	err := s.do(p.t.Context(), p.calm, s.by[0])
	p.tells("%s %s, calmly", s.name, s.what)
	p.ends(s, err)
}

// counts logs how often what crashed.
func (p *paying) counts() {
	p.t.Helper()
	for _, name := range slices.Sorted(maps.Keys(p.seen)) {
		t := p.seen[name]
		p.t.Logf("%-9s of up to %2d statements: %3d crashes before one, %3d after one (%2d of them COMMITs), %3d replays, %3d times anew, %3d at once",
			name, t.longest, t.before, t.after, t.commits, t.replays, t.anew, t.together)
	}
}
