package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/app/demo"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/identity"
)

// DemoOptions is what somebody asks of the demonstration.
type DemoOptions struct {
	Once           bool   // exit after the cycle
	JSON           bool   // print the result as JSON on Stdout
	Places         string // file in standard-mediation-num; "": the invented territory
	Out            string // folder for files; "": PASSERELLE_DATA/demo
	Stdout, Stderr io.Writer
}

// seed makes every demonstration on the same day and places tell the same story.
const seed = 20_26

// demoFile keeps the result, so that a database that holds the demonstration is
// recognised and its accounts are printed again. unfinished stands there while it loads.
const (
	demoFile   = "demo.json"
	unfinished = "demo.unfinished"
)

// RunDemo plays the life of a campaign on an empty database, prints what came of it, and
// serves it until ctx ends. A database that holds the demonstration is served as it is;
// one that holds anything else is left alone.
func RunDemo(ctx context.Context, cfg Config, o DemoOptions) error {
	screen, err := newScreen(o.Stderr)
	if err != nil {
		return err
	}
	// The screen tells what happens; the log only what goes wrong.
	return stage(ctx, cfg, o, screen, NewLog(o.Stderr, slog.LevelWarn))
}

// ServeDemo is Serve, with the demonstration loaded into an empty database first.
func ServeDemo(ctx context.Context, cfg Config, log *slog.Logger) error {
	return stage(ctx, cfg, DemoOptions{}, logged{log}, log)
}

// audience is told what happens.
type audience interface {
	progress(stage string, day, of int)
	found()
	result(r demo.Result, cfg Config)
	serving(address string)
}

func stage(ctx context.Context, cfg Config, o DemoOptions, told audience, log *slog.Logger) (err error) {
	cfg, err = cfg.forDemo()
	if err != nil {
		return err
	}
	if o.Out == "" {
		o.Out = filepath.Join(cfg.Data, "demo")
	}
	clock := &movableClock{}
	p, err := Start(ctx, cfg, clock.Now, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	r, err := p.loadOnce(ctx, o, clock, told)
	if err != nil {
		return err
	}
	if o.JSON {
		encoder := json.NewEncoder(o.Stdout)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(r); err != nil {
			return err
		}
	}
	told.result(r, cfg)
	if o.Once {
		return nil
	}
	p.Work()
	told.serving(cfg.PublicURL)
	return p.Wait(ctx)
}

// forDemo fills in the operator, where nobody has said who it is.
func (c Config) forDemo() (Config, error) {
	c.Dev = true
	if c.SegregatedIBAN != "" {
		return c, nil
	}
	o := demo.TheOperator()
	c.OperatorName, c.OperatorAddress, c.OperatorSIRET, c.SegregatedIBAN = o.Name, o.Address, o.SIRET, o.IBAN
	return c.complete()
}

// loadOnce loads the demonstration into an empty database, or reads what it was.
func (p *Program) loadOnce(ctx context.Context, o DemoOptions, clock *movableClock, told audience) (demo.Result, error) {
	_, err := p.identity.CommandLine(ctx, "")
	file := filepath.Join(p.Config.Data, demoFile)
	switch {
	case isNotFound(err): // nobody has ever been here
		r, err := p.load(ctx, o, clock, told)
		if err != nil {
			return r, err
		}
		return r, p.remember(file, r)
	case err != nil:
		return demo.Result{}, err
	}
	if _, err := os.Stat(filepath.Join(p.Config.Data, unfinished)); err == nil {
		return demo.Result{}, fmt.Errorf("a demonstration was interrupted here: remove the folder %s (and empty the database of DATABASE_URL, where one is set), then start again", p.Config.Data)
	}
	var r demo.Result
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("the database already holds something that is no demonstration: use an empty database, or another PASSERELLE_DATA (%w)", err)
	}
	told.found()
	return r, p.recognise(ctx, r)
}

// recognise checks that the database is the one that the result tells of: its first
// token must work there.
func (p *Program) recognise(ctx context.Context, r demo.Result) error {
	for _, a := range r.Accounts {
		who, err := p.identity.Authenticate(ctx, identity.Credential{Bearer: a.Token})
		if err != nil || who.Kind != a.Kind {
			return fmt.Errorf("the database holds something else than the demonstration of %s: use an empty database, or another PASSERELLE_DATA", filepath.Join(p.Config.Data, demoFile))
		}
		break
	}
	return nil
}

// load plays the demonstration through the served API. Only its first admin comes from
// the command line's own use case.
func (p *Program) load(ctx context.Context, o DemoOptions, clock *movableClock, told audience) (demo.Result, error) {
	places, source, err := readPlaces(o.Places)
	if err != nil {
		return demo.Result{}, err
	}
	if err := os.WriteFile(filepath.Join(p.Config.Data, unfinished), nil, 0o600); err != nil {
		return demo.Result{}, err
	}
	until := time.Now()
	operator := demo.TheOperator()
	admin := &demo.Account{Email: operator.Email, Password: demo.Password()}
	clock.Set(until.AddDate(0, -6, 0))
	defer clock.Release()
	err = p.identity.CreateFirstOperator(ctx, operator.Name, identity.NewMember{Name: "Admin", Email: admin.Email, Password: admin.Password})
	if err != nil {
		return demo.Result{}, err
	}
	var today string
	move := func(ctx context.Context, t time.Time) error {
		clock.Set(t)
		if day := t.Format(time.DateOnly); day != today { // jobs once a day: each move costs
			today = day
			return p.runner.Drain(ctx)
		}
		return nil
	}
	return demo.Run(ctx, demo.Options{Address: p.Address, Admin: admin, Places: places, Source: source, Out: o.Out,
		Seed: seed, Until: until, Move: move, Tell: told.progress})
}

// readPlaces reads the file, or the invented territory. The source is the file's name,
// as places keep it.
func readPlaces(name string) (places []byte, source string, err error) {
	if name == "" {
		places, err = io.ReadAll(catalogue.InventedPlaces())
		return places, "territoire-invente", err
	}
	places, err = os.ReadFile(name)
	source = strings.ToLower(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)))
	return places, strings.Trim(strings.Map(plainLetter, source), "-."), err
}

func plainLetter(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' || r == '.' {
		return r
	}
	return '-'
}

// remember keeps the result, with its passwords, for its owner's eyes, and the settings
// with which `passerelle serve` carries on.
func (p *Program) remember(file string, r demo.Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	c := p.Config
	settings := fmt.Sprintf("# The operator of the demonstration, which is invented.\nOPERATOR_NAME=%s\nOPERATOR_ADDRESS=%s\nOPERATOR_SIRET=%s\nSEGREGATED_IBAN=%s\n",
		c.OperatorName, c.OperatorAddress, c.OperatorSIRET, c.SegregatedIBAN)
	return errors.Join(os.WriteFile(file, text, 0o600), os.WriteFile(filepath.Join(c.Data, settingsFile), []byte(settings), 0o600),
		os.Remove(filepath.Join(c.Data, unfinished)))
}
