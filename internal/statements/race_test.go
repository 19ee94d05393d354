package statements_test

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func TestAFileImportedByFourAtOnceIsImportedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.ordered(100)
	file := b.file(b.credit(300_00, o.Reference), b.credit(7_00, "?"), b.credit(200_00, o.Reference))
	var wg sync.WaitGroup
	reports := make([]statements.Report, 4)
	for i := range reports {
		wg.Go(func() {
			var err error
			if reports[i], err = b.room.Import(t.Context(), b.Operator, bytes.NewReader(file), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := 0
	for _, r := range reports {
		if !r.AlreadyImported {
			first++
		}
		b.same("statement", r.Statements[0].ID, reports[0].Statements[0].ID)
	}
	b.same("imports that did it", first, 1)
	b.same("received", b.order(o.ID).Received, vouchers.Cents(500_00))
	b.same("notices", len(*b.told), 1)
}

// Handing over races with the money that it needs: at no moment more is live than was
// received.
func TestHandOversNeverOvertakePayments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx := t.Context()
	today := vouchers.DayOf(b.Clock.Now())
	c, err := b.Campaigns.Define(ctx, b.Funder, campaigns.Rules{Name: "Course", Face: 10_00, BookletSize: 10,
		StartsOn: today, EndsOn: today.AddDays(90), PriceCap: 5})
	b.ok(err)
	o, err := b.orders.Place(ctx, b.Funder, orders.PlaceRequest{Campaign: c.ID, Vouchers: 160})
	b.ok(err)
	var files [][]byte
	for range 16 {
		files = append(files, b.file(b.credit(100_00, o.Reference)))
	}
	var wg sync.WaitGroup
	wg.Go(func() { // the funder allocates what has arrived, as it arrives
		for _, file := range files {
			if _, err := b.room.Import(ctx, b.Operator, bytes.NewReader(file), nil); err != nil {
				t.Error(err)
			}
			_, err := b.Issuing.Allocate(ctx, b.Funder, issuing.AllocateRequest{Campaign: c.ID, Prescriber: b.Prescriber.Organisation, Vouchers: 10})
			if err != nil {
				t.Error(err)
			}
			overtaken(b, c.ID)
		}
	})
	for range 32 {
		wg.Go(func() {
			for range 200 {
				_, err := b.Issuing.HandOver(ctx, b.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 5})
				if err == nil {
					return
				}
				if fault.Code(err) != "allocation_used_up" && fault.Code(err) != "not_found" {
					t.Error(err)
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Error("a hand-over never got its vouchers")
		})
	}
	wg.Wait()
	b.same("live", b.owed(ledger.Live(c.ID)), vouchers.Cents(1600_00))
	b.same("funds", b.owed(ledger.Funds(c.ID)), vouchers.Cents(0))
	_, err = b.Issuing.HandOver(ctx, b.Prescriber, issuing.HandOverRequest{Campaign: c.ID, Count: 1})
	b.refused(err, "allocation_used_up")
}

// overtaken fails the test when more is live than the orders' receipts, in one snapshot.
func overtaken(b *bank, c vouchers.CampaignID) {
	err := b.DB.Read(b.t.Context(), func(tx *db.Tx) error {
		var received vouchers.Cents
		err := tx.Get(b.t.Context(), &received, `
			SELECT COALESCE(sum(r.funds_cents), 0)::bigint FROM receipts r JOIN orders o ON o.id = r.order_id WHERE o.campaign_id = $1`, c)
		if err != nil {
			return err
		}
		live, err := ledger.Balance(b.t.Context(), tx, ledger.Live(c))
		if live > received {
			b.t.Errorf("%s live, %s received", live, received)
		}
		return err
	})
	if err != nil {
		b.t.Error(err)
	}
}

// Whatever lines come, in whatever files: the ledger's cash is the sum of the bank's
// credits less its debits, and each campaign is covered (INV-5).
func TestCashIsTheSumOfTheBanksLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	placed := []orders.Order{b.ordered(20), b.ordered(500), b.ordered(3)}
	var past []sepa.Entry
	rapid.Check(t, func(r *rapid.T) {
		var entries []sepa.Entry
		for range rapid.IntRange(0, 6).Draw(r, "lines") {
			e := randomEntry(b, r, placed, past)
			entries = append(entries, e)
		}
		repeated := 0
		for i, e := range entries {
			if isAmong(past, e) || isAmong(entries[:i], e) {
				repeated++
			}
		}
		expected := b.held()
		for i, e := range entries {
			if !isAmong(past, e) && !isAmong(entries[:i], e) {
				expected += e.Movement()
			}
		}
		entries = distinct(entries)
		report, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(b.file(entries...)), nil)
		if err != nil {
			r.Fatal(err)
		}
		past = append(past, entries...)
		if held := b.held(); held != expected {
			r.Fatalf("the books hold %s, the bank's lines make %s (%d repeated): %+v", held, expected, repeated, report)
		}
		covered(b, r)
	})
}

func randomEntry(b *bank, r *rapid.T, placed []orders.Order, past []sepa.Entry) sepa.Entry {
	amount := vouchers.Cents(rapid.IntRange(1, 300_00).Draw(r, "amount"))
	reference := rapid.SampledFrom(placed).Draw(r, "order").Reference
	switch kind := rapid.IntRange(0, 5).Draw(r, "kind"); {
	case kind == 0 && len(past) > 0:
		return rapid.SampledFrom(past).Draw(r, "again")
	case kind <= 2:
		return b.credit(amount, "virement "+reference)
	case kind == 3:
		return b.entry(true, sepa.Transaction{Amount: amount, EndToEndID: "E", ReturnReason: "AC04"},
			sepa.Transaction{Amount: 1, CreditorReference: reference})
	case kind == 4:
		return b.debit(amount, "NOBODY")
	}
	return b.credit(amount, rapid.StringMatching(`[A-Z0-9 ]{0,20}`).Draw(r, "text"))
}

func isAmong(all []sepa.Entry, e sepa.Entry) bool {
	for _, other := range all {
		if other.BankReference == e.BankReference {
			return true
		}
	}
	return false
}

func distinct(all []sepa.Entry) []sepa.Entry {
	var kept []sepa.Entry
	for _, e := range all {
		if !isAmong(kept, e) {
			kept = append(kept, e)
		}
	}
	return kept
}

// covered checks INV-5 campaign by campaign, and in sum but for what waits in suspense.
func covered(b *bank, r *rapid.T) {
	b.InTx(func(tx *db.Tx) error {
		c, err := reporting.CoverNow(b.t.Context(), tx)
		for _, one := range c.Campaigns {
			if !one.Covered {
				r.Fatalf("campaign %d: %s held for %s", one.ID, one.Held, one.Owed.Total())
			}
		}
		if c.Held != c.Owed.Total()+c.Suspense {
			r.Fatalf("%s held; %s owed and %s unexplained", c.Held, c.Owed.Total(), c.Suspense)
		}
		return err
	})
}

// A probe, not a promise: how long a large file takes here is written to the log.
func TestAFileOfTenThousandLines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var placed []orders.Order
	for range 200 {
		placed = append(placed, b.ordered(1000))
	}
	entries := make([]sepa.Entry, 0, 10_000)
	for i := range 10_000 {
		entries = append(entries, b.credit(100_00, fmt.Sprintf("VIREMENT %s LOT %d", placed[i%200].Reference, i)))
	}
	file := b.file(entries...)
	started := time.Now()
	s := b.imports(file)
	t.Logf("%d lines, %d kB: imported in %s", s.Lines, len(file)>>10, time.Since(started).Round(time.Millisecond))
	b.same("funded", s.OrdersFunded, statements.Tally{Count: 10_000, Amount: 1_000_000_00})
	started = time.Now()
	b.imports(file)
	t.Logf("the same again: %s", time.Since(started).Round(time.Millisecond))
}

// Eight people decide one line for eight orders while the bank's next statements come in:
// one of them does it, and the books hold.
func TestALineIsDecidedOnceByManyAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	placed := make([]orders.Order, 8)
	var files [][]byte
	for i := range placed {
		placed[i] = b.ordered(10)
	}
	b.imports(b.file(b.credit(100_00, "?")))
	line := b.onlyCase().ID
	for _, o := range placed {
		files = append(files, b.file(b.credit(40_00, o.Reference)))
	}
	var wg sync.WaitGroup
	done := make([]bool, len(placed))
	for i, o := range placed {
		wg.Go(func() {
			_, err := b.room.Attribute(t.Context(), b.Operator, statements.AttributeRequest{Line: line, Order: o.ID})
			if done[i] = err == nil; err != nil && fault.Code(err) != "line_already_explained" {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if _, err := b.room.Import(t.Context(), b.Operator, bytes.NewReader(files[i]), nil); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	won := 0
	for _, did := range done {
		if did {
			won++
		}
	}
	b.same("decisions", won, 1)
	b.same("suspense", b.owed(ledger.Suspense), vouchers.Cents(0))
	b.holds()
}
