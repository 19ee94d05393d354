package einvoice

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/passerelle/passerelle/vouchers"
)

// Write writes the invoice as XML. The same Invoice always gives the same bytes. Nothing
// is written when Validate finds a fault.
func Write(w io.Writer, in Invoice) error {
	if err := in.Validate(); err != nil {
		return err
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return fmt.Errorf("write invoice %s: %w", in.Number, err)
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", " ")
	if err := encoder.Encode(documentOf(in)); err != nil {
		return fmt.Errorf("write invoice %s: %w", in.Number, err)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return fmt.Errorf("write invoice %s: %w", in.Number, err)
	}
	return nil
}

const (
	profile = "urn:cen.eu:en16931:2017" // BT-24
	process = "S1"                      // BT-23 (BR-FR-08): an invoice of services, deposited by its seller
	euro    = "EUR"
	piece   = "C62" // UN/ECE Recommendation 20: one
	iso8601 = "102" // UNTDID 2379: CCYYMMDD

	schemeSIREN = "0002" // ISO/IEC 6523
	schemeSIRET = "0009"

	sepaTransfer = 58 // UNTDID 4461
)

func documentOf(in Invoice) xmlDocument {
	return xmlDocument{
		RSM:     "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100",
		RAM:     "urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100",
		QDT:     "urn:un:unece:uncefact:data:standard:QualifiedDataType:100",
		UDT:     "urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100",
		Process: process, Profile: profile,
		Number: in.Number, Kind: int(in.Kind), IssuedOn: *dayOf(in.IssuedOn), Notes: notesOf(in),
		Trade: tradeOf(in),
	}
}

func tradeOf(in Invoice) xmlTrade {
	t := xmlTrade{
		BuyerReference: text(in.BuyerReference), Seller: partyOf(in.Seller), Buyer: partyOf(in.Buyer),
		Settlement: settlementOf(in),
	}
	if order := text(in.OrderReference); order != "" {
		t.Order = &xmlReference{Number: order}
	}
	for i, l := range in.Lines {
		t.Lines = append(t.Lines, xmlLine{
			ID: i + 1, Name: text(l.Name), Description: text(l.Description), Unit: l.Unit.String(),
			Quantity: xmlQuantity{piece, l.Quantity}, VAT: taxOf(in.VAT), Amount: l.Amount().String(),
		})
	}
	return t
}

// notesOf adds what BR-FR-05 wants, with its subjects (UNTDID 4451): the fixed sum for
// recovery, the penalties, the discount.
func notesOf(in Invoice) []xmlNote {
	var notes []xmlNote
	for _, note := range in.Notes {
		notes = append(notes, xmlNote{Content: text(note)})
	}
	return append(notes,
		xmlNote{"Tout retard de paiement ouvre droit à une indemnité forfaitaire de 40 € pour frais de recouvrement " +
			"(code de commerce, art. L. 441-10 et D. 441-5 ; acheteur public : code de la commande publique, art. L. 2192-13 et D. 2192-35).", "PMT"},
		xmlNote{"Pénalités de retard : taux directeur de la Banque centrale européenne majoré de dix points (code de commerce, art. L. 441-10) ; " +
			"de huit points pour un acheteur public (code de la commande publique, art. R. 2192-31).", "PMD"},
		xmlNote{"Pas d’escompte pour paiement anticipé.", "AAB"},
	)
}

func partyOf(p Party) xmlParty {
	x := xmlParty{
		SIRET: xmlID{schemeSIRET, p.SIRET.Digits()}, Name: text(p.Name), SIREN: xmlID{schemeSIREN, string(p.SIRET.SIREN())},
		Postcode: text(p.Postcode), Street: text(p.Street), Town: text(p.Town), Country: p.Country,
		Address: xmlID{schemeSIRET, p.SIRET.Digits()},
	}
	if email := text(p.Email); email != "" {
		x.Email = &xmlText{email}
	}
	if p.VATID != "" {
		x.VATID = &xmlID{"VA", p.VATID}
	}
	return x
}

func settlementOf(in Invoice) xmlSettlement {
	net, vat, gross := in.Totals()
	s := xmlSettlement{
		Reference: text(in.Payment.Reference), Currency: euro, VAT: taxOf(in.VAT), DueOn: *dayOf(in.DueOn),
		Sums: xmlSums{
			Lines: net.String(), Net: net.String(), VAT: xmlAmount{euro, vat.String()},
			Gross: gross.String(), Due: gross.String(),
		},
	}
	s.VAT.Basis, s.VAT.Amount = net.String(), vat.String()
	if in.VAT.Category == OutsideScope { // BR-O-10
		s.VAT.Reason, s.VAT.ReasonCode = OutsideScopeReason, "VATEX-EU-O"
	}
	if in.Payment.IBAN != "" {
		s.Means = &xmlMeans{Code: sepaTransfer, IBAN: in.Payment.IBAN.Full()}
		if in.Payment.BIC != "" {
			s.Means.BIC = &xmlText{string(in.Payment.BIC)}
		}
	}
	if in.From != 0 {
		s.Period = &xmlPeriod{*dayOf(in.From), *dayOf(in.To)}
	}
	if p := in.Preceding; p != nil {
		s.Preceding = &xmlReference{p.Number, dayOf(p.IssuedOn)}
	}
	return s
}

// taxOf is the tax as a line names it: without rate outside the scope (BR-O-05).
func taxOf(v VAT) xmlTax {
	t := xmlTax{Type: "VAT", Category: string(v.Category)}
	if v.Category == Standard {
		t.Rate = vouchers.Cents(v.RateBP).String() // hundredths are written as cents are
	}
	return t
}

func dayOf(d vouchers.Day) *xmlDay {
	return &xmlDay{iso8601, strings.ReplaceAll(d.String(), "-", "")}
}

// text is one line without blanks around it: an element of blanks counts as empty.
func text(s string) string { return strings.Join(strings.Fields(s), " ") }
