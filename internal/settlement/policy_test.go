package settlement

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

func day(t testing.TB, iso string) vouchers.Day {
	t.Helper()
	d, err := vouchers.ParseDay(iso)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func calendar(t testing.TB, text string) Calendar {
	t.Helper()
	var c Calendar
	if err := c.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheCalendarPromisesADay(t *testing.T) {
	t.Parallel()
	for _, promise := range []struct{ days, redeemed, by string }{
		{"tue", "2026-03-09", "2026-03-11"},      // Monday: settled the day after, there on Wednesday
		{"tue", "2026-03-10", "2026-03-18"},      // Tuesday: perhaps after the settlement
		{"Mon, Thu", "2026-03-10", "2026-03-13"}, // settled on Thursday
		{"daily", "2026-03-06", "2026-03-10"},    // Friday: settled on Monday
		{"daily", "2026-04-02", "2026-04-07"},    // settled on Good Friday, on which banks rest
		{"sat", "2026-12-24", "2026-12-28"},      // settled on the 26th
		{"mon,tue,wed", "2026-03-11", "2026-03-17"},
	} {
		if by := calendar(t, promise.days).paidBy(day(t, promise.redeemed)); by != day(t, promise.by) {
			t.Errorf("%s on %s: by %s, not %s", promise.days, promise.redeemed, by, promise.by)
		}
	}
	if (Calendar{}).paidBy(day(t, "2026-03-09")) != calendar(t, "tue").paidBy(day(t, "2026-03-09")) {
		t.Error("no calendar is not every Tuesday")
	}
	if longest := calendar(t, "tue").longest(day(t, "2026-03-09")); longest != 8 {
		t.Errorf("at most %d days", longest)
	}
	for _, wrong := range []string{"", "tuesday", "tue,,wed", "tue;wed"} {
		var c Calendar
		if c.UnmarshalText([]byte(wrong)) == nil {
			t.Errorf("%q is read", wrong)
		}
	}
}

// Whatever the calendar, the promise is a working day, later than the redemption, and not
// later for what was redeemed before.
func TestPromisesAreWorkingDaysInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		var c Calendar
		for i := range c {
			c[i] = rapid.Bool().Draw(r, "day")
		}
		on := vouchers.Day(rapid.IntRange(9000, 12000).Draw(r, "on"))
		by := c.paidBy(on)
		if by <= on.AddDays(1) || sepa.NextWorkingDay(by.AddDays(-1)) != by || c.paidBy(on.AddDays(-1)) > by || int(by-on) > longestBelow {
			r.Fatalf("%v: %s by %s", c, on, by)
		}
		for _, today := range []vouchers.Day{on, c.next(on.AddDays(1)), c.next(on.AddDays(1)).AddDays(1)} {
			if awaited := c.awaited(on, today); awaited <= today || awaited < by {
				r.Fatalf("%v: %s awaited on %s by %s", c, on, today, awaited)
			}
		}
	})
}

func TestALittleWaitsForMoreAMonthAtMost(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.With(Policy{Minimum: 20_00}, b.remind, nil)
	bonlieu := b.NewStructure("Bonlieu")
	booklet := b.HandOver(b.Campaign, 20)
	b.Redeem(b.Structure, booklet, 1)
	b.Redeem(bonlieu, booklet, 2)
	closed := b.closes()
	if closed.Payouts != 1 || len(closed.Held) != 1 || closed.Held[0].Reason != "below_minimum" {
		t.Errorf("closed as %+v", closed)
	}
	if m := b.money(b.Structure.Actor); m.Minimum != 20_00 || m.Owed != 10_00 {
		t.Errorf("told %+v", m)
	}
	b.Clock.Add(29 * 24 * time.Hour)
	_, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "nothing_to_settle")
	b.Clock.Add(24 * time.Hour)
	if p := b.settles().List[0]; p.Structure != b.Structure.Organisation || p.Amount != 10_00 {
		t.Errorf("after a month: %+v", p)
	}
}

func TestAStructureAsksNotToWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.With(Policy{Minimum: 50_00}, b.remind, nil)
	bonlieu := b.NewStructure("Bonlieu")
	booklet := b.HandOver(b.Campaign, 20)
	_, err := b.Ask(t.Context(), b.Structure.Actor)
	b.refused(err, "nothing_owed")
	_, err = b.Close(t.Context(), b.Operator, CloseRequest{Asked: true})
	b.refused(err, "nothing_to_settle")
	b.Redeem(b.Structure, booklet, 1)
	b.Redeem(bonlieu, booklet, 6)
	_, err = b.Ask(t.Context(), b.Funder)
	b.refused(err, "forbidden")
	first, err := b.Ask(t.Context(), b.Structure.Actor)
	b.ok(err)
	b.Clock.Add(time.Hour)
	again, err := b.Ask(t.Context(), b.Structure.Actor)
	b.ok(err)
	if !again.At.Equal(first.At) || b.money(b.Structure.Actor).AskedAt == nil || b.money(bonlieu.Actor).AskedAt != nil {
		t.Errorf("asked at %s, then at %s", first.At, again.At)
	}
	preview, err := b.Preview(t.Context(), b.Operator)
	b.ok(err)
	if preview.Asked != 1 || preview.AskedTotal != 10_00 || preview.Payouts != 2 {
		t.Errorf("the preview says %+v", preview)
	}

	mistaken, err := b.Close(t.Context(), b.Operator, CloseRequest{Asked: true})
	b.ok(err)
	if mistaken.Payouts != 1 || mistaken.Total != 10_00 || b.money(b.Structure.Actor).AskedAt != nil {
		t.Errorf("closed as %+v", mistaken)
	}
	_, err = b.Cancel(t.Context(), b.Operator, mistaken.ID, "Wrong day")
	b.ok(err)
	b.holds()
	if at := b.money(b.Structure.Actor).AskedAt; at == nil || !at.Equal(first.At) {
		t.Errorf("the cancelled settlement has answered what was asked: %v", at)
	}
	_, err = b.Close(t.Context(), b.Operator, CloseRequest{Asked: true})
	b.ok(err)
	b.holds()
	if m := b.money(b.Structure.Actor); m.AskedAt != nil || m.UnderWay != 10_00 {
		t.Errorf("told %+v", m)
	}
	if m := b.money(bonlieu.Actor); m.Owed != 60_00 {
		t.Errorf("the other structure is told %+v", m)
	}
}

func TestTheOperatorIsRemindedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	expect := func(what string, want int) {
		t.Helper()
		b.ok(b.Remind(t.Context()))
		b.ok(b.Remind(t.Context()))
		if len(*b.reminders) != want {
			t.Errorf("%s: %d reminders, not %d", what, len(*b.reminders), want)
		}
	}
	expect("nothing is owed", 0)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 1) // on a Monday
	expect("it is not Tuesday", 0)
	b.Clock.Set(day(t, "2026-03-10").Time().Add(8 * time.Hour))
	expect("it is not nine o'clock", 0)
	b.Clock.Set(day(t, "2026-03-10").Time().Add(9 * time.Hour))
	expect("it is time", 2) // the key of the notice lets the second fall
	if due := (*b.reminders)[0].Due; due == nil || *due != day(t, "2026-03-10") {
		t.Errorf("due %v", due)
	}
	b.Clock.Set(day(t, "2026-03-12").Time())
	preview, err := b.Preview(t.Context(), b.Operator)
	b.ok(err)
	if preview.Due == nil || *preview.Due != day(t, "2026-03-10") || b.money(b.Structure.Actor).NextOn != day(t, "2026-03-18") {
		t.Errorf("missed: %+v", preview)
	}
	b.settles()
	expect("it is done", 2)
}

func TestAReturnThatBlamesTheAccountHoldsUntilAnotherIsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Redeem(b.Structure, b.HandOver(b.Campaign, 10), 3)
	p := b.settles().List[0]
	b.books(p)
	b.Clock.Add(time.Hour)
	back := credit(p)
	back.ReturnReason = "AC04"
	b.InTx(func(tx *db.Tx) error {
		_, _, err := b.Book(t.Context(), tx, back)
		return err
	})
	if n := *b.notices; len(n) != 2 || n[1].State != Returned || n[1].ReturnReason != "AC04" {
		t.Errorf("notices: %+v", n)
	}
	if m := b.money(b.Structure.Actor); !m.Refused || m.Owed != 30_00 {
		t.Errorf("told %+v", m)
	}
	_, err := b.Close(t.Context(), b.Operator, CloseRequest{})
	b.refused(err, "nothing_to_settle")
	b.SetBank(b.Structure.Actor)
	again := b.settles().List[0]
	if again.Amount != 30_00 || again.Account == p.Account {
		t.Errorf("paid again as %+v", again)
	}
}
