// Package einvoice writes invoices and credit notes as the European norm wants them:
// EN 16931-1:2017 in the syntax UN/CEFACT Cross Industry Invoice D22B, as the profile
// "EN 16931" of Factur-X 1.0 uses it. It knows no trade: whoever calls it has already
// decided what is owed.
//
// Names such as BT-31 or BR-O-02 are the norm's terms and rules; BR-FR-… are those of
// the French reform (AFNOR XP Z12-012).
package einvoice

import (
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// Invoice is an invoice or a credit note in euros, all of one VAT category: BR-O-11
// forbids another beside "outside the scope", so what is outside VAT and what is taxed
// never stand on the same paper. A credit note's amounts are positive too (BT-3 says
// which way the money goes).
type Invoice struct {
	Kind     Kind
	Number   string // BT-1: at most 35 letters, digits, + - _ /
	IssuedOn vouchers.Day
	DueOn    vouchers.Day // of a credit note: the day it can be used

	Seller, Buyer  Party
	BuyerReference string // BT-10: Chorus Pro's "code service"; may be empty
	OrderReference string // BT-13: Chorus Pro's "numéro d'engagement"; may be empty
	Preceding      *Preceding

	From, To vouchers.Day // BG-14, the period that is invoiced; both or neither
	Lines    []Line
	VAT      VAT
	Payment  Payment
	Notes    []string // BT-22, free text; the mentions that French law wants are added
}

// Kind is the document's type (BT-3, UNTDID 1001).
type Kind int

const (
	Commercial Kind = 380
	CreditNote Kind = 381
)

// Party is the seller or the buyer. All but VATID and Email must be known.
type Party struct {
	Name     string
	SIRET    siret.SIRET
	VATID    string // "FR" and 11 digits
	Street   string
	Postcode string
	Town     string
	Country  string // ISO 3166-1, two letters
	Email    string
}

// Preceding names the invoice that a credit note corrects (BT-25, BT-26).
type Preceding struct {
	Number   string
	IssuedOn vouchers.Day
}

// Line is what is sold: Quantity times Unit, without VAT.
type Line struct {
	Name        string
	Description string // may be empty
	Quantity    int
	Unit        vouchers.Cents
}

// Amount is the line's total without VAT (BT-131). Validate has checked that it fits.
func (l Line) Amount() vouchers.Cents { return vouchers.Cents(l.Quantity) * l.Unit }

// Category is a VAT category (UNTDID 5305).
type Category string

const (
	OutsideScope Category = "O"
	Standard     Category = "S"
)

// VAT is the treatment of the whole invoice.
type VAT struct {
	Category Category
	RateBP   int // hundredths of a percent: 2000 is 20 %; 0 outside the scope

	// Rounding is the cent by which a credit note's tax is more or less than its own: the
	// credit notes of an invoice give its tax back together. The checks of Factur-X let it
	// pass (FX-SCH-A-000052: BR-CO-17 give or take one unit).
	Rounding vouchers.Cents
}

// On is the tax on a net amount, rounded half up to a cent: once on the category's sum,
// never line by line (BR-CO-17).
func (v VAT) On(net vouchers.Cents) vouchers.Cents {
	return (net*vouchers.Cents(v.RateBP)+5000)/10000 + v.Rounding
}

// Payment is where the money goes (BG-16). A credit note may have none.
type Payment struct {
	IBAN      sepa.IBAN
	BIC       sepa.BIC // may be empty
	Reference string   // BT-83, what the payer writes: ISO 11649 in electronic form
}

// OutsideScopeReason says why face value bears no VAT (BT-120): a voucher here is a
// multi-purpose voucher, whose transfer is not taxed; only the service given in return is.
// Directive 2006/112/EC art. 30a and 30b(2), inserted by Directive (EU) 2016/1065; in
// France CGI art. 256 ter.
const OutsideScopeReason = "Hors du champ de la TVA : bon à usages multiples (directive 2006/112/CE, art. 30 bis et 30 ter ; CGI, art. 256 ter)."

// Totals are the sums of the invoice: without VAT (BT-109), the VAT (BT-110), with it
// (BT-112).
func (in Invoice) Totals() (net, vat, gross vouchers.Cents) {
	for _, l := range in.Lines {
		net += l.Amount()
	}
	vat = in.VAT.On(net)
	return net, vat, net + vat
}
