package invoicing_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

var seller = invoicing.Seller{Name: "Passerelle SCIC", SIRET: "73282932000074", VATID: invoicing.VATIDOf("73282932000074"),
	Street: "8 rue du Pont", Postcode: "74000", Town: "Annecy",
	Segregated: invoicing.Account{IBAN: "FR7630006000011234567890189", BIC: "AGRIFRPP"},
	Operating:  invoicing.Account{IBAN: "FR1420041010050500013M02606"}}

type bundle struct {
	*world.World
	room *invoicing.Service
	t    testing.TB
}

func setup(t testing.TB) bundle {
	t.Helper()
	w := world.New(t)
	return bundle{w, invoicing.New(w.DB), t}
}

// draft is an invoice for an order of its own.
func (b bundle) draft(ctx context.Context, tx *db.Tx, kind invoicing.Kind, net vouchers.Cents) (invoicing.Draft, error) {
	d := invoicing.Draft{Kind: kind, Campaign: b.Campaign.ID, Funder: b.Funder.Organisation, Lines: []invoicing.Line{{Text: "Frais de service", Quantity: 1, Unit: net}},
		VATRate: 2000, From: b.Campaign.StartsOn, Until: b.Campaign.EndsOn, Engagement: "2026-EJ-004512", ServiceCode: "DGA-SOLIDARITE"}
	if kind == invoicing.Face {
		d.Lines, d.VATRate = []invoicing.Line{{Text: "Chèques « Premiers pas 2026 »", Quantity: int(net / 10_00), Unit: 10_00}}, 0
	}
	err := tx.Get(ctx, &d.Order, `
		INSERT INTO orders (campaign_id, funder_id, vouchers, face_cents, reference, ordered_at, ordered_by)
		VALUES ($1, $2, 1, 1000, gen_random_uuid()::text, $3, $4) RETURNING id`, b.Campaign.ID, b.Funder.Organisation, tx.Now, b.Funder.Person)
	return d, err
}

func (b bundle) issue(ctx context.Context, tx *db.Tx, kind invoicing.Kind, net vouchers.Cents) (invoicing.Invoice, error) {
	d, err := b.draft(ctx, tx, kind, net)
	if err != nil {
		return invoicing.Invoice{}, err
	}
	return invoicing.Issue(ctx, tx, seller, d)
}

// issued is an invoice that stays.
func (b bundle) issued(kind invoicing.Kind, net vouchers.Cents) (i invoicing.Invoice) {
	b.t.Helper()
	b.InTx(func(tx *db.Tx) (err error) {
		i, err = b.issue(b.t.Context(), tx, kind, net)
		return err
	})
	return i
}

func (b bundle) credits(of invoicing.Invoice, net vouchers.Cents) (invoicing.Invoice, error) {
	return b.room.CreditFees(b.t.Context(), b.Operator, invoicing.CreditFeesRequest{Invoice: of.ID, Net: net, Reason: "Un carnet mal imprimé"})
}

func (b bundle) credited(of invoicing.Invoice, net vouchers.Cents) invoicing.Invoice {
	b.t.Helper()
	c, err := b.credits(of, net)
	b.ok(err)
	return c
}

func (b bundle) opens(id vouchers.InvoiceID) invoicing.Detail {
	b.t.Helper()
	d, err := b.room.Open(b.t.Context(), b.Funder, id)
	b.ok(err)
	return d
}

// pdf prints an invoice and returns where it lies. With PASSERELLE_PAGES set to a folder
// it is kept there, to be looked at.
func (b bundle) pdf(i invoicing.Invoice) (path string, content []byte) {
	b.t.Helper()
	catalogue, err := i18n.Load(web.Files)
	b.ok(err)
	var out bytes.Buffer
	b.ok(b.room.PDF(b.t.Context(), b.Funder, i.ID, paper{catalogue.For("fr")}, &out))
	dir := os.Getenv("PASSERELLE_PAGES")
	if dir == "" {
		dir = b.t.TempDir()
	}
	path = filepath.Join(dir, fmt.Sprintf("%s-%s.pdf", i.Number, i.Kind))
	b.ok(os.WriteFile(path, out.Bytes(), 0o600))
	return path, out.Bytes()
}

// paper makes pages' words fit documents.
type paper struct{ *i18n.Words }

func (p paper) Number(n int) string                { return p.Words.Number(int64(n)) }
func (p paper) ShortMoney(c vouchers.Cents) string { return p.Euros(c) }
func (p paper) Distance(km float64) string         { return p.Km(km) }

// tool runs a program on files and gives what it prints.
func (b bundle) tool(name string, args ...string) string {
	b.t.Helper()
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		b.t.Fatalf("%s %v: %v %s (apt-get install poppler-utils libxml2-utils)", name, args, err, out)
	}
	return string(out)
}

func (b bundle) ok(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b bundle) refused(err error, code string) {
	b.t.Helper()
	if fault.Code(err) != code {
		b.t.Errorf("got %v, want fault %q", err, code)
	}
}
