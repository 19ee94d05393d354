package closing_test

import (
	"fmt"
	"testing"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func TestFeesComeBackInProportionWhereTheTermsSaySo(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			_, err := s.orders.Publish(t.Context(), s.Operator, orders.NewTariff{FromOn: s.today(), FeeRate: 500, VATRate: 2000,
				ValidityDays: 30, FeesRefunded: back, Terms: "Conditions"})
			s.ok(err)
			start := s.today()
			c := s.funded("Premiers clics", 100)
			s.Redeem(s.Structure, s.HandOver(c, 10), 10)
			s.on(start.AddDays(closesOn))
			s.closes(1)
			want := vouchers.Cents(0)
			if back {
				want = 54_00 // nine tenths of 50.00, and 20 % of VAT on them
			}
			if got := s.statement(s.Funder, c).Funders[0].FeesBack; got != want {
				t.Errorf("fees given back: %s, not %s", got, want)
			}
			if !back {
				return
			}
			s.paysFees(c.ID, 60_00)
			s.givesAccount(s.Funder, funderIBAN)
			all := s.proposed()
			if len(all) != 1 || all[0].Kind != closing.OfFees || all[0].Amount != 54_00 {
				t.Fatalf("proposed: %+v", all)
			}
			s.approves(all...)
			sent := s.refund(all[0].ID)
			if out := s.bank(segregated, sent, false, ""); out != "" {
				t.Errorf("fees left the wrong account: %s", out)
			}
			s.exec(`DELETE FROM statement_lines WHERE outcome = 'unexpected_debit'`)
			if out := s.bank(operating, sent, false, ""); out != "fees_back_booked" {
				t.Errorf("outcome %q", out)
			}
			s.holds()
			if out := s.bank(operating, sent, true, "AC04"); out != "fees_back_returned" {
				t.Errorf("outcome %q", out)
			}
			s.holds()
		})
	}
}

// Credit that pays another order has paid for the service before, unless the fees were
// given back with it.
func TestARollOverPaysFeesOnlyWhereTheyWereGivenBack(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprint(back), func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			_, err := s.orders.Publish(t.Context(), s.Operator, orders.NewTariff{FromOn: s.today(), FeeRate: 500, VATRate: 2000,
				ValidityDays: 30, FeesRefunded: back, Terms: "Conditions"})
			s.ok(err)
			start := s.today()
			c, next := s.funded("Premiers clics", 10), s.campaign("Premiers clics, suite")
			s.exec(`UPDATE campaigns SET ends_on = ends_on + 200 WHERE id = $1`, next.ID)
			s.on(start.AddDays(closesOn))
			s.closes(1)
			s.chooses(s.Funder, c, closing.ToCampaign, next.ID)
			all, err := s.orders.List(t.Context(), s.Funder, orders.Query{Campaign: next.ID, Limit: 2})
			if err != nil || len(all) != 1 || all[0].State != orders.Funded || (all[0].Fees != 0) != back {
				t.Errorf("%+v, %v", all, err)
			}
			s.holds()
		})
	}
}

// paysFees lets a line of the operating account pay the fees of a campaign.
func (s *stage) paysFees(id vouchers.CampaignID, amount vouchers.Cents) {
	s.t.Helper()
	s.InTx(func(tx *db.Tx) error {
		ctx := s.t.Context()
		var invoice vouchers.InvoiceID
		if err := tx.Get(ctx, &invoice, `SELECT id FROM invoices WHERE campaign_id = $1 AND kind = 'fees' AND corrects IS NULL`, id); err != nil {
			return err
		}
		line, err := s.BankLine(tx, world.Line{Amount: amount, Credit: true, Outcome: "fees_paid", Cause: int64(invoice)})
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE statements SET account = 'operating' WHERE id = (SELECT statement_id FROM statement_lines WHERE id = $1)`, line); err != nil {
			return err
		}
		if _, err := invoicing.PayFees(ctx, tx, invoicing.FeesPaid{Invoice: invoice, Line: line, Amount: amount}); err != nil {
			return err
		}
		return ledger.Post(ctx, tx, ledger.FeesPaid(line, s.Funder.Organisation, amount)...)
	})
}
