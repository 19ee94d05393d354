package app

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// walk is a whole program with two of each kind of organisation in it: the world's,
// which own something of everything, and the walkers'.
type walk struct {
	*world.World
	program *Program
	t       *testing.T
	walkers []identity.Actor // nobody, and one of each role of each kind

	token, order, quote, invoice, booklet, redemption, payout, meeting, waiting, application, proof, said, translated, seat, complaint, evidence any // ids
	member                                                                                                                                       vouchers.PersonID
	sessions                                                                                                                                     int
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	clock, url := pgtest.NewClock(), pgtest.URL(t)
	program, err := Start(t.Context(), Config{DatabaseURL: url, Data: t.TempDir(), KeysFile: filepath.Join(t.TempDir(), "keys.json"),
		PublicURL: "http://localhost:8080", MailFrom: "Passerelle <bonjour@passerelle.example>", OperatorName: "Passerelle",
		OperatorAddress: "1 rue du Pont, 74000 Annecy", OperatorSIRET: "73282932000074", SegregatedIBAN: "FR7630006000011234567890189"}, clock.Now, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := program.Stop(); err != nil {
			t.Error(err)
		}
	})
	s := &walk{World: world.NewOn(t, url, clock), program: program, t: t}
	s.fillWorld()
	s.walkers = []identity.Actor{{}}
	for _, admin := range []identity.Actor{s.Operator, s.Organisation(identity.Funder, "Ville"), s.Organisation(identity.Prescriber, "Mairie"), s.NewStructure("PIMMS").Actor} {
		s.walkers = append(s.walkers, s.rolesOf(admin)...)
	}
	return s
}

// fillWorld gives the world's organisations one of everything.
func (s *walk) fillWorld() {
	s.t.Helper()
	ctx := s.t.Context()
	s.Campaign = s.NewCampaign(canary+" 2026", 100)
	order, err := s.program.orders.Place(ctx, s.Funder, orders.PlaceRequest{Campaign: s.Campaign.ID, Vouchers: 10})
	s.must(err)
	invoices, err := s.program.invoicing.List(ctx, s.Funder, invoicing.Query{Limit: 1})
	s.must(err)
	s.invoice = invoices[0].ID
	token, err := s.Identity.CreateToken(ctx, s.Prescriber, identity.NewToken{Label: canary, Scopes: []string{"handovers"}, Days: 9})
	s.must(err)
	booklet := s.HandOver(s.Campaign, 10)
	redemption, mistaken := s.Redeem(s.Structure, booklet, 2), s.Redeem(s.Structure, booklet, 1)
	_, err = s.program.settlement.Close(ctx, s.Operator, settlement.CloseRequest{})
	s.must(err)
	money, err := s.program.settlement.Payouts(ctx, s.Structure.Actor, 0, 1)
	s.must(err)
	for i, owner := range []identity.Actor{s.Funder, s.Prescriber, s.Structure.Actor} {
		m, err := s.Identity.AddMember(ctx, owner, identity.NewMember{Name: canary, Email: fmt.Sprintf("canari%d@example.org", i), Role: identity.Reader})
		s.must(err)
		s.member = m.ID
	}
	at := s.Clock.Now().Add(100 * time.Hour)
	sessions, err := s.program.agenda.Publish(ctx, s.Structure.Actor, s.Structure.Place, agenda.NewSession{Service: 1, StartsAt: at, EndsAt: at.Add(time.Hour), Seats: 4})
	s.must(err)
	s.meeting = sessions[0].ID
	application, err := s.program.applications.Start(ctx, s.Structure.Actor, s.NewOwnPlace("Annexe"), "")
	s.must(err)
	application, err = s.program.applications.Save(ctx, s.Structure.Actor, application.ID, applications.Saved{
		Answers: map[string]applications.Answer{"welcome": {Meets: "yes", Note: canary}}, Proofs: map[string]files.Upload{"welcome": world.RIB}})
	s.must(err)
	s.application, s.proof = application.ID, application.Proofs[0].File
	program := s.Structure.Actor
	program.Scopes = []string{payees.Scope}
	account, err := s.Payees.Give(ctx, program, payees.Given{IBAN: "DE89370400440532013000", Holder: canary, Proof: world.RIB})
	s.must(err)
	s.waiting = account.ID
	report := contributions.NewReport{Field: "other", Value: canary, Reason: canary}
	received, err := s.program.people.Report(ctx, identity.Actor{}, s.Structure.Place, report, "192.0.2.1")
	s.said = received.Report
	text := "Nous vous aidons."
	_, err = s.program.catalogue.Correct(ctx, s.Structure.Actor, s.Structure.Place, labelling.Correction{Presentation: &text})
	received, err = s.program.people.Translate(ctx, identity.Actor{}, s.Structure.Place, contributions.NewTranslation{Language: "en", Author: canary,
		Texts: []contributions.PartText{{Part: contributions.Part{Field: "presentation"}, Text: "We help."}}}, "192.0.2.1")
	s.translated = received.Translation
	seat, err := s.program.booking.Book(ctx, s.Prescriber, booking.Request{Session: sessions[0].ID, Booklet: booklet.ID, Phone: "04 50 02 00 00"})
	s.must(err)
	s.seat = seat.ID
	quote, err := s.program.orders.Quote(ctx, s.Funder, orders.QuoteRequest{Campaign: s.Campaign.ID, Choices: orders.Choices{Vouchers: 10}})
	s.must(err)
	s.quote = quote.ID
	s.InTx(func(tx *db.Tx) error { return ledger.RollUp(ctx, tx) })
	s.must(s.program.seals.Seal(ctx))
	s.corrects(redemption.ID, mistaken.ID)
	s.order, s.token, s.booklet, s.redemption, s.payout = order.ID, token.ID, booklet.ID, redemption.ID, money.Payouts[0].ID
}

// rolesOf are an admin and one new member for each other role.
func (s *walk) rolesOf(admin identity.Actor) []identity.Actor {
	s.t.Helper()
	all := []identity.Actor{admin}
	for _, role := range []identity.Role{identity.Agent, identity.Finance, identity.Reader} {
		m, err := s.Identity.AddMember(s.t.Context(), admin, identity.NewMember{Name: "Zoé", Email: fmt.Sprintf("%s@%d.example", role, admin.Organisation), Role: role})
		s.must(err)
		one := admin
		one.Person, one.Role = m.ID, role
		all = append(all, one)
	}
	return all
}

func (s *walk) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// session opens a session without the price of a password.
func (s *walk) session(a identity.Actor) string {
	s.t.Helper()
	if !a.SignedIn() {
		return "none"
	}
	s.sessions++
	secret := fmt.Sprint("walker-", s.sessions)
	hash := sha256.Sum256([]byte(secret))
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), `INSERT INTO sessions (token_hash, person_id, organisation_id, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)`,
			hash[:], a.Person, a.Organisation, tx.Now, tx.Now.Add(identity.SessionLasts))
		return err
	})
	return secret
}
