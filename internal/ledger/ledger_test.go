package ledger_test

import (
	"context"
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
	line := ledger.Line{Structure: 6, Campaign: 1, Amount: 2000}
	contested := ledger.Contested{Campaign: 1, Funder: 5, Counted: 600, Pending: 500, Fees: 200}
	for name, c := range map[string]struct {
		legs []ledger.Transfer
		want []string
	}{
		"an order is paid":                     {ledger.OrderPaid(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 800}), []string{"bank:segregated → campaign:1:funds 8.00 (1)"}},
		"an order is overpaid":                 {ledger.OrderPaid(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 800, Excess: 200}), []string{"bank:segregated → campaign:1:funds 8.00 (1)", "bank:segregated → funder:5:credit 2.00 (1)"}},
		"cash that nobody explains":            {ledger.ReceivedUnexplained(9, 500), []string{"bank:segregated → suspense 5.00 (0)"}},
		"explained at last":                    {ledger.Attributed(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 400, Excess: 100}), []string{"suspense → bank:segregated 5.00 (0)", "bank:segregated → campaign:1:funds 4.00 (1)", "bank:segregated → funder:5:credit 1.00 (1)"}},
		"a debit that nobody ordered":          {ledger.DebitedUnexpectedly(9, 500), []string{"suspense → bank:segregated 5.00 (0)"}},
		"a hand-over":                          {ledger.HandedOver(9, 1, 8000), []string{"campaign:1:funds → campaign:1:live 80.00 (1)"}},
		"a redemption":                         {ledger.Redeemed(9, 1, 6, 2000), []string{"campaign:1:live → structure:6:payable 20.00 (1)"}},
		"a redemption undone":                  {ledger.Undone(9, 1, 6, 2000), []string{"structure:6:payable → campaign:1:live 20.00 (1)"}},
		"an expiry":                            {ledger.Expired(9, 1, 2000), []string{"campaign:1:live → campaign:1:unused 20.00 (1)"}},
		"a payout of two campaigns":            {ledger.Settled(9, 6, parts), []string{"structure:6:payable → payouts:in_transit 7.00 (1)", "structure:6:payable → payouts:in_transit 3.00 (2)"}},
		"a payout on the bank's sheet":         {ledger.PaidOut(9, parts), []string{"payouts:in_transit → bank:segregated 7.00 (1)", "payouts:in_transit → bank:segregated 3.00 (2)"}},
		"a payout that the bank returns":       {ledger.CameBack(9, 6, parts), []string{"bank:segregated → structure:6:payable 7.00 (1)", "bank:segregated → structure:6:payable 3.00 (2)"}},
		"a payout that Stripe has paid":        {ledger.PaidThrough(9, parts), []string{"payouts:in_transit → stripe:payouts 7.00 (1)", "payouts:in_transit → stripe:payouts 3.00 (2)"}},
		"payouts get their money at Stripe":    {ledger.PayoutsFunded(9, parts), []string{"stripe:payouts → bank:segregated 7.00 (1)", "stripe:payouts → bank:segregated 3.00 (2)"}},
		"that money comes back":                {ledger.PayoutsUnfunded(9, parts), []string{"bank:segregated → stripe:payouts 7.00 (1)", "bank:segregated → stripe:payouts 3.00 (2)"}},
		"a payout comes back to Stripe":        {ledger.CameBackThrough(9, 6, parts), []string{"stripe:payouts → structure:6:payable 7.00 (1)", "stripe:payouts → structure:6:payable 3.00 (2)"}},
		"a payout comes home from Stripe":      {ledger.PayoutsHome(9, parts), []string{"bank:segregated → stripe:payouts 7.00 (1)", "bank:segregated → stripe:payouts 3.00 (2)"}},
		"a payout is rejected":                 {ledger.Rejected(9, 4, parts), []string{"payouts:in_transit → structure:4:payable 7.00 (1)", "payouts:in_transit → structure:4:payable 3.00 (2)"}},
		"a debt is repaid":                     {ledger.OrderPaid(9, ledger.Received{Campaign: 1, Funder: 5, Debt: 100, Claim: 200, Funds: 300}), []string{"bank:segregated → campaign:1:funds 3.00 (1)", "bank:segregated → funder:5:debt 1.00 (1)", "bank:segregated → operator:claims 2.00 (1)"}},
		"fees are invoiced":                    {ledger.FeesInvoiced(9, 5, 1000, 200), []string{"funder:5:fees_due → fees 10.00 (0)", "funder:5:fees_due → vat 2.00 (0)"}},
		"fees are credited":                    {ledger.FeesInvoiced(9, 5, -1000, -200), []string{"fees → funder:5:fees_due 10.00 (0)", "vat → funder:5:fees_due 2.00 (0)"}},
		"fees are paid":                        {ledger.FeesPaid(9, 5, 1200), []string{"bank:operating → funder:5:fees_due 12.00 (0)"}},
		"a line was not for that order":        {ledger.Unattributed(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 300, Excess: 100}), []string{"bank:segregated → suspense 4.00 (0)", "campaign:1:funds → bank:segregated 3.00 (1)", "funder:5:credit → bank:segregated 1.00 (1)"}},
		"a line was not for those fees":        {ledger.FeesUnattributed(9, 5, 1200), []string{"funder:5:fees_due → suspense:operating 12.00 (0)"}},
		"fees are found":                       {ledger.FeesAttributed(9, 5, 1200), []string{"suspense:operating → funder:5:fees_due 12.00 (0)"}},
		"a line of the operator's":             {ledger.OperatingMoved(9, -300), []string{"suspense:operating → bank:operating 3.00 (0)"}},
		"a payment is given back by the bank":  {ledger.PaymentReturned(9, ledger.TakenBack{Campaign: 1, Funder: 5, Credit: 100, Funds: 300, Debt: 200}), []string{"bank:segregated → suspense 6.00 (0)", "funder:5:credit → bank:segregated 1.00 (1)", "campaign:1:funds → bank:segregated 3.00 (1)", "funder:5:debt → bank:segregated 2.00 (1)"}},
		"the operator tops up":                 {ledger.ToppedUp(9, 1, 200), []string{"suspense → bank:segregated 2.00 (0)", "bank:segregated → suspense:operating 2.00 (1)"}},
		"a card is charged":                    {ledger.CardPaid(9, 1, 5, 1100), []string{"stripe:clearing → funder:5:paying 11.00 (1)"}},
		"Stripe keeps its fee":                 {ledger.CardCost(9, 1, 30), []string{"costs:stripe → stripe:clearing 0.30 (1)"}},
		"a card pays fees":                     {ledger.CardFees(9, 1, 5, 100), []string{"funder:5:paying → funder:5:fees_due 1.00 (1)"}},
		"a card's money counts when available": {ledger.CardCounted(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 1000}), []string{"stripe:segregated → stripe:clearing 10.00 (1)", "funder:5:paying → campaign:1:funds 10.00 (1)"}},
		"and is banked":                        {ledger.CardCountedBanked(9, 1, 1000), []string{"bank:segregated → stripe:segregated 10.00 (1)"}},
		"a card's money counts when banked":    {ledger.CardBanked(9, ledger.Received{Campaign: 1, Funder: 5, Funds: 1000}), []string{"bank:segregated → stripe:clearing 10.00 (1)", "funder:5:paying → campaign:1:funds 10.00 (1)"}},
		"Stripe pays the operator":             {ledger.StripePaidOut(9, 70), []string{"bank:operating → stripe:clearing 0.70 (0)"}},
		"a card is refunded":                   {ledger.CardRefunded(9, 1, 400), []string{"operator:advances → stripe:clearing 4.00 (1)", "campaign:1:funds → operator:claims 4.00 (1)"}},
		"a refund did not go through":          {ledger.CardRefundUndone(9, 1, 400), []string{"stripe:clearing → operator:advances 4.00 (1)", "operator:claims → campaign:1:funds 4.00 (1)"}},
		"a refund bounces":                     {ledger.CardRefundBounced(9, 1, 5, 400), []string{"stripe:clearing → funder:5:fees_due 4.00 (1)"}},
		"Stripe gives a fee back":              {ledger.CardCost(9, 1, -30), []string{"stripe:clearing → costs:stripe 0.30 (1)"}},
		"a payment is disputed":                {ledger.Disputed(9, contested), []string{"funder:5:debt → stripe:clearing 6.00 (1)", "funder:5:paying → stripe:clearing 5.00 (1)", "funder:5:fees_due → stripe:clearing 2.00 (1)"}},
		"a dispute is won":                     {ledger.DisputeWon(9, contested), []string{"stripe:clearing → funder:5:debt 6.00 (1)", "stripe:clearing → funder:5:paying 5.00 (1)", "stripe:clearing → funder:5:fees_due 2.00 (1)"}},
		"a debt is secured":                    {ledger.DebtSecured(9, 1, 400), []string{"campaign:1:funds → operator:claims 4.00 (1)"}},
		"a debt's security is released":        {ledger.DebtReleased(9, 1, 400), []string{"operator:claims → campaign:1:funds 4.00 (1)"}},
		"a debt is paid":                       {ledger.DebtPaid(9, 5, 200), []string{"suspense:operating → funder:5:debt 2.00 (0)"}},
		"a debt is forgiven":                   {ledger.DebtForgiven(9, 5, 200), []string{"costs:losses → funder:5:debt 2.00 (0)"}},
		"a campaign is over":                   {ledger.CampaignClosed(9, 5, 300, 200), []string{"campaign:9:funds → funder:5:credit 3.00 (9)", "campaign:9:unused → funder:5:credit 2.00 (9)"}},
		"a complaint is open":                  {ledger.HeldBack(9, line), []string{"structure:6:payable → structure:6:withheld 20.00 (1)"}},
		"it is turned down":                    {ledger.LetGo(9, line), []string{"structure:6:withheld → structure:6:payable 20.00 (1)"}},
		"it is right":                          {ledger.GivenBackLive(9, line), []string{"structure:6:withheld → campaign:1:live 20.00 (1)"}},
		"it is right and the booklet is over":  {ledger.GivenBackToFunds(9, line), []string{"structure:6:withheld → campaign:1:funds 20.00 (1)"}},
		"it is right and the line is paid":     {ledger.ClawedBack(9, line), []string{"structure:6:debt → campaign:1:recoverable 20.00 (1)"}},
		"a structure's debt is netted":         {ledger.DebtNetted(9, line, 2), []string{"structure:6:payable → bank:segregated 20.00 (2)", "bank:segregated → structure:6:debt 20.00 (1)", "campaign:1:recoverable → campaign:1:funds 20.00 (1)"}},
		"a structure's debt is repaid":         {ledger.DebtRepaid(9, line), []string{"bank:segregated → structure:6:debt 20.00 (1)", "campaign:1:recoverable → campaign:1:funds 20.00 (1)"}},
		"a structure's debt is forgiven":       {ledger.StructureForgiven(9, line), []string{"costs:losses → structure:6:debt 20.00 (1)"}},
		"the operator makes it good":           {ledger.MadeGood(9, line), []string{"bank:segregated → suspense:operating 20.00 (1)", "campaign:1:recoverable → campaign:1:funds 20.00 (1)"}},
		"credit is rolled over":                {ledger.RolledOver(9, 1, ledger.Received{Campaign: 2, Funder: 5, Funds: 500}), []string{"funder:5:credit → bank:segregated 5.00 (1)", "bank:segregated → campaign:2:funds 5.00 (2)"}},
		"credit goes back":                     {ledger.RefundOrdered(9, 5, parts), []string{"funder:5:credit → refunds:in_transit 7.00 (1)", "funder:5:credit → refunds:in_transit 3.00 (2)"}},
		"and is on the bank's sheet":           {ledger.RefundBooked(9, parts), []string{"refunds:in_transit → bank:segregated 7.00 (1)", "refunds:in_transit → bank:segregated 3.00 (2)"}},
		"or is returned":                       {ledger.RefundReturned(9, 5, parts), []string{"bank:segregated → funder:5:credit 7.00 (1)", "bank:segregated → funder:5:credit 3.00 (2)"}},
		"or is rejected":                       {ledger.RefundRejected(9, 5, parts), []string{"refunds:in_transit → funder:5:credit 7.00 (1)", "refunds:in_transit → funder:5:credit 3.00 (2)"}},
		"a claim leaves":                       {ledger.ClaimOrdered(9, parts), []string{"operator:claims → refunds:in_transit 7.00 (1)", "operator:claims → refunds:in_transit 3.00 (2)"}},
		"a claim is booked":                    {ledger.ClaimBooked(9, parts), []string{"refunds:in_transit → bank:segregated 7.00 (1)", "refunds:in_transit → bank:segregated 3.00 (2)"}},
		"a claim is returned":                  {ledger.ClaimReturned(9, parts), []string{"bank:segregated → operator:claims 7.00 (1)", "bank:segregated → operator:claims 3.00 (2)"}},
		"a claim is rejected":                  {ledger.ClaimRejected(9, parts), []string{"refunds:in_transit → operator:claims 7.00 (1)", "refunds:in_transit → operator:claims 3.00 (2)"}},
		"a claim arrives":                      {ledger.ClaimArrived(9, 400, map[vouchers.OrganisationID]vouchers.Cents{5: 600}), []string{"bank:operating → operator:advances 4.00 (0)", "bank:operating → funder:5:debt 6.00 (0)"}},
		"fees go back":                         {ledger.FeesBackOrdered(9, 5, 120), []string{"funder:5:fees_due → suspense:operating 1.20 (0)"}},
		"fees that went back are returned":     {ledger.FeesBackReturned(9, 5, 120), []string{"suspense:operating → funder:5:fees_due 1.20 (0)"}},
		"fees that go back are rejected":       {ledger.FeesBackRejected(9, 5, 120), []string{"suspense:operating → funder:5:fees_due 1.20 (0)"}},
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
	if err := post(t, d, ledger.OrderPaid(1, ledger.Received{Campaign: 1, Funder: 5, Funds: 1000})...); err != nil {
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
			ledger.OrderPaid(1, ledger.Received{Campaign: c, Funder: 5, Funds: amount, Excess: amount / 3}), ledger.HandedOver(1, c, amount), ledger.Redeemed(1, c, 6, amount),
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

func TestARehearsalTellsWhatItWouldPostAndKeepsNothing(t *testing.T) {
	t.Parallel()
	d := pgtest.New(t)
	would, err := ledger.Rehearse(t.Context(), func(ctx context.Context) error {
		for _, legs := range [][]ledger.Transfer{ledger.ReceivedUnexplained(1, 500), ledger.DebitedUnexpectedly(2, 200)} {
			if err := d.InTx(ctx, func(tx *db.Tx) error { return ledger.Post(ctx, tx, legs...) }); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(would) != 2 || would[0].Amount != 500 || would[1].Credit != ledger.Segregated {
		t.Errorf("%+v, %v", would, err)
	}
	if sums := sumsOf(t, d); len(sums) != 0 {
		t.Errorf("the rehearsal left %v", sums)
	}
	if _, err := ledger.Rehearse(t.Context(), func(ctx context.Context) error {
		return d.InTx(ctx, func(tx *db.Tx) error { return ledger.Post(ctx, tx, ledger.HandedOver(2, 1, 100)...) })
	}); fault.Code(err) != "insufficient_funds" {
		t.Errorf("a refusal comes back as it is: %v", err)
	}
}
