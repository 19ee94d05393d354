package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/connect"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	day, next := vouchers.Day(900), vouchers.PayoutID(8)
	payouts := []settlement.Payout{
		{ID: 7, StructureName: "Bonlieu", Amount: 30_00, EndToEnd: "PSL1-4", State: settlement.InTransit, ExecutionOn: day},
		{ID: 6, StructureName: "Cluses", Amount: 30_00, EndToEnd: "PSL1-5", State: settlement.Booked, ExecutionOn: day, BookedOn: &day},
		{ID: 3, StructureName: "Megève", Amount: 30_00, State: settlement.Rejected, ReturnReason: settlement.CancelledCode},
		{ID: 4, StructureName: "Sallanches", Amount: 30_00, EndToEnd: "PSL1-7", State: settlement.Rejected, ReturnReason: "XX99"},
		{ID: 5, StructureName: "Thônes", Amount: 30_00, EndToEnd: "PSL1-6", State: settlement.Returned, ReturnReason: "AC04", ReissuedIn: &next},
	}
	var held []settlement.Held
	for _, reason := range []string{"below_minimum", "bank_details_missing", "account_refused", "booked_after_all", "transfer_town_missing", "transfer_name_missing", "transfer_iban",
		"transfer_iban_outside_sepa", "transfer_bic", "transfer_amount"} {
		held = append(held, settlement.Held{Name: "Faverges", Amount: 10_00, Reason: reason})
	}
	one := settlement.Settlement{ID: 1, MessageID: "PSL1", ExecutionOn: day, Payouts: 3, Total: 90_00, SHA256: strings.Repeat("0f", 32),
		InTransit: 1, Booked: 1, Returned: 1, Rejected: 1, State: settlement.Sent, CloserName: "Lina", ApproverName: "Alix", ApprovedAt: new(time.Time)}
	var all []settlement.Settlement
	for _, state := range []string{settlement.Waiting, settlement.Approved, settlement.Cancelled, settlement.Done} {
		other := one
		other.State = state
		all = append(all, other)
	}
	samples["settlement/list"] = SettlementsBody{Now: settlement.Preview{ExecutionOn: day, Payouts: 12, Total: 3480_00, Netted: 30_00, Held: held, Asked: 1, AskedTotal: 10_00, Due: &day},
		HeldSum: 70_00, MayClose: true, Problem: "x", Rows: append(all, one), Next: "/settlements?before=1"}
	all[0].TopUp = &settlement.TopUp{Amount: 30_00, EndToEnd: "PSL1-STRIPE", State: settlement.Booked, BookedOn: &day, Arrived: true}
	var atStripe []connect.Transfer
	for i, state := range []string{"waiting", "asked", "transferred", "leaving", "paid", "reversing", "back"} {
		payouts = append(payouts, settlement.Payout{ID: vouchers.PayoutID(20 + i), Connected: "acct_1", Sent: true, State: settlement.InTransit})
		atStripe = append(atStripe, connect.Transfer{Of: vouchers.PayoutID(20 + i), State: state, Problem: "balance_insufficient"})
	}
	payouts = append(payouts, settlement.Payout{ID: 30, State: settlement.Rejected, Connected: "acct_1", ReturnReason: settlement.StripeCode})
	payouts[0].Holder, payouts[0].HolderInFile = "Médiathèque", "Mediatheque"
	samples["settlement/settlement"] = SettlementBody{Detail: settlement.Detail{Settlement: all[0], List: payouts}, MayPay: true, Problem: "x", Field: "reason", AtStripe: atStripe}
	samples["settlement/delays"] = DelaysBody{From: 900, Until: 1000, All: DelayView{9, 3, 8, 12, 8, "97 %", nil}, Own: &DelayView{Oldest: new(vouchers.Day)}}
	samples["settlement/payouts"] = PayoutsBody{Money: settlement.Money{Owed: 10_00, UnderWay: 30_00, NextOn: day}, First: true, MayAsk: true, Problem: "x", Days: "mardi",
		Steps: []stepView{{"Encaissé", "done"}, {"Envoyé", "current"}}, Rows: payouts, Next: "/payouts?before=5"}
}

// tills is a world behind the settlement window; a bearer token names who asks.
func tills(t *testing.T) (*world.World, *window) { return tillsOf(t, settlement.Profile{}) }

// tillsOf is tills of an operator whose bank asks for something else.
func tillsOf(t *testing.T, bank settlement.Profile) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	room := settlement.New(w.DB, settlement.Debtor{Name: "Passerelle", IBAN: "FR7630006000011234567890189", Town: "Lyon", Profile: bank},
		func(context.Context, *db.Tx, string, settlement.Payout) error { return nil })
	stranger := w.NewStructure("Autre lieu")
	actors := map[string]identity.Actor{"operator": w.Operator, "second": w.Colleague(), "structure": w.Structure.Actor, "stranger": stranger.Actor}
	return w, setup(t, func(o *Options) {
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, SettlementRoutes(room, directOff(w))...)
}

func (w *window) as(who, method, path, body string, headers ...string) (*http.Response, string) {
	kind := "application/json"
	if !strings.HasPrefix(path, "/api/") {
		kind = "application/x-www-form-urlencoded"
	}
	return w.ask(method, path, body, append([]string{"Authorization", "Bearer " + who, "Content-Type", kind}, headers...)...)
}

func TestAProgramSettlesAndFetchesTheFile(t *testing.T) {
	t.Parallel()
	w, api := tills(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	for i, replayed := range []string{"", "true"} {
		answer, text := api.as("operator", "POST", "/api/v1/settlements", "{}", "Idempotency-Key", "monday-2026-03-09")
		if answer.StatusCode != http.StatusCreated || answer.Header.Get("Idempotent-Replayed") != replayed || !strings.Contains(text, `"total_cents":3000`) {
			t.Fatalf("closing, time %d: %d %s", i, answer.StatusCode, text)
		}
	}
	_, text := api.as("operator", "GET", "/api/v1/settlements", "")
	var list struct {
		Items []settlement.Settlement
		Next  *int64
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 1 || list.Next != nil {
		t.Fatalf("%v: %s", err, text)
	}
	path := fmt.Sprintf("/api/v1/settlements/%d", list.Items[0].ID)
	approval := fmt.Sprintf(`{"file_sha256":%q}`, list.Items[0].SHA256)
	for who, want := range map[string]string{"operator": "own_request", "structure": "forbidden"} {
		if _, text := api.as(who, "POST", path+"/approval", approval); !strings.Contains(text, want) {
			t.Errorf("%s approves: %s", who, text)
		}
	}
	if answer, text := api.as("second", "POST", path+"/approval", approval); answer.StatusCode != http.StatusOK || !strings.Contains(text, `"state":"approved"`) {
		t.Errorf("approving: %d %s", answer.StatusCode, text)
	}
	answer, file := api.as("operator", "GET", path+"/pain001", "")
	if answer.Header.Get("Content-Type") != "application/xml; charset=utf-8" || !strings.Contains(file, "pain.001.001.09") ||
		answer.Header.Get("Content-Disposition") != `attachment; filename="PSL1.xml"` {
		t.Errorf("%v: %.200s", answer.Header, file)
	}
	if _, detail := api.as("operator", "GET", path, ""); !strings.Contains(detail, `"account":"FR`) || strings.Contains(detail, "30006000010") {
		t.Errorf("the account is not masked: %s", detail)
	}
	if _, text := api.as("operator", "POST", path+"/sent", ""); !strings.Contains(text, `"state":"sent"`) {
		t.Errorf("sent: %s", text)
	}
	if answer, text := api.as("second", "POST", path+"/cancellation", `{"reason":"Wrong day"}`); answer.StatusCode != http.StatusConflict {
		t.Errorf("cancelled after it was sent: %s", text)
	}
	for _, refused := range []string{path, path + "/pain001"} {
		if answer, _ := api.as("structure", "GET", refused, ""); answer.StatusCode != http.StatusForbidden {
			t.Errorf("a structure gets %d for %s", answer.StatusCode, refused)
		}
	}
	if answer, _ := api.as("operator", "GET", "/api/v1/settlements/x", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("settlement x: %d", answer.StatusCode)
	}
}

func TestAStructureSeesWhereItsMoneyIs(t *testing.T) {
	t.Parallel()
	w, api := tills(t)
	booklet := w.HandOver(w.Campaign, 10)
	w.Redeem(w.Structure, booklet, 3)
	api.as("operator", "POST", "/api/v1/settlements", "")
	w.Redeem(w.Structure, booklet, 1)
	_, text := api.as("structure", "GET", "/api/v1/payouts", "")
	var money struct {
		Owed  vouchers.Cents      `json:"owed_cents"`
		Next  string              `json:"next_on"`
		Items []settlement.Payout `json:"items"`
	}
	if err := json.Unmarshal([]byte(text), &money); err != nil || money.Owed != 10_00 || money.Next != "2026-03-11" || len(money.Items) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	statement := fmt.Sprintf("/api/v1/payouts/%d/statement", money.Items[0].ID)
	answer, pdf := api.as("structure", "GET", statement, "")
	if answer.Header.Get("Content-Type") != "application/pdf" || !strings.HasPrefix(pdf, "%PDF-") {
		t.Errorf("%v: %.20q", answer.Header, pdf)
	}
	if answer, _ := api.as("stranger", "GET", statement, ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("another structure gets %d", answer.StatusCode)
	}
	if answer, page := api.as("structure", "GET", "/payouts", ""); answer.StatusCode != http.StatusOK || !strings.Contains(page, "10,00") ||
		!strings.Contains(page, statement) || !strings.Contains(page, `aria-current="step"`) {
		t.Errorf("%d: %s", answer.StatusCode, page)
	}
}

func TestTheOperatorSettlesFromThePage(t *testing.T) {
	t.Parallel()
	w, pages := tills(t)
	if _, empty := pages.as("operator", "GET", "/settlements", ""); strings.Contains(empty, "<form class=\"confirm\"") {
		t.Error("nothing to settle and a button all the same")
	}
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	if _, list := pages.as("operator", "GET", "/settlements", ""); !strings.Contains(list, `value="2026-03-10"`) || !strings.Contains(list, "30,00") {
		t.Errorf("the list page: %s", list)
	}
	sunday := "_key=0123456789&execution_on=2026-03-15"
	if answer, page := pages.as("operator", "POST", "/settlements", sunday); answer.StatusCode != http.StatusUnprocessableEntity ||
		!strings.Contains(page, `href="#execution_on"`) {
		t.Errorf("a Sunday: %d %s", answer.StatusCode, page)
	}
	answer, _ := pages.as("operator", "POST", "/settlements", "_key=9876543210&execution_on=2026-03-11")
	if answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("closing answers %d", answer.StatusCode)
	}
	at := answer.Header.Get("Location")
	_, page := pages.as("operator", "GET", at, "")
	if !strings.Contains(page, w.Structure.OrganisationName) || strings.Contains(page, "/pain001") || strings.Contains(page, at+"/approval") ||
		!strings.Contains(page, at+"/cancellation") || !strings.Contains(page, "settlement-hash") {
		t.Errorf("who closed it sees %s", page)
	}
	if answer, page := pages.as("second", "POST", at+"/cancellation", "_key=1000000000&reason="); answer.StatusCode != http.StatusUnprocessableEntity ||
		!strings.Contains(page, `href="#reason"`) || !strings.Contains(page, "<details open>") {
		t.Errorf("cancelled without a reason: %d %s", answer.StatusCode, page)
	}
	_, page = pages.as("second", "GET", at, "")
	hash, _, _ := strings.Cut(strings.Split(page, `name="file_sha256" value="`)[1], `"`)
	if answer, _ := pages.as("second", "POST", at+"/approval", "_key=1000000001&file_sha256="+hash); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("approval answers %d", answer.StatusCode)
	}
	pages.as("second", "GET", "/api/v1"+at+"/pain001", "")
	if answer, _ := pages.as("operator", "POST", at+"/sent", "_key=1000000002"); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("sent answers %d", answer.StatusCode)
	}
	if _, page := pages.as("operator", "GET", at, ""); !strings.Contains(page, "/pain001") || strings.Contains(page, at+"/cancellation") {
		t.Errorf("once sent: %s", page)
	}
}

func TestEachFileOfASettlementIsFetchedFromThePage(t *testing.T) {
	t.Parallel()
	w, pages := tillsOf(t, settlement.Profile{Limit: 1})
	booklet := w.HandOver(w.Campaign, 10)
	w.Redeem(w.Structure, booklet, 3)
	w.Redeem(w.NewStructure("Médiathèque de Cluses"), booklet, 1)
	answer, _ := pages.as("operator", "POST", "/settlements", "_key=9876543210&execution_on=2026-03-11")
	at := answer.Header.Get("Location")
	_, page := pages.as("second", "GET", at, "")
	hash, _, _ := strings.Cut(strings.Split(page, `name="file_sha256" value="`)[1], `"`)
	pages.as("second", "POST", at+"/approval", "_key=1000000001&file_sha256="+hash)
	for _, path := range []string{at + "/pain001", at + "/pain001?file=0", at + "/pain001?file=x"} {
		if answer, text := pages.as("operator", "GET", "/api/v1"+path, ""); answer.StatusCode != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
	for n := 1; n <= 2; n++ {
		_, page = pages.as("operator", "GET", at, "")
		link := fmt.Sprintf("/api/v1%s/pain001?file=%d", at, n)
		if !strings.Contains(page, link) || strings.Contains(page, at+"/sent") || !strings.Contains(page, "Mediatheque de Cluses") {
			t.Errorf("before file %d: %s", n, page)
		}
		answer, file := pages.as("operator", "GET", link, "")
		if name := fmt.Sprintf("PSL1F%d", n); answer.Header.Get("Content-Disposition") != `attachment; filename="`+name+`.xml"` || !strings.Contains(file, "<MsgId>"+name) {
			t.Errorf("file %d: %v %.300s", n, answer.Header, file)
		}
	}
	if _, page = pages.as("operator", "GET", at, ""); !strings.Contains(page, at+"/sent") {
		t.Errorf("all files are fetched, and none can be told as sent: %s", page)
	}
}

// Whoever approves sees that the bank is asked for one sum, of the whole or of each file.
func TestTheSettlementSaysThatTheBankDebitsOneSum(t *testing.T) {
	t.Parallel()
	for limit, says := range map[int]string{0: "débiter les 2 virements en une seule somme", 1: "débiter chaque fichier en une seule somme"} {
		w, pages := tillsOf(t, settlement.Profile{Batch: true, Limit: limit})
		booklet := w.HandOver(w.Campaign, 10)
		w.Redeem(w.Structure, booklet, 3)
		w.Redeem(w.NewStructure("Médiathèque de Cluses"), booklet, 1)
		answer, _ := pages.as("operator", "POST", "/settlements", "_key=9876543210&execution_on=2026-03-11")
		_, page := pages.as("second", "GET", answer.Header.Get("Location"), "")
		if !strings.Contains(page, `<p id="batch">`) || !strings.Contains(strings.ReplaceAll(page, "\u00a0", " "), says) {
			t.Errorf("%d in a file: %s", limit, page)
		}
		if _, text := pages.as("second", "GET", "/api/v1"+answer.Header.Get("Location"), ""); !strings.Contains(text, `"batch_booking":true`) {
			t.Errorf("%s", text)
		}
	}
	w, pages := tills(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	answer, _ := pages.as("operator", "POST", "/settlements", "_key=9876543210&execution_on=2026-03-11")
	if _, page := pages.as("second", "GET", answer.Header.Get("Location"), ""); strings.Contains(page, `id="batch"`) {
		t.Errorf("lines of their own: %s", page)
	}
}

// The lines of a statement for a spreadsheet come to what was paid, corrections included.
func TestAStatementsLinesComeToItsPayout(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0)
	s := documents.Statement{EndToEndID: "PSL1-4", Settlement: "PSL1", Regime: "exempt", Recovered: 5_00,
		Redeemed: []documents.Redeemed{{At: at, Place: "Thônes", Theme: "Outils", Booklet: "7", Vouchers: 3, Amount: 30_00}},
		Adjusted: []documents.Adjusted{{Kind: "withheld", At: at, Amount: -10_00}, {Kind: "released", At: at, Amount: 20_00}}}
	var out bytes.Buffer
	if err := documents.WriteCSV(&out, payoutSheet(site.Words.For("fr"), s)); err != nil {
		t.Fatal(err)
	}
	var amounts, what []string
	for line := range strings.Lines(strings.ReplaceAll(out.String(), "\u00a0", " ")) {
		cells := strings.Split(line, ";")
		amounts, what = append(amounts, cells[7]), append(what, cells[4])
	}
	if got := strings.Join(amounts[1:], " "); got != "30,00 -10,00 20,00 -5,00" {
		t.Errorf("the amounts are %s", got)
	}
	if got := strings.Join(what[1:], "; "); got != "Outils; Retenu pour une réclamation; Rendu après une réclamation; Retenu sur une somme due" {
		t.Errorf("the lines are %s", got)
	}
}
