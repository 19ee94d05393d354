package sepa

import (
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// farthest is how many days ahead a file may be dated: what banks take.
const farthest = 30

// ExecutionDay is the day that was asked for, or the next working day after today.
func ExecutionDay(asked, today vouchers.Day) (vouchers.Day, error) {
	switch {
	case asked == 0:
		return NextWorkingDay(today), nil
	case asked < today:
		return 0, fault.New(fault.Invalid, "execution_in_the_past", "on", asked)
	case asked > today.AddDays(farthest):
		return 0, fault.New(fault.Invalid, "execution_too_far", "until", today.AddDays(farthest))
	case !isWorkingDay(asked):
		return 0, fault.New(fault.Invalid, "execution_not_a_working_day", "on", asked, "next", NextWorkingDay(asked))
	}
	return asked, nil
}

// NextWorkingDay is the first day after d on which banks settle transfers in euros.
func NextWorkingDay(d vouchers.Day) vouchers.Day {
	for d = d.AddDays(1); !isWorkingDay(d); d = d.AddDays(1) {
	}
	return d
}

// isWorkingDay follows the calendar of T2, on which SEPA transfers settle: closed on
// Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December.
// French banks keep the same days for transfers.
func isWorkingDay(d vouchers.Day) bool {
	at := d.Time()
	if at.Weekday() == time.Saturday || at.Weekday() == time.Sunday {
		return false
	}
	switch month, day := at.Month(), at.Day(); {
	case month == time.January && day == 1, month == time.May && day == 1,
		month == time.December && (day == 25 || day == 26):
		return false
	}
	easter := vouchers.EasterSunday(at.Year())
	return d != easter.AddDays(-2) && d != easter.AddDays(1)
}
