package settlement

import (
	"fmt"
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// longestBelow is how many days a sum below the policy's minimum waits at most. Public bodies
// pay within 30 days too (article R2192-10 of the code de la commande publique).
const longestBelow = 30

// Policy is what the operator has promised of its settlements.
type Policy struct {
	Days    Calendar       // on which they are closed
	Minimum vouchers.Cents // what is less waits for more, 30 days at most or until its structure asks for it; 0: nothing waits
}

// Calendar is the days of the week on which settlements are closed: every Tuesday where none
// is set.
type Calendar [7]bool

var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// UnmarshalText reads "daily" (Monday to Friday) or days as "mon,thu".
func (c *Calendar) UnmarshalText(text []byte) error {
	said := strings.ToLower(strings.TrimSpace(string(text)))
	if said == "daily" {
		said = "mon,tue,wed,thu,fri"
	}
	*c = Calendar{}
	for name := range strings.SplitSeq(said, ",") {
		at := -1
		for i, day := range weekdays {
			if day == strings.TrimSpace(name) {
				at = i
			}
		}
		if at < 0 {
			return fmt.Errorf("%q is no day: say daily, or days among mon, tue, wed, thu, fri, sat, sun, with commas between them", name)
		}
		c[at] = true
	}
	return nil
}

func (c Calendar) has(d vouchers.Day) bool {
	if c == (Calendar{}) {
		return d.Time().Weekday() == time.Tuesday
	}
	return c[d.Time().Weekday()]
}

// next is the first day of settlement from a day on.
func (c Calendar) next(from vouchers.Day) vouchers.Day {
	for ; !c.has(from); from = from.AddDays(1) {
	}
	return from
}

// last is the latest day of settlement up to a day.
func (c Calendar) last(until vouchers.Day) vouchers.Day {
	for ; !c.has(until); until = until.AddDays(-1) {
	}
	return until
}

// paidBy is the day by which what was redeemed on a day is promised on the structure's
// account: the working day after the settlement that follows.
func (c Calendar) paidBy(redeemed vouchers.Day) vouchers.Day {
	return sepa.NextWorkingDay(c.next(redeemed.AddDays(1)))
}

// awaited is the day by which a structure may await what it is owed since a day. Where its
// settlement was missed, or what came back waits (0), the next one is to pay it.
func (c Calendar) awaited(since, today vouchers.Day) vouchers.Day {
	if since == 0 || c.next(since.AddDays(1)) < today {
		return sepa.NextWorkingDay(c.next(today))
	}
	return c.paidBy(since)
}

// promises are paidBy of each day from one to another.
func (c Calendar) promises(from, until vouchers.Day) (days, by []vouchers.Day) {
	for d := from; d <= until; d = d.AddDays(1) {
		days, by = append(days, d), append(by, c.paidBy(d))
	}
	return days, by
}

// longest is how many days the promises of a year leave somebody waiting at most.
func (c Calendar) longest(from vouchers.Day) int {
	most := 0
	days, by := c.promises(from, from.AddDays(365))
	for i, d := range days {
		most = max(most, int(by[i]-d))
	}
	return most
}
