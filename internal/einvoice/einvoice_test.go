package einvoice

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
	"pgregory.net/rapid"
)

func TestInvoicesFollowTheSchema(t *testing.T) {
	t.Parallel()
	bare := feesInvoice()
	bare.BuyerReference, bare.OrderReference, bare.From, bare.To, bare.Buyer.VATID, bare.Seller.Email = "", "", 0, 0, "", ""
	for name, in := range map[string]Invoice{
		"face.xml":        faceInvoice(),
		"fees.xml":        feesInvoice(),
		"fees-bare.xml":   bare,
		"face-credit.xml": credited(faceInvoice(), "A2027-000003", Line{Name: "Chèques non utilisés", Quantity: 312, Unit: 1000}),
		"fees-credit.xml": credited(feesInvoice(), "A2027-000004", Line{Name: "Frais de service non consommés", Quantity: 1, Unit: 12480}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := Write(&out, in); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
			followsSchema(t, out.Bytes())
		})
	}
}

func TestInvoicesThatBreakTheNormAreRefused(t *testing.T) {
	t.Parallel()
	sentences := map[string]bool{}
	file, err := os.ReadFile("../../web/locales/fr/einvoice.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`"(fault\.\w+)":`).FindAllSubmatch(file, -1) {
		sentences[string(found[1])] = true
	}
	for name, c := range map[string]struct {
		code  string
		spoil func(*Invoice)
	}{
		"no number (BR-02)":                           {"invoice_number", func(in *Invoice) { in.Number = "" }},
		"a blank in the number (BR-FR-02)":            {"invoice_number", func(in *Invoice) { in.Number = "F 1" }},
		"a number of 36 characters (BR-FR-01)":        {"invoice_number", func(in *Invoice) { in.Number = strings.Repeat("9", 36) }},
		"another type of document (BR-FR-04)":         {"invoice_kind", func(in *Invoice) { in.Kind = 384 }},
		"no date (BR-03)":                             {"invoice_dates", func(in *Invoice) { in.IssuedOn = 0 }},
		"due before it is issued (BR-FR-CO-07)":       {"invoice_dates", func(in *Invoice) { in.DueOn = in.IssuedOn - 1 }},
		"never due (BR-CO-25)":                        {"invoice_dates", func(in *Invoice) { in.DueOn = 0 }},
		"half a period (BR-CO-19)":                    {"invoice_period", func(in *Invoice) { in.To = 0 }},
		"a period that runs backwards (BR-29)":        {"invoice_period", func(in *Invoice) { in.To = in.From - 1 }},
		"a credit note for nothing (BR-FR-CO-05)":     {"invoice_preceding", func(in *Invoice) { in.Kind, in.Payment = CreditNote, Payment{} }},
		"an invoice that corrects another":            {"invoice_preceding", func(in *Invoice) { in.Preceding = &Preceding{"F1", in.IssuedOn} }},
		"a correction without number (BR-55)":         {"invoice_preceding", func(in *Invoice) { *in = credited(*in, "A1", in.Lines...); in.Preceding.Number = "" }},
		"a correction without date":                   {"invoice_preceding", func(in *Invoice) { *in = credited(*in, "A1", in.Lines...); in.Preceding.IssuedOn = 0 }},
		"no seller's name (BR-06)":                    {"invoice_party", func(in *Invoice) { in.Seller.Name = " " }},
		"no buyer's town (BR-10)":                     {"invoice_party", func(in *Invoice) { in.Buyer.Town = "" }},
		"no buyer's country (BR-11)":                  {"invoice_party", func(in *Invoice) { in.Buyer.Country = "" }},
		"a wrong SIRET (BR-CO-26)":                    {"invoice_siret", func(in *Invoice) { in.Seller.SIRET = "73282932000075" }},
		"no buyer's SIRET (BR-FR-12)":                 {"invoice_siret", func(in *Invoice) { in.Buyer.SIRET = "" }},
		"a VAT identifier without country (BR-CO-09)": {"invoice_vat_id", func(in *Invoice) { in.Seller.VATID = "44732829320" }},
		"the seller's VAT identifier (BR-O-02)":       {"invoice_vat_ids", func(in *Invoice) { in.Seller.VATID = "FR44732829320" }},
		"the buyer's VAT identifier (BR-O-02)":        {"invoice_vat_ids", func(in *Invoice) { in.Buyer.VATID = "FR44732829320" }},
		"a rate outside the scope (BR-O-05)":          {"invoice_vat", func(in *Invoice) { in.VAT.RateBP = 2000 }},
		"a standard rate of nought (BR-S-05)":         {"invoice_vat", func(in *Invoice) { in.VAT = VAT{Category: Standard, RateBP: 0} }},
		"a cent of tax that the sum does not make (BR-CO-17)": {"invoice_vat", func(in *Invoice) {
			*in = feesInvoice()
			in.VAT.Rounding = 1
		}},
		"two cents that a credit note does not make": {"invoice_vat", func(in *Invoice) {
			*in = credited(feesInvoice(), "A1", Line{Name: "x", Quantity: 1, Unit: 100})
			in.VAT.Rounding = 2
		}},
		"another category": {"invoice_vat", func(in *Invoice) { in.VAT.Category = "E" }},
		"VAT without the seller's identifier (BR-S-02)": {"invoice_vat_id_missing", func(in *Invoice) { in.VAT = VAT{Category: Standard, RateBP: 2000} }},
		"no line (BR-16)": {"invoice_amount", func(in *Invoice) { in.Lines = nil }},
		"nothing to pay":  {"invoice_amount", func(in *Invoice) { in.Lines = []Line{{Name: "x", Quantity: 1}} }},
		"a line too big":  {"invoice_amount", func(in *Invoice) { in.Lines[0].Quantity = 1 << 60 }},
		"a sum too big": {"invoice_amount", func(in *Invoice) {
			in.Lines = []Line{{Name: "x", Quantity: 1, Unit: most}, {Name: "y", Quantity: 1, Unit: 1}}
		}},
		"a line without name (BR-25)": {"invoice_line", func(in *Invoice) { in.Lines[1].Name = "" }},
		"a line of none":              {"invoice_line", func(in *Invoice) { in.Lines[1].Quantity = 0 }},
		"a negative price (BR-27)":    {"invoice_line", func(in *Invoice) { in.Lines[1].Unit = -1 }},
		"no account (BR-61)":          {"invoice_account", func(in *Invoice) { in.Payment.IBAN = "" }},
		"a wrong account":             {"invoice_account", func(in *Invoice) { in.Payment.IBAN = "FR7630006000011234567890188" }},
		"no reference":                {"invoice_account", func(in *Invoice) { in.Payment.Reference = "" }},
	} {
		in := faceInvoice()
		c.spoil(&in)
		if err := Write(io.Discard, in); fault.Code(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if !sentences["fault."+c.code] {
			t.Errorf("%s has no sentence", c.code)
		}
	}
}

// TestTheTaxIsRoundedOnce holds the norm's rounding (BR-CO-17): on the sum, half a cent up.
func TestTheTaxIsRoundedOnce(t *testing.T) {
	t.Parallel()
	for net, want := range map[vouchers.Cents]vouchers.Cents{1: 0, 2: 0, 3: 1, 12: 2, 13: 3, 10000: 2000} {
		if got := (VAT{Category: Standard, RateBP: 2000}).On(net); got != want {
			t.Errorf("20 %% of %s is %s, want %s", net, got, want)
		}
	}
	if got := (VAT{Category: Standard, RateBP: 2000, Rounding: -1}).On(13); got != 2 {
		t.Errorf("20 %% of 0.13 without the cent that another credit note gave is %s", got)
	}
	if got := (VAT{Category: Standard, RateBP: 550}).On(100); got != 6 {
		t.Errorf("5.5 %% of 1.00 is %s, want 0.06: half a cent goes up", got)
	}
}

// parsed reads back what a buyer's program adds up.
type parsed struct {
	Lines []struct {
		Unit     string `xml:"SpecifiedLineTradeAgreement>NetPriceProductTradePrice>ChargeAmount"`
		Quantity int    `xml:"SpecifiedLineTradeDelivery>BilledQuantity"`
		Amount   string `xml:"SpecifiedLineTradeSettlement>SpecifiedTradeSettlementLineMonetarySummation>LineTotalAmount"`
	} `xml:"SupplyChainTradeTransaction>IncludedSupplyChainTradeLineItem"`
	Buyer      string `xml:"SupplyChainTradeTransaction>ApplicableHeaderTradeAgreement>BuyerTradeParty>Name"`
	Settlement struct {
		Basis string `xml:"ApplicableTradeTax>BasisAmount"`
		Tax   string `xml:"ApplicableTradeTax>CalculatedAmount"`
		Lines string `xml:"SpecifiedTradeSettlementHeaderMonetarySummation>LineTotalAmount"`
		Net   string `xml:"SpecifiedTradeSettlementHeaderMonetarySummation>TaxBasisTotalAmount"`
		VAT   string `xml:"SpecifiedTradeSettlementHeaderMonetarySummation>TaxTotalAmount"`
		Gross string `xml:"SpecifiedTradeSettlementHeaderMonetarySummation>GrandTotalAmount"`
		Due   string `xml:"SpecifiedTradeSettlementHeaderMonetarySummation>DuePayableAmount"`
	} `xml:"SupplyChainTradeTransaction>ApplicableHeaderTradeSettlement"`
}

func TestWhatIsReadBackAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SampledFrom([]Invoice{faceInvoice(), feesInvoice(), credited(feesInvoice(), "A1")}).Draw(t, "invoice")
		if in.VAT.Category == Standard {
			in.VAT.RateBP = rapid.IntRange(1, 9999).Draw(t, "rate")
		}
		in.Buyer.Name = rapid.StringMatching(`[A-Za-z<>&"'é\]]{1,30}`).Draw(t, "buyer")
		in.Lines = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Line {
			return Line{Name: "x", Quantity: rapid.IntRange(1, 100_000).Draw(t, "quantity"), Unit: vouchers.Cents(rapid.IntRange(1, 20_000).Draw(t, "unit"))}
		}), 1, 12).Draw(t, "lines")
		var out bytes.Buffer
		if err := Write(&out, in); err != nil {
			t.Fatal(err)
		}
		var back parsed
		if err := xml.Unmarshal(out.Bytes(), &back); err != nil {
			t.Fatal(err)
		}
		cents := func(text string) vouchers.Cents {
			c, err := vouchers.ParseCents(text)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			return c
		}
		s, sum := back.Settlement, vouchers.Cents(0)
		for _, l := range back.Lines {
			if cents(l.Amount) != vouchers.Cents(l.Quantity)*cents(l.Unit) {
				t.Fatalf("%d times %s is not %s", l.Quantity, l.Unit, l.Amount)
			}
			sum += cents(l.Amount)
		}
		net, vat, gross := in.Totals()
		if cents(s.Lines) != sum || cents(s.Net) != sum || cents(s.Basis) != sum || net != sum { // BR-CO-10, BR-CO-13, BR-S-08
			t.Fatalf("the lines sum to %s; the invoice says %+v", sum, s)
		}
		if s.Tax != s.VAT || cents(s.VAT) != vat || cents(s.Gross) != sum+vat || s.Due != s.Gross || gross != sum+vat { // BR-CO-14 to BR-CO-16
			t.Fatalf("net %s and VAT %s: the invoice says %+v", net, vat, s)
		}
		// Half up: the tax is less than half a cent above, or at most half a cent below, the exact one.
		if off := vat*10000 - sum*vouchers.Cents(in.VAT.RateBP); off > 5000 || off <= -5000 {
			t.Fatalf("the VAT on %s at %d is %s", sum, in.VAT.RateBP, vat)
		}
		if back.Buyer != in.Buyer.Name {
			t.Fatalf("the buyer %q is read back as %q", in.Buyer.Name, back.Buyer)
		}
	})
}
