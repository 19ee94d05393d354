// Package demo plays the whole life of three campaigns, on invented people and money,
// through the HTTP API as any client would: organisations, places, labels, orders, a
// bank's statements, a card, booklets handed over and spent, settlements, the end of a
// campaign, refunds, reports. Five months pass in one run and end at the present, because
// the program's clock is moved from day to day.
package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// lasts is how many days the play takes.
const lasts = 150

// Options is what a play needs.
type Options struct {
	Address string   // where the service answers: "http://127.0.0.1:8080"
	Admin   *Account // the operator's first admin, who can sign in
	Places  []byte   // a file in standard-mediation-num
	Source  string   // who made the file
	Out     string   // folder for files
	Seed    uint64   // the same seed, places and day give the same figures
	Until   time.Time

	Segregated, Operating sepa.IBAN          // the operator's accounts
	Stripe                *stripefake.Server // whose events reach the service by nobody but the play

	// Move lets the program's clock show t and does the jobs that are due by then.
	Move func(ctx context.Context, t time.Time) error
	// Tell is told how far the play is: a stage ("demo.stage.…") and days.
	Tell func(stage string, day, of int)
}

// play is one run.
type play struct {
	Options
	client   *client
	rng      *rand.Rand
	start    time.Time // midnight of day 0
	now      time.Time // what the program's clock shows
	bank     bank
	agenda   []event
	accounts []*Account
	files    []string

	operator             *house
	funders, prescribers []*house
	structures           []*structure
	campaigns            []*campaign
	booklets             []*booklet
	sessions             []agenda.Session // the next of each place that announces some
	returned             transfer         // sent back by a structure's bank
	told                 int              // events that Stripe has told
	banked               int              // payouts of Stripe's that have arrived
	connected            connect.Account  // of the structure that is paid through Stripe
	reached              int              // its payouts that have reached its bank
	paidOnline           vouchers.Cents
	redeemed             int
}

// event is something that happens at a time.
type event struct {
	at    time.Time
	stage string
	do    func(context.Context) error
}

// Run plays everything and tells what came of it. The clock then shows Until.
func Run(ctx context.Context, o Options) (Result, error) {
	p := &play{Options: o, rng: rand.New(rand.NewPCG(o.Seed, o.Seed)), client: newClient(o.Address, fmt.Sprint(o.Seed)),
		start: o.Until.UTC().Truncate(24*time.Hour).AddDate(0, 0, -lasts)}
	p.bank.segregated.iban, p.bank.operating.iban = o.Segregated, o.Operating
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return Result{}, err
	}
	if err := p.plan(); err != nil {
		return Result{}, err
	}
	if err := p.perform(ctx); err != nil {
		return Result{}, err
	}
	if err := p.Move(ctx, p.Until); err != nil {
		return Result{}, err
	}
	if err := p.publishSessions(ctx); err != nil {
		return Result{}, err
	}
	if err := p.speakUp(ctx); err != nil {
		return Result{}, err
	}
	if err := p.bookSessions(ctx); err != nil {
		return Result{}, err
	}
	return p.curtain(ctx)
}

// plan writes the agenda: what happens when. Nothing has happened yet.
func (p *play) plan() error {
	chosen, err := choose(p.Places)
	if err != nil {
		return err
	}
	p.planHouses(chosen)
	p.planCampaigns(chosen)
	p.planSettlements()
	p.planStripe()
	p.planEnd()
	slices.SortStableFunc(p.agenda, func(a, b event) int { return a.at.Compare(b.at) })
	return nil
}

// perform lets everything on the agenda happen in its turn.
func (p *play) perform(ctx context.Context) error {
	for _, e := range p.agenda {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := p.Move(ctx, e.at); err != nil {
			return err
		}
		p.now = e.at
		p.Tell("demo.stage."+e.stage, p.dayOf(e.at), lasts)
		if err := e.do(ctx); err != nil {
			return fmt.Errorf("day %d: %w", p.dayOf(e.at), err)
		}
	}
	return nil
}

// on puts something on the agenda, in the French working hours of a day of the play.
func (p *play) on(day int, hour float64, stage string, do func(context.Context) error) {
	p.agenda = append(p.agenda, event{p.start.AddDate(0, 0, day).Add(time.Duration(hour * float64(time.Hour))), stage, do})
}

// during is a random moment of opening hours, UTC.
func (p *play) during() float64 { return 8 + 7*p.rng.Float64() }

// workday is the day, or the Monday after where it is on a weekend.
func (p *play) workday(day int) int {
	for d := p.start.AddDate(0, 0, day).Weekday(); d == time.Saturday || d == time.Sunday; d = p.start.AddDate(0, 0, day).Weekday() {
		day++
	}
	return day
}

func (p *play) dayOf(t time.Time) int { return int(t.Sub(p.start).Hours() / 24) }

// date is a day of the play on the calendar.
func (p *play) date(day int) vouchers.Day {
	return vouchers.DayOf(p.start.AddDate(0, 0, day).Add(12 * time.Hour))
}

// keep writes a file of the play.
func (p *play) keep(name string, content []byte) error {
	path := filepath.Join(p.Out, name)
	p.files = append(p.files, path)
	return os.WriteFile(path, content, 0o644)
}

// fetch keeps what the service answers to a GET.
func (p *play) fetch(ctx context.Context, who *Account, path, name string) ([]byte, error) {
	var content []byte
	if err := who.get(ctx, path, &content); err != nil {
		return nil, err
	}
	return content, p.keep(name, content)
}
