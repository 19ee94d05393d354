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
	"time"

	"github.com/passerelle/passerelle/internal/app/demo"
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
	p, r, err := onStage(ctx, cfg, o, told, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
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
	o := demo.TheOperator()
	if c.SegregatedIBAN == "" {
		c.OperatorName, c.OperatorAddress, c.OperatorSIRET, c.SegregatedIBAN = o.Name, o.Address, o.SIRET, o.Segregated
	}
	if c.OperatorSIRET == "" {
		c.OperatorSIRET = o.SIRET
	}
	if c.OperatingIBAN == "" {
		c.OperatingIBAN = o.Operating
	}
	return c.complete()
}

// errEmpty says that nobody has ever been in a database.
var errEmpty = errors.New("the database is empty")

// onStage starts a program on the demonstration, which is played first where the database
// is empty. The play has a program of its own, because its Stripe is not the user's.
func onStage(ctx context.Context, cfg Config, o DemoOptions, told audience, log *slog.Logger) (*Program, demo.Result, error) {
	p, err := Start(ctx, cfg, time.Now, log)
	if err != nil {
		return nil, demo.Result{}, err
	}
	r, err := p.recall(ctx)
	if err == nil {
		told.found()
		return p, r, nil
	}
	if err := errors.Join(err, p.Stop()); !errors.Is(err, errEmpty) {
		return nil, r, err
	}
	if r, err = play(ctx, cfg, o, told, log); err != nil {
		return nil, r, err
	}
	p, err = Start(ctx, cfg, time.Now, log)
	return p, r, err
}

// recall reads what came of the demonstration that the database holds.
func (p *Program) recall(ctx context.Context) (demo.Result, error) {
	var r demo.Result
	if _, err := p.identity.CommandLine(ctx, ""); isNotFound(err) {
		return r, errEmpty
	} else if err != nil {
		return r, err
	}
	if _, err := os.Stat(filepath.Join(p.Config.Data, unfinished)); err == nil {
		return r, fmt.Errorf("a demonstration was interrupted here: remove the folder %s (and empty the database of DATABASE_URL, where one is set), then start again", p.Config.Data)
	}
	text, err := os.ReadFile(filepath.Join(p.Config.Data, demoFile))
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		return r, fmt.Errorf("the database already holds something that is no demonstration: use an empty database, or another PASSERELLE_DATA (%w)", err)
	}
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
