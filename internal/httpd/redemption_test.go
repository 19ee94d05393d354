package httpd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	line := redemption.Line{ID: 3, At: time.Unix(1_800_000_000, 0), PlaceName: "Thônes", Theme: "everyday_tools", Count: 2, Amount: 20_00, CanUndo: true}
	var lines []redemption.Line
	for _, state := range []string{"owed", "in_settlement", "sent", "came_back", "taken_back", "paid"} {
		line.Way = redemption.Way{State: state}
		lines = append(lines, line)
	}
	line.Way = redemption.Way{State: "paid", Payout: new(vouchers.PayoutID), EndToEnd: "PSL1-4", PaidOn: new(vouchers.Day)}
	samples["redemption/counter"] = ScanBody{MayRedeem: true, Problem: "x", Typed: "ABCD", Places: []redemption.Place{{ID: 1, Name: "A"}, {ID: 2, Name: "B"}},
		Lines: append(lines, line), Older: "/redemptions?before=3#last"}
	offer := redemption.ThemeOffer{Theme: "everyday_tools", PriceVouchers: 2, DurationMinutes: 60}
	samples["redemption/offer"] = OfferBody{Place: redemption.Place{Name: "Thônes"}, Problem: "x", Choices: []themeChoice{{offer, 20_00}}, Most: 2,
		Checked: redemption.Checked{Card: issuing.Card{Count: 8, Left: 6, Face: 10_00, Until: 1000, LastDay: 1015, Funder: "F"}},
		Take:    takeForm{Count: 1, Theme: offer.Theme, Minutes: 60, Mode: "individual"}, Counts: "a\nb", Buttons: "a\nb", Button: "a"}
	samples["redemption/pending"] = PendingBody{Text: "x", Take: takeForm{Count: 1, Theme: offer.Theme, Minutes: 60, Mode: "group"}, Key: "K"}
	samples["redemption/receipt"] = ReceiptBody{Receipt: redemption.Receipt{Line: line, DurationMinutes: 60, Mode: "remote", Left: 6, LeftValue: 60_00},
		Problem: "x", MayRedeem: true}
}

// till is a world behind the counter's window; a bearer token or a session names who asks.
func till(t *testing.T) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	reader, narrow := w.Structure.Actor, w.Structure.Actor
	reader.Role = identity.Reader
	narrow.Scopes = []string{"handovers"}
	actors := map[string]identity.Actor{"structure": w.Structure.Actor, "prescriber": w.Prescriber, "reader": reader, "narrow": narrow}
	room := &Redemption{Service: w.Counter, Keys: w.Keys}
	return w, setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer+c.SessionCookie]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, room.Routes()...)
}

// asking is the body of a call to redeem.
func asking(code string, count int) string {
	return fmt.Sprintf(`{"code":%q,"count":%d,"service_theme":%q,"duration_minutes":60,"mode":"individual"}`, code, count, world.Theme)
}

func TestAProgramRedeemsAndTakesBack(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b := w.HandOver(w.Campaign, 8)
	answer, text := api.as("structure", "POST", "/api/v1/vouchers/check", fmt.Sprintf(`{"code":%q}`, b.QR))
	if answer.StatusCode != 200 || !strings.Contains(text, `"vouchers_left":8`) || !strings.Contains(text, `"price_vouchers":1`) {
		t.Errorf("check: %d %s", answer.StatusCode, text)
	}
	var first redemption.Redemption
	for i, replayed := range []string{"", "true"} {
		answer, text = api.as("structure", "POST", "/api/v1/redemptions", asking(b.Typed, 2), "Idempotency-Key", "visit-0001")
		if answer.StatusCode != http.StatusCreated || answer.Header.Get("Idempotent-Replayed") != replayed ||
			answer.Header.Get("Idempotency-Key") != "visit-0001" || !strings.Contains(text, `"amount_cents":2000`) || !strings.Contains(text, `"vouchers_left":6`) {
			t.Fatalf("time %d: %d %v %s", i, answer.StatusCode, answer.Header, text)
		}
		if err := json.Unmarshal([]byte(text), &first); err != nil {
			t.Fatal(err)
		}
	}
	answer, _ = api.as("structure", "POST", "/api/v1/redemptions", asking(b.Typed, 1))
	if made := answer.Header.Get("Idempotency-Key"); answer.StatusCode != 201 || len(made) < 20 {
		t.Errorf("without a key: %d, key %q", answer.StatusCode, made)
	}
	path := fmt.Sprintf("/api/v1/redemptions/%d", first.ID)
	answer, text = api.as("structure", "DELETE", path, `{"reason":"wrong booklet"}`)
	if answer.StatusCode != 200 || !strings.Contains(text, `"vouchers_left":7`) {
		t.Errorf("undo: %d %s", answer.StatusCode, text)
	}
	_, text = api.as("reader", "GET", path, "")
	if !strings.Contains(text, `"undone":true`) || !strings.Contains(text, `"undo_reason":"wrong booklet"`) {
		t.Errorf("afterwards: %s", text)
	}
	_, text = api.as("reader", "GET", "/api/v1/redemptions", "")
	var list listing[redemption.Line]
	if err := json.Unmarshal([]byte(text), &list); err != nil || len(list.Items) != 2 || list.Items[1].ID != first.ID || list.Next != nil {
		t.Errorf("list: %s, %v", text, err)
	}
	_, text = api.as("reader", "GET", fmt.Sprintf("/api/v1/redemptions?before=%d", first.ID), "")
	if !strings.Contains(text, `"items":[]`) {
		t.Errorf("below the first: %s", text)
	}
}

func TestEachRefusalHasItsStatusAndSentence(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b, spent, frozen := w.HandOver(w.Campaign, 2), w.HandOver(w.Campaign, 1), w.HandOver(w.Campaign, 1)
	w.Redeem(w.Structure, spent, 1)
	if _, err := w.Issuing.Freeze(t.Context(), w.Prescriber, issuing.FreezeRequest{Booklet: frozen.ID, Frozen: true}); err != nil {
		t.Fatal(err)
	}
	unknown, err := w.Keys.Typed(1, w.Campaign.ID, 9_999_999)
	if err != nil {
		t.Fatal(err)
	}
	api.as("structure", "POST", "/api/v1/redemptions", asking(b.Typed, 1), "Idempotency-Key", "used-before")
	for _, tt := range []struct {
		who, body, key string
		status         int
		code, says     string
	}{
		{"structure", asking("ABCD-EFGH", 1), "", 400, "code_malformed", "erreur de frappe"},
		{"structure", `{"code":1}`, "", 422, "invalid_input", "code"},
		{"structure", `{`, "", 400, "malformed_body", "mal formée"},
		{"structure", asking(unknown.String(), 1), "", 404, "code_unknown", "n’est pas reconnu"},
		{"structure", asking(spent.Typed, 1), "", 409, "voucher_already_redeemed", "Maison France services de Thônes"},
		{"structure", asking(frozen.Typed, 1), "", 409, "voucher_frozen", "perdu ou volé"},
		{"structure", asking(b.Typed, 5), "", 409, "insufficient_vouchers", "vous en demandez 5, il en reste 1"},
		{"structure", asking(b.Typed, 0), "", 422, "count_out_of_range", "entre 1 et 100"},
		{"structure", asking(b.Typed, 1), "used-before", 201, "", ""},
		{"structure", asking(b.Typed, 2), "used-before", 422, "idempotency_conflict", "autre contenu"},
		{"structure", asking(b.Typed, 1), "short", 422, "idempotency_key_length", "Idempotency-Key"},
		{"structure", strings.Replace(asking(b.Typed, 1), world.Theme, "online_safety", 1), "", 422, "service_not_eligible", "ne paie pas"},
		{"prescriber", asking(b.Typed, 1), "", 403, "forbidden", "droit"},
		{"reader", asking(b.Typed, 1), "", 403, "forbidden", "droit"},
		{"narrow", asking(b.Typed, 1), "", 403, "scope_missing", "redemptions"},
		{"nobody", asking(b.Typed, 1), "", 401, "unauthenticated", "connecté"},
	} {
		answer, text := api.as(tt.who, "POST", "/api/v1/redemptions", tt.body, "Idempotency-Key", tt.key)
		var problem struct {
			Code, Detail, Title string
			Status              int
		}
		if err := json.Unmarshal([]byte(text), &problem); err != nil {
			t.Errorf("%s: %s", tt.code, text)
		}
		kind := answer.Header.Get("Content-Type")
		if answer.StatusCode != tt.status || problem.Code != tt.code || !strings.Contains(problem.Detail, tt.says) || tt.code != "" && kind != "application/problem+json" {
			t.Errorf("want %d %s %q; got %d %s %s", tt.status, tt.code, tt.says, answer.StatusCode, kind, text)
		}
		if strings.Contains(text, b.Typed) {
			t.Errorf("%s: the answer repeats the code", tt.code)
		}
	}
	for path, want := range map[string]int{"/api/v1/redemptions/x": 404, "/api/v1/redemptions/999999": 404, "/api/v1/redemptions?before=x": 422} {
		if answer, text := api.as("structure", "GET", path, ""); answer.StatusCode != want {
			t.Errorf("%s: %d %s", path, answer.StatusCode, text)
		}
	}
}

// browser keeps cookies and follows one redirect after a form, as browsers do.
type browser struct {
	*window
	cookies map[string]string
}

func (w *window) browse(session string) *browser {
	return &browser{w, map[string]string{"__Host-session": session}}
}

func (b *browser) send(method, path, body string) (*http.Response, string) {
	b.t.Helper()
	var jar []string
	for name, value := range b.cookies {
		jar = append(jar, name+"="+value)
	}
	answer, text := b.ask(method, path, body, "Cookie", strings.Join(jar, "; "), "Content-Type", fiber.MIMEApplicationForm, "Sec-Fetch-Site", "same-origin")
	for _, cookie := range answer.Cookies() {
		if b.cookies[cookie.Name] = cookie.Value; cookie.Value == "" {
			delete(b.cookies, cookie.Name)
		}
	}
	if answer.StatusCode == http.StatusSeeOther {
		return b.send("GET", answer.Header.Get("Location"), "")
	}
	return answer, text
}

// fields reads the hidden and chosen values of the form that posts to action.
func fields(t *testing.T, html, action string) url.Values {
	t.Helper()
	_, form, found := strings.Cut(html, `action="`+action+`">`)
	if !found {
		t.Fatalf("no form for %s in %s", action, html)
	}
	form, _, _ = strings.Cut(form, "</form>")
	values := url.Values{}
	for _, input := range regexp.MustCompile(`<input[^>]*>`).FindAllString(form, -1) {
		name, value := attribute(input, "name"), attribute(input, "value")
		if attribute(input, "type") != "radio" || strings.Contains(input, " checked") {
			values.Set(name, value)
		}
	}
	return values
}

func attribute(tag, name string) string {
	_, rest, _ := strings.Cut(tag, " "+name+`="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func TestAMediatorRedeemsWithoutScript(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b := w.HandOver(w.Campaign, 8)
	at := api.browse("structure")
	if _, page := at.send("GET", "/redemptions", ""); !strings.Contains(page, `name="code"`) || !strings.Contains(page, "dès le premier carnet") {
		t.Errorf("the counter: %s", page)
	}
	answer, page := at.send("POST", "/redemptions/check", url.Values{"code": {strings.ToLower(b.Typed)}}.Encode())
	if answer.StatusCode != 200 || !strings.Contains(page, "8 chèques · 80") || !strings.Contains(page, "Encaisser 1 chèque (10") {
		t.Fatalf("the offer: %d %s", answer.StatusCode, page)
	}
	if strings.Contains(page+answer.Request.URL.String(), b.Typed) {
		t.Error("the page or its address shows the code")
	}
	_, page = at.send("GET", "/redemptions?_count=2&count=1&service_theme="+world.Theme, "")
	if !strings.Contains(page, "Encaisser 2 chèques (20") {
		t.Errorf("one more: %s", page)
	}
	form := fields(t, page, "/redemptions").Encode()
	answer, page = at.send("POST", "/redemptions", form)
	if answer.StatusCode != 200 || !strings.Contains(page, "2 chèques encaissés (20") || !strings.Contains(page, "Il reste 6 chèques") {
		t.Fatalf("the receipt: %d %s", answer.StatusCode, page)
	}
	if _, held := at.cookies["__Host-code"]; held {
		t.Error("the code stays in the browser after the receipt")
	}
	path := regexp.MustCompile(`/redemptions/\d+/undo`).FindString(page)
	undo := fields(t, page, path)
	undo.Set("reason", "x")
	if answer, page = at.send("POST", path, undo.Encode()); answer.StatusCode != 422 || !strings.Contains(page, "Il manque la raison") {
		t.Errorf("undo without reason: %d %s", answer.StatusCode, page)
	}
	undo.Set("reason", "Mauvais carnet")
	if _, page = at.send("POST", path, undo.Encode()); !strings.Contains(page, "2 chèques sont de nouveau utilisables") || strings.Contains(page, "/undo") {
		t.Errorf("undone: %s", page)
	}
	if _, page = at.send("GET", "/redemptions", ""); !strings.Contains(page, "Annulé") {
		t.Errorf("the list: %s", page)
	}
}

func TestTheCounterSaysWhyABookletIsRefused(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b := w.HandOver(w.Campaign, 1)
	at := api.browse("structure")
	answer, page := at.send("POST", "/redemptions/check", "code=ABCD-EFGH")
	if answer.StatusCode != 400 || !strings.Contains(page, "erreur de frappe") || !strings.Contains(page, `value="ABCD-EFGH"`) {
		t.Errorf("a slip: %d %s", answer.StatusCode, page)
	}
	_, page = at.send("POST", "/redemptions/check", url.Values{"code": {b.QR}}.Encode())
	form := fields(t, page, "/redemptions").Encode()
	w.Redeem(w.Structure, b, 1)
	answer, page = at.send("POST", "/redemptions", form)
	if answer.StatusCode != 409 || !strings.Contains(page, "Ce carnet a déjà servi en entier") || !strings.Contains(page, "Personne suivante") || strings.Contains(page, "Encaisser 1") {
		t.Errorf("spent meanwhile: %d %s", answer.StatusCode, page)
	}
	if _, page = at.send("POST", "/redemptions/next", ""); !strings.Contains(page, `name="code"`) {
		t.Errorf("the next person: %s", page)
	}
	if _, page = at.send("POST", "/redemptions", form); !strings.Contains(page, "plus à l’écran") {
		t.Errorf("a form without its code: %s", page)
	}
	if _, page = api.browse("reader").send("GET", "/redemptions", ""); strings.Contains(page, `name="code"`) || !strings.Contains(page, "Derniers encaissements") {
		t.Errorf("a reader's page: %s", page)
	}
}

func TestAMediatorWithSeveralPlacesSaysWhereOnce(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	second := w.NewStructure("Médiathèque de Thônes")
	w.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(t.Context(), `UPDATE places SET structure_id = $1 WHERE id = $2`, w.Structure.Organisation, second.Place)
		return err
	})
	b := w.HandOver(w.Campaign, 2)
	at := api.browse("structure")
	_, page := at.send("POST", "/redemptions/check", url.Values{"code": {b.Typed}}.Encode())
	if !strings.Contains(page, "Dites dans quel lieu vous êtes") || strings.Contains(page, `name="code"`) {
		t.Fatalf("no place: %s", page)
	}
	_, page = at.send("POST", "/redemptions/check", fmt.Sprintf("place=%d", second.Place))
	if !strings.Contains(page, "Vous encaissez ici") || !strings.Contains(page, "Médiathèque de Thônes") {
		t.Fatalf("with a place: %s", page)
	}
	if _, page = at.send("POST", "/redemptions", fields(t, page, "/redemptions").Encode()); !strings.Contains(page, "Médiathèque de Thônes") {
		t.Errorf("redeemed elsewhere: %s", page)
	}
	_, page = at.send("POST", "/redemptions/check", url.Values{"code": {b.Typed}}.Encode())
	if !strings.Contains(page, "Vous encaissez ici") {
		t.Errorf("the place is forgotten: %s", page)
	}
	forged := api.browse("structure")
	forged.cookies["__Host-place"] = fmt.Sprint(int64(w.NewStructure("Ailleurs").Place))
	if _, page = forged.send("GET", "/redemptions", ""); strings.Contains(page, "selected") || strings.Contains(page, "Ailleurs") {
		t.Errorf("another structure's place is offered: %s", page)
	}
}

func TestAnUnknownOutcomeIsAskedAgainWithTheSameKey(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b := w.HandOver(w.Campaign, 1)
	at := api.browse("structure")
	_, page := at.send("POST", "/redemptions/check", url.Values{"code": {b.Typed}}.Encode())
	form := fields(t, page, "/redemptions")
	held, release := make(chan struct{}), make(chan struct{})
	go w.DB.InTx(context.Background(), func(tx *db.Tx) error {
		_, err := tx.Exec(context.Background(), `SELECT 1 FROM vouchers WHERE booklet_id = $1 FOR UPDATE`, b.ID)
		close(held)
		<-release
		return err
	})
	<-held
	answer, page := at.send("POST", "/redemptions", form.Encode())
	close(release)
	if answer.StatusCode != 503 || !strings.Contains(page, "Vérifier") || strings.Contains(page, "outcome-done") {
		t.Fatalf("while the booklet is held: %d %s", answer.StatusCode, page)
	}
	again := fields(t, page, "/redemptions")
	if again.Encode() != form.Encode() {
		t.Errorf("asks again with %v, first %v", again, form)
	}
	if _, page = at.send("POST", "/redemptions", again.Encode()); !strings.Contains(page, "1 chèque encaissé (10") {
		t.Errorf("asked again: %s", page)
	}
}

func TestAHeldCodeIsSealedAndEnds(t *testing.T) {
	t.Parallel()
	w, api := till(t)
	b := w.HandOver(w.Campaign, 1)
	at := api.browse("structure")
	at.send("POST", "/redemptions/check", url.Values{"code": {b.Typed}}.Encode())
	sealed := at.cookies["__Host-code"]
	if sealed == "" || strings.Contains(sealed, strings.ReplaceAll(b.Typed, "-", "")) {
		t.Errorf("kept as %q", sealed)
	}
	if _, page := at.send("GET", "/redemptions", ""); !strings.Contains(page, "Encaisser 1 chèque") {
		t.Errorf("at once: %s", page)
	}
	w.Clock.Add(codeLife)
	if _, page := at.send("GET", "/redemptions", ""); !strings.Contains(page, `name="code"`) {
		t.Errorf("a quarter of an hour later: %s", page)
	}
}
