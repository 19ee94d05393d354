package closing_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
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
	schema := filepath.Join(standards, "iso20022", "pain.001.001.09.xsd")
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
	if out := s.bank(segregated, s.refund(r.ID), false, ""); out != "refund_booked" {
		t.Errorf("outcome %q", out)
	}
	s.holds()
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

func TestWhatIsTheOperatorsIsSweptAndMakesGoodItsAdvances(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.funded("Premiers clics", 100)
	funder := s.Funder.Organisation
	s.InTx(func(tx *db.Tx) error {
		return ledger.Post(t.Context(), tx, append(append(ledger.CardRefunded(1, c.ID, 70_00),
			ledger.Disputed(2, c.ID, funder, 50_00, 0)...), ledger.DebtSecured(2, c.ID, 50_00)...)...)
	})
	s.ok(s.room.BringBack(t.Context()))
	all := s.proposed()
	if len(all) != 1 || all[0].Kind != closing.OfClaim || all[0].Amount != 120_00 || all[0].Funder != nil {
		t.Fatalf("proposed: %+v", all)
	}
	f, err := s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{all[0].ID}})
	s.ok(err)
	s.fileIsValid(f, `<IBAN>`+operating.Full()+`</IBAN>`)
	claim := s.refund(all[0].ID)
	// The bank's two statements may come in any order.
	if out := s.bank(operating, claim, true, ""); out != "claim_arrived" {
		t.Errorf("outcome %q", out)
	}
	if out := s.bank(segregated, claim, false, ""); out != "claim_booked" {
		t.Errorf("outcome %q", out)
	}
	if out := s.bank(operating, claim, true, ""); out != "" {
		t.Errorf("arrived twice: %q", out)
	}
	if s.owed(ledger.Advances) != 0 || s.owed(ledger.Debt(funder)) != 0 || s.owed(ledger.Claims) != 0 {
		t.Errorf("advances %s, debt %s, claims %s", s.owed(ledger.Advances), s.owed(ledger.Debt(funder)), s.owed(ledger.Claims))
	}
	s.ok(s.room.BringBack(t.Context()))
	if len(s.proposed()) != 0 {
		t.Error("proposed again")
	}
}

func TestAClaimThatComesBackIsProposedAgain(t *testing.T) {
	t.Parallel()
	s := setup(t)
	c := s.funded("Premiers clics", 100)
	s.InTx(func(tx *db.Tx) error { return ledger.Post(t.Context(), tx, ledger.CardRefunded(1, c.ID, 70_00)...) })
	s.ok(s.room.BringBack(t.Context()))
	first := s.proposed()[0]
	_, err := s.room.Approve(t.Context(), s.finance, closing.ApproveRequest{Refunds: []vouchers.RefundID{first.ID}})
	s.ok(err)
	first = s.refund(first.ID)
	s.bank(segregated, first, false, "")
	if out := s.bank(segregated, first, true, "AC04"); out != "claim_returned" {
		t.Errorf("outcome %q", out)
	}
	s.ok(s.room.BringBack(t.Context()))
	if again := s.proposed(); len(again) != 1 || again[0].Amount != 70_00 {
		t.Errorf("proposed: %+v", again)
	}
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
