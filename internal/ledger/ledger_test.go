package ledger_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/vouchers"
)

// What each recipe does to the books, in an accountant's words.
func TestRecipesMoveMoneyAsTheySay(t *testing.T) {
	t.Parallel()
	parts := map[vouchers.CampaignID]vouchers.Cents{2: 300, 1: 700}
	for name, c := range map[string]struct {
		legs []ledger.Transfer
		want []string
	}{
		"an order is paid":               {ledger.OrderPaid(9, 1, 5, 800, 0), []string{"bank:segregated → campaign:1:funds 8.00 (1)"}},
		"an order is overpaid":           {ledger.OrderPaid(9, 1, 5, 800, 200), []string{"bank:segregated → campaign:1:funds 8.00 (1)", "bank:segregated → funder:5:credit 2.00 (1)"}},
		"cash that nobody explains":      {ledger.ReceivedUnexplained(9, 500), []string{"bank:segregated → suspense 5.00 (0)"}},
		"explained at last":              {ledger.Attributed(9, 1, 5, 400, 100), []string{"suspense → bank:segregated 5.00 (0)", "bank:segregated → campaign:1:funds 4.00 (1)", "bank:segregated → funder:5:credit 1.00 (1)"}},
		"a debit that nobody ordered":    {ledger.DebitedUnexpectedly(9, 500), []string{"suspense → bank:segregated 5.00 (0)"}},
		"a hand-over":                    {ledger.HandedOver(9, 1, 8000), []string{"campaign:1:funds → campaign:1:live 80.00 (1)"}},
		"a redemption":                   {ledger.Redeemed(9, 1, 6, 2000), []string{"campaign:1:live → structure:6:payable 20.00 (1)"}},
		"a redemption undone":            {ledger.Undone(9, 1, 6, 2000), []string{"structure:6:payable → campaign:1:live 20.00 (1)"}},
		"an expiry":                      {ledger.Expired(9, 1, 5, 2000), []string{"campaign:1:live → funder:5:credit 20.00 (1)"}},
		"a payout of two campaigns":      {ledger.Settled(9, 6, parts), []string{"structure:6:payable → payouts:in_transit 7.00 (1)", "structure:6:payable → payouts:in_transit 3.00 (2)"}},
		"a payout on the bank's sheet":   {ledger.PaidOut(9, parts), []string{"payouts:in_transit → bank:segregated 7.00 (1)", "payouts:in_transit → bank:segregated 3.00 (2)"}},
		"a payout that the bank returns": {ledger.CameBack(9, 6, parts), []string{"bank:segregated → structure:6:payable 7.00 (1)", "bank:segregated → structure:6:payable 3.00 (2)"}},
	} {
		var got []string
		for _, leg := range c.legs {
			if leg.Cause != 9 {
				t.Errorf("%s: the cause is %d", name, leg.Cause)
			}
			got = append(got, fmt.Sprintf("%s → %s %s (%d)", leg.Debit, leg.Credit, leg.Amount, leg.Campaign))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %q\nwant %q", name, got, c.want)
		}
	}
}

func post(t testing.TB, d *db.DB, transfers ...ledger.Transfer) error {
	return d.InTx(t.Context(), func(tx *db.Tx) error { return ledger.Post(t.Context(), tx, transfers...) })
}

func TestNothingBecomesLiveWithoutItsCash(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	if err := post(t, d, ledger.OrderPaid(1, 1, 5, 1000, 0)...); err != nil {
		t.Fatal(err)
	}
	if err := post(t, d, ledger.HandedOver(1, 1, 1001)...); fault.Code(err) != "insufficient_funds" {
		t.Fatalf("one cent too many: %v", err)
	}
	var wg sync.WaitGroup
	results := make(chan error, 32)
	for i := range cap(results) {
		wg.Go(func() { results <- post(t, d, ledger.HandedOver(vouchers.BookletID(i+2), 1, 100)...) })
	}
	wg.Wait()
	close(results)
	done := 0
	for err := range results {
		switch {
		case err == nil:
			done++
		case fault.Code(err) != "insufficient_funds":
			t.Error(err)
		}
	}
	if done != 10 {
		t.Errorf("%d hand-overs of €1 out of €10", done)
	}
}

func TestTransfersAreOnlyEverAdded(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	if err := post(t, d, ledger.ReceivedUnexplained(1, 500)...); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{`UPDATE transfers SET amount = 1`, `DELETE FROM transfers`, `TRUNCATE transfers`} {
		err := d.InTx(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(t.Context(), statement); return err })
		if err == nil {
			t.Errorf("%s went through", statement)
		}
	}
}

// A failed posting leaves nothing, whichever leg failed.
func TestLegsOfOneEventGoTogether(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	legs := append(ledger.ReceivedUnexplained(1, 500), ledger.HandedOver(2, 1, 100)...)
	if err := post(t, d, legs...); !errors.Is(err, fault.New(fault.Conflict, "insufficient_funds")) {
		t.Fatal(err)
	}
	if sums := sumsOf(t, d); len(sums) != 0 {
		t.Errorf("left behind: %v", sums)
	}
}

// Random books, rolled up at random moments: the sums are those of an account book kept
// by hand, everything sums to nothing, and the guarded balance is the account's.
func TestSumsAreTheSameRolledUpOrNot(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	book := map[ledger.Account]vouchers.Cents{} // owed
	rapid.Check(t, func(r *rapid.T) {
		c := vouchers.CampaignID(rapid.IntRange(1, 3).Draw(r, "campaign"))
		amount := vouchers.Cents(rapid.IntRange(1, 5000).Draw(r, "amount"))
		legs := rapid.SampledFrom([][]ledger.Transfer{
			ledger.OrderPaid(1, c, 5, amount, amount/3), ledger.HandedOver(1, c, amount), ledger.Redeemed(1, c, 6, amount),
			ledger.ReceivedUnexplained(1, amount), ledger.Settled(1, 6, map[vouchers.CampaignID]vouchers.Cents{c: amount}),
		}).Draw(r, "event")
		err := post(t, d, legs...)
		refused := legs[0].Debit == ledger.Funds(c) && book[ledger.Funds(c)] < amount
		if refused != (fault.Code(err) == "insufficient_funds") || !refused && err != nil {
			r.Fatalf("funds %s, asked %s: %v", book[ledger.Funds(c)], amount, err)
		}
		if !refused {
			for _, leg := range legs {
				book[leg.Debit] -= leg.Amount
				book[leg.Credit] += leg.Amount
			}
		}
		if rapid.Bool().Draw(r, "roll up") {
			if err := d.InTx(t.Context(), func(tx *db.Tx) error { return ledger.RollUp(t.Context(), tx) }); err != nil {
				r.Fatal(err)
			}
		}
		compare(t, r, d, book)
	})
}

func compare(t testing.TB, r *rapid.T, d *db.DB, book map[ledger.Account]vouchers.Cents) {
	sums := sumsOf(t, d)
	var all vouchers.Cents
	for account, owed := range sums {
		all += owed
		if owed != book[account] {
			r.Fatalf("%s: %s, by hand %s", account, owed, book[account])
		}
	}
	if all != 0 {
		r.Fatalf("the books are off by %s", all)
	}
	for _, account := range slices.Sorted(maps.Keys(book)) {
		var balance, guarded vouchers.Cents
		err := d.InTx(t.Context(), func(tx *db.Tx) (err error) {
			if balance, err = ledger.Balance(t.Context(), tx, account); err != nil || !account.Guarded() {
				return err
			}
			guarded, err = ledger.LockGuarded(t.Context(), tx, account)
			return err
		})
		if err != nil || balance != book[account] || account.Guarded() && guarded != balance {
			r.Fatalf("%s: balance %s, guarded %s, by hand %s, %v", account, balance, guarded, book[account], err)
		}
	}
}

func sumsOf(t testing.TB, d *db.DB) map[ledger.Account]vouchers.Cents {
	owed := map[ledger.Account]vouchers.Cents{}
	err := d.Read(t.Context(), func(tx *db.Tx) error {
		sums, err := ledger.Sums(t.Context(), tx)
		for _, s := range sums {
			owed[s.Account] += s.Owed()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return owed
}
