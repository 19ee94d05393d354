package invoicing_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
)

func TestTheFileOfAnInvoiceFollowsTheNormAndIsInItsPDF(t *testing.T) {
	t.Parallel()
	b := setup(t)
	fees := b.issued(invoicing.Fees, 13)
	for _, i := range []invoicing.Invoice{b.issued(invoicing.Face, 100_00), fees, b.credited(fees, 2), b.credited(fees, 2), b.credited(fees, 9)} {
		_, xml, err := b.room.XML(t.Context(), b.Funder, i.ID)
		b.ok(err)
		b.followsSchema(xml)
		path, content := b.pdf(i)
		if _, again := b.pdf(i); !bytes.Equal(content, again) {
			t.Errorf("%s: printed again it differs", i.Number)
		}
		if list := b.tool("pdfdetach", "-list", path); !strings.Contains(list, "1: factur-x.xml") {
			t.Errorf("%s: %s", i.Number, list)
		}
		attached := filepath.Join(t.TempDir(), "factur-x.xml")
		b.tool("pdfdetach", "-save", "1", "-o", attached, path)
		if got, err := os.ReadFile(attached); err != nil || string(got) != xml {
			t.Errorf("%s: what is attached is not what was issued, %v", i.Number, err)
		}
		for _, part := range []string{i.Number, "2026-EJ-004512", "DGA-SOLIDARITE"} {
			if !strings.Contains(xml, part) || !strings.Contains(b.tool("pdftotext", "-layout", path, "-"), part) {
				t.Errorf("%s: %s is not in both", i.Number, part)
			}
		}
		if corrects := i.Corrects != nil; strings.Contains(xml, "<ram:InvoiceReferencedDocument>") != corrects {
			t.Errorf("%s: whether it names an invoice that it corrects", i.Number)
		}
	}
}

// followsSchema validates against the schema of Factur-X's EN 16931 profile, as package
// einvoice's tests do: PASSERELLE_STANDARDS names the folder that holds it.
func (b bundle) followsSchema(xml string) {
	b.t.Helper()
	standards := os.Getenv("PASSERELLE_STANDARDS")
	if standards == "" {
		standards = filepath.Join("..", "..", "..", "shared", "standards")
	}
	schema := filepath.Join(standards, "facturx-en16931", "Factur-X_EN16931.xsd")
	if _, err := os.Stat(schema); err != nil {
		if os.Getenv("CI") == "true" {
			b.t.Fatalf("schema not present: %v; set PASSERELLE_STANDARDS", err)
		}
		return
	}
	path := filepath.Join(b.t.TempDir(), "invoice.xml")
	b.ok(os.WriteFile(path, []byte(xml), 0o600))
	b.tool("xmllint", "--noout", "--nonet", "--schema", schema, path)
}

func TestAFunderWithoutSIRETHasItsInvoiceWithoutTheFile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o, err := b.Identity.CreateOrganisation(t.Context(), b.Operator, identity.NewOrganisation{Kind: identity.Funder, Name: "Fonds d’ailleurs",
		Admin: identity.NewMember{Name: "Ana", Email: "ana@ailleurs.example", Password: "correct horse battery"}})
	b.ok(err)
	var i invoicing.Invoice
	b.InTx(func(tx *db.Tx) error {
		d, err := b.draft(t.Context(), tx, invoicing.Face, 100_00)
		if err != nil {
			return err
		}
		d.Funder = o.ID
		i, err = invoicing.Issue(t.Context(), tx, seller, d)
		return err
	})
	b.Funder.Organisation = o.ID
	if d := b.opens(i.ID); d.HasXML {
		t.Error("a file that breaks the norm was kept")
	}
	_, _, err = b.room.XML(t.Context(), b.Funder, i.ID)
	b.refused(err, "invoice_without_xml")
	path, _ := b.pdf(i)
	if text := b.tool("pdftotext", "-layout", path, "-"); !strings.Contains(text, i.Number) || !strings.Contains(text, "Fonds d’ailleurs") {
		t.Errorf("%s", text)
	}
}

func TestNothingIsInvoicedWithoutAnAccountToPayTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := b.DB.InTx(t.Context(), func(tx *db.Tx) error {
		d, err := b.draft(t.Context(), tx, invoicing.Fees, 1_00)
		if err != nil {
			return err
		}
		_, err = invoicing.Issue(t.Context(), tx, invoicing.Seller{Name: "Passerelle", Segregated: seller.Segregated}, d)
		return err
	})
	b.refused(err, "seller_account_unknown")
}
