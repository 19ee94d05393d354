package invoicing_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

var errChangedMind = errors.New("changed my mind")

// TestNoNumberIsMissing issues from 32 clients at once; a third of them change their mind
// after they were given a number.
func TestNoNumberIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var clients sync.WaitGroup
	var kept, credited atomic.Int32
	for client := range 32 {
		clients.Go(func() {
			for n := range 4 {
				var fees, credit bool
				err := b.DB.InTx(t.Context(), func(tx *db.Tx) error {
					kind := []invoicing.Kind{invoicing.Face, invoicing.Fees}[(client+n)%2]
					fees, credit = kind == invoicing.Fees, false
					i, err := b.issue(t.Context(), tx, kind, 20_00)
					if err == nil && fees && n%3 > 0 {
						credit = true
						_, err = invoicing.Credit(t.Context(), tx, invoicing.CreditDraft{Invoice: i.ID, Net: 5_00, Text: "x", Reason: "y"})
					}
					if err == nil && (client*7+n)%3 == 0 {
						err = errChangedMind
					}
					return err
				})
				switch {
				case err == nil && credit:
					credited.Add(1)
					fallthrough
				case err == nil:
					kept.Add(1)
				case !errors.Is(err, errChangedMind):
					t.Error(err)
				}
			}
		})
	}
	clients.Wait()
	if kept.Load() < 60 || kept.Load() > 100 || credited.Load() < 10 {
		t.Fatalf("%d invoices and %d credit notes were kept: the test proves nothing", kept.Load(), credited.Load())
	}
	b.numbered("F2026", int(kept.Load()))
	b.numbered("A2026", int(credited.Load()))
}

// numbered checks that a series holds the numbers 1 to n.
func (b bundle) numbered(series string, n int) {
	b.t.Helper()
	var got, want []string
	b.ok(b.DB.Read(b.t.Context(), func(tx *db.Tx) error {
		return tx.Select(b.t.Context(), &got, `SELECT number FROM invoices WHERE number LIKE $1 ORDER BY number`, series+"-%")
	}))
	for i := range n {
		want = append(want, fmt.Sprintf("%s-%06d", series, i+1))
	}
	if !slices.Equal(got, want) {
		b.t.Errorf("%s: %v, not 1 to %d", series, got, n)
	}
}

func TestAYearBeginsAtMidnightInParis(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Clock.Set(time.Date(2026, time.December, 31, 22, 59, 59, 0, time.UTC))
	if i := b.issued(invoicing.Face, 100_00); i.Number != "F2026-000001" || i.IssuedOn.String() != "2026-12-31" {
		t.Errorf("a second before: %s of %s", i.Number, i.IssuedOn)
	}
	b.Clock.Add(time.Second)
	if i := b.issued(invoicing.Face, 100_00); i.Number != "F2027-000001" || i.IssuedOn.String() != "2027-01-01" {
		t.Errorf("at midnight: %s of %s", i.Number, i.IssuedOn)
	}
}

func TestWhatWasIssuedIsNeverChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.issued(invoicing.Face, 100_00)
	for _, statement := range []string{`UPDATE invoices SET net_cents = 1`, `DELETE FROM invoices`, `TRUNCATE invoices CASCADE`} {
		err := b.DB.InTx(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec(t.Context(), statement)
			return err
		})
		if err == nil || !strings.Contains(err.Error(), "only ever added") {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

func TestFaceValueBearsNoVATAndFeesDo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	face, fees := b.issued(invoicing.Face, 1000_00), b.issued(invoicing.Fees, 40_03)
	if face.VAT != 0 || face.Snapshot.Seller.VATID != "" || face.Snapshot.IBAN != seller.Segregated.IBAN {
		t.Errorf("face value: %+v", face)
	}
	if fees.VAT != 8_01 || fees.Snapshot.Seller.VATID == "" || fees.Snapshot.IBAN != seller.Operating.IBAN || fees.Reference == face.Reference {
		t.Errorf("fees: %+v", fees)
	}
	if fees.DueOn != fees.IssuedOn.AddDays(30) {
		t.Errorf("due on %s", fees.DueOn)
	}
	b.owes(48_04)
	b.credited(fees, 10_00)
	b.owes(36_04)
	if d := b.opens(fees.ID); d.Due() != 36_04 || len(d.CreditNotes) != 1 || d.CreditNotes[0].Gross() != 12_00 {
		t.Errorf("%+v", d)
	}
}

// owes checks what the funder owes for fees, in the books.
func (b bundle) owes(want vouchers.Cents) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) error {
		due, err := ledger.Balance(b.t.Context(), tx, ledger.FeesDue(b.Funder.Organisation))
		if -due != want { // an asset: debits count below zero
			b.t.Errorf("the funder owes %s for fees, not %s", -due, want)
		}
		return err
	})
}

func TestCreditNotesGiveBackWhatWasInvoicedAndNoCentMore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fees := b.issued(invoicing.Fees, 13) // 2.6 cents of VAT
	var vat vouchers.Cents
	for _, net := range []vouchers.Cents{2, 2, 2, 2, 5} {
		vat += b.credited(fees, net).VAT
	}
	if vat != fees.VAT || vat != 3 {
		t.Errorf("%s of VAT given back, %s invoiced", vat, fees.VAT)
	}
	b.owes(0)
	_, err := b.credits(fees, 1)
	b.refused(err, "credit_above_invoice")
	if d := b.opens(fees.ID); d.Due() != 0 || d.Credited != d.Gross() {
		t.Errorf("%+v", d.Invoice)
	}
}

func TestTheVATOfCreditNotesIsTheInvoices(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.IntRange(1, 9999).Draw(t, "rate")
		i := invoicing.Invoice{Net: vouchers.Cents(rapid.Int64Range(1, 1_000_000).Draw(t, "net")), VATRate: rate}
		i.VAT = invoicing.VATOf(i.Net, rate)
		var vat vouchers.Cents
		for i.CreditedNet < i.Net {
			part := vouchers.Cents(rapid.Int64Range(1, int64(i.Net-i.CreditedNet)).Draw(t, "part"))
			back := i.VATBack(part)
			if off := back - invoicing.VATOf(part, rate); back < 0 || off < -1 || off > 1 {
				t.Fatalf("the VAT of %d is %d", part, back)
			}
			i.CreditedNet, vat = i.CreditedNet+part, vat+back
		}
		if vat != i.VAT {
			t.Fatalf("%d of VAT given back, %d invoiced", vat, i.VAT)
		}
	})
}

func TestCreditNotesThatRaceStayWithinTheInvoice(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fees := b.issued(invoicing.Fees, 50_00)
	var clients sync.WaitGroup
	var made atomic.Int32
	for range 16 {
		clients.Go(func() {
			if _, err := b.credits(fees, 10_00); err == nil {
				made.Add(1)
			} else {
				b.refused(err, "credit_above_invoice")
			}
		})
	}
	clients.Wait()
	if made.Load() != 5 {
		t.Errorf("%d times 10.00 of 50.00 were given back", made.Load())
	}
	b.numbered("A2026", 5)
	b.owes(0)
}

func TestWhoMayCreditAndWhat(t *testing.T) {
	t.Parallel()
	b := setup(t)
	face, fees := b.issued(invoicing.Face, 100_00), b.issued(invoicing.Fees, 50_00)
	_, err := b.credits(face, 10_00)
	b.refused(err, "credit_of_face_value")
	_, err = b.credits(b.credited(fees, 10_00), 1_00)
	b.refused(err, "credit_of_credit_note")
	_, err = b.credits(fees, 0)
	b.refused(err, "credit_above_invoice")
	_, err = b.room.CreditFees(t.Context(), b.Operator, invoicing.CreditFeesRequest{Invoice: fees.ID, Net: 1, Reason: "  "})
	b.refused(err, "credit_reason_length")
	_, err = b.room.CreditFees(t.Context(), b.Funder, invoicing.CreditFeesRequest{Invoice: fees.ID, Net: 1, Reason: "pour moi"})
	b.refused(err, "forbidden")
	agent := b.Operator
	agent.Role = identity.Agent
	_, err = b.room.CreditFees(t.Context(), agent, invoicing.CreditFeesRequest{Invoice: fees.ID, Net: 1, Reason: "pour lui"})
	b.refused(err, "forbidden")
}

func TestADepositIsFinancesToKeep(t *testing.T) {
	t.Parallel()
	b := setup(t)
	face := b.issued(invoicing.Face, 100_00)
	keep := func(who identity.Actor, status, note string) error {
		return b.room.Deposit(t.Context(), who, invoicing.DepositRequest{Invoice: face.ID, Status: status, Note: note})
	}
	b.ok(keep(b.Operator, "deposited", "Dépôt 12"))
	b.ok(keep(b.Funder, "rejected", ""))
	if d := b.opens(face.ID); d.Chorus != "rejected" || len(d.Deposits) != 2 || d.Deposits[1].Note != "Dépôt 12" || d.Deposits[1].By == "" {
		t.Errorf("%+v", d)
	}
	reader, token := b.Funder, b.Funder
	reader.Role, token.Scopes = identity.Reader, []string{"orders"}
	b.refused(keep(reader, "paid", ""), "forbidden")
	b.refused(keep(token, "paid", ""), "scope_missing")
	b.refused(keep(b.Organisation(identity.Funder, "Autre"), "paid", ""), "not_found")
	b.refused(keep(b.Prescriber, "paid", ""), "forbidden")
	b.refused(keep(b.Funder, "lost", ""), "chorus_status_unknown")
	b.refused(keep(b.Funder, "paid", strings.Repeat("x", 501)), "chorus_note_length")
}
