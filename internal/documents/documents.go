// Package documents draws what Passerelle hands over on paper or in a file: the
// booklet with its QR, the quote, invoices and credit notes of an order, the statements
// of a payout and of a campaign, and tables for spreadsheets.
//
// It knows values and words, no database and no rule of the trade: whoever calls it
// has already decided what is true. The same values always give the same bytes, so
// that a document printed again is the document printed first.
package documents

import (
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Words says things in the reader's language. Its keys begin with "doc." and live in
// web/locales/<language>/documents.json.
type Words interface {
	// Lang is the language's BCP 47 tag, such as "fr".
	Lang() string
	// Text is the sentence under key. pairs alternates names and values; the value
	// named "Count" chooses the plural form.
	Text(key string, pairs ...any) string
	// Number groups an integer's digits: "1 250".
	Number(int) string
	// Money always has cents: "1 250,00 €".
	Money(vouchers.Cents) string
	// ShortMoney leaves cents out where they are nought: "80 €".
	ShortMoney(vouchers.Cents) string
	// Percent is part of whole: "20 %".
	Percent(part, whole int64) string
	// Day is a date in words, in the service's time zone: "mardi 3 mars 2027".
	Day(time.Time) string
	// Clock is a time of day in the service's time zone: "14 h 30".
	Clock(time.Time) string
	// Distance is a length given in kilometres: "2,4 km".
	Distance(km float64) string
}

// Party is an organisation as a document names it.
type Party struct {
	Name    string
	Address []string // one line each, as on an envelope
	SIRET   string   // 14 digits
	VATID   string   // printed where there is one
}

// counted is a sentence about n things: the plural follows n, the digits are grouped.
func counted(words Words, key string, n int) string {
	return words.Text(key, "Count", n, "Number", words.Number(n))
}

// orUnknown says "unknown" where there is nothing to say: a blank reads as a fault,
// a nought as a fact.
func orUnknown(words Words, text string) string {
	if clean(text) == "" {
		return words.Text("doc.unknown")
	}
	return text
}
