package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

const terms = "Article 1. Les chèques servent.\nArticle 2. Ce qui n’a pas servi est rendu."

// publishes lets the operator set 3 % and 0,60 € a printed booklet, through its page.
func (o office) publishes() {
	o.t.Helper()
	form := url.Values{"from_on": {vouchers.DayOf(o.world.Clock.Now()).String()}, "fee": {"3"}, "booklet": {"0,60"}, "vat": {"20"}, "validity_days": {"30"},
		"fees_refunded": {"on"}, "terms": {terms}}
	answer, page := o.posts("operator", "/tariffs", form)
	if answer.StatusCode != http.StatusOK || !strings.Contains(page, "3\u202f%") || !strings.Contains(page, `value="Article 1.`) {
		o.t.Fatalf("no confirmation is asked for: %d", answer.StatusCode)
	}
	form.Set("_confirmed", "yes")
	if answer, _ = o.posts("operator", "/tariffs", form); answer.StatusCode != http.StatusSeeOther {
		o.t.Fatalf("%d", answer.StatusCode)
	}
}

func (o office) has(page string, parts ...string) {
	o.t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			o.t.Errorf("the page does not hold %q", part)
		}
	}
}

func TestAPersonGoesFromACampaignToHowToPay(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	o.publishes()
	campaign := fmt.Sprint(o.world.Campaign.ID)
	_, page := o.as("funder", "GET", "/quotes/new?campaign="+campaign, "")
	o.has(page, "1\u202f000,00\u202f€", "30,00\u202f€", "10 carnets imprimés", "1\u202f043,20\u202f€") // 100 vouchers: face, 3 %, 10 booklets, VAT
	_, page = o.as("funder", "GET", "/quotes/new?vouchers=10&medium=digital&campaign="+campaign, "")
	o.has(page, `value="10"`, "103,60\u202f€")
	answer, page := o.posts("funder", "/quotes", url.Values{"campaign": {campaign}, "vouchers": {"0"}})
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a quote for nothing: %d", answer.StatusCode)
	}
	o.has(page, "error-summary", `href="#vouchers"`)
	answer, _ = o.posts("funder", "/quotes", url.Values{"campaign": {campaign}, "vouchers": {"10"}, "medium": {"digital"}})
	quote := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !regexp.MustCompile(`^/quotes/\d+$`).MatchString(quote) {
		t.Fatalf("%d to %s", answer.StatusCode, quote)
	}
	_, page = o.as("funder", "GET", quote, "")
	o.has(page, "Devis D2026-000001", "103,60\u202f€", `href="/terms/1"`, `name="agreed"`, "Commander pour 103,60\u202f€")

	form := url.Values{"version": {"1"}, "name": {"Camille Martin"}, "engagement": {"EJ 12"}}
	answer, page = o.posts("funder", quote+"/acceptance", form)
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("accepted without a tick: %d", answer.StatusCode)
	}
	o.has(page, "error-summary", `value="EJ 12"`)
	form.Set("agreed", "on")
	answer, _ = o.posts("funder", quote+"/acceptance", form)
	order := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(order, "/orders/") {
		t.Fatalf("%d to %s", answer.StatusCode, order)
	}
	_, page = o.as("funder", "GET", order, "")
	o.has(page, "À payer\u00a0: 103,60\u202f€", segregated.Grouped(), "FR14 2004 1010 0505 0001 3M02 606", "F2026-000001", "F2026-000002", "EJ 12", "Camille Martin")
	if found := regexp.MustCompile(`class="reference">(RF\d\d\w+)<`).FindAllStringSubmatch(page, -1); len(found) != 2 || found[0][1] == found[1][1] {
		t.Errorf("references %v", found)
	}
	_, page = o.as("funder", "GET", quote, "")
	if o.has(page, "est accepté", `href="`+order+`"`); strings.Contains(page, "acceptance") {
		t.Error("an accepted quote can be accepted")
	}
	if answer, page = o.posts("funder", quote+"/acceptance", form); answer.StatusCode != http.StatusConflict {
		t.Errorf("accepted twice: %d", answer.StatusCode)
	}
}

func TestAQuoteIsKeptInVersions(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	campaign := fmt.Sprint(o.world.Campaign.ID)
	answer, _ := o.posts("funder", "/quotes", url.Values{"campaign": {campaign}, "vouchers": {"10"}})
	quote := answer.Header.Get("Location")
	_, page := o.as("funder", "GET", "/quotes/new?quote="+strings.TrimPrefix(quote, "/quotes/"), "")
	o.has(page, `name="quote" value="1"`, `value="10"`, "ne changent plus")
	answer, _ = o.posts("funder", "/quotes", url.Values{"campaign": {campaign}, "quote": {"1"}, "vouchers": {"20"}})
	if answer.Header.Get("Location") != quote {
		t.Errorf("a new version is at %s", answer.Header.Get("Location"))
	}
	_, page = o.as("operator", "GET", quote, "")
	o.has(page, "Version 2", quote+"/pdf?version=1", "attend une réponse")
	for version, status := range map[string]int{"": 200, "?version=1": 200, "?version=2": 200, "?version=3": 404, "?version=x": 422} {
		answer, pdf := o.as("operator", "GET", quote+"/pdf"+version, "")
		if answer.StatusCode != status || status == 200 && !strings.HasPrefix(pdf, "%PDF-") {
			t.Errorf("%q: %d", version, answer.StatusCode)
		}
	}
	form := url.Values{"version": {"1"}, "name": {"Camille Martin"}, "agreed": {"on"}}
	answer, page = o.posts("funder", quote+"/acceptance", form)
	if answer.StatusCode != http.StatusConflict {
		t.Errorf("a version of before: %d", answer.StatusCode)
	}
	o.has(page, "error-summary", "Version 2")
	_, page = o.as("funder", "GET", "/quotes", "")
	o.has(page, "D2026-000001", "À accepter", "200,00\u202f€")
	_, page = o.as("funder", "GET", "/orders", "")
	o.has(page, "1 devis attend une réponse")
}

func TestOrdersAreFilteredAndTakenAway(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	_, text := o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":7,"engagement":"EJ-7"}`, o.world.Campaign.ID))
	waiting := answered[orders.Order](t, text)
	link := fmt.Sprintf(`href="/orders/%d"`, waiting.ID)
	for state, there := range map[string]bool{"": true, "awaiting_payment": true, "partly_funded": false, "funded": false} {
		_, page := o.as("funder", "GET", "/orders?state="+state, "")
		if strings.Contains(page, link) != there {
			t.Errorf("in state %q: %v", state, !there)
		}
	}
	answer, csv := o.as("funder", "GET", "/orders.csv?state=awaiting_payment", "")
	if lines := strings.Split(strings.TrimSpace(csv), "\r\n"); len(lines) != 2 || !strings.Contains(lines[1], "70,00") || !strings.Contains(lines[1], "EJ-7") ||
		answer.Header.Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%q", csv)
	}
	if _, csv = o.as("other", "GET", "/orders.csv", ""); strings.Contains(csv, "EJ-7") {
		t.Error("another funder takes it away too")
	}
	if answer, _ = o.as("funder", "GET", "/orders?state=lost", ""); answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("%d", answer.StatusCode)
	}
}

func TestTermsArePublicAndTariffsTheOperators(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	if answer, _ := o.as("nobody", "GET", "/terms/1", ""); answer.StatusCode == http.StatusOK {
		t.Error("there are terms before any")
	}
	o.publishes()
	_, page := o.ask("GET", "/terms/1", "")
	o.has(page, terms)
	if answer, _ := o.as("funder", "GET", "/tariffs", ""); answer.StatusCode != http.StatusForbidden {
		t.Errorf("%d", answer.StatusCode)
	}
	answer, page := o.posts("operator", "/tariffs", url.Values{"from_on": {"2020-01-01"}, "fee": {"3,25"}, "validity_days": {"30"}, "terms": {"x"}})
	if answer.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("a tariff in the past: %d", answer.StatusCode)
	}
	o.has(page, "error-summary", `href="#from_on"`, `value="3,25"`)
	_, text := o.as("operator", "GET", "/api/v1/tariffs", "")
	if all := answered[orders.Tariffs](t, text); len(all.Items) != 1 || all.Current != all.Items[0].ID || all.Items[0].FeeRate != 300 || all.Items[0].Terms != terms {
		t.Errorf("%s", text)
	}
	answer, text = o.as("operator", "POST", "/api/v1/tariffs", `{"from_on":"2027-01-01","fee_basis_points":225,"booklet_cents":0,"vat_basis_points":2000,
		"validity_days":30,"fees_refunded":false,"terms":"x"}`)
	if answer.StatusCode != http.StatusCreated || answered[orders.Tariff](t, text).FeeRate != 225 {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	if _, page = o.as("operator", "GET", "/tariffs", ""); !strings.Contains(page, "2,25") {
		t.Error("the rate is not told exactly")
	}
}
