package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	corrected := vouchers.InvoiceID(1)
	one := invoicing.Invoice{ID: 1, Number: "F2026-000001", Kind: invoicing.Fees, Net: 500, VATRate: 2000, VAT: 100, Reference: "RF18",
		Engagement: "E1", ServiceCode: "S1", Snapshot: invoicing.Snapshot{Reason: "x", Buyer: invoicing.Party{Name: "Thônes"}}}
	credit := one
	credit.Corrects = &corrected
	var rows []InvoiceRow
	for _, state := range []string{"paid", "late", "part", "due", "cancelled", "credit"} {
		rows = append(rows, InvoiceRow{one, "fees", state})
	}
	samples["invoicing/list"] = InvoicesBody{Operator: true, Kinds: []choiceOf{{"face", "x"}}, Rows: append(rows, InvoiceRow{credit, "credit", "credit"}), CSV: "/x", Next: "/x"}
	samples["invoicing/invoice"] = InvoiceBody{What: "fees", State: "due", Problem: "x", Field: "net", MayDeposit: true, MayCredit: true, Creditable: 5,
		Statuses: []choiceOf{{"paid", "x"}}, Detail: invoicing.Detail{Invoice: one, Corrected: &one, CreditNotes: []invoicing.Invoice{credit},
			Content:  invoicing.Snapshot{Buyer: invoicing.Party{Name: "Thônes", SIRET: "21740280000015"}, IBAN: segregated, BIC: "AGRIFRPP", Lines: []invoicing.Line{{Text: "x", Quantity: 2, Unit: 5}}},
			Deposits: []invoicing.Deposit{{Status: "paid", Note: "x", By: "Ana"}}}}
}

// billing is an office with an order's two invoices: 10 vouchers, 20.00 of fees.
func billing(t *testing.T) (o office, face, fees vouchers.InvoiceID) {
	t.Helper()
	o = openOffice(t)
	_, text := o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":10}`, o.world.Campaign.ID))
	order := answered[struct{ ID vouchers.OrderID }](t, text).ID
	o.world.InTx(func(tx *db.Tx) error {
		all, err := invoicing.OfOrder(t.Context(), tx, order)
		if err != nil {
			return err
		}
		face = all[0].ID
		i, err := invoicing.Issue(t.Context(), tx, seller, invoicing.Draft{Kind: invoicing.Fees, Order: order, Campaign: o.world.Campaign.ID,
			Funder: o.world.Funder.Organisation, Lines: []invoicing.Line{{Text: "Frais de service", Quantity: 1, Unit: 20_00}}, VATRate: 2000,
			From: o.world.Campaign.StartsOn, Until: o.world.Campaign.EndsOn})
		fees = i.ID
		return err
	})
	return o, face, fees
}

func TestAFunderReadsItsInvoices(t *testing.T) {
	t.Parallel()
	o, face, fees := billing(t)
	_, page := o.as("funder", "GET", "/invoices", "")
	for _, part := range []string{"F2026-000001", "F2026-000002", "24,00", "100,00", `href="/invoices.csv"`} {
		if !strings.Contains(page, part) {
			t.Errorf("the list does not show %s", part)
		}
	}
	_, page = o.as("funder", "GET", "/invoices?kind=fees&unpaid=true&year=2026", "")
	if strings.Contains(page, "F2026-000001") || !strings.Contains(page, "F2026-000002") || !strings.Contains(page, "/invoices.csv?kind=fees&amp;unpaid=true&amp;year=2026") {
		t.Error("the filters of the address are not kept")
	}
	answer, csv := o.as("funder", "GET", "/invoices.csv?kind=fees", "")
	if answer.StatusCode != http.StatusOK || strings.Count(csv, "\r\n") != 2 || !strings.Contains(csv, "20,00;4,00;24,00;0,00;0,00;24,00") {
		t.Errorf("%d %s", answer.StatusCode, csv)
	}
	_, page = o.as("funder", "GET", invoicePath(face), "")
	if !strings.Contains(page, "hors du champ") || !regexp.MustCompile(`class="reference">RF\d\dPASS`).MatchString(page) || !strings.Contains(page, "/xml") {
		t.Error("the invoice of vouchers does not say what it is, how to pay, or where its XML is")
	}
	if _, page = o.as("funder", "GET", invoicePath(fees), ""); strings.Contains(page, "/credit") {
		t.Error("a funder is offered to credit its own fees")
	}
	for _, path := range []string{"", "/pdf", "/xml"} {
		if answer, _ := o.as("other", "GET", invoicePath(fees)+path, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("another funder at %s: %d", path, answer.StatusCode)
		}
	}
}

func TestTheOperatorSeesWhatACreditNoteDoesThenMakesIt(t *testing.T) {
	t.Parallel()
	o, face, fees := billing(t)
	path := invoicePath(fees) + "/credit"
	form := url.Values{"net": {"5,00"}, "reason": {"Un carnet mal imprimé"}}
	answer, page := o.posts("operator", path, form)
	if answer.StatusCode != http.StatusOK || !strings.Contains(page, "_confirmed") || !strings.Contains(page, "6,00") || !strings.Contains(page, "Frais dus") {
		t.Fatalf("%d: the effect is not shown: %s", answer.StatusCode, page)
	}
	if _, page := o.as("operator", "GET", invoicePath(fees), ""); strings.Contains(page, "A2026-") {
		t.Error("a credit note was made before it was confirmed")
	}
	form.Set("_confirmed", "yes")
	answer, _ = o.posts("operator", path, form)
	_, page = o.as("operator", "GET", answer.Header.Get("Location"), "")
	if !strings.Contains(page, "Avoir A2026-000001") || !strings.Contains(page, "F2026-000002") || !strings.Contains(page, "Un carnet mal imprimé") {
		t.Errorf("the credit note's page: %s", page)
	}
	for code, wrong := range map[string]url.Values{"above": {"net": {"15,01"}, "reason": {"trop"}}, "no reason": {"net": {"1"}, "reason": {"x"}}} {
		if answer, page := o.posts("operator", path, wrong); answer.StatusCode < 409 || !strings.Contains(page, "error-summary") || !strings.Contains(page, wrong.Get("reason")) {
			t.Errorf("%s: %d", code, answer.StatusCode)
		}
	}
	if answer, page := o.posts("operator", invoicePath(face)+"/credit", form); answer.StatusCode != http.StatusConflict || !strings.Contains(page, "clôture") {
		t.Errorf("face value by hand: %d", answer.StatusCode)
	}
}

func TestADepositOnChorusProIsKept(t *testing.T) {
	t.Parallel()
	o, face, _ := billing(t)
	at := invoicePath(face) + "/chorus"
	if answer, _ := o.posts("funder", at, url.Values{"status": {"deposited"}, "note": {"Dépôt 12"}}); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", answer.StatusCode)
	}
	if _, page := o.as("operator", "GET", invoicePath(face), ""); !strings.Contains(page, "Dépôt 12") {
		t.Error("the deposit is not shown")
	}
	if answer, page := o.posts("operator", at, url.Values{"status": {"lost"}}); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "error-summary") {
		t.Errorf("a status of which nobody knows: %d", answer.StatusCode)
	}
	if answer, _ := o.posts("other", at, url.Values{"status": {"deposited"}}); answer.StatusCode != http.StatusNotFound {
		t.Errorf("another funder: %d", answer.StatusCode)
	}
}

func TestALeadSharesItsCampaignOnAPage(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	path := campaignPath(o.world.Campaign.ID)
	lead := fmt.Sprint(o.world.Funder.Organisation)
	if answer, _ := o.as("other", "GET", path+"/shares", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("a stranger: %d", answer.StatusCode)
	}
	form := url.Values{"funder": {lead}, "percent": {"", "33,33"}, "ceiling": {"", "1 500"}, "newcomer": {"nobody at all"}, "rest": {"0"}}
	if answer, page := o.posts("funder", path+"/shares", form); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, `value="33,33"`) || !strings.Contains(page, "nobody at all") {
		t.Errorf("a funder that is not there: %d", answer.StatusCode)
	}
	form.Set("newcomer", "métropole")
	if answer, page := o.posts("funder", path+"/shares", form); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", answer.StatusCode, page)
	}
	_, page := o.as("other", "GET", path, "")
	if !strings.Contains(page, "33,33") || !strings.Contains(page, "1\u202f500,00\u202f€ au plus") || strings.Contains(page, `id="allocations"`) || strings.Contains(page, "/shares\"") {
		t.Errorf("what the co-funder sees: %s", page)
	}
	if _, page := o.as("other", "GET", "/campaigns", ""); !strings.Contains(page, o.world.Campaign.Name) {
		t.Error("the campaign is not in the co-funder's list")
	}
	if answer, _ := o.as("other", "GET", path+"/shares", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("the co-funder changes the shares: %d", answer.StatusCode)
	}
	answer, _ := o.posts("other", "/quotes", url.Values{"campaign": {fmt.Sprint(o.world.Campaign.ID)}, "vouchers": {"5"}})
	quote := answer.Header.Get("Location")
	_, page = o.as("other", "GET", quote, "")
	o.has(page, "vous acceptez ce partage", "33,33")
	answer, _ = o.posts("other", quote+"/acceptance", url.Values{"version": {"1"}, "name": {"Camille Martin"}, "agreed": {"on"}})
	if answer.StatusCode != http.StatusSeeOther {
		t.Errorf("the co-funder cannot order: %d", answer.StatusCode)
	}
	if _, page := o.as("funder", "GET", path+"/shares", ""); !strings.Contains(page, "ne change plus") {
		t.Error("the shares can still be changed after the co-funder has ordered")
	}
}
