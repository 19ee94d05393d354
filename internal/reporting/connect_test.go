package reporting

import (
	"context"
	"log/slog"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/stripe"
	"github.com/passerelle/passerelle/internal/stripe/stripefake"
)

// paysThroughStripe pays three structures through Stripe: one has its money, one's came back and
// is home, one's is on its way.
func (b bundle) paysThroughStripe(fake *stripefake.Server, base string) {
	b.t.Helper()
	ctx, log := b.t.Context(), slog.New(slog.DiscardHandler)
	from := payer
	from.Stripe = settlement.StripeAccount{Holder: "Stripe", IBAN: "DE89370400440532013000", Town: "Dublin", Country: "IE", Reference: "ABCD"}
	settling := settlement.New(b.DB, from, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	room := connect.New(b.DB, connect.Options{Stripe: stripe.New("sk", base), Offered: true, Books: settling,
		Notify: func(context.Context, *db.Tx, string, connect.Account) error { return nil }}, log)
	home := payments.New(b.DB, payments.Options{Stripe: stripe.New("sk", base), Segregated: payer.IBAN}, nil, nil, log)

	var accounts []string
	for _, name := range []string{"Par Stripe 1", "Par Stripe 2", "Par Stripe 3"} {
		s := b.NewStructure(name)
		program := s.Actor
		program.Scopes = []string{payees.Scope}
		a, err := room.Choose(ctx, program, connect.Chosen{})
		b.ok(err)
		fake.Onboarded(a.Stripe)
		b.ok(room.ReadAccounts(ctx))
		_, err = room.Approve(ctx, b.Operator, a.ID)
		b.ok(err)
		accounts = append(accounts, a.Stripe)
		b.Redeem(s, b.HandOver(b.Campaign, 1), 1)
	}
	b.Clock.Add(payees.Cooling)
	closed, err := settling.Close(ctx, b.Operator, settlement.CloseRequest{})
	b.ok(err)
	_, err = settling.Approve(ctx, b.Colleague(), settlement.ApproveRequest{ID: closed.ID, SHA256: closed.SHA256})
	b.ok(err)
	b.bankShows(settling, "payouts_funded", closed.TopUp.ID, sepa.Movement{Name: closed.TopUp.EndToEnd, Amount: closed.TopUp.Amount})
	fake.TakeAway(-1_000_00) // what the operator owes Stripe takes nothing of it
	fake.TopUp(closed.TopUp.Amount)
	b.ok(room.Reconcile(ctx))
	fake.PayoutArrives(fake.SentBy(accounts[0])[0].ID)
	fake.PayoutFails(fake.SentBy(accounts[1])[0].ID)
	b.ok(room.Reconcile(ctx))
	b.ok(home.Reconcile(ctx))
	desk, err := home.Desk(ctx, b.Operator)
	b.ok(err)
	for _, p := range desk.Payouts {
		if p.BackOf != nil {
			fake.PayoutArrives(*p.Payout)
			b.bankShows(home, "payouts_home", p.ID, sepa.Movement{Name: p.Reference, Amount: p.Amount, Credit: true})
		}
	}
}

// bankShows plays a line of the segregated account.
func (b bundle) bankShows(room interface {
	Book(context.Context, *db.Tx, sepa.Movement) (string, int64, error)
}, outcome string, cause int64, m sepa.Movement) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) (err error) {
		m.Account = payer.IBAN
		m.Line, err = b.BankLine(tx, world.Line{Amount: m.Amount, Credit: m.Credit, Outcome: outcome, EndToEnd: m.Name, Cause: cause})
		if err != nil {
			return err
		}
		got, _, err := room.Book(b.t.Context(), tx, m)
		if got != outcome {
			b.t.Errorf("%s is taken for %q, not %q", m.Name, got, outcome)
		}
		return err
	})
}

// connectBreakages are those of payouts through Stripe, as breakages.
var connectBreakages = []breakage{
	{"a transfer to Stripe that the ledger does not know", "INV-1", "payouts_funded:1 stripe:payouts->bank:segregated campaign:1 ledger_minus_rows=-3000",
		`DELETE FROM transfers WHERE event = 'payouts_funded'`},
	{"a payout that Stripe has paid out of the bank", "INV-1", "connect_paid:",
		`UPDATE payouts SET connected = '' WHERE id = (SELECT payout_id FROM connect_transfers WHERE state = 'paid')`},
	{"money that came home and never came back", "INV-1", "payouts_home:",
		`UPDATE stripe_payouts SET back_of = NULL WHERE back_of IS NOT NULL`},
	{"money at Stripe that the bank never sent", "INV-4", "topup:1 state=booked debits=0",
		`DELETE FROM statement_lines WHERE outcome = 'payouts_funded'`},
	{"money at Stripe that two debits have sent", "INV-4", "topup:1 state=booked debits=2",
		`UPDATE settlement_topups SET batch_line = (SELECT id FROM statement_lines WHERE outcome = 'payouts_funded')`},
	{"money sent to Stripe of another amount", "INV-4", "names_no_such_topup",
		`UPDATE statement_lines SET amount_cents = amount_cents + 1 WHERE outcome = 'payouts_funded'`},
	{"a payout called paid that Stripe has not paid", "INV-4", "state=booked topup=booked at_stripe=leaving",
		`UPDATE payouts SET state = 'booked' WHERE id = (SELECT payout_id FROM connect_transfers WHERE state = 'leaving')`},
	{"a payout that Stripe has paid and that is owed again", "INV-4", "state=rejected topup=booked at_stripe=paid",
		`UPDATE payouts SET state = 'rejected', rejected_at = (SELECT max(at) FROM transfers) WHERE id = (SELECT payout_id FROM connect_transfers WHERE state = 'paid')`},
	{"a payout that came back and whose money nobody brings home", "INV-4", "state=rejected topup=booked at_stripe=back coming_home_cents=",
		`DELETE FROM stripe_payouts WHERE back_of IS NOT NULL`},
	{"a payout through Stripe that was never asked for there", "INV-4", "state=booked topup=booked at_stripe=",
		`DELETE FROM connect_transfers WHERE state = 'paid'`},
	{"more sent to Stripe than its payouts", "INV-10", "topup_cents=3001",
		`UPDATE settlement_topups SET amount_cents = amount_cents + 1`},
	{"a payout through Stripe in another file", "INV-10", "file=1 payouts_cents=3000 files=1-2",
		`UPDATE payouts SET file_number = 2 WHERE id = (SELECT payout_id FROM connect_transfers WHERE state = 'paid')`},
	{"a payout to an account at Stripe that nobody has agreed to", "INV-13", "account_at_stripe_not_in_force",
		`UPDATE connect_accounts SET approved_at = NULL, approved_by = NULL, in_force_at = NULL WHERE id = 1`},
	{"a payout to somebody else's account at Stripe", "INV-13", "account_at_stripe_not_in_force",
		`UPDATE payouts SET connected = 'acct_else' WHERE id = (SELECT payout_id FROM connect_transfers WHERE state = 'paid')`},
	{"an account at Stripe that one person chose and agreed to", "INV-13", "in_force_undecided",
		`UPDATE connect_accounts SET approved_by = created_by WHERE id = 1`},
	{"an account at Stripe that has not cooled", "INV-13", "in_force_undecided",
		`UPDATE connect_accounts SET in_force_at = created_at WHERE id = 1`},
}
