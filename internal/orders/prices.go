package orders

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/vouchers"
)

// Price is what an order costs. Face value is outside the scope of VAT; Service and
// Printing are the operator's fees, VAT is on the two together.
type Price struct {
	Face     vouchers.Cents `json:"face_cents"`
	Service  vouchers.Cents `json:"service_cents"`
	Printing vouchers.Cents `json:"printing_cents"`
	VAT      vouchers.Cents `json:"vat_cents"`
}

// Fees are what the operator asks for, without VAT.
func (p Price) Fees() vouchers.Cents { return p.Service + p.Printing }

// FeesWithVAT is what is paid to the operator.
func (p Price) FeesWithVAT() vouchers.Cents { return p.Fees() + p.VAT }

// Total is all that the funder pays.
func (p Price) Total() vouchers.Cents { return p.Face + p.FeesWithVAT() }

// priceOf prices vouchers of a value at a tariff. The fee on face value and the VAT are
// each rounded half up to a cent, once.
func priceOf(t NewTariff, c Choices, voucher vouchers.Cents) Price {
	p := Price{Face: vouchers.Cents(c.Vouchers) * voucher}
	p.Service = (p.Face*vouchers.Cents(t.FeeRate) + 5000) / 10000
	p.Printing = t.Booklet * vouchers.Cents(c.Printed())
	p.VAT = invoicing.VATOf(p.Fees(), t.VATRate)
	return p
}

// feeLines are the lines of the invoice of fees; none where there are no fees.
func feeLines(t NewTariff, c Choices, p Price) []invoicing.Line {
	var lines []invoicing.Line
	if p.Service > 0 {
		lines = append(lines, invoicing.Line{Text: "Frais de service sur la valeur des chèques", Quantity: 1, Unit: p.Service})
	}
	if p.Printing > 0 {
		lines = append(lines, invoicing.Line{Text: "Carnets imprimés", Quantity: c.Printed(), Unit: t.Booklet})
	}
	return lines
}

// Medium is what booklets are handed over on.
type Medium string

const (
	Paper   Medium = "paper"
	Digital Medium = "digital"
)

// LetterLanguages are those of the letter that goes with a booklet.
var LetterLanguages = []string{"fr", "en"}

// Choices are what a funder chooses in a quote. What is left out is the campaign's, on
// paper, in French.
type Choices struct {
	Vouchers int `json:"vouchers"`
	campaigns.Plan
	Medium Medium `json:"medium"`
	Letter string `json:"letter_language"`

	prepaid bool // the service was paid with an order that this one takes over
}

// Printed is how many booklets are printed.
func (c Choices) Printed() int {
	if c.Medium != Paper {
		return 0
	}
	return (c.Vouchers + c.BookletSize - 1) / c.BookletSize
}

// completed fills in what was left out.
func (c Choices) completed(own campaigns.Plan) Choices {
	if c.BookletSize == 0 {
		c.BookletSize = own.BookletSize
	}
	if c.StartsOn == 0 {
		c.StartsOn = own.StartsOn
	}
	if c.EndsOn == 0 {
		c.EndsOn = own.EndsOn
	}
	if c.Medium == "" {
		c.Medium = Paper
	}
	if c.Letter == "" {
		c.Letter = LetterLanguages[0]
	}
	return c
}

// check says what is wrong with completed choices. The plan is the campaign's to check.
func (c Choices) check() error {
	switch {
	case c.Vouchers < 1 || c.Vouchers > 1_000_000:
		return fault.New(fault.Invalid, "order_size_out_of_range")
	case c.Medium != Paper && c.Medium != Digital:
		return fault.New(fault.Invalid, "invalid_input", "field", "medium")
	case c.Letter != "fr" && c.Letter != "en":
		return fault.New(fault.Invalid, "invalid_input", "field", "letter_language")
	}
	return nil
}

func (t NewTariff) check(today vouchers.Day) error {
	switch {
	case t.FromOn < today:
		return fault.New(fault.Invalid, "tariff_in_the_past")
	case t.FeeRate < 0 || t.FeeRate > 10000:
		return fault.New(fault.Invalid, "fee_out_of_range")
	case t.Booklet < 0 || t.Booklet > 1000_00:
		return fault.New(fault.Invalid, "booklet_price_out_of_range", "max", vouchers.Cents(1000_00))
	case t.VATRate < 0 || t.VATRate > 10000 || t.VATRate == 0 && t.FeeRate+int(t.Booklet) > 0: // fees bear VAT
		return fault.New(fault.Invalid, "vat_out_of_range")
	case t.ValidityDays < 1 || t.ValidityDays > 365:
		return fault.New(fault.Invalid, "validity_out_of_range")
	case strings.TrimSpace(t.Terms) == "" || len(t.Terms) > 100_000:
		return fault.New(fault.Invalid, "terms_length")
	}
	return nil
}

// Chorus is what a public buyer's accountant wants to find on an invoice (Chorus Pro); both
// may be empty. The lengths are those of Chorus Pro's external specifications: 50 for the
// numéro d'engagement, 100 for the code service.
type Chorus struct {
	Engagement  string `json:"engagement,omitempty"`
	ServiceCode string `json:"service_code,omitempty"`
}

// chorusText is what the fields are made of: they go into files that are read by machines.
var chorusText = regexp.MustCompile(`^[0-9A-Za-zÀ-ÖØ-öø-ÿ]([0-9A-Za-zÀ-ÖØ-öø-ÿ ._/:+()&-]*[0-9A-Za-zÀ-ÖØ-öø-ÿ)])?$`)

func (c Chorus) check() error {
	if !fits(c.Engagement, 50) {
		return fault.New(fault.Invalid, "engagement_malformed")
	}
	if !fits(c.ServiceCode, 100) {
		return fault.New(fault.Invalid, "service_code_malformed")
	}
	return nil
}

func fits(text string, most int) bool {
	return text == "" || utf8.RuneCountInString(text) <= most && chorusText.MatchString(text)
}
