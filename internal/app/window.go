package app

import (
	"context"
	"slices"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/mail"
)

// window puts the rooms behind HTTP. outbox is nil where mail goes out.
func (p *Program) window(site *httpd.Site, outbox *mail.Outbox, clock db.Clock) (*httpd.Server, error) {
	return httpd.New(httpd.Options{
		Site:           site,
		Log:            p.log,
		Now:            clock,
		PublicURL:      p.Config.PublicURL,
		Authenticate:   p.authenticate,
		Ready:          p.ready,
		Home:           p.home,
		Routes:         p.routes(outbox),
		TrustedProxies: p.Config.Proxies,
	})
}

func (p *Program) authenticate(ctx context.Context, c httpd.Credential) (identity.Actor, error) {
	return p.identity.Authenticate(ctx, identity.Credential{Bearer: c.Bearer, Session: c.SessionCookie})
}

// ready says whether requests can be served: the database answers and its schema is this
// program's.
func (p *Program) ready(ctx context.Context) error {
	if err := p.store.Ping(ctx); err != nil {
		return err
	}
	return db.Migrated(ctx, p.store.url)
}

// home reads the figures of the home page.
func (p *Program) home(ctx context.Context) (httpd.HomeFigures, error) {
	cover, err := p.reporting.Cover(ctx)
	if err != nil {
		return httpd.HomeFigures{}, err
	}
	var places labelling.Counts
	err = p.store.Read(ctx, func(tx *db.Tx) (err error) {
		places, err = labelling.Count(ctx, tx)
		return err
	})
	return httpd.HomeFigures{LiveCents: cover.Live, OwedCents: cover.Payable + cover.InTransit, HeldCents: cover.Held, At: cover.At,
		Places: places.Known, LabelledPlaces: places.Labelled}, err
}

// routes lists the rooms' routes in the order of the navigation.
func (p *Program) routes(outbox *mail.Outbox) []httpd.Route {
	var dev []httpd.Route
	if p.Config.Dev {
		dev = (&httpd.Dev{Outbox: outbox}).Routes()
	}
	online := &httpd.Payments{Service: p.payments}
	return slices.Concat(dev,
		httpd.ReportingRoutes(p.reporting, p.seals),
		httpd.MoneyRoutes(p.money),
		(&httpd.Campaigns{Service: p.campaigns, Orders: p.orders, Issuing: p.issuing, Identity: p.identity, Labels: p.applications.Published, Flows: p.reporting.Flows, Sharing: p.reporting.Sharing}).Routes(),
		(&httpd.Orders{Service: p.orders, Online: online, Sharing: p.reporting.Sharing}).Routes(),
		httpd.InvoiceRoutes(p.invoicing),
		(&httpd.Closing{Service: p.closing, Campaigns: p.campaigns}).Routes(),
		online.Routes(),
		(&httpd.Issuing{Service: p.issuing, Keys: p.keys, Places: p.nearest, Booked: p.booking.OfBooklet, Uses: p.complaints.Uses, HelpPhone: p.Config.OperatorPhone}).Routes(),
		(&httpd.Redemption{Service: p.counter, Keys: p.keys}).Routes(),
		httpd.JoiningRoutes(p.joining, p.identity),
		httpd.LabellingRoutes(p.labelling, httpd.Beside{Payees: p.payees, Applications: p.applications, People: p.people}, p.catalogue, p.search),
		httpd.ApplicationsRoutes(p.applications, p.labelling),
		httpd.PayeesRoutes(p.payees, p.connect),
		httpd.ConnectRoutes(p.connect, p.payees),
		httpd.SearchRoutes(p.search, p.issuing, p.keys),
		httpd.CatalogueRoutes(p.catalogue, p.labelling, p.agenda, p.people),
		httpd.ContributionRoutes(p.people, p.labelling),
		httpd.AgendaRoutes(p.agenda, p.labelling),
		(&httpd.Booking{Service: p.booking, Agenda: p.agenda, Keys: p.keys, TryTyped: p.issuing.TryTyped, HelpPhone: p.Config.OperatorPhone}).Routes(),
		httpd.CoverageRoutes(p.coverage),
		httpd.SealsRoutes(p.seals),
		httpd.ContinuityRoutes(p.continuity),
		httpd.OpenDataRoutes(p.catalogue),
		(&httpd.Statements{Service: p.statements, Orders: p.orders}).Routes(),
		(&httpd.Answers{Service: p.answers}).Routes(),
		httpd.SettlementRoutes(p.settlement, p.connect),
		httpd.DebtRoutes(p.settlement),
		(&httpd.Complaints{Service: p.complaints, Keys: p.keys, HelpPhone: p.Config.OperatorPhone}).Routes(),
		httpd.AccountingRoutes(p.accounting),
		httpd.IdentityRoutes(p.identity),
	)
}

// nearest finds where vouchers can be spent.
func (p *Program) nearest(ctx context.Context, q labelling.NearQuery) ([]labelling.Place, error) {
	var places []labelling.Place
	err := p.store.Read(ctx, func(tx *db.Tx) (err error) {
		places, err = labelling.Nearest(ctx, tx, q)
		return err
	})
	return places, err
}
