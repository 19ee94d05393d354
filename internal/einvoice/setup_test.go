package einvoice

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/vouchers"
)

var update = flag.Bool("update", false, "write the golden files again")

// golden compares got with testdata/name, byte for byte.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("differs from %s (go test -update writes it again); got:\n%s", path, got)
	}
}

// followsSchema validates a document against the schema of Factur-X's EN 16931 profile,
// which may not be copied into this repository: PASSERELLE_STANDARDS names the folder
// that holds facturx-en16931/, by default ../shared/standards beside the repository.
// Continuous integration (CI=true) must have it; a newcomer without it still has the
// golden files.
func followsSchema(t *testing.T, document []byte) {
	t.Helper()
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	schema := filepath.Join(standards, "facturx-en16931", "Factur-X_EN16931.xsd")
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		t.Logf("schema not present: structural golden check only (%v)", err)
		return
	}
	xmllint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Fatal("xmllint is missing: install libxml2-utils (apt install libxml2-utils, brew install libxml2)")
	}
	command := exec.Command(xmllint, "--noout", "--nonet", "--schema", schema, "-")
	command.Stdin = bytes.NewReader(document)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func day(iso string) vouchers.Day {
	d, err := vouchers.ParseDay(iso)
	if err != nil {
		panic(err)
	}
	return d
}

func seller() Party {
	return Party{
		Name: "Passerelle SCIC", SIRET: "73282932000074", Street: "8 rue du Pont", Postcode: "74000", Town: "Annecy", Country: "FR",
		Email: "comptabilite@passerelle.example",
	}
}

// faceInvoice asks a public buyer for the face value of an order.
func faceInvoice() Invoice {
	return Invoice{
		Kind: Commercial, Number: "F2026-000041", IssuedOn: day("2026-11-23"), DueOn: day("2026-12-23"),
		Seller: seller(),
		Buyer: Party{
			Name: "Département de la Haute-Savoie", SIRET: "22740001700074", Street: "1 avenue d’Albigny", Postcode: "74041", Town: "Annecy Cedex", Country: "FR",
		},
		BuyerReference: "DGA-SOLIDARITE", OrderReference: "2026-EJ-004512",
		From: day("2026-12-01"), To: day("2027-03-31"),
		Lines: []Line{
			{Name: "Chèques « Premiers pas en ligne 2026 »", Description: "Carnets de 8 chèques de 10 €", Quantity: 1500, Unit: 1000},
			{Name: "Chèques « Accès aux droits » & suites", Quantity: 240, Unit: 1250},
		},
		VAT:     VAT{Category: OutsideScope},
		Payment: Payment{IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP", Reference: "RF35PASS12"},
		Notes:   []string{"Compte réservé aux chèques : la valeur faciale n’est jamais sur un autre compte."},
	}
}

// feesInvoice asks for the fees of the same order, with VAT, on another account.
func feesInvoice() Invoice {
	in := faceInvoice()
	in.Number, in.Notes = "F2026-000042", nil
	in.Seller.VATID, in.Buyer.VATID = "FR44732829320", "FR33227400017"
	in.Lines = []Line{
		{Name: "Frais de service", Description: "4 % de la valeur faciale", Quantity: 1, Unit: 72003},
		{Name: "Impression d’un carnet", Quantity: 218, Unit: 35},
	}
	in.VAT = VAT{Category: Standard, RateBP: 2000}
	in.Payment = Payment{IBAN: "FR1420041010050500013M02606", Reference: "RF15PASSF12"}
	return in
}

// credited is the credit note for a part of an invoice.
func credited(in Invoice, number string, lines ...Line) Invoice {
	in.Preceding = &Preceding{in.Number, in.IssuedOn}
	in.Kind, in.Number, in.Lines, in.Payment, in.Notes = CreditNote, number, lines, Payment{}, nil
	in.IssuedOn, in.DueOn = day("2027-05-10"), day("2027-05-10")
	return in
}
