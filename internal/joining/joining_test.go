package joining_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/directory"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/joining"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	number   = "73282932000074"
	password = "trois petits ponts de bois"
	home     = "192.0.2.1"
)

// register is a directory that says what it is told to.
type register struct {
	entity directory.Entity
	err    error
}

func (r *register) Find(context.Context, siret.SIRET) (directory.Entity, error) {
	return r.entity, r.err
}

// door is a world with a way in.
type door struct {
	*world.World
	*joining.Service
	t        *testing.T
	register *register
	mailed   map[string][]string // tokens by address
	booking  *booking.Service
}

func setup(t *testing.T) *door {
	t.Helper()
	d := &door{World: world.New(t), t: t, mailed: map[string][]string{},
		register: &register{entity: directory.Entity{Name: "Clic et Sapin", LegalForm: "Association", Street: "43 allée des Cerfs", Postcode: "74230", Town: "Thones"}}}
	d.booking = booking.New(d.DB, d.Keys, func(_ context.Context, _ *db.Tx, told booking.Told, b booking.Booking) error {
		d.mailed[b.Email] = append(d.mailed[b.Email], string(told))
		return nil
	}, slog.New(slog.DiscardHandler))
	d.Service = joining.New(d.DB, joining.Options{CalledOff: d.booking.Follow, Directory: d.register, People: d.Identity, Log: slog.New(slog.DiscardHandler),
		Invite: func(_ context.Context, _ *db.Tx, to, _, token string) error {
			d.mailed[to] = append(d.mailed[to], token)
			return nil
		},
		Refused: func(_ context.Context, _ *db.Tx, o identity.Organisation, reason string) error {
			d.mailed[o.Email] = append(d.mailed[o.Email], reason)
			return nil
		}})
	return d
}

func (d *door) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *door) refuses(err error, code string) {
	d.t.Helper()
	if fault.Code(err) != code {
		d.t.Errorf("got %v, want the fault %s", err, code)
	}
}

// asks sends the form and returns the token that was mailed.
func (d *door) asks(email string) string {
	d.t.Helper()
	d.must(d.Ask(d.t.Context(), identity.Actor{}, request(email), home))
	all := d.mailed[email]
	return all[len(all)-1]
}

func request(email string) joining.Request {
	return joining.Request{Structure: joining.Structure{SIRET: "732 829 320 00074", Name: " Clic et Sapin ", LegalForm: "Association",
		Street: "43 allée des Cerfs", Postcode: "74230", Town: "Thônes"}, Person: "Ali Mercier", Email: email}
}

// joins goes all the way and returns who has joined.
func (d *door) joins() identity.Actor {
	d.t.Helper()
	session, err := d.Finish(d.t.Context(), identity.Actor{}, d.asks("ali@clic.example"), password, home)
	d.must(err)
	who, err := d.Identity.Authenticate(d.t.Context(), identity.Credential{Session: session})
	d.must(err)
	return who
}

func (d *door) count(query string, args ...any) (n int) {
	d.t.Helper()
	d.InTx(func(tx *db.Tx) error { return tx.Get(d.t.Context(), &n, query, args...) })
	return n
}

func TestAStructureJoinsByItself(t *testing.T) {
	t.Parallel()
	d := setup(t)
	found, err := d.Look(t.Context(), identity.Actor{}, "732 829 320 00074", home)
	if err != nil || found.Answer != joining.Known || found.Name != "Clic et Sapin" || found.SIRET != number || found.Town != "Thônes" {
		t.Fatalf("%+v, %v", found, err)
	}
	before := d.count(`SELECT count(*) FROM organisations`)
	token := d.asks("ali@clic.example")
	if d.count(`SELECT count(*) FROM organisations`) != before {
		t.Error("something was opened before the address was confirmed")
	}
	i, err := d.Open(t.Context(), identity.Actor{}, token)
	if err != nil || i.HasAccount || i.Structure != "Clic et Sapin" || i.Email != "ali@clic.example" {
		t.Errorf("%+v, %v", i, err)
	}
	_, err = d.Finish(t.Context(), identity.Actor{}, token, "court", home)
	d.refuses(err, "password_too_short")
	session, err := d.Finish(t.Context(), identity.Actor{}, token, password, home)
	d.must(err)
	who, err := d.Identity.Authenticate(t.Context(), identity.Credential{Session: session})
	if err != nil || who.Kind != identity.Structure || who.Role != identity.Admin || who.OrganisationName != "Clic et Sapin" {
		t.Errorf("%+v, %v", who, err)
	}
	_, err = d.Identity.SignIn(t.Context(), "ali@clic.example", password, home)
	d.must(err)
	if n := d.count(`SELECT count(*) FROM audit_entries WHERE action = 'structure_joined' AND object = $1`, fmt.Sprint("organisation:", who.Organisation)); n != 1 {
		t.Errorf("%d entries in the trail", n)
	}
	if n := d.count(`SELECT count(*) FROM joinings WHERE position(convert_to($1, 'UTF8') IN token_hash) > 0`, token); n != 0 {
		t.Error("the link's secret is stored")
	}
}

func TestALinkWorksOnceAndNotForLong(t *testing.T) {
	t.Parallel()
	d := setup(t)
	token, other := d.asks("ali@clic.example"), d.asks("bo@clic.example")
	_, err := d.Finish(t.Context(), identity.Actor{}, token, password, home)
	d.must(err)
	_, err = d.Finish(t.Context(), identity.Actor{}, token, password, home)
	d.refuses(err, "joining_link_over")
	_, err = d.Finish(t.Context(), identity.Actor{}, other, password, home)
	d.refuses(err, "siret_joined")
	_, err = d.Finish(t.Context(), identity.Actor{}, "", password, home)
	d.refuses(err, "joining_link_over")
	d.Clock.Add(joining.LinkLasts)
	_, err = d.Open(t.Context(), identity.Actor{}, other)
	d.refuses(err, "joining_link_over")
	d.Clock.Add(8 * 24 * time.Hour)
	d.InTx(func(tx *db.Tx) error {
		gone, err := joining.Sweep(t.Context(), tx)
		if gone != 2 {
			t.Errorf("%d requests forgotten, want both", gone)
		}
		return err
	})
}

func TestASIRETThatHasAnAccountTellsNothingOfIt(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.joins()
	_, err := d.Look(t.Context(), identity.Actor{}, number, home)
	d.refuses(err, "siret_joined")
	if strings.Contains(fmt.Sprintf("%+v", err), "ali") {
		t.Errorf("it tells: %+v", err)
	}
	d.refuses(d.Ask(t.Context(), identity.Actor{}, request("eve@elsewhere.example"), home), "siret_joined")
	if len(d.mailed["eve@elsewhere.example"]) != 0 {
		t.Error("a link was mailed")
	}
}

func TestSomebodyWithAnAccountGivesItsPassword(t *testing.T) {
	t.Parallel()
	d := setup(t)
	_, err := d.Identity.AddMember(t.Context(), d.Prescriber, identity.NewMember{Name: "Ali", Email: "ali@clic.example", Password: password, Role: identity.Agent})
	d.must(err)
	token := d.asks("ali@clic.example")
	i, err := d.Open(t.Context(), identity.Actor{}, token)
	if err != nil || !i.HasAccount {
		t.Errorf("%+v, %v", i, err)
	}
	_, err = d.Finish(t.Context(), identity.Actor{}, token, "another long password", home)
	d.refuses(err, "sign_in_failed")
	_, err = d.Finish(t.Context(), identity.Actor{}, token, password, home)
	d.must(err)
	_, err = d.Identity.SignIn(t.Context(), "ali@clic.example", "another long password", home)
	d.refuses(err, "sign_in_failed")
}

func TestWithoutTheDirectoryTheNameIsTyped(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for err, want := range map[error]joining.Answer{directory.ErrUnknown: joining.Unknown, directory.ErrUnreachable: joining.Unreachable} {
		d.register.err = err
		if found, err := d.Look(t.Context(), identity.Actor{}, number, home); err != nil || found.Answer != want || found.Name != "" || found.SIRET != number {
			t.Errorf("%+v, %v", found, err)
		}
	}
	d.register.err, d.register.entity.Closed = nil, true
	if found, err := d.Look(t.Context(), identity.Actor{}, number, home); err != nil || found.Answer != joining.Closed || found.Name == "" {
		t.Errorf("%+v, %v", found, err)
	}
}

func TestWhatIsWrongIsSaidBeforeAnythingIsMailed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	_, err := d.Look(t.Context(), identity.Actor{}, "73282932000075", home)
	d.refuses(err, "siret_check")
	for code, change := range map[string]func(*joining.Request){
		"siret_length":             func(r *joining.Request) { r.SIRET = "12" },
		"organisation_name_length": func(r *joining.Request) { r.Name = " " },
		"member_name_length":       func(r *joining.Request) { r.Person = "" },
		"email_malformed":          func(r *joining.Request) { r.Email = "nobody" },
		"invalid_input":            func(r *joining.Request) { r.Street = strings.Repeat("x", 201) },
	} {
		r := request("ali@clic.example")
		change(&r)
		d.refuses(d.Ask(t.Context(), identity.Actor{}, r, home), code)
	}
	if len(d.mailed) != 0 {
		t.Errorf("mailed %v", d.mailed)
	}
}

func TestNobodyIsFloodedWithLinks(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for range 3 {
		d.asks("ali@clic.example")
	}
	d.refuses(d.Ask(t.Context(), identity.Actor{}, request("ali@clic.example"), "192.0.2.99"), "rate_limited")
	for i := range 7 {
		d.asks(fmt.Sprintf("bo%d@clic.example", i))
	}
	d.refuses(d.Ask(t.Context(), identity.Actor{}, request("last@clic.example"), home), "rate_limited")
}

func TestAnUnverifiedStructurePreparesAllAndIsPaidNothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	who := d.joins()
	p, err := d.Labelling.AddPlace(t.Context(), who, labelling.NewPlace{Name: "Le Relais", Location: labelling.Location{Address: "1 rue A", Postcode: "74230", Town: "Thônes"}})
	d.must(err)
	_, err = d.Labelling.Open(t.Context(), identity.Actor{}, p.ID)
	d.refuses(err, "not_found")
	_, err = d.Labelling.Open(t.Context(), d.Structure.Actor, p.ID)
	d.refuses(err, "not_found")
	_, err = d.Labelling.Open(t.Context(), d.Operator, p.ID)
	d.must(err)
	today := vouchers.DayOf(d.Clock.Now())
	grant := labelling.Grant{Place: p.ID, EndsOn: today.AddDays(365)}
	_, err = d.Labelling.GrantLabel(t.Context(), d.Operator, grant)
	d.refuses(err, "structure_unverified")
	waiting, err := d.Waiting(t.Context(), d.Operator)
	if err != nil || len(waiting) != 1 || waiting[0].ID != who.Organisation || len(waiting[0].Places) != 1 || waiting[0].LegalForm != "Association" {
		t.Fatalf("%+v, %v", waiting, err)
	}
	_, err = d.Verify(t.Context(), who, who.Organisation)
	d.refuses(err, "forbidden")
	for range 2 {
		o, err := d.Verify(t.Context(), d.Operator, who.Organisation)
		if err != nil || o.UnverifiedSince != nil {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if n := d.count(`SELECT count(*) FROM audit_entries WHERE action = 'structure_verified'`); n != 1 {
		t.Errorf("%d entries in the trail", n)
	}
	_, err = d.Verify(t.Context(), d.Operator, 999)
	d.refuses(err, "not_found")
	_, err = d.Labelling.Open(t.Context(), identity.Actor{}, p.ID)
	d.must(err)
	_, err = d.Labelling.GrantLabel(t.Context(), d.Operator, grant)
	d.must(err)
}

func TestTheListOfWhatIsLeftIsReadFromWhatThereIs(t *testing.T) {
	t.Parallel()
	d := setup(t)
	who := d.joins()
	progress := func() joining.Progress {
		t.Helper()
		p, err := d.Progress(t.Context(), who)
		d.must(err)
		return p
	}
	if p := progress(); len(p.Places) != 0 || p.HasBank || p.Structure.UnverifiedSince == nil {
		t.Errorf("%+v", p)
	}
	place, err := d.Labelling.AddPlace(t.Context(), who, labelling.NewPlace{Name: "Le Relais", Location: labelling.Location{Postcode: "74230", Town: "Thônes"}})
	d.must(err)
	if p := progress(); len(p.Places) != 1 || len(p.Places[0].Missing) != len(joining.Parts) {
		t.Errorf("%+v", p)
	}
	hours, phone, ways := "Mo-Fr 09:00-12:00", "0450020000", db.Strings{"Se présenter"}
	_, err = d.Catalogue.Correct(t.Context(), who, place.ID, labelling.Correction{Hours: &hours, Phone: &phone, AccessWays: &ways})
	d.must(err)
	if p := progress(); p.Places[0].Lacks(joining.Hours) || p.Places[0].Lacks(joining.Access) || !p.Places[0].Lacks(joining.Services) {
		t.Errorf("%+v", p.Places[0].Missing)
	}
	_, err = d.Progress(t.Context(), d.Funder)
	d.refuses(err, "forbidden")
	d.SetBank(who)
	if p := progress(); !p.HasBank {
		t.Error("the account is not seen")
	}
}

func TestWhatARefusedStructureDidIsUndone(t *testing.T) {
	t.Parallel()
	d := setup(t)
	who, imported := d.joins(), d.NewPlace("Médiathèque de Thônes", "")
	before, err := d.Labelling.Open(t.Context(), identity.Actor{}, imported)
	d.must(err)
	_, err = d.Labelling.Claim(t.Context(), who, labelling.ClaimRequest{Place: imported})
	d.must(err)
	for _, phone := range []string{"0450021111", "0450022222"} {
		_, err = d.Catalogue.Correct(t.Context(), who, imported, labelling.Correction{Phone: &phone})
		d.must(err)
	}
	_, err = d.Labelling.Move(t.Context(), who, imported, labelling.Location{Address: "9 rue Z", Postcode: "74000", Town: "Annecy"})
	d.must(err)
	offer, err := d.Catalogue.KeepService(t.Context(), who, imported, catalogue.Offer{Theme: world.Theme, PriceVouchers: 1, DurationMinutes: 60})
	d.must(err)
	at := d.Clock.Now().Add(100 * time.Hour)
	sessions := agenda.New(d.DB)
	_, err = sessions.Publish(t.Context(), who, imported, agenda.NewSession{Service: offer.ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4})
	d.must(err)
	own, err := d.Labelling.AddPlace(t.Context(), who, labelling.NewPlace{Name: "Le Faux", Location: labelling.Location{Postcode: "74230", Town: "Thônes"}})
	d.must(err)

	refusal := joining.Refusal{Structure: who.Organisation, Reason: "Ce n’est pas l’association."}
	_, err = d.Refuse(t.Context(), d.Operator, joining.Refusal{Structure: who.Organisation})
	d.refuses(err, "reason_missing")
	_, err = d.Refuse(t.Context(), who, refusal)
	d.refuses(err, "forbidden")
	o, err := d.Refuse(t.Context(), d.Operator, refusal)
	if err != nil || o.SIRET != "" {
		t.Fatalf("%+v, %v", o, err)
	}
	after, err := d.Labelling.Open(t.Context(), identity.Actor{}, imported)
	if err != nil || after.Phone != before.Phone || after.Town != before.Town || after.Address != before.Address || *after.Lat != *before.Lat ||
		after.Structure != 0 || len(after.Services) != 0 || after.CorrectedAt != nil {
		t.Errorf("%+v, %v", after, err)
	}
	coming, err := sessions.Upcoming(t.Context(), identity.Actor{}, imported, 60)
	if err != nil || len(coming) != 1 || coming[0].CancelledAt == nil {
		t.Errorf("%+v, %v", coming, err)
	}
	_, err = d.Labelling.Open(t.Context(), who, own.ID)
	d.refuses(err, "not_found")
	_, err = d.Labelling.Claim(t.Context(), d.Structure.Actor, labelling.ClaimRequest{Place: own.ID})
	d.refuses(err, "not_found")
	_, err = d.Identity.SignIn(t.Context(), "ali@clic.example", password, home)
	d.refuses(err, "no_organisation")
	if told := d.mailed["ali@clic.example"]; told[len(told)-1] != refusal.Reason {
		t.Errorf("told %q", told)
	}
	_, err = d.Refuse(t.Context(), d.Operator, refusal)
	d.refuses(err, "structure_looked_at")
	d.refuses(d.free(), "")
}

func TestWhatARefusedStructureSaidOfCardsIsUndone(t *testing.T) {
	t.Parallel()
	d := setup(t)
	who, people := d.joins(), contributions.New(d.DB, contributions.Notify{})
	standing := func(actor identity.Actor, place vouchers.PlaceID, say func(context.Context, *db.Tx, identity.Actor, labelling.Place) (labelling.Place, error)) {
		d.InTx(func(tx *db.Tx) error {
			p, err := labelling.PlaceOf(t.Context(), tx, place)
			d.must(err)
			_, err = say(t.Context(), tx, actor, p)
			return err
		})
	}
	open, shut := d.NewPlace("Médiathèque de Thônes", ""), d.NewPlace("La Poste", "")
	standing(d.Operator, shut, labelling.CloseForGood)
	var before []labelling.Place
	for _, id := range []vouchers.PlaceID{open, shut} {
		p, err := d.Labelling.Open(t.Context(), identity.Actor{}, id)
		d.must(err)
		before = append(before, p)
		d.Clock.Add(time.Hour)
		_, err = d.Labelling.Claim(t.Context(), who, labelling.ClaimRequest{Place: id})
		d.must(err)
	}
	d.Clock.Add(time.Hour)
	standing(who, open, labelling.CloseForGood)
	standing(who, shut, labelling.Confirm)
	summary := "Des livres"
	_, err := d.Catalogue.Correct(t.Context(), who, open, labelling.Correction{Summary: &summary})
	d.must(err)
	received, err := people.Translate(t.Context(), identity.Actor{}, open, contributions.NewTranslation{Language: "en", Author: "Eve",
		Texts: []contributions.PartText{{Part: contributions.Part{Field: "summary"}, Text: "Send money to Eve"}}}, home)
	d.must(err)
	_, err = people.DecideTranslation(t.Context(), who, received.Translation, contributions.Decision{Accepted: true})
	d.must(err)

	_, err = d.Refuse(t.Context(), d.Operator, joining.Refusal{Structure: who.Organisation, Reason: "Ce n’est pas l’association."})
	d.must(err)
	for _, was := range before {
		p, err := d.Labelling.Open(t.Context(), identity.Actor{}, was.ID)
		if err != nil || (p.ClosedAt == nil) != (was.ClosedAt == nil) || p.ClosedAt != nil && !p.ClosedAt.Equal(*was.ClosedAt) || !p.SureAt.Equal(was.SureAt) {
			t.Errorf("%s: closed %v, sure %v; want %v and %v; %v", was.Name, p.ClosedAt, p.SureAt, was.ClosedAt, was.SureAt, err)
		}
	}
	if n := d.count(`SELECT count(*) FROM place_translations WHERE retracted_at IS NULL`); n != 0 {
		t.Errorf("%d translations are still on the card", n)
	}
}

func TestWhoHasBookedWithARefusedStructureIsTold(t *testing.T) {
	t.Parallel()
	d := setup(t)
	who, place := d.joins(), d.NewPlace("Médiathèque de Thônes", "")
	_, err := d.Labelling.Claim(t.Context(), who, labelling.ClaimRequest{Place: place})
	d.must(err)
	free, err := d.Catalogue.KeepService(t.Context(), who, place, catalogue.Offer{Theme: world.Theme, DurationMinutes: 60})
	d.must(err)
	at := d.Clock.Now().Add(100 * time.Hour)
	sessions := agenda.New(d.DB, d.booking.Follow)
	coming, err := sessions.Publish(t.Context(), who, place, agenda.NewSession{Service: free.ID, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 1, Times: 2})
	d.must(err)
	var booked []booking.Booking
	for i, email := range []string{"ada@example.org", "bo@example.org", "cleo@example.org"} {
		req := booking.Request{Session: coming[i/2].ID, Code: d.HandOver(d.Campaign, 1).QR, Email: email, Wait: true}
		k, err := d.booking.Book(t.Context(), identity.Actor{}, req)
		d.must(err)
		booked = append(booked, k)
	}
	if booked[1].State != booking.Waiting {
		t.Fatal("nobody waits: the test proves less than it says")
	}
	_, err = d.Refuse(t.Context(), d.Operator, joining.Refusal{Structure: who.Organisation, Reason: "Ce n’est pas l’association."})
	d.must(err)
	for _, email := range []string{"ada@example.org", "bo@example.org", "cleo@example.org"} {
		if told := d.mailed[email]; told[len(told)-1] != string(booking.ToldOff) {
			t.Errorf("%s was told %q", email, told)
		}
	}
	if n := d.count(`SELECT count(*) FROM bookings WHERE state <> 'cancelled'`); n != 0 {
		t.Errorf("%d bookings stand", n)
	}
	if n := d.count(`SELECT count(*) FROM audit_entries WHERE action = 'session_cancelled' AND organisation_id = $1`, d.Operator.Organisation); n != 2 {
		t.Errorf("%d entries in the trail, want one of each session", n)
	}
}

// free tells whether the real structure can join.
func (d *door) free() error {
	_, err := d.Look(d.t.Context(), identity.Actor{}, number, home)
	return err
}
