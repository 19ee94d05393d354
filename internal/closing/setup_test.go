package closing_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	segregated sepa.IBAN = "FR7630006000011234567890189"
	operating  sepa.IBAN = "DE89370400440532013000"
	funderIBAN           = "FR1420041010050500013M02606"
)

// stage is a world with the rooms that the end of a campaign concerns.
type stage struct {
	*world.World
	room    *closing.Service
	orders  *orders.Service
	finance identity.Actor // of the operator, another person than Operator
	told    *told
	t       testing.TB

	bankReads func(sepa.Version) // opens the room again, with a bank that reads another version
}

// told are the notices, by kind: to whom, and about what.
type told struct {
	mu  sync.Mutex
	all map[string][]string
}

func (n *told) add(kind, to, what string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all[kind] = append(n.all[kind], to+" "+what)
	return nil
}

func (n *told) take(kind string) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := n.all[kind]
	delete(n.all, kind)
	return all
}

func setup(t testing.TB) *stage {
	t.Helper()
	w := world.New(t)
	s := &stage{World: w, t: t, told: &told{all: map[string][]string{}}}
	seller := invoicing.Seller{Name: "Passerelle", SIRET: "12345678200010", VATID: "FR32123456782", Street: "12 rue de la Préfecture", Postcode: "69003", Town: "Lyon",
		Segregated: invoicing.Account{IBAN: segregated, BIC: "AGRIFRPP"}, Operating: invoicing.Account{IBAN: operating}}
	d := w.DB.WithoutRetries() // so that a deadlock shows
	s.orders = orders.New(d, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil })
	s.bankReads = func(v sepa.Version) {
		s.room = closing.New(d, closing.Options{Seller: seller, Reads: v, Orders: s.orders,
			Expire: func(ctx context.Context) error { _, err := w.Issuing.ExpireDue(ctx); return err },
			Notify: s.told.notify(), Log: slog.New(slog.DiscardHandler)})
	}
	s.bankReads("")
	s.finance = s.colleague(w.Operator, "Sacha")
	return s
}

func (n *told) notify() closing.Notify {
	return closing.Notify{
		Ending: func(_ context.Context, _ *db.Tx, to string, e closing.Ending) error {
			return n.add("ending", to, fmt.Sprintf("J-%d %d days: %d issued, %d handed over, %d waiting, %d asleep", e.Notice, e.Days, e.Issued, e.Counters.HandedOver, e.Counters.Waiting(), e.Asleep()))
		},
		Extended: func(_ context.Context, _ *db.Tx, to string, e closing.Extended) error {
			return n.add("extended", to, fmt.Sprintf("%s → %s", e.From, e.Until))
		},
		Closed: func(_ context.Context, _ *db.Tx, to string, c closing.Closed) error {
			return n.add("closed", to, fmt.Sprintf("paid %s, used %s, back %s", c.Yours.Paid, c.Yours.Used, c.Yours.Back()))
		},
		CreditWaits: func(_ context.Context, _ *db.Tx, to string, w closing.Waiting) error {
			return n.add("waits", to, fmt.Sprintf("%s of %s, %d", w.Missing, w.Amount, w.Notice))
		},
		AccountGiven: func(_ context.Context, _ *db.Tx, to string, a closing.Account) error {
			return n.add("account", to, a.Masked)
		},
		RefundSent: func(_ context.Context, _ *db.Tx, to string, r closing.Refund) error {
			return n.add("sent", to, r.Amount.String())
		},
		RefundReturned: func(_ context.Context, _ *db.Tx, to string, r closing.Refund) error {
			return n.add("returned", to, r.Amount.String()+" "+r.ReturnReason)
		},
	}
}

// colleague is a new finance member of an organisation.
func (s *stage) colleague(of identity.Actor, name string) identity.Actor {
	s.t.Helper()
	m, err := s.Identity.AddMember(s.t.Context(), of, identity.NewMember{Name: name, Email: fmt.Sprintf("%s@%d.example", "finance", of.Organisation), Role: identity.Finance})
	s.ok(err)
	of.Person, of.Role = m.ID, identity.Finance
	return of
}

// campaign lasts 60 days from today, with a tolerance of 10; vouchers are worth 10.00.
func (s *stage) campaign(name string) campaigns.Campaign {
	s.t.Helper()
	today := s.today()
	c, err := s.Campaigns.Define(s.t.Context(), s.Funder, campaigns.Rules{Name: name, Face: 10_00, BookletSize: 10,
		StartsOn: today, EndsOn: today.AddDays(60), ToleranceDays: 10, PriceCap: 10})
	s.ok(err)
	return c
}

func (s *stage) today() vouchers.Day { return vouchers.DayOf(s.Clock.Now()) }

// shares lets another funder pay percent of what is used; the campaign's own pays the rest.
func (s *stage) shares(c campaigns.Campaign, with identity.Actor, percent int) {
	s.t.Helper()
	s.exec(`INSERT INTO campaign_shares (campaign_id, funder_id, kind, percent_bp, agreed_at, agreed_by)
		VALUES ($1, $2, 'percent', $4, $5, $6), ($1, $3, 'rest', 0, $5, $6)`, c.ID, with.Organisation, c.Funder, percent*100, s.Clock.Now(), with.Person)
}

func (s *stage) exec(query string, args ...any) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), query, args...)
		return err
	})
}

// orderedBy is an order with its invoices.
func (s *stage) orderedBy(who identity.Actor, c campaigns.Campaign, count int) orders.Order {
	s.t.Helper()
	o, err := s.orders.Place(s.t.Context(), who, orders.PlaceRequest{Campaign: c.ID, Vouchers: count})
	s.ok(err)
	return o
}

// pays lets a bank line bring amount for an order.
func (s *stage) pays(o orders.Order, amount vouchers.Cents) int64 {
	s.t.Helper()
	var line int64
	s.InTx(func(tx *db.Tx) (err error) {
		line, err = s.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "order_funded", Cause: int64(o.ID)})
		if err != nil {
			return err
		}
		_, err = s.orders.PayFromLines(s.t.Context(), tx, []orders.Payment{{Line: line, Amount: amount}}, map[int64]vouchers.OrderID{line: o.ID})
		return err
	})
	return line
}

// funded is a campaign whose funder has paid for count vouchers, all given to Prescriber.
func (s *stage) funded(name string, count int) campaigns.Campaign {
	s.t.Helper()
	c := s.campaign(name)
	s.pays(s.orderedBy(s.Funder, c, count), vouchers.Cents(count)*c.Face)
	s.allocates(c, count)
	return c
}

func (s *stage) allocates(c campaigns.Campaign, count int) {
	s.t.Helper()
	_, err := s.Issuing.Allocate(s.t.Context(), s.Funder, issuing.AllocateRequest{Campaign: c.ID, Prescriber: s.Prescriber.Organisation, Vouchers: count})
	s.ok(err)
}

// on moves the clock to noon of a day.
func (s *stage) on(day vouchers.Day) {
	s.t.Helper()
	s.Clock.Add(day.Time().Add(12 * time.Hour).Sub(s.Clock.Now()))
}

// closes runs the job that closes campaigns, says how many it closed, and checks the
// invariants.
func (s *stage) closes(want int) {
	s.t.Helper()
	n, err := s.room.CloseDue(s.t.Context())
	s.ok(err)
	if n != want {
		s.t.Errorf("%d campaigns closed, not %d", n, want)
	}
	s.ok(s.room.BringBack(s.t.Context()))
	s.holds()
}

func (s *stage) statement(who identity.Actor, c campaigns.Campaign) closing.Statement {
	s.t.Helper()
	st, err := s.room.Statement(s.t.Context(), who, c.ID)
	s.ok(err)
	return st
}

func (s *stage) owed(a ledger.Account) vouchers.Cents {
	s.t.Helper()
	var owed vouchers.Cents
	s.InTx(func(tx *db.Tx) (err error) {
		owed, err = ledger.Balance(s.t.Context(), tx, a)
		return err
	})
	return owed
}

func (s *stage) credit(who identity.Actor) vouchers.Cents {
	return s.owed(ledger.Credit(who.Organisation))
}

// chooses says what becomes of a credit.
func (s *stage) chooses(who identity.Actor, c campaigns.Campaign, kind string, to vouchers.CampaignID) {
	s.t.Helper()
	_, err := s.room.Choose(s.t.Context(), who, closing.ChooseRequest{Campaign: c.ID, Kind: kind, To: to})
	s.ok(err)
	s.holds()
}

// givesAccount gives a bank account, which the operator verifies.
func (s *stage) givesAccount(who identity.Actor, iban string) {
	s.t.Helper()
	a, err := s.room.GiveAccount(s.t.Context(), who, closing.NewAccount{IBAN: iban, Holder: who.OrganisationName})
	s.ok(err)
	_, err = s.room.VerifyAccount(s.t.Context(), s.finance, closing.VerifyRequest{Account: a.ID, How: "appel au 04 50 00 00 00, Mme Roux"})
	s.ok(err)
}

// proposed are the refunds that wait for approval.
func (s *stage) proposed() []closing.Refund {
	s.t.Helper()
	all, err := s.room.Refunds(s.t.Context(), s.Operator, closing.Query{State: closing.Proposed, Limit: 50})
	s.ok(err)
	return all
}

// approves orders refunds from the bank.
func (s *stage) approves(all ...closing.Refund) closing.File {
	s.t.Helper()
	var req closing.ApproveRequest
	for _, r := range all {
		req.Refunds = append(req.Refunds, r.ID)
	}
	f, err := s.room.Approve(s.t.Context(), s.finance, req)
	s.ok(err)
	s.holds()
	return f
}

// bank lets a line of one of our accounts name a refund, and says what became of it.
func (s *stage) bank(account sepa.IBAN, r closing.Refund, credit bool, reason string) string {
	s.t.Helper()
	var outcome string
	s.InTx(func(tx *db.Tx) error {
		line, err := s.BankLine(tx, world.Line{Amount: r.Amount, Credit: credit, Outcome: "unexpected_debit", EndToEnd: r.EndToEnd})
		if err != nil {
			return err
		}
		var cause int64
		outcome, cause, err = s.room.Book(s.t.Context(), tx, sepa.Movement{Line: line, Account: account, Name: r.EndToEnd, Amount: r.Amount,
			Credit: credit, Returned: reason != "", ReturnReason: reason, On: s.today()})
		if err != nil || outcome == "" {
			return err
		}
		if account == operating {
			if _, err := tx.Exec(s.t.Context(), `UPDATE statements SET account = 'operating' WHERE id = (SELECT statement_id FROM statement_lines WHERE id = $1)`, line); err != nil {
				return err
			}
		}
		_, err = tx.Exec(s.t.Context(), `UPDATE statement_lines SET outcome = $2, cause = $3 WHERE id = $1`, line, outcome, cause)
		return err
	})
	return outcome
}

// refund reads one again.
func (s *stage) refund(id vouchers.RefundID) closing.Refund {
	s.t.Helper()
	all, err := s.room.Refunds(s.t.Context(), s.Operator, closing.Query{Limit: 100})
	s.ok(err)
	for _, r := range all {
		if r.ID == id {
			return r
		}
	}
	s.t.Fatalf("no refund %d", id)
	return closing.Refund{}
}

// holds checks every invariant.
func (s *stage) holds() {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		findings, err := reporting.Verify(s.t.Context(), tx, settlement.FileOf)
		for _, f := range findings {
			if !f.OK {
				s.t.Errorf("%s is broken: %v", f.ID, f.Evidence)
			}
		}
		return err
	})
}

func (s *stage) ok(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) refused(err error, code string) {
	s.t.Helper()
	if fault.Code(err) != code {
		s.t.Errorf("got %v, want fault %q", err, code)
	}
}
