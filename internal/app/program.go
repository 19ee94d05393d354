package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/passerelle/passerelle/internal/accounting"
	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/answers"
	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/coverage"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/joining"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/mail"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/seals"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/internal/throttle"
	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

// stopWithin is how long requests in flight may take once the program is told to stop.
const stopWithin = 15 * time.Second

// rooms is the trade, wired.
type rooms struct {
	keys *vouchers.Keyring

	identity     *identity.Service
	labelling    *labelling.Service
	payees       *payees.Service
	connect      *connect.Service
	applications *applications.Service
	catalogue    *catalogue.Service
	agenda       *agenda.Service
	campaigns    *campaigns.Service
	orders       *orders.Service
	invoicing    *invoicing.Service
	payments     *payments.Service
	issuing      *issuing.Service
	counter      *redemption.Service
	settlement   *settlement.Service
	statements   *statements.Service
	answers      *answers.Service
	closing      *closing.Service
	reporting    *reporting.Service
	coverage     *coverage.Service
	search       *search.Service
	accounting   *accounting.Service
	money        *money.Service
	joining      *joining.Service
	people       *contributions.Service
	booking      *booking.Service
	seals        *seals.Service
	complaints   *complaints.Service
	noteDebt     settlement.TellNote
	continuity   *continuity.Service
}

// open makes the rooms on a migrated database.
func open(ctx context.Context, cfg Config, s *store, n notices, log *slog.Logger) (*rooms, error) {
	keys, err := openKeys(ctx, s.DB, cfg.KeysFile)
	if err != nil {
		return nil, err
	}
	r := &rooms{
		keys:       keys,
		identity:   identity.New(s.DB, audit.Record),
		labelling:  labelling.New(s.DB),
		catalogue:  catalogue.New(s.DB),
		booking:    booking.New(s.DB, keys, n.booked, log),
		campaigns:  campaigns.New(s.DB),
		orders:     orders.New(s.DB, cfg.seller(), n.orderFunded),
		invoicing:  invoicing.New(s.DB),
		issuing:    issuing.New(s.DB, keys, cfg.PublicURL, n.handedOver, log),
		settlement: settlement.New(s.DB, cfg.debtor(), n.payout).With(cfg.settlementPolicy(), n.settlementDue, n.structureDebt),
		complaints: complaints.New(s.DB, keys, n.complaint),
		noteDebt:   n.debtNote,
	}
	r.applications = applications.New(s.DB, applications.Notify{Decided: n.applicationDecided, Ending: n.labelEnds})
	r.payees = payees.New(s.DB, payees.Options{Bank: cfg.payeeBank(), Notify: n.payee, Prove: r.identity.Prove})
	stripe := cfg.payments(n.words.Text)
	direct := cfg.connect(stripe.Stripe)
	direct.Books, direct.Notify, direct.Prove = r.settlement, n.connected, r.identity.Prove
	r.connect = connect.New(s.DB, direct, log)
	r.agenda = agenda.New(s.DB, r.booking.Follow)
	r.payments = payments.New(s.DB, stripe, r.orders, n.paymentTakenBack, log)
	r.closing = closing.New(s.DB, closing.Options{Seller: cfg.seller(), Reads: sepa.Version(cfg.BankFileVersion), Orders: r.orders, Notify: n.closing(), Log: log,
		Expire: func(ctx context.Context) error { _, err := r.issuing.ExpireDue(ctx); return err }})
	r.statements = statements.New(s.DB, statements.Accounts{Segregated: cfg.seller().Segregated.IBAN, Operating: cfg.seller().Operating.IBAN},
		statements.Rooms{Orders: r.orders, Movers: []statements.Mover{r.settlement, r.closing, r.payments}, Filer: r.settlement, Refunds: toPayers{r.closing}, Remind: n.reminder}, log)
	r.answers = answers.New(s.DB, []answers.Sender{r.settlement, r.closing}, log)
	r.reporting = reporting.New(s.DB, settlement.FileOf)
	r.people = contributions.New(s.DB, n.contributions())
	r.coverage, r.search = coverage.New(s.DB), search.New(s.DB)
	r.seals = seals.New(s.DB, keys)
	r.continuity = r.continuityRoom(cfg, s)
	r.accounting, r.money = accounting.New(s.DB, cfg.OperatorSIRET), money.New(s.DB)
	if r.joining, err = n.joining(cfg, s, r.identity, r.booking.Follow, log); err != nil {
		return nil, err
	}
	r.counter, err = redemption.New(ctx, s.DB, keys, log)
	return r, err
}

// toPayers lets bank lines ask for refunds.
type toPayers struct{ room *closing.Service }

func (p toPayers) ToPayer(ctx context.Context, tx *db.Tx, actor identity.Actor, r statements.Refund) error {
	_, err := p.room.ToPayer(ctx, tx, actor, closing.ToPayerRequest{Line: r.Line, Funder: r.Funder, Campaign: r.Campaign, Amount: r.Amount,
		To: sepa.Account{IBAN: r.IBAN, Holder: r.Holder}})
	return err
}

// Program is a service that runs: it answers requests and does jobs.
type Program struct {
	*rooms
	Address string // "http://127.0.0.1:8080": where this process answers
	Config  Config

	store    *store
	log      *slog.Logger
	server   *httpd.Server
	socket   net.Listener
	runner   *jobs.Runner
	working  sync.WaitGroup // the runner and the listener
	stopWork context.CancelFunc
	failed   chan error // the listener's end, when nobody asked for it
}

// Start opens the database, brings its schema up to date and begins to answer. Jobs wait
// for Work. Stop ends it all.
func Start(ctx context.Context, cfg Config, clock db.Clock, log *slog.Logger) (*Program, error) {
	s, err := openStore(ctx, cfg, clock, log, alone)
	if err != nil {
		return nil, err
	}
	p := &Program{Config: cfg, store: s, log: log, failed: make(chan error, 1), stopWork: func() {}}
	if err := p.begin(ctx, clock); err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

func (p *Program) begin(ctx context.Context, clock db.Clock) error {
	if err := db.Migrate(ctx, p.store.url); err != nil {
		return err
	}
	site, err := httpd.LoadSite(web.Files)
	if err != nil {
		return err
	}
	rooms, err := open(ctx, p.Config, p.store, newNotices(p.Config, site.Words), p.log)
	if err != nil {
		return err
	}
	p.rooms = rooms
	sender, outbox, err := p.mailer(clock)
	if err != nil {
		return err
	}
	p.runner = p.jobs(sender)
	if p.server, err = p.window(site, outbox, clock); err != nil {
		return err
	}
	return p.listen(ctx)
}

// mailer is the mail server, or the folder that stands in for it.
func (p *Program) mailer(clock db.Clock) (mail.Sender, *mail.Outbox, error) {
	if p.Config.SMTPURL != "" {
		smtp, err := mail.NewSMTP(p.Config.SMTPURL, p.Config.MailFrom, clock)
		return smtp, nil, err
	}
	outbox, err := mail.NewOutbox(filepath.Join(p.Config.Data, "outbox"), p.Config.MailFrom, clock)
	return outbox, outbox, err
}

// jobs is the work that happens without a request.
func (p *Program) jobs(sender mail.Sender) *jobs.Runner {
	runner := jobs.NewRunner(p.store.DB, p.log, map[string]jobs.Handler{
		mail.Kind: mail.Handler(sender), statements.JobKind: p.statements.DoImport, settlement.JobKind: p.settlement.DoTell, payments.Kind: p.payments.Work,
		connect.Kind: p.connect.Work})
	runner.Every("reconcile with Stripe", 10*time.Minute, p.payments.Reconcile)
	runner.Every("pay structures through Stripe", 10*time.Minute, p.connect.Reconcile)
	runner.Every("read accounts at Stripe", 6*time.Hour, p.connect.ReadAccounts)
	runner.Every("expire", 24*time.Hour, func(ctx context.Context) error {
		_, err := p.issuing.ExpireDue(ctx)
		return err
	})
	runner.Every("remind of sessions", 15*time.Minute, p.booking.Remind)
	runner.Every("clear bookings", time.Hour, p.booking.Clear)
	runner.Every("close campaigns", 24*time.Hour, func(ctx context.Context) error {
		_, err := p.closing.CloseDue(ctx)
		return errors.Join(err, p.closing.Remind(ctx))
	})
	runner.Every("ask structures for their debts", 24*time.Hour, func(ctx context.Context) error {
		_, err := p.settlement.IssueNotes(ctx, p.Config.debtNotes(), p.noteDebt)
		return err
	})
	runner.Every("forget who complained", 24*time.Hour, p.complaints.Forget)
	runner.Every("tell of labels that end", 24*time.Hour, p.applications.Remind)
	runner.Every("ask about old cards", 24*time.Hour, p.people.Remind)
	runner.Every("tell what was decided", 10*time.Minute, p.people.Tell)
	runner.Every("remind of settlements", time.Hour, p.settlement.Remind)
	runner.Every("bring credit back", time.Hour, p.closing.BringBack)
	runner.Every("roll up the ledger", time.Minute, func(ctx context.Context) error {
		return p.store.InTx(ctx, func(tx *db.Tx) error { return ledger.RollUp(ctx, tx) })
	})
	runner.Every("seal the ledger", time.Hour, p.seals.Seal)
	if p.Config.ContinuityDir != "" { // a day that was planned without it would have none
		runner.Every(continuity.JobName, 24*time.Hour, p.continuity.Daily)
	}
	runner.Every("close part payments", 10*time.Minute, p.statements.Complete)
	runner.Every("sweep", time.Hour, func(ctx context.Context) error {
		return p.store.InTx(ctx, func(tx *db.Tx) error {
			_, err := throttle.Sweep(ctx, tx)
			if err != nil {
				return err
			}
			if _, err = joining.Sweep(ctx, tx); err != nil {
				return err
			}
			_, err = jobs.Sweep(ctx, tx)
			return err
		})
	})
	return runner
}

func (p *Program) listen(ctx context.Context) error {
	var l net.ListenConfig
	socket, err := l.Listen(ctx, "tcp", fmt.Sprintf(":%d", p.Config.Port))
	if err != nil {
		return fmt.Errorf("port %d cannot be listened on; another one can be given with PORT: %w", p.Config.Port, err)
	}
	p.socket = socket
	p.Address = fmt.Sprintf("http://127.0.0.1:%d", socket.Addr().(*net.TCPAddr).Port)
	p.working.Go(func() {
		if err := p.server.App.Listener(socket); err != nil {
			p.failed <- err
		}
	})
	return nil
}

// Work begins to do jobs.
func (p *Program) Work() {
	ctx, cancel := context.WithCancel(context.Background())
	p.stopWork = cancel
	p.working.Go(func() { p.runner.Run(ctx) })
}

// Wait returns when ctx ends, or with the error that ended the service by itself.
func (p *Program) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-p.failed:
		return err
	}
}

// Stop takes no more requests, lets those in flight finish, then ends jobs, counter and
// database, in the order in which they need each other.
func (p *Program) Stop() error {
	var err error
	if p.socket != nil {
		err = p.server.App.ShutdownWithTimeout(stopWithin)
		p.socket.Close() // by hand, because a shutdown before the listener's first breath leaves it open
	}
	p.stopWork()
	p.working.Wait()
	if p.rooms != nil {
		p.counter.Stop()
	}
	return errors.Join(err, p.store.Close())
}
