package closing_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
	"github.com/passerelle/passerelle/vouchers"
)

// online is a Stripe through which an order of the stage is paid.
type online struct {
	*stage
	fake *stripefake.Server
	room *payments.Service
	page string
}

// paysOnline pays an order by card, and lets the money arrive at the bank.
func (s *stage) paysOnline(who identity.Actor, o orders.Order) *online {
	s.t.Helper()
	p := &online{stage: s, fake: stripefake.New("sk", "whsec", s.Clock.Now)}
	server := httptest.NewServer(p.fake)
	s.t.Cleanup(server.Close)
	p.room = payments.New(s.DB, payments.Options{Stripe: stripe.New("sk", server.URL), PublicURL: world.Origin, Segregated: segregated,
		Text: func(key string, _ ...any) string { return key }}, s.orders,
		func(context.Context, *db.Tx, string, payments.Dispute) error { return nil }, slog.New(slog.DiscardHandler))
	p.fake.TakeAway(-100_00) // of fees of other days
	k, err := p.room.Start(s.t.Context(), who, payments.StartRequest{Order: o.ID, Means: stripe.Card})
	s.ok(err)
	p.page = k.Session
	p.fake.Pay(p.page)
	p.hears()
	s.Clock.Add(73 * time.Hour)
	p.hears()
	p.hears() // asks for the payout that it has just ordered
	sent := p.fake.Sent()[0]
	s.InTx(func(tx *db.Tx) error {
		line, err := s.BankLine(tx, world.Line{Amount: sent.Amount, Credit: true, Outcome: payments.CardBanked, Cause: 1})
		if err != nil {
			return err
		}
		_, _, err = p.room.Book(s.t.Context(), tx, sepa.Movement{Line: line, Account: segregated, Name: sent.Descriptor, Amount: sent.Amount, Credit: true})
		return err
	})
	return p
}

func (p *online) hears() {
	p.t.Helper()
	p.ok(p.room.Reconcile(p.t.Context()))
	p.holds()
}

// closings counts the times that a campaign's money was shared out.
func (s *stage) closings(id vouchers.CampaignID) (n int) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		return tx.Get(s.t.Context(), &n, `SELECT count(*) FROM closings WHERE campaign_id = $1`, id)
	})
	return n
}

// A funder's payment is disputed when its campaign ends: what is unspent of it is set aside,
// and nobody gets it. When it comes back after the end, the next night gives it to that funder
// alone, and its credit notes come to what it did not use: not to that and to what was first
// credited as never paid.
func TestMoneyThatComesBackAfterTheEndIsSharedOutThen(t *testing.T) {
	t.Parallel()
	for name, comesBack := range map[string]func(p *online, dispute string){
		"the dispute is won": func(p *online, dispute string) { p.fake.CloseDispute(dispute, true) },
		"it is lost, then given up": func(p *online, dispute string) {
			p.fake.CloseDispute(dispute, false)
			p.hears()
			p.closes(0)
			p.fake.CloseDispute(dispute, true)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			start := s.today()
			state := s.Organisation(identity.Funder, "État")
			c := s.campaign("Premiers clics")
			s.shares(c, state, 50)
			s.pays(s.orderedBy(s.Funder, c, 60), 600_00)
			online := s.paysOnline(state, s.orderedBy(state, c, 40))
			s.allocates(c, 100)
			s.Redeem(s.Structure, s.HandOver(c, 10), 10)
			dispute := online.fake.Dispute(online.page)
			online.hears()

			s.on(start.AddDays(closesOn))
			s.closes(1)
			if own, other := s.credit(s.Funder), s.credit(state); own != 550_00 || other != 50_00 {
				t.Errorf("at the end the département gets %s back, the State %s", own, other)
			}
			s.closes(0)

			comesBack(online, dispute)
			online.hears()
			s.closes(1)
			s.closes(0)
			if own, other := s.credit(s.Funder), s.credit(state); own != 550_00 || other != 350_00 {
				t.Errorf("in the end the département has %s back, the State %s", own, other)
			}
			if n := s.closings(c.ID); n != 2 {
				t.Errorf("shared out %d times", n)
			}
			st := s.statement(s.Operator, c)
			if st.Received != 1000_00 || st.Used != 100_00 || st.Back() != 900_00 || st.Never() != 900_00 {
				t.Errorf("the campaign's statement: %+v", st)
			}
			var credited vouchers.Cents
			for _, n := range s.notes(c.ID) {
				credited += n.Net
			}
			if credited != 900_00 {
				t.Errorf("credit notes of %s", credited)
			}
		})
	}
}
