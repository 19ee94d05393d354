package money_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

const segregated, operating = "FR7630006000011234567890189", "FR7630001007941234567890185"

type bundle struct {
	*world.World
	*money.Service
	orders *orders.Service
	second identity.Actor // another member of the operator, who decides
	t      testing.TB
}

func setup(t testing.TB) bundle {
	t.Helper()
	w := world.New(t)
	seller := invoicing.Seller{Name: "Passerelle", SIRET: "12345678200010", Street: "1 rue du Pont", Postcode: "74000", Town: "Annecy",
		Segregated: invoicing.Account{IBAN: segregated}, Operating: invoicing.Account{IBAN: operating}}
	told := func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil }
	b := bundle{w, money.New(w.DB), orders.New(w.DB, seller, told), w.Operator, t}
	m, err := w.Identity.AddMember(t.Context(), w.Operator, identity.NewMember{Name: "Zoé", Email: "zoe@passerelle.example", Role: identity.Finance})
	b.ok(err)
	b.second.Person, b.second.Role = m.ID, identity.Finance
	return b
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b bundle) refused(err error, code string) {
	b.t.Helper()
	if fault.Code(err) != code {
		b.t.Errorf("got %v, want fault %q", err, code)
	}
}

func (b bundle) desk() money.Desk {
	b.t.Helper()
	d, err := b.Open(b.t.Context(), b.Operator)
	b.ok(err)
	return d
}

func (b bundle) statement(q money.MovesQuery) money.Statement {
	b.t.Helper()
	s, err := b.Statement(b.t.Context(), b.Operator, q)
	b.ok(err)
	return s
}

// forgivenAsAsked checks what the books and the rules say of debts that were forgiven.
func (b bundle) forgivenAsAsked() {
	b.t.Helper()
	v, err := reporting.New(b.DB, settlement.FileOf).Verify(b.t.Context(), b.Operator)
	b.ok(err)
	for _, f := range v.Findings {
		if evidence := strings.Join(f.Evidence, " "); strings.Contains(evidence, "debt_forgiven") || f.ID == "INV-12" && !f.OK {
			b.t.Errorf("%s is broken: %v", f.ID, f.Evidence)
		}
	}
}

// bankSays imports a statement of the segregated account that closes on today's balance.
func (b bundle) bankSays(closing vouchers.Cents) {
	b.t.Helper()
	today := vouchers.DayOf(b.Clock.Now())
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: 5_00, Credit: true, Outcome: "unattributed"})
		if err != nil {
			return err
		}
		_, err = tx.Exec(b.t.Context(), `UPDATE statements SET closing_cents = $2, closing_on = $3 WHERE id = (SELECT statement_id FROM statement_lines WHERE id = $1)`, line, closing, today)
		if err != nil {
			return err
		}
		return ledger.Post(b.t.Context(), tx, ledger.ReceivedUnexplained(line, 5_00)...)
	})
}

// returned lets the bank take back a part of the first order's payment.
func (b bundle) returned(amount vouchers.Cents) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: amount, Outcome: "payment_returned", Cause: 1})
		if err != nil {
			return err
		}
		if err := ledger.Post(b.t.Context(), tx, ledger.DebitedUnexpectedly(line, amount)...); err != nil {
			return err
		}
		_, err = orders.TakeBack(b.t.Context(), tx, 1, orders.Taker{Line: line}, amount, func(taken orders.Taken) []ledger.Transfer {
			return ledger.PaymentReturned(line, ledger.TakenBack{Campaign: taken.Campaign, Funder: taken.Funder, Credit: taken.Credit, Funds: taken.Funds, Debt: taken.Debt})
		})
		return err
	})
}

// allLive hands over all that the campaign has.
func (b bundle) allLive() {
	b.t.Helper()
	for range 10 {
		b.HandOver(b.Campaign, 100)
	}
}

// toppedUp lets the operator make good what the segregated account lacks for the first
// order.
func (b bundle) toppedUp(amount vouchers.Cents) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		line, err := b.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "topped_up", Cause: 1})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(b.t.Context(), `UPDATE takebacks SET topped_up_cents = topped_up_cents + $1`, amount); err != nil {
			return err
		}
		return ledger.Post(b.t.Context(), tx, slices.Concat(ledger.ReceivedUnexplained(line, amount), ledger.ToppedUp(line, b.Campaign.ID, amount))...)
	})
}

func TestTheDeskSaysWhatTheBankAndTheBooksSay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if d := b.desk(); len(d.Holdings) != 5 || d.Holdings[0].Books != 10_000_00 || d.Holdings[0].Bank != nil || len(d.Tiles) != 0 {
		t.Fatalf("before any balance is told: %+v", d)
	}
	b.bankSays(10_004_00)
	b.Clock.Add(3 * 24 * time.Hour)
	b.InTx(func(tx *db.Tx) error { // booked after the balance
		line, err := b.BankLine(tx, world.Line{Amount: 7_00, Outcome: "unexpected_debit"})
		if err != nil {
			return err
		}
		return ledger.Post(t.Context(), tx, ledger.DebitedUnexpectedly(line, 7_00)...)
	})
	d := b.desk()
	h := d.Holdings[0]
	if h.Books != 9_998_00 || h.Bank == nil || h.Bank.Book != 10_005_00 || h.Bank.Gap() != -1_00 || h.Bank.AgeDays(d.At) != 3 {
		t.Errorf("%+v %+v", h, h.Bank)
	}
	if len(d.Tiles) != 2 || d.Tiles[0].Name != "credits" || d.Tiles[0].Amount != 5_00 || d.Tiles[0].AgeDays(vouchers.DayOf(d.At)) != 3 ||
		d.Tiles[1].Name != "debits" || d.Tiles[1].Amount != 7_00 {
		t.Errorf("%+v", d.Tiles)
	}
}

func TestUnpaidOrdersAndFeesAge(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := func() orders.Order {
		o, err := b.orders.Place(t.Context(), b.Funder, orders.PlaceRequest{Campaign: b.Campaign.ID, Vouchers: 10})
		b.ok(err)
		return o
	}
	old := order()
	b.InTx(func(tx *db.Tx) error {
		_, err := invoicing.Issue(t.Context(), tx, invoicing.Seller{Operating: invoicing.Account{IBAN: operating}}, invoicing.Draft{Kind: invoicing.Fees,
			Order: old.ID, Campaign: b.Campaign.ID, Funder: b.Funder.Organisation, VATRate: 2000, Lines: []invoicing.Line{{Text: "Service", Quantity: 1, Unit: 50_00}}})
		return err
	})
	b.Clock.Add(40 * 24 * time.Hour)
	order()
	d := b.desk()
	want := []money.Bucket{{ToDays: 15, Orders: 1, Face: 100_00}, {FromDays: 16, ToDays: 30},
		{FromDays: 31, ToDays: 60, Orders: 1, Face: 100_00, Invoices: 1, Fees: 60_00}, {FromDays: 61}}
	if fmt.Sprint(d.Ageing) != fmt.Sprint(want) {
		t.Errorf("%+v", d.Ageing)
	}
	if len(d.Debtors) != 1 || d.Debtors[0].Fees != 60_00 || d.Debtors[0].Name != b.Funder.OrganisationName {
		t.Errorf("%+v", d.Debtors)
	}
}

func TestAnAccountTellsItsTransfersFromTheNewest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	booklet := b.HandOver(b.Campaign, 10)
	for range 4 {
		b.Redeem(b.Structure, booklet, 1)
	}
	b.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
	b.Redeem(b.Structure, booklet, 2)
	q := money.MovesQuery{Account: ledger.Live(b.Campaign.ID), Limit: 3}
	first := b.statement(q)
	if first.Balance.Balance != 40_00 || first.Of != b.Campaign.Name || len(first.Moves) != 3 || first.Moves[0].Change != -20_00 || first.Moves[0].Balance != 40_00 ||
		first.Moves[2].Balance != 70_00 || first.Moves[0].Other != ledger.Payable(b.Structure.Organisation) {
		t.Errorf("%+v", first)
	}
	q.Before = first.Moves[2].ID
	rest := b.statement(q)
	if len(rest.Moves) != 3 || rest.Moves[0].Balance != 80_00 || rest.Moves[2].Event != "handover" || rest.Moves[2].Balance != 100_00 {
		t.Errorf("%+v", rest)
	}
	q.Before = rest.Moves[2].ID
	if end := b.statement(q); len(end.Moves) != 0 {
		t.Errorf("%+v", end.Moves)
	}
	if other := b.statement(money.MovesQuery{Account: ledger.Segregated, Campaign: b.Campaign.ID, Limit: 10}); !other.Asset || other.Balance.Balance != 10_000_00 || len(other.Moves) != 1 {
		t.Errorf("%+v", other)
	}
	_, err := b.Statement(t.Context(), b.Operator, money.MovesQuery{Account: "bank:moon", Limit: 1})
	b.refused(err, "not_found")
}

// A quiet account is found below 200,000 transfers of others, with and without the index's
// summary of them.
func TestAQuietAccountIsFoundUnderBusyOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.InTx(func(tx *db.Tx) error {
		if err := ledger.Post(t.Context(), tx, ledger.OperatingMoved(77, 12_00)...); err != nil {
			return err
		}
		_, err := tx.Exec(t.Context(), `
			INSERT INTO transfers (at, event, cause, debit, credit, amount, campaign_id)
			SELECT $1::timestamptz, 'redemption', g, 'campaign:1:live', 'structure:4:payable', 1, 1 FROM generate_series(1, 210000) AS g`, tx.Now)
		return err
	})
	for range 2 {
		s := b.statement(money.MovesQuery{Account: ledger.Operating, Limit: 5})
		if len(s.Moves) != 1 || s.Moves[0].Balance != 12_00 {
			t.Errorf("%+v", s)
		}
		e, err := b.Event(t.Context(), b.Operator, "redemption", 123_456)
		if err != nil || len(e.Legs) != 1 {
			t.Errorf("%v: %+v", err, e)
		}
		b.InTx(func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), `SELECT brin_summarize_new_values('transfers_found')`)
			return err
		})
	}
}

// The running balance of every account, page by page, is that of an account book.
func TestPagesAddUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	n := int64(0)
	rapid.Check(t, func(r *rapid.T) {
		b.InTx(func(tx *db.Tx) error {
			n++
			x := vouchers.Cents(rapid.IntRange(-500, 500).Draw(r, "moved"))
			return ledger.Post(t.Context(), tx, append(ledger.OperatingMoved(n, x), ledger.FeesPaid(n, b.Funder.Organisation, max(x, 1))...)...)
		})
		if rapid.Bool().Draw(r, "rolled up") {
			b.InTx(func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) })
		}
		account := rapid.SampledFrom([]ledger.Account{ledger.Operating, ledger.FeesDue(b.Funder.Organisation)}).Draw(r, "account")
		var whole []money.Move
		b.ok(b.Whole(t.Context(), b.Operator, money.MovesQuery{Account: account}, func(m money.Move) error { whole = append(whole, m); return nil }))
		q := money.MovesQuery{Account: account, Limit: rapid.IntRange(1, 20).Draw(r, "limit")}
		sum := vouchers.Cents(0)
		for _, m := range whole {
			if sum += m.Change; m.Balance != sum {
				r.Fatalf("transfer %d: balance %s, want %s", m.ID, m.Balance, sum)
			}
		}
		for at := len(whole); at > 0; {
			s := b.statement(q)
			if s.Balance.Balance != sum {
				r.Fatalf("%s: %s, want %s", account, s.Balance.Balance, sum)
			}
			for _, m := range s.Moves {
				if at--; m != whole[at] {
					r.Fatalf("page: %+v, whole: %+v", m, whole[at])
				}
			}
			q.Before = s.Moves[len(s.Moves)-1].ID
		}
	})
}

func TestAccountsComeInPages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1)
	all, err := b.Accounts(t.Context(), b.Operator, money.AccountsQuery{Limit: 100})
	b.ok(err)
	var paged []money.Balance
	for q := (money.AccountsQuery{Limit: 1}); ; q.After = paged[len(paged)-1].Account {
		page, err := b.Accounts(t.Context(), b.Operator, q)
		b.ok(err)
		if len(page) == 0 {
			break
		}
		paged = append(paged, page...)
	}
	if len(all) != 4 || fmt.Sprint(all) != fmt.Sprint(paged) {
		t.Errorf("%v\n%v", all, paged)
	}
	none, err := b.Accounts(t.Context(), b.Operator, money.AccountsQuery{Campaign: 99, Limit: 100})
	if err != nil || len(none) != 0 {
		t.Errorf("%v %v", none, err)
	}
}

func TestADebtIsForgivenByTwo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	b.allLive()
	b.returned(30_00)
	debts, err := b.Debts(ctx, b.Operator)
	if err != nil || len(debts.Open) != 1 || debts.Open[0].Debt != 30_00 || debts.Open[0].Forgivable() != 0 {
		t.Fatalf("%v: %+v", err, debts)
	}
	req := money.WriteOffRequest{Order: 1, Reason: "La commune est dissoute"}
	_, err = b.RequestWriteOff(ctx, b.Operator, req)
	b.refused(err, "nothing_to_write_off") // the bank lacks it
	b.toppedUp(30_00)
	w, err := b.RequestWriteOff(ctx, b.Operator, req)
	b.ok(err)
	_, err = b.RequestWriteOff(ctx, b.second, req)
	b.refused(err, "writeoff_already_asked")
	_, err = b.ApproveWriteOff(ctx, b.Operator, w.ID)
	b.refused(err, "writeoff_same_person")
	told, err := ledger.Rehearse(ctx, func(ctx context.Context) error { _, err := b.ApproveWriteOff(ctx, b.second, w.ID); return err })
	if err != nil || len(told) != 1 || told[0].Debit != ledger.Losses || told[0].Amount != 30_00 {
		t.Errorf("%v: %+v", err, told)
	}
	done, err := b.ApproveWriteOff(ctx, b.second, w.ID)
	if err != nil || done.State != money.Approved || done.DecidedBy != "Zoé" {
		t.Errorf("%v: %+v", err, done)
	}
	_, err = b.RefuseWriteOff(ctx, b.second, w.ID)
	b.refused(err, "writeoff_decided")
	o, err := b.orders.Open(ctx, b.Funder, 1)
	if err != nil || o.Debt != 0 || o.State != orders.Funded {
		t.Errorf("%v: %+v", err, o)
	}
	if d := b.desk(); len(d.Debtors) != 0 {
		t.Errorf("%+v", d.Debtors)
	}
	b.forgivenAsAsked()
	e, err := b.Event(ctx, b.Operator, "debt_forgiven", w.ID)
	if err != nil || len(e.Sources) != 1 || e.Sources[0] != (money.Source{Kind: "order", ID: 1}) {
		t.Errorf("%v: %+v", err, e)
	}
	debts, err = b.Debts(ctx, b.Operator)
	if err != nil || len(debts.Open) != 0 || len(debts.WriteOffs) != 1 {
		t.Errorf("%v: %+v", err, debts)
	}
}

func TestADebtThatShrankIsAskedAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allLive()
	b.returned(30_00)
	b.toppedUp(30_00)
	w, err := b.RequestWriteOff(t.Context(), b.Operator, money.WriteOffRequest{Order: 1, Reason: "La commune est dissoute"})
	b.ok(err)
	b.InTx(func(tx *db.Tx) error { // and yet it pays a part
		line, err := b.BankLine(tx, world.Line{Amount: 10_00, Credit: true, Outcome: "order_funded", Cause: 1})
		if err != nil {
			return err
		}
		return b.orders.Receive(t.Context(), tx, orders.Incoming{Order: 1, Source: orders.Source{Line: line}, Amount: 10_00},
			func(r ledger.Received) []ledger.Transfer { return ledger.OrderPaid(line, r) })
	})
	_, err = b.ApproveWriteOff(t.Context(), b.second, w.ID)
	b.refused(err, "writeoff_above_debt")
	if _, err = b.RefuseWriteOff(t.Context(), b.Operator, w.ID); err != nil {
		t.Errorf("who asked takes it back: %v", err)
	}
	again, err := b.RequestWriteOff(t.Context(), b.second, money.WriteOffRequest{Order: 1, Reason: "Le reste est perdu"})
	if err != nil || again.Amount != 20_00 {
		t.Errorf("%v: %+v", err, again)
	}
	b.forgivenAsAsked()
}

// Two people who approve at once forgive once.
func TestADebtIsForgivenOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.allLive()
	b.returned(30_00)
	b.toppedUp(30_00)
	w, err := b.RequestWriteOff(t.Context(), b.Operator, money.WriteOffRequest{Order: 1, Reason: "La commune est dissoute"})
	b.ok(err)
	var wg sync.WaitGroup
	results := make(chan error, 8)
	for range cap(results) {
		wg.Go(func() { _, err := b.ApproveWriteOff(t.Context(), b.second, w.ID); results <- err })
	}
	wg.Wait()
	close(results)
	done := 0
	for err := range results {
		if err == nil {
			done++
		} else {
			b.refused(err, "writeoff_decided")
		}
	}
	if done != 1 {
		t.Errorf("forgiven %d times", done)
	}
	b.forgivenAsAsked()
}

func TestTheDeskIsTheOperators(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, token, reader := t.Context(), b.Operator, b.Operator
	token.Scopes, reader.Role = []string{"orders"}, identity.Reader
	for _, who := range []identity.Actor{{}, b.Funder, b.Structure.Actor, token} {
		for name, err := range map[string]error{
			"desk":      second(b.Open(ctx, who)),
			"accounts":  second(b.Accounts(ctx, who, money.AccountsQuery{})),
			"statement": second(b.Statement(ctx, who, money.MovesQuery{})),
			"whole":     b.Whole(ctx, who, money.MovesQuery{}, nil),
			"event":     second(b.Event(ctx, who, "receipt", 1)),
			"debts":     second(b.Debts(ctx, who)),
			"write-off": second(b.OneWriteOff(ctx, who, 1)),
		} {
			if code := fault.Code(err); code != "forbidden" && code != "unauthenticated" && code != "scope_missing" {
				t.Errorf("%s: %s: %v", name, who.Kind, err)
			}
		}
	}
	for _, who := range []identity.Actor{b.Funder, reader} {
		_, asked := b.RequestWriteOff(ctx, who, money.WriteOffRequest{Order: 1, Reason: "pour rien"})
		b.refused(asked, "forbidden")
		b.refused(second(b.ApproveWriteOff(ctx, who, 1)), "forbidden")
		b.refused(second(b.RefuseWriteOff(ctx, who, 1)), "forbidden")
	}
	b.refused(second(b.ApproveWriteOff(ctx, b.Operator, 1)), "not_found")
	b.refused(second(b.RequestWriteOff(ctx, b.Operator, money.WriteOffRequest{Order: 99, Reason: "pour rien"})), "not_found")
	b.refused(second(b.RequestWriteOff(ctx, b.Operator, money.WriteOffRequest{Order: 1, Reason: " x  "})), "writeoff_reason")
}

func second[T any](_ T, err error) error { return err }
