package documents

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/einvoice"
)

func sampleQuote(t *testing.T) Quote {
	t.Helper()
	return Quote{
		Issuer: Party{Name: "Passerelle SCIC", Address: []string{"8 rue du Pont", "74000 Annecy"}, SIRET: "73282932000074"},
		Buyer:  Party{Name: "Département de la Haute-Savoie", Address: []string{"1 avenue d’Albigny", "CS 32444", "74041 Annecy Cedex"}, SIRET: "22740001700017"},
		Number: "D2026-000042", Version: 2,
		On: day(t, "2026-11-23"), ValidUntil: day(t, "2027-01-22"),
		Campaign: "Premiers pas en ligne 2026", From: day(t, "2026-12-01"), Until: day(t, "2027-03-31"),
		Face: []einvoice.Line{
			{Name: "Chèques de 10 €", Description: "Carnets de 8 chèques, sur papier", Quantity: 1500, Unit: 1000},
		},
		Fees: []einvoice.Line{
			{Name: "Frais de service", Description: "4 % de la valeur des chèques", Quantity: 1, Unit: 60000},
			{Name: "Impression d’un carnet", Quantity: 188, Unit: 35},
		},
		VAT: einvoice.VAT{Category: einvoice.Standard, RateBP: 2000},
	}
}

func faceInvoice(t *testing.T) Invoice {
	t.Helper()
	return Invoice{PublicBuyer: true, Invoice: einvoice.Invoice{
		Kind: einvoice.Commercial, Number: "F2026-000041", IssuedOn: day(t, "2026-11-23"), DueOn: day(t, "2026-12-23"),
		Seller: einvoice.Party{Name: "Passerelle SCIC", SIRET: "73282932000074", Street: "8 rue du Pont", Postcode: "74000", Town: "Annecy", Country: "FR"},
		Buyer: einvoice.Party{
			Name: "Département de la Haute-Savoie", SIRET: "22740001700074", Street: "1 avenue d’Albigny", Postcode: "74041", Town: "Annecy Cedex", Country: "FR",
		},
		BuyerReference: "DGA-SOLIDARITE", OrderReference: "2026-EJ-004512",
		From: day(t, "2026-12-01"), To: day(t, "2027-03-31"),
		Lines:   sampleQuote(t).Face,
		VAT:     einvoice.VAT{Category: einvoice.OutsideScope},
		Payment: einvoice.Payment{IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP", Reference: "RF35PASS12"},
	}}
}

func feesInvoice(t *testing.T) Invoice {
	t.Helper()
	in := faceInvoice(t)
	in.Number, in.PublicBuyer = "F2026-000042", false
	in.Seller.VATID = "FR44732829320"
	in.Buyer.Name, in.BuyerReference, in.OrderReference = "Mutuelle des Alpes", "", ""
	in.Lines, in.VAT = sampleQuote(t).Fees, sampleQuote(t).VAT
	in.Payment = einvoice.Payment{IBAN: "FR1420041010050500013M02606", Reference: "RF15PASSF12"}
	in.Notes = []string{"Société coopérative d’intérêt collectif à capital variable, RCS Annecy 732 829 320."}
	return in
}

func creditNote(t *testing.T) Invoice {
	t.Helper()
	in := faceInvoice(t)
	in.Preceding = &einvoice.Preceding{Number: in.Number, IssuedOn: in.IssuedOn}
	in.Kind, in.Number, in.IssuedOn, in.DueOn = einvoice.CreditNote, "A2027-000003", day(t, "2027-05-10"), day(t, "2027-05-10")
	in.Lines = []einvoice.Line{{Name: "Chèques non utilisés", Quantity: 312, Unit: 1000}}
	in.Payment = einvoice.Payment{}
	in.Back = GivenBack{IBAN: "FR76 3000 6000 0112 3456 7890 189"}
	return in
}

func sampleCampaign(t *testing.T) CampaignStatement {
	t.Helper()
	return CampaignStatement{
		Operator: "Passerelle SCIC", Campaign: "Premiers pas en ligne 2026", Face: 1000,
		From: day(t, "2026-12-01"), Until: day(t, "2027-03-31"), ClosedOn: day(t, "2027-05-10"), AsOf: day(t, "2027-05-10"),
		HandedOver: 1480, Used: 1188, Received: 1630000,
		Shares: []FunderShare{
			{Funder: "État, agence nationale de la cohésion des territoires", Paid: 900000, Used: 594000, CreditNote: "A2027-000003", Back: GivenBack{IBAN: "FR7630006000011234567890189"}},
			{Funder: "Département de la Haute-Savoie", Paid: 650000, Used: 544000, CreditNote: "A2027-000004", Back: GivenBack{Campaign: "Accès aux droits 2027"}},
			{Funder: "Mutuelle des Alpes", Paid: 50000, Used: 20000, CreditNote: "A2027-000005"},
			{Funder: "Commune de Thônes", Paid: 30000, Used: 30000},
		},
	}
}

func quote(t *testing.T, q Quote) []byte {
	t.Helper()
	return written(t, func(out io.Writer) error { return WriteQuote(out, speaking(t, "fr"), q) })
}

// invoice is printed with its XML, where it can have one.
func invoice(t *testing.T, in Invoice) []byte {
	t.Helper()
	var xml bytes.Buffer
	if err := einvoice.Write(&xml, in.Invoice); err == nil {
		in.XML = xml.Bytes()
	}
	return written(t, func(out io.Writer) error { return WriteInvoice(out, speaking(t, "fr"), in) })
}

func campaignStatement(t *testing.T, s CampaignStatement) []byte {
	t.Helper()
	return written(t, func(out io.Writer) error { return WriteCampaignStatement(out, speaking(t, "fr"), s) })
}

// letters are one of each kind, by file name, with the date they must bear.
func letters(t *testing.T) map[string]struct {
	pdf  []byte
	made string
} {
	t.Helper()
	type letter = struct {
		pdf  []byte
		made string
	}
	return map[string]letter{
		"quote.pdf":        {quote(t, sampleQuote(t)), "20261123110000"},
		"invoice-face.pdf": {invoice(t, faceInvoice(t)), "20261123110000"},
		"invoice-fees.pdf": {invoice(t, feesInvoice(t)), "20261123110000"},
		"credit-note.pdf":  {invoice(t, creditNote(t)), "20270510100000"},
		"campaign.pdf":     {campaignStatement(t, sampleCampaign(t)), "20270510100000"},
	}
}

func TestAQuoteWithoutFeesSpeaksOfOneInvoice(t *testing.T) {
	t.Parallel()
	q := sampleQuote(t)
	q.Fees = nil
	text := textOf(t, "quote-free.pdf", quote(t, q))
	contains(t, text, "Vous recevez une facture", "Total à payer 15 000,00 €")
	if strings.Contains(text, "Frais de service") || strings.Contains(text, "TVA sur les frais") {
		t.Error("it speaks of fees")
	}
}

func TestQuoteShowsOneTotalAndItsParts(t *testing.T) {
	t.Parallel()
	text := textOf(t, "quote.pdf", quote(t, sampleQuote(t)))
	contains(t, text, "Devis", "N° D2026-000042, version 2", "valable jusqu’au vendredi 22 janvier 2027 compris",
		"Campagne : Premiers pas en ligne 2026", "hors champ 15 000,00 €", "20 % 600,00 €", "0,35 € 20 % 65,80 €",
		"Valeur des chèques, hors du champ de la TVA 15 000,00 €", "Frais de service, hors TVA 665,80 €", "TVA sur les frais (20 %) 133,16 €",
		"Total à payer 15 798,96 €", "Vous acceptez ce devis en ligne", "Vous recevez deux factures", "page 1 sur 1")
}

func TestInvoiceSaysWhatAnAccountantNeeds(t *testing.T) {
	t.Parallel()
	face := textOf(t, "invoice-face.pdf", invoice(t, faceInvoice(t)))
	contains(t, face, "Facture", "N° F2026-000041", "du lundi 23 novembre 2026", "SIRET 227 400 017 00074", "Numéro d’engagement : 2026-EJ-004512",
		"Code service : DGA-SOLIDARITE", "Période : du mardi 1 décembre 2026", "TVA (hors du champ) 0,00 €", "Total à payer 15 000,00 €",
		"directive (UE) 2016/1065", "RF35 PASS 12", "Au plus tard mercredi 23 décembre 2026", "FR76 3000 6000 0112 3456 7890 189", "R. 2192-10", "40 €")
	fees := textOf(t, "invoice-fees.pdf", invoice(t, feesInvoice(t)))
	contains(t, fees, "N° de TVA FR44732829320", "Total hors TVA 665,80 €", "TVA : 20 % de 665,80 € 133,16 €", "Total à payer 798,96 €", "RCS Annecy",
		"RF15 PASS F12", "L. 441-10", "page 1 sur 1")
	if strings.Contains(fees, "usages multiples") || strings.Contains(fees, "R. 2192-10") {
		t.Error("the fees' invoice to a mutual speaks of vouchers' VAT or of public procurement")
	}
}

func TestCreditNoteNamesItsInvoiceAndSaysHowTheMoneyComesBack(t *testing.T) {
	t.Parallel()
	in := creditNote(t)
	text := textOf(t, "credit-note.pdf", invoice(t, in))
	contains(t, text, "Avoir", "sur la facture F2026-000041 du lundi 23 novembre 2026", "Total en votre faveur 3 120,00 €",
		"Remboursement de 3 120,00 € par virement sur le compte FR76 •••• •••• •••• •••• •••0 189.")
	if strings.Contains(text, "Comment payer") {
		t.Error("a credit note asks for money")
	}
	in.Back = GivenBack{Campaign: "Accès aux droits 2027"}
	contains(t, textOf(t, "credit-note-campaign.pdf", invoice(t, in)), "Report de 3 120,00 € sur la campagne « Accès aux droits 2027 ».")
	in.Back = GivenBack{}
	contains(t, textOf(t, "credit-note-credit.pdf", invoice(t, in)), "3 120,00 € restent à votre crédit.")
	in.VAT, in.Seller.VATID = feesInvoice(t).VAT, "FR44732829320"
	contains(t, textOf(t, "credit-note-fees.pdf", invoice(t, in)), "3 744,00 € sont déduits")
}

func TestCampaignStatementFollowsTheMoneyToEachFunder(t *testing.T) {
	t.Parallel()
	text := textOf(t, "campaign.pdf", campaignStatement(t, sampleCampaign(t)))
	contains(t, text, "Bilan de campagne", "campagne close le lundi 10 mai 2027", "1 188 chèques ont servi, sur 1 480 remis.",
		"Reçu des financeurs 16 300,00 €", "Remis à des personnes 1 480 14 800,00 €", "– dont utilisé dans les lieux 1 188 11 880,00 €",
		"– dont expiré sans avoir servi 292 2 920,00 €", "Jamais remis 1 500,00 €", "Rendu aux financeurs 4 420,00 €",
		"Département de la Haute-Savoie 6 500,00 € 5 440,00 € 1 060,00 € A2027-000004", "Commune de Thônes 300,00 € 300,00 € 0,00 € aucun",
		"Remboursement de 3 060,00 €", "Report de 1 060,00 € sur la campagne", "300,00 € restent à votre crédit", "il n’y a rien à rendre")
}

func TestLettersThatDoNotAddUpAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*CampaignStatement){
		"a funder used more than it paid":    func(s *CampaignStatement) { s.Shares[0].Used = s.Shares[0].Paid + 1 },
		"a cent is made between the funders": func(s *CampaignStatement) { s.Shares[1].Used++ },
		"more used than handed over":         func(s *CampaignStatement) { s.HandedOver = s.Used - 1 },
		"more handed over than was received": func(s *CampaignStatement) { s.HandedOver = 1631 },
		"a funder used less than nothing":    func(s *CampaignStatement) { s.Shares[0].Used, s.Shares[1].Used = -1, 1138001 },
	} {
		s := sampleCampaign(t)
		spoil(&s)
		if err := WriteCampaignStatement(io.Discard, speaking(t, "fr"), s); err == nil {
			t.Errorf("%s: printed all the same", name)
		}
	}
	for name, spoil := range map[string]func(*Quote){
		"no voucher":             func(q *Quote) { q.Face = nil },
		"a quantity of none":     func(q *Quote) { q.Face[0].Quantity = 0 },
		"fees that are negative": func(q *Quote) { q.Fees[0].Unit = -1 },
		"a line too big":         func(q *Quote) { q.Face[0].Quantity = 1 << 60 },
	} {
		q := sampleQuote(t)
		spoil(&q)
		if err := WriteQuote(io.Discard, speaking(t, "fr"), q); err == nil {
			t.Errorf("%s: quoted all the same", name)
		}
	}
}

func TestLettersAreSoundInertAndTheSameToTheByte(t *testing.T) {
	t.Parallel()
	again := letters(t)
	for name, l := range letters(t) {
		if !bytes.Equal(l.pdf, again[name].pdf) {
			t.Errorf("%s: printed again it differs", name)
		}
		if n := bytes.Count(l.pdf, []byte("(D:"+l.made+")")); n != 2 {
			t.Errorf("%s: its two dates are not those it was given", name)
		}
		path := saved(t, name, l.pdf)
		inside(t, path)
		if said := tool(t, "qpdf", "--check", path); !strings.Contains(said, "No syntax or stream encoding errors found") {
			t.Errorf("%s: qpdf says %s", name, said)
		}
		objects := tool(t, "qpdf", "--qdf", "--object-streams=disable", path, "-")
		for _, active := range []string{"/JS", "/JavaScript", "/Launch", "/AA", "/OpenAction", "/URI", "/SubmitForm"} {
			if regexp.MustCompile(active + `\b`).MatchString(objects) {
				t.Errorf("%s holds %s", name, active)
			}
		}
	}
}

func TestAnInvoiceCarriesItsXML(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]Invoice{"face": faceInvoice(t), "fees": feesInvoice(t), "credit": creditNote(t)} {
		want := written(t, func(out io.Writer) error { return einvoice.Write(out, in.Invoice) })
		path := saved(t, "carrying-"+name+".pdf", invoice(t, in))
		contains(t, tool(t, "pdfdetach", "-list", path), "1 embedded files", "1: factur-x.xml")
		extracted := filepath.Join(t.TempDir(), "factur-x.xml")
		tool(t, "pdfdetach", "-save", "1", "-o", extracted, path)
		got, err := os.ReadFile(extracted)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: what is taken out is not what was put in", name)
		}
		contains(t, tool(t, "pdfinfo", "-meta", path), "<fx:DocumentType>INVOICE</fx:DocumentType>", "<fx:DocumentFileName>factur-x.xml</fx:DocumentFileName>",
			"<fx:Version>1.0</fx:Version>", "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>", in.Number)
		contains(t, tool(t, "qpdf", "--qdf", "--object-streams=disable", path, "-"), "/AFRelationship /Alternative", "/AF [", "/OutputIntents [", "/GTS_PDFA1", "/Subtype /text#2fxml")
	}
}

func TestAnInvoiceWithoutXMLIsAPageAlone(t *testing.T) {
	t.Parallel()
	in := faceInvoice(t)
	in.Buyer.SIRET = ""
	path := saved(t, "invoice-alone.pdf", invoice(t, in))
	contains(t, tool(t, "pdfdetach", "-list", path), "0 embedded files")
	contains(t, textOf(t, "invoice-alone.pdf", invoice(t, in)), "F2026-000041", "SIRET inconnu")
}

func TestOnlyAPageOfOursTakesAnAttachment(t *testing.T) {
	t.Parallel()
	ours := invoice(t, faceInvoice(t))
	for name, pdf := range map[string][]byte{
		"nothing": nil, "another program's": []byte("%PDF-1.4\n%%EOF\n"), "one that has its attachment": ours, "a page without catalogue": bytes.Replace(quote(t, sampleQuote(t)), noFiles, nil, 1),
	} {
		if _, err := attach(pdf, []byte("<x/>"), about{}); err != errForeign {
			t.Errorf("%s: %v, want errForeign", name, err)
		}
	}
}

func TestHostileNamesStayOnTheLetter(t *testing.T) {
	t.Parallel()
	for i, name := range []string{
		strings.Repeat("x", 10_000), strings.Repeat("mot ", 2_500), "\u202eeruter\u202c \u200bx", "مركز خدمات فرنسا", "a\x00b\x1b[31m\r\n\tc", "\xff\xfe", "(\\) Tj ET <&>", "{{.Nothing}}",
	} {
		q := sampleQuote(t)
		q.Issuer, q.Buyer = Party{name, []string{name}, name, name}, Party{name, []string{name, name}, name, name}
		q.Number, q.Campaign, q.Face[0].Name, q.Fees[0].Description = name, name, name, name
		inside(t, saved(t, fmt.Sprintf("hostile-quote-%d.pdf", i), quote(t, q)))

		in := creditNote(t)
		in.Seller.Name, in.Seller.Street, in.Buyer.Name, in.Buyer.Town, in.BuyerReference, in.OrderReference = name, name, name, name, name, name
		in.Lines[0].Name, in.Notes, in.Back.Campaign, in.Back.IBAN = name, []string{name}, name, ""
		inside(t, saved(t, fmt.Sprintf("hostile-credit-%d.pdf", i), invoice(t, in)))

		in = faceInvoice(t)
		in.Seller.Name, in.Payment.Reference, in.Payment.BIC, in.Lines[0].Description = name, name, "X", name
		inside(t, saved(t, fmt.Sprintf("hostile-invoice-%d.pdf", i), invoice(t, in)))

		s := sampleCampaign(t)
		s.Operator, s.Campaign, s.Shares[0].Funder, s.Shares[0].CreditNote, s.Shares[1].Back.Campaign = name, name, name, name, name
		inside(t, saved(t, fmt.Sprintf("hostile-campaign-%d.pdf", i), campaignStatement(t, s)))
	}
}
