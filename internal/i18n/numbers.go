package i18n

import (
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// minus is the sign, not the hyphen, so that it is as wide as a figure and never breaks.
const minus = "\u2212"

// Number writes a whole number in groups of three: "12 500".
func (w *Words) Number(n int64) string {
	sign, digits := "", strconv.FormatInt(n, 10)
	if n < 0 {
		sign, digits = minus, digits[1:]
	}
	var b strings.Builder
	for i, digit := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(w.group)
		}
		b.WriteRune(digit)
	}
	return sign + b.String()
}

// Money writes an amount with its cents: "1 250,00 €".
func (w *Words) Money(c vouchers.Cents) string {
	euros, cents := int64(c)/100, int64(c)%100
	sign := ""
	if c < 0 {
		sign, euros, cents = minus, -euros, -cents
	}
	padded := strconv.FormatInt(100+cents, 10)[1:]
	return sign + w.Text("format.money", "amount", w.Number(euros)+w.decimal+padded)
}

// Euros writes an amount without its cents where there are none: "80 €", but "80,50 €".
// It is for button labels and sentences; columns of amounts use Money.
func (w *Words) Euros(c vouchers.Cents) string {
	if c%100 != 0 {
		return w.Money(c)
	}
	sign, euros := "", int64(c)/100
	if euros < 0 {
		sign, euros = minus, -euros
	}
	return sign + w.Text("format.money", "amount", w.Number(euros))
}

// Percent writes part of whole with at most one decimal, rounded half away from zero:
// "12,5 %". Part of nothing is unknown.
func (w *Words) Percent(part, whole int64) string {
	if whole == 0 {
		return w.Unknown()
	}
	permille := perMille(part, whole)
	text := w.Number(permille / 10)
	if tenth := max(permille%10, -(permille % 10)); tenth != 0 {
		text += w.decimal + strconv.FormatInt(tenth, 10)
		if permille < 0 && permille > -10 {
			text = minus + text
		}
	}
	return w.Text("format.percent", "amount", text)
}

// BasisPoints writes hundredths of a percent exactly: 5000 is "50 %", 3333 "33,33 %".
func (w *Words) BasisPoints(bp int) string {
	text := w.Number(int64(bp / 100))
	if rest := bp % 100; rest != 0 {
		text += w.decimal + strings.TrimSuffix(twoDigits(rest), "0")
	}
	return w.Text("format.percent", "amount", text)
}

// perMille is the nearest whole number to 1000 × part ÷ whole. Amounts in cents times a
// thousand may pass 64 bits.
func perMille(part, whole int64) int64 {
	twice := new(big.Int).Mul(big.NewInt(part), big.NewInt(2000))
	half := big.NewInt(whole)
	if (part < 0) != (whole < 0) {
		half.Neg(half)
	}
	twice.Add(twice, half)
	return twice.Quo(twice, new(big.Int).Mul(big.NewInt(whole), big.NewInt(2))).Int64()
}

// Km writes a distance given in kilometres: "2,4 km", "5 km", in metres under one kilometre
// and without decimals from ten on.
func (w *Words) Km(km float64) string {
	switch {
	case km < 0.995:
		metres := int64(km*100+0.5) * 10
		return w.Text("format.metres", "count", metres)
	case km < 9.95:
		text := strings.TrimSuffix(strconv.FormatFloat(km, 'f', 1, 64), ".0")
		return w.Text("format.km", "amount", strings.Replace(text, ".", w.decimal, 1))
	}
	return w.Text("format.km", "amount", w.Number(int64(km+0.5)))
}

// Minutes writes a duration given in minutes: "45 min", "2 h", "1 h 30".
func (w *Words) Minutes(minutes int) string {
	hours, rest := minutes/60, minutes%60
	switch {
	case hours == 0:
		return w.Text("format.minutes", "count", rest)
	case rest == 0:
		return w.Text("format.hours", "count", hours)
	}
	return w.Text("format.hours_minutes", "hours", hours, "minutes", twoDigits(rest))
}

// Wait writes how long to wait, rounded up: seconds under a minute, then minutes.
func (w *Words) Wait(d time.Duration) string {
	if d <= 59*time.Second {
		return w.Text("format.seconds", "count", max(1, ceil(d, time.Second)))
	}
	return w.Minutes(ceil(d, time.Minute))
}

func ceil(d, unit time.Duration) int { return int((d + unit - 1) / unit) }

func twoDigits(n int) string { return strconv.Itoa(100 + n)[1:] }
