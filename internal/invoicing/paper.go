package invoicing

import (
	"bytes"
	"strings"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/einvoice"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/siret"
)

// paperOf is an invoice as it is printed and as programs read it. of is what a credit note
// corrects.
func paperOf(i Invoice, of *Invoice) documents.Invoice {
	s := i.Snapshot
	e := einvoice.Invoice{Kind: einvoice.Commercial, Number: i.Number, IssuedOn: i.IssuedOn, DueOn: i.DueOn,
		Seller: s.Seller.party(), Buyer: s.Buyer.party(), BuyerReference: i.ServiceCode, OrderReference: i.Engagement,
		From: s.From, To: s.Until, VAT: einvoice.VAT{Category: einvoice.OutsideScope}}
	for _, l := range s.Lines {
		e.Lines = append(e.Lines, einvoice.Line{Name: l.Text, Quantity: l.Quantity, Unit: l.Unit})
	}
	if i.Kind == Fees {
		e.VAT = einvoice.VAT{Category: einvoice.Standard, RateBP: i.VATRate, Rounding: i.VAT - VATOf(i.Net, i.VATRate)}
	}
	if of != nil {
		e.Kind, e.Preceding = einvoice.CreditNote, &einvoice.Preceding{Number: of.Number, IssuedOn: of.IssuedOn}
		e.Notes = []string{"Motif : " + s.Reason}
	} else {
		e.Payment = einvoice.Payment{IBAN: s.IBAN, BIC: s.BIC, Reference: i.Reference}
	}
	return documents.Invoice{Invoice: e, PublicBuyer: s.Buyer.isPublic()}
}

// xmlOf writes an invoice for programs. There is none where the parties are not known as
// well as the norm wants (a funder may have no SIRET): the invoice itself is owed all the
// same.
func xmlOf(i Invoice, of *Invoice) (string, error) {
	var out bytes.Buffer
	err := einvoice.Write(&out, paperOf(i, of).Invoice)
	switch fault.Code(err) {
	case "invoice_party", "invoice_siret", "invoice_vat_id_missing":
		return "", nil
	}
	return out.String(), err
}

func (p Party) party() einvoice.Party {
	return einvoice.Party{Name: p.Name, SIRET: siret.SIRET(p.SIRET), VATID: p.VATID,
		Street: p.Street, Postcode: p.Postcode, Town: p.Town, Country: "FR"}
}

// isPublic tells public bodies by their SIREN, which INSEE begins with 1 or 2.
func (p Party) isPublic() bool {
	return strings.HasPrefix(p.SIRET, "1") || strings.HasPrefix(p.SIRET, "2")
}
