// Package world sets the stage for tests of the trade rooms: an operator, a funder, a
// prescriber and a structure with a labelled place, a funded campaign, booklets in
// people's hands. Everything comes about through the rooms' own use cases, except the
// bank's lines, which cash.go writes directly.
//
// Methods end the test on any error, so they belong to the test's own goroutine;
// others call the services.
package world

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// Origin is the PUBLIC_URL of the world, short enough for a QR code.
const Origin = "https://pass.example"

// Theme is the service that every place of the world offers and every campaign pays.
const Theme = "everyday_tools"

// World is a database with people in it. The actors are admins.
type World struct {
	DB    *db.DB
	URL   string // of the database, for tests that open it as another node does
	Clock *pgtest.Clock
	Keys  *vouchers.Keyring

	Identity  *identity.Service
	Labelling *labelling.Service
	Payees    *payees.Service
	Catalogue *catalogue.Service
	Campaigns *campaigns.Service
	Issuing   *issuing.Service
	Counter   *redemption.Service

	Operator, Funder, Prescriber identity.Actor
	Structure                    Structure
	Campaign                     campaigns.Campaign // funded and allocated to Prescriber

	t     testing.TB
	count atomic.Int64 // makes names, SIRETs and bank lines distinct
}

// Structure is an organisation with one labelled place.
type Structure struct {
	identity.Actor
	Place vouchers.PlaceID
}

// New makes a world whose clock stands at pgtest.Start. Campaign holds 1,000 vouchers
// of €10.00 in booklets of 10.
func New(t testing.TB) *World {
	t.Helper()
	return NewOn(t, pgtest.URL(t), pgtest.NewClock())
}

// NewOn is New on a migrated, empty database of the test's own, with its own clock.
func NewOn(t testing.TB, url string, clock *pgtest.Clock) *World {
	t.Helper()
	d := pgtest.Open(t, url, clock)
	keys, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	counter, err := redemption.New(t.Context(), d, keys, log)
	if err != nil {
		t.Fatal(err)
	}
	w := &World{DB: d, URL: url, Clock: clock, Keys: keys, t: t,
		Identity: identity.New(d, audit.Record), Campaigns: campaigns.New(d),
		Labelling: labelling.New(d), Catalogue: catalogue.New(d),
		Issuing: issuing.New(d, keys, Origin, noReceipt, log), Counter: counter}
	t.Cleanup(w.Counter.Stop)
	w.Payees = payees.New(d, payees.Options{Prove: w.Identity.Prove, Notify: func(context.Context, *db.Tx, string, payees.Notice) error { return nil }})
	w.Operator = w.operator()
	w.Funder = w.Organisation(identity.Funder, "Département de la Haute-Savoie")
	w.Prescriber = w.Organisation(identity.Prescriber, "CCAS de Thônes")
	w.Structure = w.NewStructure("Maison France services de Thônes")
	w.Campaign = w.NewCampaign("Premiers pas 2026", 1000)
	return w
}

// InTx runs do in a transaction.
func (w *World) InTx(do func(tx *db.Tx) error) {
	w.t.Helper()
	w.must(w.DB.InTx(w.t.Context(), do))
}

// Organisation opens an organisation and returns its admin.
func (w *World) Organisation(kind identity.Kind, name string) identity.Actor {
	w.t.Helper()
	n := w.count.Add(1)
	email := fmt.Sprintf("admin%d@organisation.example", n)
	o, err := w.Identity.CreateOrganisation(w.t.Context(), w.Operator, identity.NewOrganisation{
		Kind: kind, Name: name, SIRET: siretOf(n), Email: email,
		Street: "1 place de la Mairie", Postcode: "74230", Town: "Thônes",
		Admin: identity.NewMember{Name: "Camille Martin", Email: email, Password: "correct horse battery"}})
	w.must(err)
	return w.admin(o)
}

func (w *World) operator() identity.Actor {
	w.t.Helper()
	w.must(w.Identity.CreateFirstOperator(w.t.Context(), "Passerelle", identity.NewMember{
		Name: "Dominique Petit", Email: "operator@passerelle.example", Password: "correct horse battery"}))
	var o identity.Organisation
	w.InTx(func(tx *db.Tx) error {
		return tx.Get(w.t.Context(), &o, `SELECT id, kind, name FROM organisations WHERE kind = 'operator'`)
	})
	return w.admin(o)
}

// admin is the first member of an organisation.
func (w *World) admin(o identity.Organisation) identity.Actor {
	w.t.Helper()
	a := identity.Actor{Organisation: o.ID, Kind: o.Kind, Role: identity.Admin, OrganisationName: o.Name}
	w.InTx(func(tx *db.Tx) error {
		return tx.Get(w.t.Context(), &a.Person, `SELECT min(person_id) FROM memberships WHERE organisation_id = $1`, o.ID)
	})
	return a
}

// siretOf is the nth SIRET: a SIREN with its check digit, an establishment with its own.
func siretOf(n int64) string {
	for checks := range 100 {
		text := fmt.Sprintf("9%07d%d0001%d", n, checks/10, checks%10)
		if _, err := siret.Parse(text); err == nil {
			return text
		}
	}
	panic("world: no check digits are right")
}

// NewCampaign defines a campaign of Funder that lasts a year, takes Theme everywhere,
// is funded with this many vouchers of €10.00 and allocated whole to Prescriber.
func (w *World) NewCampaign(name string, count int) campaigns.Campaign {
	w.t.Helper()
	today := vouchers.DayOf(w.Clock.Now())
	c, err := w.Campaigns.Define(w.t.Context(), w.Funder, campaigns.Rules{Name: name, Face: 10_00, BookletSize: 10,
		StartsOn: today.AddDays(-30), EndsOn: today.AddDays(335), ToleranceDays: 15, PriceCap: 10})
	w.must(err)
	w.Fund(c, vouchers.Cents(count)*c.Face)
	_, err = w.Issuing.Allocate(w.t.Context(), w.Funder, issuing.AllocateRequest{
		Campaign: c.ID, Prescriber: w.Prescriber.Organisation, Vouchers: count})
	w.must(err)
	return c
}

// HandOver gives somebody a booklet of count vouchers.
func (w *World) HandOver(c campaigns.Campaign, count int) issuing.Booklet {
	w.t.Helper()
	b, err := w.Issuing.HandOver(w.t.Context(), w.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: count})
	w.must(err)
	return b
}

// Request asks for count vouchers of a booklet.
func Request(b issuing.Booklet, count int) redemption.Request {
	return redemption.Request{Code: b.Typed, Count: count, Theme: Theme, DurationMinutes: 60, Mode: "individual"}
}

// Redeem takes count vouchers of a booklet at a structure.
func (w *World) Redeem(s Structure, b issuing.Booklet, count int) redemption.Redemption {
	w.t.Helper()
	r, err := w.Counter.Redeem(w.t.Context(), s.Actor, Request(b, count))
	w.must(err)
	return r
}

// Undo takes a redemption back.
func (w *World) Undo(s Structure, id vouchers.RedemptionID) {
	w.t.Helper()
	_, err := w.Counter.Undo(w.t.Context(), s.Actor, redemption.UndoRequest{ID: id, Reason: "wrong number of vouchers"})
	w.must(err)
}

func (w *World) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}
