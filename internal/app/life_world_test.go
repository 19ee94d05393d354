package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

// reserve is what the operator keeps at Stripe, so that disputes do not hold payouts up.
const reserve vouchers.Cents = 100_000_00

// life is one world with the rooms as the program wires them, a bank and a Stripe, and
// what a random sequence remembers of it.
type life struct {
	*world.World
	*rooms
	t      *testing.T
	rand   *rand.Rand
	told   *chronicle
	store  *store
	runner *jobs.Runner

	steps, acts int
	last        []string

	colleague   identity.Actor   // of the operator, another person
	funders     []identity.Actor // the first leads the world's own campaign
	prescribers []identity.Actor
	structures  []world.Structure
	payers      map[vouchers.OrganisationID]sepa.IBAN // from which funders pay

	programmes  []campaigns.Campaign
	booklets    []issuing.Booklet
	redemptions []redeemed
	payouts     []settlement.Payout
	answered    int // by the bank, to files

	segregated, operating *bankAccount
	entries               int       // of statements, so that each has a name
	brought               []payment // what the bank has brought for orders

	stripe    *stripefake.Server
	pages     []*onlinePage
	delivered map[string]bool // events that were heard
	arrived   map[string]bool // Stripe's payouts that the bank has shown
	settled   map[string]bool // refunds of Stripe's that have ended
	noted     map[string]bool // of what nobody does by hand, which has been counted
}

// newLife opens world n: strict or lenient, stopping vouchers of disputed payments or not.
func newLife(t *testing.T, n int, seed uint64, told *chronicle) *life {
	t.Helper()
	clock, url := pgtest.NewClock(), pgtest.URL(t)
	l := &life{World: world.NewOn(t, url, clock), t: t, rand: rand.New(rand.NewPCG(seed, 0)), told: told,
		stripe:    stripefake.New("sk_test_life", "whsec_life", clock.Now),
		delivered: map[string]bool{}, arrived: map[string]bool{}, settled: map[string]bool{}, noted: map[string]bool{}}
	server := httptest.NewServer(l.stripe)
	t.Cleanup(server.Close)
	l.stripe.TakeAway(-reserve)
	cfg := config(t, "DATABASE_URL="+url, "OPERATOR_ADDRESS=1 rue du Pont, 74000 Annecy", "OPERATOR_SIRET=73282932000074",
		"SEGREGATED_IBAN=FR7630006000011234567890189", "OPERATING_IBAN=FR1420041010050500013M02606",
		"STRIPE_SECRET_KEY=sk_test_life", "STRIPE_WEBHOOK_SECRET=whsec_life", "STRIPE_API_BASE="+server.URL,
		"STRIPE_OPERATING_DESTINATION=ba_operating", "STRIPE_POLICY="+[]string{"banked", "available"}[n%2],
		fmt.Sprint("FREEZE_ON_DISPUTE=", n%4 < 3))
	l.open(cfg, url)
	l.segregated = &bankAccount{iban: cfg.seller().Segregated.IBAN, balance: 1000 * l.Campaign.Face} // as the world has it
	l.operating = &bankAccount{iban: cfg.seller().Operating.IBAN}
	l.peoples()
	return l
}

func (l *life) open(cfg Config, url string) {
	l.t.Helper()
	site, err := httpd.LoadSite(web.Files)
	l.ok(err)
	log := slog.New(alarm{l.t})
	l.store = &store{DB: pgtest.Open(l.t, url, l.Clock), url: url, log: log}
	l.rooms, err = open(l.t.Context(), cfg, l.store, newNotices(cfg, site.Words), log)
	l.ok(err)
	l.t.Cleanup(l.counter.Stop)
	l.runner = (&Program{rooms: l.rooms, Config: cfg, store: l.store, log: log}).jobs(anywhere{})
}

// peoples adds two funders, a prescriber, a structure and a colleague of the operator's, who
// charges for its service.
func (l *life) peoples() {
	l.t.Helper()
	l.funders = []identity.Actor{l.Funder, l.Organisation(identity.Funder, "Préfecture"), l.Organisation(identity.Funder, "Mutuelle des Alpes")}
	l.prescribers = []identity.Actor{l.Prescriber, l.Organisation(identity.Prescriber, "Mairie d’Annecy")}
	l.structures = []world.Structure{l.Structure, l.NewStructure("Médiathèque de Faverges")}
	l.payers = map[vouchers.OrganisationID]sepa.IBAN{}
	for i, f := range l.funders {
		l.payers[f.Organisation] = ibanOf(i)
	}
	m, err := l.identity.AddMember(l.t.Context(), l.Operator, identity.NewMember{Name: "Sacha Roux", Email: "sacha@operateur.example", Role: identity.Finance})
	l.ok(err)
	l.colleague = l.Operator
	l.colleague.Person, l.colleague.Role = m.ID, identity.Finance
	l.programmes = []campaigns.Campaign{l.Campaign}
	_, err = l.orders.Publish(l.ctx(), l.Operator, orders.NewTariff{FromOn: l.today(), FeeRate: 777, Booklet: 35, VATRate: 2000,
		ValidityDays: 30, FeesRefunded: true, Terms: "Conditions générales"})
	l.ok(err)
}

// ibanOf is the nth account of a bank that exists in these tests only.
func ibanOf(n int) sepa.IBAN {
	for check := range 97 {
		if iban, err := sepa.ParseIBAN(fmt.Sprintf("FR%02d3000600009%011d00", check+2, n)); err == nil {
			return iban
		}
	}
	panic("no check digits are right")
}

// alarm ends the test when work that nobody waits for fails.
type alarm struct{ t *testing.T }

func (a alarm) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }
func (a alarm) WithAttrs([]slog.Attr) slog.Handler               { return a }
func (a alarm) WithGroup(string) slog.Handler                    { return a }

func (a alarm) Handle(_ context.Context, r slog.Record) error {
	switch r.Message {
	case "job failed and will be tried again", "job is dead", "job panicked", "the end of a job was not recorded":
		text := r.Message
		r.Attrs(func(attr slog.Attr) bool {
			text += " " + attr.String()
			return true
		})
		a.t.Error(text)
	}
	return nil
}

// anywhere is where mail goes.
type anywhere struct{}

func (anywhere) Send(context.Context, mail.Message) error { return nil }

func asFault(err error, refusal **fault.Error) bool { return errors.As(err, refusal) }

func (l *life) ok(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) ctx() context.Context { return l.t.Context() }

func (l *life) today() vouchers.Day { return vouchers.DayOf(l.Clock.Now()) }

// cents is an amount of least to most.
func (l *life) cents(least, most vouchers.Cents) vouchers.Cents {
	return least + vouchers.Cents(l.rand.Int64N(int64(max(most-least, 0))+1))
}

// one in n.
func (l *life) one(n int) bool { return l.rand.IntN(n) == 0 }

// operator is one of the two persons of the operator.
func (l *life) operator() identity.Actor { return oneOf(l.rand, l.Operator, l.colleague) }

// funder is the one of an id.
func (l *life) funder(id vouchers.OrganisationID) identity.Actor {
	for _, f := range l.funders {
		if f.Organisation == id {
			return f
		}
	}
	l.t.Fatalf("organisation %d is no funder of this world", id)
	return identity.Actor{}
}

// timePasses lets some hours or days go by, and does the work that has come due.
func (l *life) timePasses() {
	days := 24 * time.Hour
	l.Clock.Add(oneOf(l.rand, time.Hour, time.Hour, 7*time.Hour, days, days, 2*days, 3*days, 9*days))
	if l.one(6) { // the program was stopped, and has just been started
		l.act("time passes", nil)
		return
	}
	l.act("time passes", l.runner.Drain(l.ctx()))
	l.notesDisputes()
	for i, c := range l.programmes {
		now, err := l.campaigns.Open(l.ctx(), l.Operator, c.ID)
		l.ok(err)
		if l.programmes[i] = now; c.ClosedAt == nil && now.ClosedAt != nil {
			l.act("a campaign closes by itself", nil)
		}
	}
}
