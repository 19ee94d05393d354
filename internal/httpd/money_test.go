package httpd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/accounting"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/internal/money"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/statements"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	site, err := loadSite()
	if err != nil {
		panic(err)
	}
	w, at, day := site.Words.For("fr"), time.Unix(1e9, 0), vouchers.DayOf(time.Unix(1e9, 0))
	book := accountRow{money.Balance{Account: "campaign:1:live", Of: "Premiers pas", Balance: 80_00}, "Chèques en circulation", "/money/accounts/campaign:1:live"}
	desk := money.Desk{At: at, Cover: coverSample(),
		Holdings: []money.Holding{{Account: ledger.Segregated, Books: 10_00, Bank: &statements.Agreement{On: day.AddDays(-3), Bank: 10_00, Book: 10_00}},
			{Account: ledger.Operating, Books: 1, Bank: &statements.Agreement{On: day, Bank: 2}}, {Account: ledger.StripeClearing}},
		Ageing:  []money.Bucket{{ToDays: 15, Orders: 1, Face: 100}, {FromDays: 61, Invoices: 2, Fees: 3}},
		Debtors: []money.Debtor{{Funder: 2, Name: "Ville", Debt: 1, Fees: 2, Credit: 3}, {Funder: 3, Name: "Mutuelle", Fees: 1}}}
	for _, name := range []string{"credits", "debits", "payouts", "returned", "debts", "writeoffs"} {
		desk.Tiles = append(desk.Tiles, money.Tile{Name: name, Count: 2, Amount: 100, Oldest: day.AddDays(-2)})
	}
	body := moneyBody(w, desk)
	body.Pages = []NavItem{{Href: "/tariffs", Key: "orders.tariffs.nav", Icon: "percent"}}
	samples["money/desk"] = body
	samples["money/accounts"] = AccountsBody{Campaign: 1, Rows: []accountRow{book, {money.Balance{Account: ledger.Segregated, Asset: true}, "Banque", "/"}}, Next: "/"}
	samples["money/account"] = BookBody{accountRow: book, Campaign: 1, Next: "/", CSV: "/",
		Moves: []moveRowView{{money.Move{ID: 1, At: at, Change: 10, Balance: 80_00}, "Remise", "Reçu", "/", "/"}}}
	samples["money/event"] = eventBody(w, money.Occurrence{Event: "redemption", Cause: 1, Legs: []money.Leg{{ID: 1, At: at, Debit: "campaign:1:live", Credit: "structure:4:payable", Amount: 1, Campaign: 1}},
		Sources: []money.Source{{Kind: "booklet", ID: 1}, {Kind: "order", ID: 1}}})
	asked := money.WriteOff{ID: 1, Order: 1, Funder: "Ville", Amount: 1, Reason: "x", State: money.Requested, RequestedAt: at, RequestedBy: "Ana"}
	done := asked
	done.State, done.DecidedAt, done.DecidedBy = money.Approved, &at, "Zoé"
	samples["money/debts"] = DebtsBody{Problem: "x", MayDecide: true, Today: day, Open: []money.Debt{{Order: 1, FunderName: "Ville", Debt: 3, ToBank: 1, Since: day.AddDays(-3)}},
		Waiting: []waitingWriteOff{{asked, true}, {asked, false}}, Decided: []money.WriteOff{done}}
	samples["accounting/accounting"] = AccountingBody{Years: []accountingYear{{accounting.Year{Year: 2026}, "x"}, {accounting.Year{Year: 2025, Ended: true}, "y"}}}
}

// treasury is a world behind the windows of money and of accounting; a bearer token names
// who asks.
func treasury(t *testing.T) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	second, reader := w.Operator, w.Operator
	second.Person, reader.Role = newMember(t, w, identity.Finance), identity.Reader
	actors := map[string]identity.Actor{"operator": w.Operator, "second": second, "reader": reader, "funder": w.Funder, "structure": w.Structure.Actor}
	routes := append(MoneyRoutes(money.New(w.DB)), AccountingRoutes(accounting.New(w.DB, "12345678200010"))...)
	return w, setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, routes...)
}

func newMember(t *testing.T, w *world.World, role identity.Role) vouchers.PersonID {
	t.Helper()
	m, err := w.Identity.AddMember(t.Context(), w.Operator, identity.NewMember{Name: "Zoé Roux", Email: "zoe@passerelle.example", Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return m.ID
}

func TestEachFigureLeadsToItsTransfers(t *testing.T) {
	t.Parallel()
	w, pages := treasury(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	page := func(path string) string {
		t.Helper()
		answer, html := pages.as("operator", "GET", path, "", "Accept-Language", "fr")
		if answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d", path, answer.StatusCode)
		}
		return html
	}
	follow := func(path, link string) string {
		t.Helper()
		if !strings.Contains(page(path), `href="`+link+`"`) {
			t.Fatalf("%s does not lead to %s: %s", path, link, page(path))
		}
		return link
	}
	campaign := follow("/money", fmt.Sprintf("/money/accounts?campaign=%d", w.Campaign.ID))
	live := follow(campaign, fmt.Sprintf("/money/accounts/campaign:%d:live?campaign=%d", w.Campaign.ID, w.Campaign.ID))
	event := follow(live, "/money/events/redemption/1")
	html := page(event)
	for _, want := range []string{"Encaissement", "Carnet n°\u00a01", "30,00", fmt.Sprintf("/money/accounts/structure:%d:payable", w.Structure.Organisation), "/places/"} {
		if !strings.Contains(html, want) {
			t.Errorf("the event does not say %q", want)
		}
	}
	follow("/money", "/money/accounts/bank:segregated")
	follow("/money", "/accounting")
	if answer, _ := pages.as("operator", "GET", "/money/accounts/campaign:99:live", ""); answer.StatusCode != http.StatusNotFound {
		t.Errorf("an account that was never used: %d", answer.StatusCode)
	}
}

func TestProgramsReadTheBooks(t *testing.T) {
	t.Parallel()
	w, api := treasury(t)
	w.Redeem(w.Structure, w.HandOver(w.Campaign, 10), 3)
	var desk money.Desk
	if _, text := api.as("operator", "GET", "/api/v1/money", ""); json.Unmarshal([]byte(text), &desk) != nil || desk.Holdings[0].Books != 10_000_00 || !desk.Cover.Covered {
		t.Errorf("%+v", desk)
	}
	account := fmt.Sprintf("campaign:%d:live", w.Campaign.ID)
	_, text := api.as("operator", "GET", "/api/v1/money/transfers?account="+account, "")
	var page struct {
		Balance vouchers.Cents `json:"balance_cents"`
		Items   []money.Move
		Next    *int64
	}
	if err := json.Unmarshal([]byte(text), &page); err != nil || page.Balance != 70_00 || len(page.Items) != 2 || page.Items[0].Change != -30_00 || page.Items[1].Balance != 100_00 {
		t.Errorf("%v: %s", err, text)
	}
	if _, text := api.as("operator", "GET", "/api/v1/money/transfers?event=handover&cause=1", ""); !strings.Contains(text, `"sources":[{"kind":"booklet","id":1}]`) {
		t.Error(text)
	}
	answer, csv := api.as("operator", "GET", "/api/v1/money/transfers.csv?account="+account, "", "Accept-Language", "fr")
	if answer.Header.Get("Content-Disposition") != fmt.Sprintf(`attachment; filename="campaign-%d-live.csv"`, w.Campaign.ID) ||
		!strings.Contains(csv, ";-30,00;70,00\r\n") || strings.Count(csv, "\r\n") != 3 {
		t.Errorf("%v %s", answer.Header, csv)
	}
	for _, path := range []string{"/api/v1/money", "/api/v1/money/accounts", "/api/v1/money/transfers?account=" + account, "/money/debts"} {
		if answer, _ := api.as("funder", "GET", path, ""); answer.StatusCode != http.StatusForbidden {
			t.Errorf("a funder gets %d for %s", answer.StatusCode, path)
		}
	}
}

func TestTheAccountantFetchesTheYear(t *testing.T) {
	t.Parallel()
	_, pages := treasury(t)
	if _, html := pages.as("operator", "GET", "/accounting", "", "Accept-Language", "fr"); !strings.Contains(html, `href="/api/v1/accounting/fec/2026"`) || !strings.Contains(html, "123456782FEC20261231.txt") {
		t.Error(html)
	}
	answer, file := pages.as("operator", "GET", "/api/v1/accounting/fec/2026", "")
	if answer.Header.Get("Content-Disposition") != `attachment; filename="123456782FEC20261231.txt"` || !strings.HasPrefix(file, "JournalCode\t") ||
		answer.Header.Get("Content-Type") != "text/plain; charset=iso-8859-15" {
		t.Errorf("%v %.100s", answer.Header, file)
	}
	_, csv := pages.as("operator", "GET", "/api/v1/accounting/journal?from=2026-03-01&to=2026-03-31", "", "Accept-Language", "fr")
	if !strings.HasPrefix(csv, "\ufeffÉcriture;Date;Journal;") || !strings.Contains(csv, ";10000,00;0,00\r\n") {
		t.Errorf("%.300s", csv)
	}
	for path, want := range map[string]int{"/api/v1/accounting/fec/2025": 404, "/api/v1/accounting/fec/x": 404, "/api/v1/accounting/journal?from=x": 422,
		"/api/v1/accounting/journal?from=2025-03-01&to=2026-03-01": 422} {
		if answer, text := pages.as("operator", "GET", path, ""); answer.StatusCode != want {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
	if answer, _ := pages.as("reader", "GET", "/accounting", ""); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a reader gets %d", answer.StatusCode)
	}
}

// lostPayment leaves a funder with a debt of an order to the operator.
func lostPayment(t *testing.T, w *world.World, debt vouchers.Cents) {
	t.Helper()
	w.InTx(func(tx *db.Tx) error {
		if _, err := tx.Exec(t.Context(), `
			INSERT INTO takebacks (order_id, dispute_id, funds_cents, debt_cents, taken_at) VALUES (1, 1, 0, $1, $2)`, debt, tx.Now); err != nil {
			return err
		}
		return ledger.Post(t.Context(), tx, ledger.Disputed(1, ledger.Contested{Campaign: w.Campaign.ID, Funder: w.Funder.Organisation, Counted: debt})...)
	})
}

func TestTwoPeopleForgiveADebt(t *testing.T) {
	t.Parallel()
	w, pages := treasury(t)
	lostPayment(t, w, 50_00)
	form := "order=1&reason=Liquidation+de+la+commune&_key="
	if answer, html := pages.as("operator", "POST", "/money/writeoffs", "order=1&reason=x&_key=0123456780"); answer.StatusCode != http.StatusUnprocessableEntity || !strings.Contains(html, "error-summary") {
		t.Errorf("without a reason: %d", answer.StatusCode)
	}
	if answer, _ := pages.as("operator", "POST", "/money/writeoffs", form+"0123456781"); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("asking: %d", answer.StatusCode)
	}
	if _, html := pages.as("operator", "GET", "/money/debts", "", "Accept-Language", "fr"); !strings.Contains(html, "C’est votre demande") || strings.Contains(html, "/approval") {
		t.Error("who asked may approve")
	}
	if answer, html := pages.as("operator", "POST", "/money/writeoffs/1/approval", "_confirmed=yes&_key=0123456782", "Accept-Language", "fr"); answer.StatusCode != http.StatusForbidden || !strings.Contains(html, "vous ne pouvez pas l’approuver") {
		t.Errorf("approving one's own: %d", answer.StatusCode)
	}
	_, html := pages.as("second", "POST", "/money/writeoffs/1/approval", "_key=0123456783", "Accept-Language", "fr")
	for _, want := range []string{"Abandonner 50,00", "Dettes abandonnées", "Liquidation de la commune", `name="_confirmed"`} {
		if !strings.Contains(html, want) {
			t.Errorf("the effect does not say %q", want)
		}
	}
	if answer, _ := pages.as("second", "POST", "/money/writeoffs/1/approval", "_confirmed=yes&_key=0123456784"); answer.StatusCode != http.StatusSeeOther {
		t.Fatalf("approving: %d", answer.StatusCode)
	}
	if _, html := pages.as("second", "GET", "/money/debts", "", "Accept-Language", "fr"); !strings.Contains(html, "/money/events/debt_forgiven/1") || !strings.Contains(html, "Aucun paiement") {
		t.Error(html)
	}
	if answer, _ := pages.as("second", "POST", "/money/writeoffs/1/refusal", "_key=0123456785"); answer.StatusCode != http.StatusConflict {
		t.Errorf("refusing what is done: %d", answer.StatusCode)
	}
	if answer, _ := pages.as("reader", "POST", "/money/writeoffs", form+"0123456786"); answer.StatusCode != http.StatusForbidden {
		t.Errorf("a reader asks: %d", answer.StatusCode)
	}
}

func TestEveryEventAndAccountHasItsWords(t *testing.T) {
	t.Parallel()
	w, _ := treasury(t)
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	var rule string
	w.InTx(func(tx *db.Tx) error {
		return tx.Get(t.Context(), &rule, `SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'transfers_event'`)
	})
	events := regexp.MustCompile(`'(\w+)'::text`).FindAllStringSubmatch(rule, -1)
	for _, event := range events {
		if !site.Words.For("fr").Has("money.event." + event[1]) {
			t.Errorf("no words for %s", event[1])
		}
	}
	if len(events) < 39 {
		t.Errorf("only %d events: the search itself is broken", len(events))
	}
}
