package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/invoicing"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/jobs"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/internal/payments"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

const (
	segregated sepa.IBAN = "FR7630006000011234567890189"
	operating  sepa.IBAN = "FR1420041010050500013M02606"
)

var seller = invoicing.Seller{Name: "Passerelle", SIRET: "73282932000074", VATID: "FR44732829320", Street: "1 rue du Pont", Postcode: "74000", Town: "Annecy",
	Segregated: invoicing.Account{IBAN: segregated}, Operating: invoicing.Account{IBAN: operating}}

func init() {
	day, cents, cause := vouchers.Day(900), vouchers.Cents(120_00), int64(3)
	river := RiverBody{Title: "x", Asleep: "y", Ordered: 500, Received: 400, HandedOver: 300, Used: 200, Paid: 100}
	one := campaigns.Campaign{ID: 1, FunderName: "Haute-Savoie", Rules: campaigns.Rules{Name: "Premiers pas", NoShow: campaigns.OneVoucher, Face: 10_00,
		BookletSize: 10, StartsOn: day, EndsOn: day + 100, PriceCap: 4, Themes: []string{"employment"}}}
	shares := []ShareLine{{"Haute-Savoie", "le reste", &cents, &cents}, {Name: "État", Rule: "50 %"}}
	var all []orders.Order
	for _, state := range []orders.State{orders.AwaitingPayment, orders.PartlyFunded, orders.Funded} {
		all = append(all, orders.Order{ID: 3, Campaign: 1, CampaignName: "Premiers pas", FunderName: "Haute-Savoie", Vouchers: 10,
			Face: 100_00, Reference: "RF35PASS000003", Received: 20_00, Credit: 1_00, State: state, Fees: 3_00, VAT: 60, Engagement: "EJ-1",
			ServiceCode: "S", Accepted: &orders.Acceptance{Quote: 1, Number: "D2026-000001", Version: 2, Name: "Ana", Terms: 1, Medium: "paper", Letter: "fr"}})
	}
	bills := []billView{{orders.Bill{Number: "F2026-000001", Amount: 100_00, Due: 80_00, DueOn: day, Reference: "RF35PASS000003", BIC: "AGRIFRPP",
		State: orders.PartlyFunded}, "face", "FR76 3000", true}, {orders.Bill{Number: "F2026-000002", Amount: 3_60, State: orders.Funded}, "fees", "FR14 2004", false}}
	version := orders.Version{Number: 2, Choices: orders.Choices{Vouchers: 10, Plan: one.Plan(), Medium: orders.Paper, Letter: "fr"},
		Price: orders.Price{Face: 100_00, Service: 3_00, Printing: 60, VAT: 72}, Tariff: orders.Tariff{ID: 1, NewTariff: orders.NewTariff{FeeRate: 300,
			Booklet: 60, VATRate: 2000, ValidityDays: 30}}, ValidUntil: day}
	quote := orders.Quote{ID: 1, Number: "D2026-000001", Campaign: 1, CampaignName: "Premiers pas", Voucher: 10_00, FunderName: "Haute-Savoie",
		Versions: []orders.Version{version, version}}
	samples["campaigns/list"] = CampaignsBody{MayDefine: true, Rows: []CampaignRiver{{one, river, true}, {one, RiverBody{}, false}}, Next: "/x"}
	samples["campaigns/new"] = DefineBody{Face: "10,00", Problem: "x", Field: "name", Themes: []themeBox{{"employment", true}}}
	samples["campaigns/campaign"] = CampaignBody{Campaign: one, River: river, MayOrder: true, MayDecide: true, MayShare: true, Led: true, Shares: shares, Problem: "x", Area: []string{"Thônes"},
		Orders: all, Allocations: []issuing.Allocation{{PrescriberName: "CCAS", Vouchers: 10, HandedOver: 4}},
		Prescribers: []choiceOf{{"1", "CCAS"}}, Free: 5, Asked: allocateForm{1, 9}}
	samples["campaigns/shares"] = SharesBody{Campaign: one, Problem: "x", Lines: shares, Newcomer: "État",
		Rows: []shareRow{{Funder: 1, Name: "Haute-Savoie", Lead: true}, {Percent: "50", Ceiling: "100"}}}
	samples["orders/list"] = OrdersBody{Operator: true, Today: day, State: orders.Funded, States: orderStates, Offered: 2, Rows: all, Next: "/x"}
	samples["orders/order"] = OrderBody{Order: all[1], Steps: []stepView{{"x", "current"}}, Bills: bills, Due: 80_00, Online: PayOnline{Offer: payments.Offer{On: true, Face: 80_00}, MayPay: true}}
	samples["orders/quote-new"] = QuotingBody{Estimate: orders.Estimate{Campaign: one, MayPlan: true, Version: version}, Form: quoteForm{Quote: 1, Vouchers: 10},
		Problem: "x", Field: "vouchers", Priced: true, Languages: []choiceOf{{"fr", "français"}}}
	samples["orders/quote"] = QuoteBody{Quote: quote, State: "offered", MayAccept: true, MayChange: true, Shares: shares, Problem: "x", Field: "name"}
	samples["orders/quotes"] = QuotesBody{Operator: true, Rows: []quoteRow{{quote, "offered"}, {quote, "accepted"}, {quote, "lapsed"}}, Next: "/x"}
	samples["orders/tariffs"] = TariffsBody{Tariffs: orders.Tariffs{Items: []orders.Tariff{version.Tariff}, Current: 1}, MayPublish: true, Problem: "x", Field: "fee"}
	samples["orders/terms"] = version.Tariff
	lines := []statements.Line{{ID: 1, Amount: 5, Credit: true, Outcome: statements.Unattributed, Waits: statements.UnknownPayer, Remittance: "x", ReturnReason: "AC04"},
		{ID: 2, Amount: 5, Outcome: statements.UnexpectedDebit, Waits: statements.NobodysDebit}, {ID: 3, Amount: 5, Credit: true, Outcome: statements.OrderFunded, Cause: &cause},
		{ID: 4, Amount: 5, Outcome: statements.PayoutBooked, Cause: &cause}}
	tally := statements.Tally{Count: 1, Amount: 5}
	read := statements.Statement{ID: 1, Ours: statements.Segregated, Reference: "REL1", Closing: &cents, ClosingOn: &day, OrdersFunded: tally,
		UnexpectedDebits: tally, Unattributed: tally, Cases: 2}
	samples["statements/list"] = StatementsBody{MayImport: true, Problem: "x", Agreements: []statements.Agreement{
		{Account: statements.Segregated, On: day, Bank: 5, Book: 4, Missing: []statements.Missing{{After: "a", Before: "b"}}},
		{Account: statements.Operating, On: day}}, Kinds: []kindView{{statements.UnknownPayer, 2, false}}, Waiting: 2,
		Rows: []statements.Statement{read, {Ours: statements.Operating}}, Next: "/x"}
	samples["statements/statement"] = StatementBody{Detail: statements.Detail{Statement: read, Items: lines}, More: "/x"}
	sampleCases(all, lines)
}

// office is a world behind the windows of campaigns, orders and statements.
type office struct {
	*window
	world      *world.World
	statements *statements.Service
	settlement *settlement.Service
}

func openOffice(t *testing.T) office {
	t.Helper()
	w := world.New(t)
	o := orders.New(w.DB, seller, func(context.Context, *db.Tx, string, orders.Order, orders.Source) error { return nil })
	payouts := settlement.New(w.DB, settlement.Debtor{Name: "Passerelle", IBAN: segregated, Town: "Lyon"}, func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	room := statements.New(w.DB, statements.Accounts{Segregated: segregated, Operating: operating}, statements.Rooms{Orders: o, Movers: []statements.Mover{payouts}, Filer: payouts}, slog.New(slog.DiscardHandler))
	reports := reporting.New(w.DB, nil)
	other := w.Organisation(identity.Funder, "Métropole de Lyon")
	actors := map[string]identity.Actor{"funder": w.Funder, "other": other, "operator": w.Operator, "prescriber": w.Prescriber}
	var routes []Route
	routes = append(routes, (&Campaigns{Service: w.Campaigns, Orders: o, Issuing: w.Issuing, Identity: w.Identity, Labels: reviewing(w).Published, Flows: reports.Flows, Sharing: reports.Sharing}).Routes()...)
	routes = append(routes, (&Orders{Service: o, Online: &Payments{payments.New(w.DB, payments.Options{}, o, nil, nil)}, Sharing: reports.Sharing}).Routes()...)
	routes = append(routes, InvoiceRoutes(invoicing.New(w.DB))...)
	routes = append(routes, (&Statements{Service: room, Orders: o}).Routes()...)
	return office{setup(t, func(options *Options) {
		options.Now = w.Clock.Now
		options.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, routes...), w, room, payouts}
}

// statement is a camt.053 file that brings amount under reference.
func (o office) statement(amount vouchers.Cents, reference string) string {
	today := vouchers.DayOf(o.world.Clock.Now())
	var out bytes.Buffer
	err := sepa.WriteStatements(&out, sepa.StatementFile{MessageID: "M", CreatedAt: o.world.Clock.Now(), Statements: []sepa.Statement{{
		ID: "REL" + reference, Kind: sepa.KindStatement, Account: segregated,
		Opening: &sepa.Balance{Day: today, Amount: 10_000_00}, Closing: &sepa.Balance{Day: today, Amount: 10_000_00 + amount},
		Entries: []sepa.Entry{{BankReference: "B" + reference, Status: "BOOK", Booked: today, ValueDate: today, Amount: amount, Credit: true,
			Code: sepa.BankCode{Proprietary: "X"}, Transactions: []sepa.Transaction{{Amount: amount, Remittance: reference}}}}}}})
	if err != nil {
		o.t.Fatal(err)
	}
	return out.String()
}

func answered[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func TestAProgramDefinesOrdersPaysAndAllocates(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	answer, text := o.as("funder", "POST", "/api/v1/campaigns", `{"name":"Été","face_cents":1000,"booklet_size":5,"starts_on":"2026-03-09",
		"ends_on":"2026-07-09","tolerance_days":15,"price_cap":3,"departements":["74"]}`)
	c := answered[campaigns.Campaign](t, text)
	if answer.StatusCode != http.StatusCreated || answer.Header.Get("Location") != fmt.Sprintf("/api/v1/campaigns/%d", c.ID) {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	_, text = o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":10}`, c.ID), "Idempotency-Key", "order-of-monday")
	first := answered[orders.Order](t, text)
	answer, text = o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":10}`, c.ID), "Idempotency-Key", "order-of-monday")
	if again := answered[orders.Order](t, text); again.ID != first.ID || answer.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("ordered twice: %s", text)
	}
	if len(first.Invoices) != 1 || first.Invoices[0].Due != 100_00 || first.Invoices[0].IBAN != segregated {
		t.Errorf("%s", text)
	}
	allocation := fmt.Sprintf(`{"campaign":%d,"prescriber":%d,"vouchers":6}`, c.ID, o.world.Prescriber.Organisation)
	if answer, text = o.as("funder", "POST", "/api/v1/allocations", allocation); answer.StatusCode != http.StatusConflict {
		t.Errorf("allocated before the money is here: %d %s", answer.StatusCode, text)
	}
	file := o.statement(60_00, first.Reference)
	for _, replayed := range []string{"", "true"} {
		answer, text = o.as("operator", "POST", "/api/v1/statements", file, "Content-Type", "application/xml")
		report := answered[statements.Report](t, text)
		if answer.Header.Get("Idempotent-Replayed") != replayed || report.Statements[0].OrdersFunded.Amount != 60_00 {
			t.Errorf("%v %s", answer.Header, text)
		}
	}
	_, text = o.as("funder", "GET", fmt.Sprintf("/api/v1/orders/%d", first.ID), "")
	if now := answered[orders.Order](t, text); now.State != orders.PartlyFunded || now.Received != 60_00 {
		t.Errorf("%+v", now)
	}
	if answer, text = o.as("funder", "POST", "/api/v1/allocations", allocation); answer.StatusCode != http.StatusCreated {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
	_, text = o.as("prescriber", "GET", "/api/v1/allocations", "")
	if all := answered[listing[issuing.Allocation]](t, text); len(all.Items) != 2 {
		t.Errorf("%s", text)
	}
}

func TestFundersDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	_, text := o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":10}`, o.world.Campaign.ID))
	order := answered[orders.Order](t, text)
	for _, path := range []string{fmt.Sprintf("/api/v1/campaigns/%d", o.world.Campaign.ID), fmt.Sprintf("/api/v1/orders/%d", order.ID),
		fmt.Sprintf("/campaigns/%d", o.world.Campaign.ID), fmt.Sprintf("/orders/%d", order.ID), fmt.Sprintf("/quotes/%d", order.Accepted.Quote),
		fmt.Sprintf("/quotes/%d/pdf", order.Accepted.Quote), fmt.Sprintf("/quotes/new?quote=%d", order.Accepted.Quote),
		fmt.Sprintf("/quotes/new?campaign=%d", o.world.Campaign.ID)} {
		if answer, _ := o.as("other", "GET", path, ""); answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
	for _, path := range []string{"/statements", "/api/v1/statements", "/api/v1/statements/lines"} {
		if answer, _ := o.as("funder", "GET", path, ""); answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", path, answer.StatusCode)
		}
	}
}

func (o office) posts(who, path string, form url.Values) (*http.Response, string) {
	return o.as(who, "POST", path, form.Encode())
}

func TestAPersonDefinesACampaign(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	_, page := o.as("funder", "GET", "/campaigns/new", "")
	if !strings.Contains(page, `value="10,00"`) || !strings.Contains(page, `value="2026-07-07"`) {
		t.Error("the form is not filled in")
	}
	form := url.Values{"name": {"Été"}, "face": {"10,00"}, "booklet_size": {"8"}, "starts_on": {"2026-03-09"}, "ends_on": {"2026-07-09"},
		"tolerance_days": {"15"}, "price_cap": {"4"}, "communes": {"thones, Saint-Denis"}, "epcis": {"Annecy"}, "service_themes": {"employment"}}
	answer, page := o.posts("funder", "/campaigns", form)
	if answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "93066") || !strings.Contains(page, `value="Été"`) {
		t.Errorf("a name of several communes: %d", answer.StatusCode)
	}
	form.Set("communes", "thones, 93066")
	answer, _ = o.posts("funder", "/campaigns", form)
	path, found := strings.CutPrefix(answer.Header.Get("Location"), "/quotes/new?campaign=")
	if answer.StatusCode != http.StatusSeeOther || !found {
		t.Fatalf("%d %s", answer.StatusCode, path)
	}
	path = "/campaigns/" + path
	_, page = o.as("funder", "GET", path, "")
	for _, part := range []string{"Thônes", "Saint-Denis", "CA du Grand Annecy"} {
		if !strings.Contains(page, part) {
			t.Errorf("the page does not name %s", part)
		}
	}
	answer, page = o.posts("funder", path+"/allocations", url.Values{"prescriber": {fmt.Sprint(o.world.Prescriber.Organisation)}, "vouchers": {"5"}})
	if answer.StatusCode != http.StatusConflict || !strings.Contains(page, "error-summary") {
		t.Errorf("allocated without money: %d", answer.StatusCode)
	}
}

func TestAnOperatorImportsAndAttributes(t *testing.T) {
	t.Parallel()
	o := openOffice(t)
	_, text := o.as("funder", "POST", "/api/v1/orders", fmt.Sprintf(`{"campaign":%d,"vouchers":10}`, o.world.Campaign.ID))
	order := answered[orders.Order](t, text)
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "releve.xml")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write([]byte(o.statement(100_00, "sans repere"))); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	answer, text := o.as("operator", "POST", "/statements", body.String(), "Content-Type", form.FormDataContentType())
	path := answer.Header.Get("Location")
	if answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(path, "/statements/files/") {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	if _, page := o.as("operator", "GET", path, ""); !strings.Contains(page, `<progress value="0" max="1">`) || !strings.Contains(page, `http-equiv="refresh"`) {
		t.Error("the file's page does not show how far it is")
	}
	if err := o.statements.DoImport(t.Context(), jobs.Work{Payload: json.RawMessage(strings.TrimPrefix(path, "/statements/files/"))}); err != nil {
		t.Fatal(err)
	}
	answer, _ = o.as("operator", "GET", path, "")
	if _, page := o.as("operator", "GET", answer.Header.Get("Location"), ""); !strings.Contains(page, "sans repere") {
		t.Error("the statement's page does not show its line")
	}
	_, page := o.as("operator", "GET", "/statements/cases", "")
	line := regexp.MustCompile(`/statements/cases/\d+`).FindString(page)
	if _, page = o.as("operator", "GET", line, ""); !strings.Contains(page, fmt.Sprintf(`<option value="%d">`, order.ID)) {
		t.Fatalf("the line offers no attribution: %s", page)
	}
	decision := url.Values{"decision": {"order"}, "order": {fmt.Sprint(order.ID)}}
	answer, page = o.posts("operator", line+"/decision", decision)
	if answer.StatusCode != http.StatusOK || !strings.Contains(page, "100,00") || !strings.Contains(page, `name="_confirmed"`) {
		t.Errorf("the effect is not shown first: %d", answer.StatusCode)
	}
	decision.Set("_confirmed", "yes")
	if answer, _ = o.posts("operator", line+"/decision", decision); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("%d", answer.StatusCode)
	}
	if _, page = o.as("operator", "GET", answer.Header.Get("Location"), ""); !strings.Contains(page, "Attribué à la commande") {
		t.Error("the line does not say what was decided")
	}
	if answer, page = o.posts("operator", line+"/decision", decision); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(page, "error-summary") {
		t.Errorf("attributed twice: %d", answer.StatusCode)
	}
	if answer, page = o.as("operator", "GET", "/statements/cases.csv", ""); answer.StatusCode != http.StatusOK || !strings.Contains(page, "Libellé") {
		t.Errorf("%d %s", answer.StatusCode, page)
	}
	if answer, _ = o.as("operator", "POST", "/statements", "", "Content-Type", form.FormDataContentType()); answer.StatusCode < 400 {
		t.Errorf("no file: %d", answer.StatusCode)
	}
}
