package sepa

import (
	"strings"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

// place says where in a file a value stands, so that a fault can name it. Outside of
// entries, entry is the name of the statement's element, such as "Bal".
type place struct{ statement, entry string }

func (p place) fault(code string, pairs ...any) error {
	return fault.New(fault.Malformed, code, append([]any{"statement", p.statement, "entry", p.entry}, pairs...)...)
}

// maxAmount keeps any sum of a file far from overflow: a hundred billion euros.
const maxAmount vouchers.Cents = 100_000_000_000_00

// amount reads euros exactly. The schemas allow five decimals; cents are all that an
// account can hold, so further decimals must be zeros.
func (p place) amount(raw xmlAmount) (vouchers.Cents, error) {
	if raw.Currency != "EUR" {
		return 0, p.fault("statement_currency", "value", raw.Currency)
	}
	text := strings.TrimSpace(raw.Value)
	exact := text
	if whole, decimals, point := strings.Cut(text, "."); point && len(decimals) > 2 {
		exact = whole + "." + decimals[:2] + strings.TrimRight(decimals[2:], "0")
	}
	amount, err := vouchers.ParseCents(exact)
	if err != nil || strings.HasPrefix(exact, "-") || amount > maxAmount {
		return 0, p.fault("statement_amount", "value", text)
	}
	return amount, nil
}

// direction reads CdtDbtInd: true for a credit.
func (p place) direction(text string) (bool, error) {
	switch text = strings.TrimSpace(text); text {
	case "CRDT":
		return true, nil
	case "DBIT":
		return false, nil
	}
	return false, p.fault("statement_direction", "value", text)
}

// day reads a date, or the day in Paris of a time.
func (p place) day(text string) (vouchers.Day, error) {
	if strings.Contains(text, "T") {
		var t time.Time
		err := p.moment(&t, text)
		return vouchers.DayOf(t), err
	}
	// A date may bear a zone ("2026-03-10+01:00"), which says nothing more of the day.
	day, err := vouchers.ParseDay(text[:min(len(text), len(time.DateOnly))])
	if err != nil {
		return 0, p.fault("statement_date", "value", text)
	}
	return day, nil
}

// paris is the zone of what French banks write without one.
var paris = vouchers.Day(0).Time().Location()

// moment reads an ISODateTime into to; absent text leaves it zero.
func (p place) moment(to *time.Time, text string) error {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil
	}
	// XML Schema may write a day's end as 24:00:00, which Go does not read.
	start, endOfDay := strings.CutSuffix(text, "T24:00:00")
	if endOfDay {
		text = start + "T00:00:00"
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t, err = time.ParseInLocation("2006-01-02T15:04:05", text, paris)
	}
	if err != nil {
		return p.fault("statement_date", "value", text)
	}
	if endOfDay {
		t = t.AddDate(0, 0, 1)
	}
	*to = t.UTC()
	return nil
}

// firstOf gives the first text that is not blank, trimmed.
func firstOf(texts ...string) string {
	for _, t := range texts {
		if t = strings.TrimSpace(t); t != "" {
			return t
		}
	}
	return ""
}

// provided is an identifier, or "" where a bank writes that it has none.
func provided(id string) string {
	if id = strings.TrimSpace(id); id != "NOTPROVIDED" {
		return id
	}
	return ""
}
