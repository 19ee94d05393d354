package invoicing

import (
	"fmt"
	"strconv"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// number is the place of an invoice in its series.
type number struct {
	series string // "F" (facture) or "A" (avoir)
	year   int
	seq    int
}

func (n number) String() string { return fmt.Sprintf("%s%d-%06d", n.series, n.year, n.seq) }

// compact is the number without its hyphen, for a creditor reference.
func (n number) compact() string { return fmt.Sprintf("%s%d%06d", n.series, n.year, n.seq) }

// VATBack is the VAT of a credit note of net on what was credited before: the credit notes
// of an invoice give its VAT back to the cent, however many there are. Each is at most a
// cent from its own rounding.
func (i Invoice) VATBack(net vouchers.Cents) vouchers.Cents {
	return VATOf(i.CreditedNet+net, i.VATRate) - VATOf(i.CreditedNet, i.VATRate)
}

// party is the operator on an invoice. One outside the scope of VAT bears no VAT
// identifier (EN 16931, BR-O-2).
func (s Seller) party(k Kind) Party {
	p := Party{Name: s.Name, SIRET: s.SIRET, VATID: s.VATID, Street: s.Street, Postcode: s.Postcode, Town: s.Town}
	if k == Face {
		p.VATID = ""
	}
	return p
}

func partyOf(o identity.Organisation) Party {
	return Party{Name: o.Name, SIRET: o.SIRET, Street: o.Street, Postcode: o.Postcode, Town: o.Town}
}

// VATIDOf is the French VAT number of a company: its key is (12 + 3 × (SIREN mod 97)) mod
// 97 (CGI, annexe III, art. 242 nonies A; BOI-TVA-DECLA-20-30-10). "" without a SIRET.
func VATIDOf(siret string) string {
	if len(siret) != 14 {
		return ""
	}
	siren, err := strconv.Atoi(siret[:9])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("FR%02d%s", (12+3*(siren%97))%97, siret[:9])
}
