package einvoice

import (
	"regexp"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// most is the highest amount of one SEPA credit transfer: an invoice above it could not
// be paid. Below it no sum here overflows.
const most vouchers.Cents = 99_999_999_999

var (
	numberPattern  = regexp.MustCompile(`^[A-Za-z0-9+_/-]{1,35}$`) // BR-FR-01, BR-FR-02
	countryPattern = regexp.MustCompile(`^[A-Z]{2}$`)
	vatPattern     = regexp.MustCompile(`^[A-Z]{2}[A-Z0-9]{2,13}$`) // BR-CO-09
)

// Validate tells the first rule that the invoice breaks.
//
// Faults, each with the invoice's number: invoice_number, invoice_kind, invoice_dates,
// invoice_period, invoice_preceding, invoice_account, and those of its parties
// (invoice_party, invoice_siret, invoice_vat_id, with the party's name), of its lines
// (invoice_line, with the line's rank; invoice_amount) and of its VAT (invoice_vat,
// invoice_vat_ids, invoice_vat_id_missing).
func (in Invoice) Validate() error {
	switch {
	case !numberPattern.MatchString(in.Number): // BR-02
		return in.refuse("invoice_number")
	case in.Kind != Commercial && in.Kind != CreditNote: // BR-04, BR-FR-04
		return in.refuse("invoice_kind")
	case in.IssuedOn == 0 || in.DueOn < in.IssuedOn: // BR-03, BR-CO-25, BR-FR-CO-07
		return in.refuse("invoice_dates")
	case (in.From == 0) != (in.To == 0) || in.To < in.From: // BR-CO-19, BR-29
		return in.refuse("invoice_period")
	case (in.Kind == CreditNote) != (in.Preceding != nil), // BR-FR-CO-05
		in.Preceding != nil && (!numberPattern.MatchString(in.Preceding.Number) || in.Preceding.IssuedOn == 0): // BR-55
		return in.refuse("invoice_preceding")
	}
	for _, check := range []func() error{
		func() error { return in.checkParty(in.Seller) },
		func() error { return in.checkParty(in.Buyer) },
		in.checkVAT, in.checkLines, in.checkPayment,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (in Invoice) refuse(code string, pairs ...any) error {
	return fault.New(fault.Invalid, code, append(pairs, "number", in.Number)...)
}

func (in Invoice) checkParty(p Party) error {
	for _, text := range []string{p.Name, p.Street, p.Postcode, p.Town} { // BR-06 to BR-08, BR-10
		if blank(text) {
			return in.refuse("invoice_party", "name", p.Name)
		}
	}
	if !countryPattern.MatchString(p.Country) { // BR-09, BR-11
		return in.refuse("invoice_party", "name", p.Name)
	}
	// BR-CO-26, BR-FR-10 to BR-FR-13: the SIREN, the SIRET and the electronic address are
	// all taken from the SIRET.
	if parsed, err := siret.Parse(p.SIRET.Digits()); err != nil || parsed != p.SIRET {
		return in.refuse("invoice_siret", "name", p.Name)
	}
	if p.VATID != "" && !vatPattern.MatchString(p.VATID) {
		return in.refuse("invoice_vat_id", "name", p.Name)
	}
	return nil
}

func (in Invoice) checkVAT() error {
	switch {
	case in.VAT.Rounding < -1 || in.VAT.Rounding > 1 || in.VAT.Rounding != 0 && in.Kind != CreditNote: // BR-CO-17
		return in.refuse("invoice_vat")
	case in.VAT == VAT{Category: OutsideScope}: // BR-O-05
		if in.Seller.VATID != "" || in.Buyer.VATID != "" { // BR-O-02
			return in.refuse("invoice_vat_ids")
		}
	case in.VAT.Category == Standard && in.VAT.RateBP > 0 && in.VAT.RateBP < 10000: // BR-S-05, BR-FR-DEC-04
		if in.Seller.VATID == "" { // BR-S-02
			return in.refuse("invoice_vat_id_missing")
		}
	default:
		return in.refuse("invoice_vat")
	}
	return nil
}

func (in Invoice) checkLines() error {
	var net vouchers.Cents
	for i, l := range in.Lines {
		if blank(l.Name) || l.Quantity <= 0 || l.Unit < 0 { // BR-25, BR-22, BR-27
			return in.refuse("invoice_line", "line", i+1)
		}
		if l.Unit > 0 && vouchers.Cents(l.Quantity) > most/l.Unit {
			return in.refuse("invoice_amount")
		}
		if net += l.Amount(); net > most {
			return in.refuse("invoice_amount")
		}
	}
	if net == 0 || net+in.VAT.On(net) > most { // BR-16: without lines there is no amount
		return in.refuse("invoice_amount")
	}
	return nil
}

// checkPayment wants an account to pay to, but where the seller is the one who pays.
func (in Invoice) checkPayment() error {
	if in.Kind == CreditNote && in.Payment == (Payment{}) {
		return nil
	}
	iban, err := sepa.ParseIBAN(in.Payment.IBAN.Full())
	if err != nil || iban != in.Payment.IBAN || blank(in.Payment.Reference) { // BR-50, BR-61
		return in.refuse("invoice_account")
	}
	return nil
}

func blank(text string) bool { return strings.TrimSpace(text) == "" }
