package vouchers

import "time"

// EasterSunday computes the date by the Gregorian rule (the "anonymous" algorithm of
// Meeus, Jones and Butcher).
func EasterSunday(year int) Day {
	golden, century, rest := year%19, year/100, year%100
	leaps, moon := century/4, (century+8)/25
	epact := (19*golden + century - leaps - (century-moon+1)/3 + 15) % 30
	weekday := (32 + 2*(century%4) + 2*(rest/4) - epact - rest%4) % 7
	late := (golden + 11*epact + 22*weekday) / 451
	n := epact + weekday - 7*late + 114
	return DayOf(time.Date(year, time.Month(n/31), n%31+1, 12, 0, 0, 0, time.UTC))
}

// PublicHoliday reports whether the day is one of the eleven public holidays of France
// (Code du travail, art. L3133-1). Those of Alsace-Moselle and overseas are not known.
func (d Day) PublicHoliday() bool {
	at := d.Time()
	switch month, day := at.Month(), at.Day(); {
	case month == time.January && day == 1, month == time.May && (day == 1 || day == 8), month == time.July && day == 14,
		month == time.August && day == 15, month == time.November && (day == 1 || day == 11), month == time.December && day == 25:
		return true
	}
	easter := EasterSunday(at.Year())
	return d == easter.AddDays(1) || d == easter.AddDays(39) || d == easter.AddDays(50) // Easter Monday, Ascension, Whit Monday
}
