package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/app/demo"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// play lives through the demonstration on an empty database and remembers it.
func play(ctx context.Context, cfg Config, o DemoOptions, told audience, log *slog.Logger) (r demo.Result, err error) {
	until := time.Now()
	clock := &movableClock{}
	clock.Set(until.AddDate(0, -6, 0))
	stripe, cfg, stop, err := cfg.withStripe(ctx, clock.Now)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, stop()) }()
	trustee, private, err := continuity.NewTrustee()
	if err != nil {
		return r, err
	}
	cfg.Trustees, cfg.ContinuityDir = continuity.Trustees{trustee}, ""
	p, err := Start(ctx, cfg, clock.Now, log)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, p.Stop()) }()
	options := demo.Options{Address: p.Address, Out: o.Out, Seed: seed, Until: until, Tell: told.progress, Stripe: stripe,
		Segregated: cfg.seller().Segregated.IBAN, Operating: cfg.seller().Operating.IBAN, Move: p.mover(clock)}
	if options.Places, options.Source, err = readPlaces(o.Places, vouchers.DayOf(until)); err != nil {
		return r, err
	}
	if err := os.WriteFile(filepath.Join(cfg.Data, unfinished), nil, 0o600); err != nil {
		return r, err
	}
	if options.Admin, err = p.firstAdmin(ctx); err != nil {
		return r, err
	}
	if r, err = demo.Run(ctx, options); err != nil {
		return r, err
	}
	if err := p.showContinuity(ctx, o.Out, private, &r); err != nil {
		return r, err
	}
	return r, p.remember(r)
}

// What the trustee of the demonstration has: an export, and the private key that opens it.
const (
	exportOfDemo  = "continuite"
	privateOfDemo = "tiers-de-confiance.txt"
)

// showContinuity writes the export of the last day, in the place of an earlier demonstration's.
func (p *Program) showContinuity(ctx context.Context, out string, private []byte, r *demo.Result) error {
	actor, err := p.identity.CommandLine(ctx, "")
	if err != nil {
		return err
	}
	dir, key := filepath.Join(out, exportOfDemo), filepath.Join(out, privateOfDemo)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if _, err := p.continuity.Export(ctx, actor, dir); err != nil {
		return err
	}
	r.Files = append(r.Files, key)
	return errors.Join(os.WriteFile(key, private, 0o600), filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			r.Files = append(r.Files, path)
		}
		return err
	}))
}

// withStripe starts a Stripe of the play's own on this machine.
func (c Config) withStripe(ctx context.Context, clock db.Clock) (stripe *stripefake.Server, with Config, stop func() error, err error) {
	var l net.ListenConfig
	socket, err := l.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, c, nil, err
	}
	c.StripeKey, c.StripeWebhookSecrets, c.StripeBase = "sk_test_invented", "whsec_invented", "http://"+socket.Addr().String()
	c.StripeSegregated, c.StripeOperating, c.StripePolicy = demo.SegregatedAtStripe, demo.OperatingAtStripe, "banked"
	c.StripeTopUpIBAN, c.StripeTopUpReference = demo.StripeIBAN, demo.StripeReference
	stripe = stripefake.New(c.StripeKey, c.StripeWebhookSecrets, clock)
	server := &http.Server{Handler: stripe, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(socket) }() // it ends with stop, and says so
	return stripe, c, server.Close, nil
}

// mover lets the clock show another time. Jobs are done once a day: each time costs.
func (p *Program) mover(clock *movableClock) func(context.Context, time.Time) error {
	var today string
	return func(ctx context.Context, t time.Time) error {
		clock.Set(t)
		if day := t.Format(time.DateOnly); day != today {
			today = day
			return p.runner.Drain(ctx)
		}
		return nil
	}
}

// firstAdmin makes the operator, as the command line does. All others come by the API.
func (p *Program) firstAdmin(ctx context.Context) (*demo.Account, error) {
	operator := demo.TheOperator()
	admin := &demo.Account{Email: operator.Email, Password: demo.Password()}
	return admin, p.identity.CreateFirstOperator(ctx, operator.Name, identity.NewMember{Name: "Admin", Email: admin.Email, Password: admin.Password})
}

// readPlaces reads the file, or the invented territory. The source is the file's name,
// as places keep it.
func readPlaces(name string, today vouchers.Day) (places []byte, source string, err error) {
	if name == "" {
		places, err = io.ReadAll(catalogue.InventedPlacesAt(today))
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
func (p *Program) remember(r demo.Result) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	c := p.Config
	settings := fmt.Sprintf("# The operator of the demonstration, which is invented.\nOPERATOR_NAME=%s\nOPERATOR_ADDRESS=%s\nOPERATOR_SIRET=%s\nSEGREGATED_IBAN=%s\nOPERATING_IBAN=%s\nTRUSTEE_KEYS=%s\n",
		c.OperatorName, c.OperatorAddress, c.OperatorSIRET, c.SegregatedIBAN, c.OperatingIBAN, c.Trustees[0].Key)
	return errors.Join(os.WriteFile(filepath.Join(c.Data, demoFile), text, 0o600),
		os.WriteFile(filepath.Join(c.Data, settingsFile), []byte(settings), 0o600), os.Remove(filepath.Join(c.Data, unfinished)))
}
