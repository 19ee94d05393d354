package closing_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// fileIsValid fetches a file twice, validates it and looks for texts in it.
func (s *stage) fileIsValid(f closing.File, texts ...string) {
	s.t.Helper()
	var first, second bytes.Buffer
	s.ok(s.room.WriteFile(s.t.Context(), s.finance, f.ID, &first))
	s.ok(s.room.WriteFile(s.t.Context(), s.finance, f.ID, &second))
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		s.t.Error("the file changed")
	}
	for _, text := range texts {
		if !bytes.Contains(first.Bytes(), []byte(text)) {
			s.t.Errorf("%s is not in the file:\n%s", text, first.String())
		}
	}
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	version := "09"
	if bytes.Contains(first.Bytes(), []byte("pain.001.001.03")) {
		version = "03"
	}
	schema := filepath.Join(standards, "iso20022", "pain.001.001."+version+".xsd")
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			s.t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		s.t.Logf("schema not present: not validated (%v)", err)
		return
	}
	command := exec.Command("xmllint", "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = &first
	if out, err := command.CombinedOutput(); err != nil {
		s.t.Errorf("%v (xmllint is in libxml2-utils)\n%s", err, out)
	}
}

// overpaid is a line that brought 25.00 more than its order lacked.
func (s *stage) overpaid() (closing.ToPayerRequest, closing.Refund) {
	s.t.Helper()
	c := s.campaign("Premiers clics")
	line := s.pays(s.orderedBy(s.Funder, c, 10), 125_00)
	s.exec(`UPDATE statement_lines SET counterparty_iban = $2 WHERE id = $1`, line, funderIBAN)
	req := closing.ToPayerRequest{Line: line, Funder: s.Funder.Organisation, Campaign: c.ID, Amount: 25_00,
		To: sepa.Account{IBAN: funderIBAN, Holder: "Trésorerie de Haute-Savoie"}}
	s.ok(s.toPayer(req))
	return req, s.proposed()[0]
}

func (s *stage) toPayer(req closing.ToPayerRequest) error {
	return s.DB.InTx(s.t.Context(), func(tx *db.Tx) error {
		_, err := s.room.ToPayer(s.t.Context(), tx, s.finance, req)
		return err
	})
}

func TestAnOverPaymentGoesBackToItsPayerWhenSomebodyElseApproves(t *testing.T) {
	t.Parallel()
	s := setup(t)
	req, r := s.overpaid()
	s.refused(s.toPayer(req), "more_than_credit")
	req.Amount = 0
	s.refused(s.toPayer(req), "more_than_credit")
	_, err := s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.refused(err, "own_request")
	_, err = s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{})
	s.refused(err, "refunds_none")
	f, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.ok(err)
	s.fileIsValid(f, "Tresorerie de Haute-Savoie", `<InstdAmt Ccy="EUR">25.00</InstdAmt>`)
	r = s.refund(r.ID)
	if len(r.EndToEnd) < 6 {
		t.Errorf("no line is searched for a name like %s", r.EndToEnd)
	}
	if out := s.bank(segregated, r, false, ""); out != "refund_booked" {
		t.Errorf("outcome %q", out)
	}
	s.holds()
}

func TestAFileKeepsTheVersionThatTheBankReadWhenItWasApproved(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.bankReads(sepa.Version03)
	_, r := s.overpaid()
	f, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.ok(err)
	s.fileIsValid(f, "pain.001.001.03", "<ReqdExctnDt>", "<StrtNm>rue de la Prefecture</StrtNm>", "<BtchBookg>false</BtchBookg>")
	s.bankReads(sepa.Version09)
	s.fileIsValid(f, "pain.001.001.03")
}

func TestARequestCanBeWithdrawn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	req, r := s.overpaid()
	_, err := s.room.Withdraw(t.Context(), s.Operator, r.ID)
	s.ok(err)
	_, err = s.room.Withdraw(t.Context(), s.Operator, r.ID)
	s.refused(err, "not_found")
	s.ok(s.toPayer(req))
	s.holds()
}

// What did not reach the payer is credit again, and can be given back again: once at a time.
func TestARefundToThePayerThatFailedCanBeRequestedAgain(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]func(s *stage, r closing.Refund){
		"rejected": func(s *stage, r closing.Refund) { s.rejects(r, "AM02") },
		"returned": func(s *stage, r closing.Refund) {
			s.wantBank(segregated, r, false, "refund_booked")
			s.bank(segregated, r, true, "AC04")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			req, r := s.overpaid()
			_, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
			s.ok(err)
			fails(s, s.refund(r.ID))
			s.holds()
			s.ok(s.toPayer(req))
			again := s.proposed()[0]
			next := s.campaign("Étape suivante")
			s.pays(s.orderedBy(s.Funder, next, 1), 60_00)
			other := req
			other.Campaign = next.ID
			s.refused(s.toPayer(other), "line_given_back")
			_, err = s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{again.ID}})
			s.ok(err)
			s.wantBank(segregated, s.refund(again.ID), false, "refund_booked")
			s.holds()
		})
	}
}

// givenBack is what a payment through Stripe of an order has set aside for the operator, once
// it is decided: a refund to the card, or the unspent part of a dispute that was lost.
func (s *stage) givenBack(o orders.Order, amount vouchers.Cents, disputed bool) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		ctx := s.t.Context()
		var paid, back int64
		err := tx.Get(ctx, &paid, `
			INSERT INTO checkouts (order_id, means, face_cents, fees_cents, state, created_at, created_by, expires_at, paid_at)
			VALUES ($1, 'card', $2, 0, 'paid', $3, $4, $3, $3) RETURNING id`, o.ID, amount, tx.Now, s.Funder.Person)
		if err != nil {
			return err
		}
		of, recipe := orders.Taker{}, func(t orders.Taken) []ledger.Transfer { return ledger.CardRefunded(back, t.Campaign, t.Funds) }
		if disputed {
			err = tx.Get(ctx, &back, `
				INSERT INTO disputes (checkout_id, object_id, reason, amount_cents, state, opened_at, closed_at, counted_cents, pending_cents, fees_cents)
				VALUES ($1::bigint, 'dp_' || $1, 'general', $2, 'lost', $3, $3, $2, 0, 0) RETURNING id`, paid, amount, tx.Now)
			of.Dispute, recipe = back, func(t orders.Taken) []ledger.Transfer {
				return append(ledger.Disputed(back, ledger.Contested{Campaign: t.Campaign, Funder: t.Funder, Counted: amount}), ledger.DebtSecured(back, t.Campaign, t.Funds)...)
			}
		} else {
			err = tx.Get(ctx, &back, `
				INSERT INTO card_refunds (checkout_id, amount_cents, state, created_at, created_by) VALUES ($1, $2, 'done', $3, $4) RETURNING id`,
				paid, amount, tx.Now, s.Operator.Person)
			of.CardRefund = back
		}
		if err != nil {
			return err
		}
		_, err = orders.TakeBack(ctx, tx, o.ID, of, amount, recipe)
		return err
	})
}

// claim approves the only proposal, which sweeps what is the operator's.
func (s *stage) claim(amount vouchers.Cents) closing.Refund {
	s.t.Helper()
	s.ok(s.room.BringBack(s.t.Context()))
	all := s.proposed()
	if len(all) != 1 || all[0].Kind != closing.OfClaim || all[0].Amount != amount || all[0].Funder != nil {
		s.t.Fatalf("proposed: %+v", all)
	}
	f, err := s.room.Approve(s.t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{all[0].ID}})
	s.ok(err)
	s.fileIsValid(f, `<IBAN>`+operating.Full()+`</IBAN>`)
	return s.refund(all[0].ID)
}

func (s *stage) wantBank(account sepa.IBAN, r closing.Refund, credit bool, want string) {
	s.t.Helper()
	if out := s.bank(account, r, credit, ""); out != want {
		s.t.Errorf("outcome %q, not %q", out, want)
	}
}

func TestWhatIsTheOperatorsIsSweptAndMakesGoodItsAdvances(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.campaign("Premiers clics")
	o := s.orderedBy(s.Funder, c, 100)
	s.pays(o, o.Face)
	s.givenBack(o, 70_00, false)
	s.givenBack(o, 50_00, true)
	claim := s.claim(120_00)
	// The bank's two statements may come in any order.
	s.wantBank(operating, claim, true, "claim_arrived")
	s.wantBank(segregated, claim, false, "claim_booked")
	s.wantBank(operating, claim, true, "")
	debt := ledger.Debt(s.Funder.Organisation)
	if s.owed(ledger.Advances) != 0 || s.owed(debt) != 0 || s.owed(ledger.Claims) != 0 {
		t.Errorf("advances %s, debt %s, claims %s", s.owed(ledger.Advances), s.owed(debt), s.owed(ledger.Claims))
	}
	s.ok(s.room.BringBack(t.Context()))
	if len(s.proposed()) != 0 {
		t.Error("proposed again")
	}
}

// What was set aside of one funder's money never pays another's debt.
func TestAClaimAnswersForTheDebtThatItWasTakenFor(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c, other := s.campaign("Premiers clics"), s.Organisation(identity.Funder, "État")
	s.shares(c, other, 50)
	first, second := s.orderedBy(s.Funder, c, 10), s.orderedBy(other, c, 10)
	s.pays(first, first.Face)
	s.pays(second, second.Face)
	s.InTx(func(tx *db.Tx) error { // a debt of the first, for which nothing was set aside
		return ledger.Post(t.Context(), tx, ledger.Disputed(99, ledger.Contested{Campaign: c.ID, Funder: s.Funder.Organisation, Counted: 30_00})...)
	})
	s.givenBack(second, 40_00, true)
	s.wantBank(operating, s.claim(40_00), true, "claim_arrived")
	if mine, theirs := s.owed(ledger.Debt(s.Funder.Organisation)), s.owed(ledger.Debt(other.Organisation)); mine != -30_00 || theirs != 0 {
		t.Errorf("the first owes %s, the second %s", -mine, -theirs)
	}
}

func TestAClaimThatComesBackIsProposedAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.funded("Premiers clics", 100)
	s.InTx(func(tx *db.Tx) error { return ledger.Post(t.Context(), tx, ledger.CardRefunded(1, c.ID, 70_00)...) })
	first := s.claim(70_00)
	s.bank(segregated, first, false, "")
	if out := s.bank(segregated, first, true, "AC04"); out != "claim_returned" {
		t.Errorf("outcome %q", out)
	}
	s.ok(s.room.BringBack(t.Context()))
	if again := s.proposed(); len(again) != 1 || again[0].Amount != 70_00 {
		t.Errorf("proposed: %+v", again)
	}
}

// orderOf is the order that a line has paid.
func (s *stage) orderOf(line int64) (id vouchers.OrderID) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		return tx.Get(s.t.Context(), &id, `SELECT order_id FROM receipts WHERE line_id = $1`, line)
	})
	return id
}

// returned lets the bank give a payment of an order back to its payer.
func (s *stage) returned(order vouchers.OrderID, amount vouchers.Cents) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		line, err := s.BankLine(tx, world.Line{Amount: amount, Outcome: "payment_returned", Cause: int64(order)})
		if err != nil {
			return err
		}
		if err := ledger.Post(s.t.Context(), tx, ledger.DebitedUnexpectedly(line, amount)...); err != nil {
			return err
		}
		_, err = orders.TakeBack(s.t.Context(), tx, order, orders.Taker{Line: line}, amount, func(t orders.Taken) []ledger.Transfer {
			return ledger.PaymentReturned(line, ledger.TakenBack(t))
		})
		return err
	})
}

func TestAnOrderNeverShowsLessThanNoCredit(t *testing.T) {
	t.Parallel()
	s := setup(t)
	start := s.today()
	c := s.campaign("Premiers clics")
	o := s.orderedBy(s.Funder, c, 10)
	s.pays(o, o.Face)
	s.on(start.AddDays(closesOn))
	s.closes(1)
	s.returned(o.ID, o.Face) // out of what the end of the campaign gave back
	o, err := s.orders.Open(t.Context(), s.Funder, o.ID)
	if err != nil || o.Credit != 0 || s.credit(s.Funder) != 0 {
		t.Errorf("credit of the order %s, of the funder %s, %v", o.Credit, s.credit(s.Funder), err)
	}
	s.holds()
}

// The credit that a refund was requested of has gone back with its payment; what the funder
// has of another campaign does not stand in for it.
func TestARequestedRefundOfCreditThatIsGoneIsRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	req, r := s.overpaid()
	other := s.orderedBy(s.Funder, s.campaign("Étape suivante"), 1)
	s.pays(other, 60_00)
	s.returned(s.orderOf(req.Line), 125_00)
	_, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.refused(err, "more_than_credit")
	s.holds()
}

func TestALineThatFitsNoRefundIsNotOurs(t *testing.T) {
	t.Parallel()
	s := setup(t)
	_, r := s.overpaid()
	_, err := s.room.Approve(t.Context(), s.Operator, closing.ApproveRequest{Refunds: []vouchers.RefundID{r.ID}})
	s.ok(err)
	r = s.refund(r.ID)
	other, strange := r, r
	other.Amount++
	strange.EndToEnd = "RFD999"
	for _, wrong := range []closing.Refund{other, strange} {
		if out := s.bank(segregated, wrong, false, ""); out != "" {
			t.Errorf("%s of %s: %q", wrong.EndToEnd, wrong.Amount, out)
		}
	}
	if out := s.bank("FR7610107001011234567890129", r, false, ""); out != "" {
		t.Errorf("another account: %q", out)
	}
	s.InTx(func(tx *db.Tx) error {
		names, err := s.room.Names(t.Context(), tx, []string{r.EndToEnd, "PSL1-2", "RFD999"})
		if len(names) != 1 || !names[r.EndToEnd] {
			t.Errorf("names: %v", names)
		}
		return err
	})
}
