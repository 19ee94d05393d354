package continuity

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
)

// A structure that is paid through Stripe is owed like any other, and a trustee pays it to its
// bank account. What is at Stripe is told, and where; another operator pays it to the bank too.
func TestATrusteePaysToTheBankWhatStripeDidNotPay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	fake := stripefake.New("sk", "whsec", b.Clock.Now)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	from := payer
	from.Stripe = settlement.StripeAccount{Holder: "Stripe", IBAN: "DE89370400440532013000", Town: "Dublin", Country: "IE", Reference: "ABCD"}
	b.settlement = settlement.New(b.DB, from, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	b.o.Debtor = from
	room := connect.New(b.DB, connect.Options{Stripe: stripe.New("sk", server.URL), Offered: true, Books: b.settlement,
		Notify: func(context.Context, *db.Tx, string, connect.Account) error { return nil }}, slog.New(slog.DiscardHandler))
	structures := map[string]world.Structure{"paid": b.NewStructure("Payée"), "back": b.NewStructure("Revenue"), "leaving": b.NewStructure("En route")}
	accounts := map[string]string{}
	for name, s := range structures {
		program := s.Actor
		program.Scopes = []string{payees.Scope}
		a, err := room.Choose(ctx, program, connect.Chosen{})
		b.ok(err)
		fake.Onboarded(a.Stripe)
		b.ok(room.ReadAccounts(ctx))
		_, err = room.Approve(ctx, b.Operator, a.ID)
		b.ok(err)
		accounts[name] = a.Stripe
		b.Redeem(s, b.HandOver(b.Campaign, 1), 1)
	}
	b.Clock.Add(payees.Cooling)
	closed, err := b.settlement.Close(ctx, b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = b.settlement.Approve(ctx, b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: closed.TopUp.Amount, Outcome: "payouts_funded", EndToEnd: closed.TopUp.EndToEnd, Cause: closed.TopUp.ID})
		if err != nil {
			return err
		}
		_, _, err = b.settlement.Book(ctx, tx, sepa.Movement{Line: line, Account: payer.IBAN, Name: closed.TopUp.EndToEnd, Amount: closed.TopUp.Amount})
		return err
	})
	fake.TopUp(closed.TopUp.Amount)
	b.ok(room.Reconcile(ctx))
	fake.PayoutArrives(fake.SentBy(accounts["paid"])[0].ID)
	fake.PayoutArrives(fake.SentBy(accounts["back"])[0].ID)
	b.ok(room.Reconcile(ctx))
	fake.PayoutFails(fake.SentBy(accounts["back"])[0].ID)
	b.ok(room.Reconcile(ctx))
	b.Redeem(structures["paid"], b.HandOver(b.Campaign, 1), 1) // owed since

	dir := b.exports()
	m := manifestOf(t, dir)
	if f := m.Figures; f.ToPay != 20_00 || f.Held != 0 || f.InTransit != 10_00 || f.CashAtStripe != 20_00 || m.Payment.Transfers != 2 {
		t.Errorf("%+v, pays %+v", m.Figures, m.Payment)
	}
	order := string(b.trustee.decrypts(t, dir, "pain001.xml.age"))
	if strings.Contains(order, "STRIPE") || strings.Contains(order, "DE8937") {
		t.Error("the trustee's file sends money to Stripe")
	}
	var way []string
	for _, row := range rowsOf(t, read(t, dir, "in-transit.csv")) {
		way = append(way, row["nom"]+": "+row["chez_stripe"])
	}
	if got, want := strings.Join(way, "; "), "En route: compte "+accounts["leaving"]; got != want {
		t.Errorf("on its way: %q, want %q", got, want)
	}
	if readme := string(read(t, dir, "README.md")); !strings.Contains(readme, "Dont chez Stripe") || !strings.Contains(readme, "chez_stripe") {
		t.Error("the trustee is not told of what is at Stripe")
	}

	s := newSuccessor(t, b)
	_, err = s.imports(Import{Dir: dir, Identity: b.trustee.private, Trusted: b.Keys.SealKey().Ed25519})
	b.ok(err)
	if n := s.one(`SELECT count(*) FROM connect_accounts WHERE ended_at IS NULL`); n != 0 {
		t.Errorf("%d accounts at the Stripe of the operator before are still paid to", n)
	}
}
