package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// looksSound checks what is cheap to check: cover, and that no account is overdrawn.
func (l *life) looksSound() {
	l.t.Helper()
	l.finds(cheaply)
}

// holds checks every invariant from the rows.
func (l *life) holds() {
	l.t.Helper()
	l.finds(cheaply)
	l.finds(wholly)
	l.finds(ordersHold)
}

// check gives what is broken, as tx sees it.
type check func(ctx context.Context, tx *db.Tx) (broken []string, err error)

func (l *life) finds(look check) {
	l.t.Helper()
	var broken []string
	l.ok(l.store.Read(l.ctx(), func(tx *db.Tx) (err error) {
		broken, err = look(l.ctx(), tx)
		return err
	}))
	if len(broken) > 0 {
		l.t.Errorf("after step %d: %s", l.steps, strings.Join(broken, "\n"))
	}
}

func wholly(ctx context.Context, tx *db.Tx) (broken []string, err error) {
	found, err := reporting.Verify(ctx, tx, settlement.FileOf)
	for _, f := range found {
		if !f.OK {
			broken = append(broken, fmt.Sprintf("%s: %s", f.ID, strings.Join(f.Evidence, "; ")))
		}
	}
	return broken, err
}

// ordersHold: no order has received more than it asks for, and none owes less than nothing.
func ordersHold(ctx context.Context, tx *db.Tx) (broken []string, err error) {
	err = tx.Select(ctx, &broken, `
		SELECT format('order:%s face=%s %s', o.id, o.face_cents, to_jsonb(m)) FROM orders o CROSS JOIN LATERAL (`+orders.MoneyOfOrder+`) AS m
		WHERE m.received NOT BETWEEN 0 AND o.face_cents OR LEAST(m.debt, m.debt_to_bank, m.debt_to_operator, m.in_doubt) < 0 ORDER BY o.id`)
	return broken, err
}

func cheaply(ctx context.Context, tx *db.Tx) (broken []string, err error) {
	cover, err := reporting.CoverNow(ctx, tx)
	if err != nil {
		return nil, err
	}
	if !cover.Covered {
		broken = append(broken, fmt.Sprintf("INV-5: %s held for %s", cover.Held, cover.Owed.Total()))
	}
	for _, c := range cover.Campaigns {
		if !c.Covered && c.ID != 0 {
			broken = append(broken, fmt.Sprintf("INV-5: campaign %d: %s held for %+v", c.ID, c.Held, c.Owed))
		}
	}
	sums, err := ledger.Sums(ctx, tx)
	if err != nil {
		return nil, err
	}
	funds, whole := map[ledger.Account]vouchers.Cents{}, map[ledger.Account]vouchers.Cents{}
	for _, sum := range sums {
		whole[sum.Account] += sum.Owed()
		kind, _ := sum.Account.Parts()
		if perCampaign[kind] && sum.Owed() < 0 {
			broken = append(broken, fmt.Sprintf("%s of campaign %d is %s", sum.Account, sum.Campaign, sum.Owed()))
		}
		if sum.Account.Guarded() {
			funds[sum.Account] += sum.Owed()
		}
	}
	for account, owed := range whole {
		kind, _ := account.Parts()
		if neverBelow[kind] && owed < 0 || neverAbove[kind] && owed > 0 {
			broken = append(broken, fmt.Sprintf("%s is %s", account, owed))
		}
	}
	unguarded, err := balancesUnlike(ctx, tx, funds)
	return append(broken, unguarded...), err
}

// What is owed never falls below zero, and what others owe us neither.
var (
	perCampaign = map[string]bool{"campaign:funds": true, "campaign:live": true, "campaign:unused": true, "funder:credit": true,
		"structure:payable": true, "structure:withheld": true, "campaign:recoverable": true, "payouts:in_transit": true, "refunds:in_transit": true, "operator:claims": true}
	neverBelow = map[string]bool{"funder:paying": true}
	neverAbove = map[string]bool{"funder:debt": true, "structure:debt": true, "operator:advances": true, "stripe:segregated": true, "bank:segregated": true}
)

// balancesUnlike are the guarded balances that are not the sums of their transfers.
func balancesUnlike(ctx context.Context, tx *db.Tx, funds map[ledger.Account]vouchers.Cents) (broken []string, err error) {
	var rows []struct {
		Account ledger.Account `db:"account"`
		Balance vouchers.Cents `db:"balance"`
	}
	err = tx.Select(ctx, &rows, `SELECT account, balance FROM guarded_balances ORDER BY account`)
	for _, r := range rows {
		if r.Balance != funds[r.Account] || r.Balance < 0 {
			broken = append(broken, fmt.Sprintf("INV-9: %s is guarded at %s, its transfers come to %s", r.Account, r.Balance, funds[r.Account]))
		}
	}
	return broken, err
}

// ends lets everything that is on its way arrive, and explains each cent.
func (l *life) ends() {
	if l.t.Failed() {
		return
	}
	for range 3 { // what one round brings may send something else on its way
		l.timePasses()
		for _, d := range l.stripe.Deliveries() {
			if !l.delivered[d.ID] {
				l.ok(l.payments.Hear(l.ctx(), d.Body, d.Signature))
				l.delivered[d.ID] = true
			}
		}
		l.ok(l.runner.Drain(l.ctx()))
		all, known := l.sent()
		for _, s := range all {
			l.paysOut(s, known[s.Descriptor])
		}
		l.bankPaysOut()
		l.bankRefunds()
		l.imports(l.segregated)
		l.imports(l.operating)
		l.makesGood()
	}
	l.imports(l.operating)
	l.holds()
	l.agreesWithStripe()
	l.notesCampaigns()
	l.goesRed()
}

// agreesWithStripe compares what Stripe holds for us with the books.
func (l *life) agreesWithStripe() {
	available, pending := l.stripe.Balance()
	books := l.held(ledger.StripeClearing) + l.held(ledger.StripeSegregated)
	var onItsWay vouchers.Cents
	for _, s := range l.stripe.Sent() {
		if !l.arrived[s.ID] {
			onItsWay += s.Amount
		}
	}
	if have := available + pending - reserve; have+onItsWay != books {
		l.t.Errorf("Stripe holds %s and has sent %s, the books say %s", have, onItsWay, books)
	}
	for _, a := range []struct {
		of    *bankAccount
		books ledger.Account
	}{{l.segregated, ledger.Segregated}, {l.operating, ledger.Operating}} {
		if have := l.held(a.books); have != a.of.balance {
			l.t.Errorf("the bank has %s on %s, the books say %s", a.of.balance, a.books, have)
		}
	}
}

func (l *life) held(a ledger.Account) (held vouchers.Cents) {
	l.t.Helper()
	l.ok(l.store.Read(l.ctx(), func(tx *db.Tx) error {
		owed, err := ledger.Balance(l.ctx(), tx, a)
		held = -owed
		return err
	}))
	return held
}

// recovers says whether a dispute gave back what had been forgiven.
func (l *life) recovers(dispute int64) (so bool) {
	l.t.Helper()
	l.ok(l.store.Read(l.ctx(), func(tx *db.Tx) error {
		return tx.Get(l.ctx(), &so, `SELECT EXISTS (SELECT 1 FROM transfers WHERE event = 'dispute_won' AND cause = $1 AND credit = $2)`, dispute, ledger.Losses)
	}))
	return so
}

// note counts once what nobody does by hand.
func (l *life) note(kind string, id any, so bool) {
	l.t.Helper()
	if key := fmt.Sprint(kind, id); so && !l.noted[key] {
		l.noted[key] = true
		l.act(kind, nil)
	}
}

// notesDisputes of what disputes do, as long as it can be seen.
func (l *life) notesDisputes() {
	desk, err := l.payments.Desk(l.ctx(), l.Operator)
	l.ok(err)
	for _, k := range desk.Checkouts {
		l.note("a page expires", k.ID, k.State == payments.Expired)
	}
	for _, d := range desk.Disputes {
		l.note("a dispute takes what does not count yet", d.ID, d.Pending != nil && *d.Pending > 0)
		l.note("a dispute stops vouchers", d.ID, d.Frozen > 0)
		l.note("what was lost comes back too late to be undone", d.ID, d.State == "bounced")
		l.note("what was forgiven comes back", d.ID, d.State == "bounced" && l.recovers(d.ID))
	}
	owed, err := l.money.Debts(l.ctx(), l.Operator)
	l.ok(err)
	for _, d := range owed.Open {
		disputed := slices.ContainsFunc(desk.Disputes, func(one payments.Dispute) bool { return one.Order == d.Order && one.Counted != nil && *one.Counted > 0 })
		l.note("a dispute takes what is live", d.Order, disputed)
	}
}

// notesCampaigns of what has become of vouchers and credit.
func (l *life) notesCampaigns() {
	for _, c := range l.programmes {
		st, err := l.closing.Statement(l.ctx(), l.Operator, c.ID)
		l.ok(err)
		l.note("vouchers expire", c.ID, st.Expired() > 0)
		for _, f := range st.Funders {
			l.note("credit is rolled over", fmt.Sprint(c.ID, f.Funder), len(f.RolledOver) > 0)
		}
	}
}

// errUndo keeps a broken row from staying.
var errUndo = errors.New("undo")

// goesRed breaks one row for each invariant, and looks whether the checks of this test see
// it: one that cannot fail proves nothing.
func (l *life) goesRed() {
	for _, broken := range []struct {
		what, sign string
		look       check
		sql        []string
	}{
		{"a hand-over that debits no funds", "INV-1", wholly, []string{
			`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			 SELECT at, event, cause, 'suspense', credit, amount, campaign_id FROM transfers WHERE event = 'handover' ORDER BY id DESC LIMIT 1`}},
		{"a receipt twice", "INV-2", wholly, []string{
			`ALTER TABLE receipts DROP CONSTRAINT receipts_line`,
			`INSERT INTO receipts (line_id, order_id, funds_cents, credit_cents, received_at)
			 SELECT line_id, order_id, funds_cents, credit_cents, received_at FROM receipts WHERE line_id IS NOT NULL AND funds_cents > 0 ORDER BY id DESC LIMIT 1`}},
		{"vouchers that nobody paid for", "INV-5", wholly, []string{
			`INSERT INTO vouchers (booklet_id, campaign_id, face_cents, state)
			 SELECT id, campaign_id, 10000000, 'live' FROM booklets ORDER BY id DESC LIMIT 1`}},
		{"a guarded balance that money was taken from", "INV-9", wholly, []string{`UPDATE guarded_balances SET balance = balance + 1`}},
		{"cash that leaves unseen", "INV-5", cheaply, []string{
			`INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			 SELECT at, event, cause, 'suspense', debit, amount, campaign_id FROM transfers WHERE debit = 'bank:segregated' AND campaign_id <> 0 ORDER BY id DESC LIMIT 1`}},
		{"a guarded balance that drifts", "INV-9", cheaply, []string{`UPDATE guarded_balances SET balance = balance + 1`}},
	} {
		var found []string
		err := l.store.InTx(l.ctx(), func(tx *db.Tx) error {
			for _, statement := range broken.sql {
				if _, err := tx.Exec(l.ctx(), statement); err != nil {
					return err
				}
			}
			var err error
			if found, err = broken.look(l.ctx(), tx); err == nil {
				err = errUndo
			}
			return err
		})
		if !errors.Is(err, errUndo) {
			l.t.Errorf("%s: %v", broken.what, err)
		}
		if !strings.Contains(strings.Join(found, "\n"), broken.sign) {
			l.t.Errorf("%s is not seen by %s: %q", broken.what, broken.sign, found)
		}
	}
}
