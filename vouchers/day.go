package vouchers

import (
	"database/sql/driver"
	"fmt"
	"time"
	_ "time/tzdata" // the rules of Europe/Paris on machines that have none
)

// Day is a calendar date, without hour or zone, counted in days from 1 January 2024
// (day 0). Days compare and subtract as the integers they are.
//
// A cheque's dates are days of metropolitan France: DayOf is the one place that decides
// where a day begins.
type Day int32

const isoDate = "2006-01-02"

var (
	dayZero = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)
	paris   = mustLoad("Europe/Paris")
)

func mustLoad(zone string) *time.Location {
	l, err := time.LoadLocation(zone)
	if err != nil {
		panic(err) // cannot happen: time/tzdata is linked in
	}
	return l
}

// DayOf is the day it is in Paris at instant t.
func DayOf(t time.Time) Day { return dateOf(t.In(paris)) }

// dateOf is the date that t shows on its own calendar.
func dateOf(t time.Time) Day {
	y, m, d := t.Date()
	const secondsPerDay = 24 * 60 * 60 // always, in UTC
	return Day((time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() - dayZero.Unix()) / secondsPerDay)
}

// ParseDay reads an ISO 8601 date, "2026-03-29". It fails with ErrMalformed.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(isoDate, s)
	if err != nil {
		return 0, fmt.Errorf("%w: date", ErrMalformed)
	}
	return dateOf(t), nil
}

// Time is the instant at which the day begins in Paris. The day ends just before
// d.AddDays(1).Time(), which is 23, 24 or 25 hours later.
func (d Day) Time() time.Time {
	y, m, day := d.utc().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, paris)
}

// AddDays is the day n days later, or earlier when n is negative.
func (d Day) AddDays(n int) Day { return d + Day(n) }

// String writes the ISO 8601 date, "2026-03-29".
func (d Day) String() string { return d.utc().Format(isoDate) }

func (d Day) utc() time.Time { return dayZero.AddDate(0, 0, int(d)) }

// MarshalText writes the ISO 8601 date, in JSON too.
func (d Day) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads an ISO 8601 date. It fails with ErrMalformed.
func (d *Day) UnmarshalText(text []byte) (err error) {
	*d, err = ParseDay(string(text))
	return err
}

// Value gives the database the ISO 8601 date.
func (d Day) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads a date column, which drivers give as a time or as text. A date column has
// no zone, so the time's own calendar counts, not the one of Paris.
func (d *Day) Scan(column any) error {
	switch v := column.(type) {
	case time.Time:
		*d = dateOf(v)
		return nil
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	default:
		return fmt.Errorf("%w: a date cannot be a %T", ErrMalformed, column)
	}
}
