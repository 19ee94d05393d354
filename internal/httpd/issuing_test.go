package httpd

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	allocation := issuing.Allocation{ID: 1, Campaign: 1, CampaignName: "Premiers pas", Vouchers: 100, HandedOver: 8, Face: 10_00, BookletSize: 8}
	row := BookletRow{Booklet: issuing.Booklet{ID: 42, CampaignName: "Premiers pas", Count: 8, Left: 6, Face: 10_00}, Kind: "done", State: "issuing.state.started"}
	desk := DeskView{Today: issuing.Count{Booklets: 1, Vouchers: 8}, Allocations: []issuing.Allocation{allocation}, Rows: []BookletRow{row}}
	card := CardView{Count: 8, Left: 6, Value: 60_00, Face: 10_00, Funder: "Département"}
	samples["issuing/counter"] = CounterBody{Problem: "x", Field: "near", May: true, Choices: []issuing.Allocation{allocation, allocation}, Desk: desk}
	samples["issuing/booklet"] = BookletBody{BookletRow: row, Card: card, May: true, Desk: desk}
	samples["issuing/list"] = ListBody{Rows: []BookletRow{row}, Next: "/handovers/all?before=42"}
	samples["issuing/freeze"] = FreezeBody{Booklet: row.Booklet, Freeze: true}
	samples["issuing/ask"] = AskBody{Problem: "x", HelpPhone: "04 50 00 00 00"}
	samples["issuing/card"] = HolderBody{View: card, Standing: "late", Themes: []string{"everyday_tools"}, Near: "Thônes",
		Places: []PlaceView{{Name: "Maison", Address: "1 rue"}}, HelpPhone: "04 50 00 00 00"}
}

// counterWindow is the window onto a world.
type counterWindow struct {
	*window
	*world.World
	near *labelling.NearQuery // what was last asked of Places
}

const thones = "Maison France services de Thônes"

func setupIssuing(t *testing.T) *counterWindow {
	t.Helper()
	w := &counterWindow{World: world.New(t), near: &labelling.NearQuery{}}
	lat, lon, km := 45.8811, 6.3256, 2.4
	nothingBooked := func(context.Context, identity.Actor, string, vouchers.BookletID) ([]booking.Booking, error) {
		return nil, nil
	}
	room := Issuing{Service: w.Issuing, Booked: nothingBooked, Uses: nothingUsed, Keys: w.Keys, HelpPhone: "04 50 00 00 00",
		Places: func(_ context.Context, q labelling.NearQuery) ([]labelling.Place, error) {
			*w.near = q
			return []labelling.Place{{ID: 7, Name: thones, Address: "1 rue de la Saulne", Postcode: "74230", Town: "Thônes",
				Lat: &lat, Lon: &lon, Km: &km, Labelled: true,
				Description: labelling.Description{Phone: "+33450020000", Hours: "Mo-Fr 09:00-12:00,14:00-17:00"}}}, nil
		}}
	reader := w.Prescriber
	reader.Role = identity.Reader
	actors := map[string]identity.Actor{"prescriber": w.Prescriber, "reader": reader, "mediator": w.Structure.Actor, "funder": w.Funder,
		"stranger": w.Organisation(identity.Prescriber, "Mairie d’Annecy")}
	w.window = setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer+c.SessionCookie]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, room.Routes()...)
	return w
}

const form = "application/x-www-form-urlencoded"

// post sends a form as somebody; "" is nobody.
func (w *counterWindow) post(who, path string, fields url.Values, more ...string) (*http.Response, string) {
	w.t.Helper()
	return w.ask("POST", path, fields.Encode(), append([]string{"Content-Type", form, "Cookie", "__Host-session=" + who}, more...)...)
}

func (w *counterWindow) get(who, path string) (*http.Response, string) {
	w.t.Helper()
	return w.ask("GET", path, "", "Cookie", "__Host-session="+who)
}

// holding opens the holder's page with the code cookie that an answer has set.
func (w *counterWindow) holding(set *http.Response, who, path string) (*http.Response, string) {
	w.t.Helper()
	for _, cookie := range set.Cookies() {
		if cookie.Name == "__Host-code" {
			return w.ask("GET", path, "", "Cookie", "__Host-code="+cookie.Value+"; __Host-session="+who)
		}
	}
	w.t.Fatal("no code cookie was set")
	return nil, ""
}

func payloadIn(b issuing.Booklet) string { return b.QR[strings.LastIndex(b.QR, "/")+1:] }

func (w *counterWindow) wantWords(page string, words ...string) {
	w.t.Helper()
	plain := strings.NewReplacer("\u202f", " ", "\u00a0", " ", "&#39;", "'").Replace(page)
	for _, word := range words {
		if !strings.Contains(plain, word) {
			w.t.Errorf("the page does not say %q", word)
		}
	}
}

func TestAPrescriberHandsOverFromTheCounter(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	_, page := w.get("prescriber", "/handovers")
	w.wantWords(page, "Premiers pas 2026", `value="10"`, "autofocus", "Remettre ce carnet", "il en reste 1 000", "Aucun carnet remis pour le moment")
	fields := url.Values{"_key": {"one press of a button"}, "campaign": {fmt.Sprint(w.Campaign.ID)}, "count": {"8"}, "near": {"74000"}}
	done, _ := w.post("prescriber", "/handovers", fields)
	again, _ := w.post("prescriber", "/handovers", fields)
	at := done.Header.Get("Location")
	if done.StatusCode != 303 || at != "/handovers/1" || again.Header.Get("Location") != at || again.Header.Get("Idempotent-Replayed") != "true" {
		t.Fatalf("%d %q, then %d %q", done.StatusCode, at, again.StatusCode, again.Header.Get("Location"))
	}
	_, page = w.get("prescriber", at)
	w.wantWords(page, "Carnet remis", "Carnet 000001", "8 chèques · 80 €", `href="/handovers/1/booklet.pdf"`, "Imprimer le carnet", "1 carnet remis", "il en reste 992", "Bloquer ce carnet")
	answer, pdf := w.get("prescriber", at+"/booklet.pdf")
	if !strings.HasPrefix(pdf, "%PDF-") || answer.Header.Get("Cache-Control") != "no-store" || answer.Header.Get("Content-Type") != "application/pdf" {
		t.Errorf("%d %s", answer.StatusCode, answer.Header)
	}
	if w.near.Campaign != w.Campaign.ID || w.near.Limit != 3 || fmt.Sprintf("%.1f", w.near.Lat) != "45.9" {
		t.Errorf("the nearest places of Annecy: %+v", *w.near)
	}
}

func TestTheCounterSaysWhatToCorrectAndKeepsWhatWasTyped(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	for name, try := range map[string]struct{ count, near, email, says, field string }{
		"too many":        {"2000", "Thônes", "", "Choisissez un nombre", "count"},
		"unknown commune": {"8", "Nulle-Part-sur-Rien", "", "Nous ne trouvons pas cette commune", "near"},
		"half an address": {"8", "Thônes", "ana@", "Cette adresse e-mail", "email"},
	} {
		fields := url.Values{"campaign": {fmt.Sprint(w.Campaign.ID)}, "count": {try.count}, "near": {try.near}, "email": {try.email}}
		answer, page := w.post("prescriber", "/handovers", fields)
		if answer.StatusCode != 422 {
			t.Errorf("%s: status %d", name, answer.StatusCode)
		}
		w.wantWords(page, try.says, `href="#`+try.field+`"`, `value="`+try.count+`"`, `value="`+try.near+`"`)
	}
}

func TestALostBookletIsFrozenAfterAQuestion(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	w.HandOver(w.Campaign, 8)
	_, page := w.get("prescriber", "/handovers/1/freeze")
	w.wantWords(page, "8 chèques (80 €) ne pourront plus servir", "Bloquer 8 chèques", "Revenir sans rien changer")
	if answer, _ := w.post("prescriber", "/handovers/1/freeze", url.Values{"frozen": {"true"}}); answer.Header.Get("Location") != "/handovers/1" {
		t.Errorf("%d", answer.StatusCode)
	}
	_, page = w.get("prescriber", "/handovers/1/freeze")
	w.wantWords(page, "Débloquer 8 chèques")
	if answer, _ := w.get("stranger", "/handovers/1/freeze"); answer.StatusCode != 404 {
		t.Errorf("a stranger is asked: %d", answer.StatusCode)
	}
	_, page = w.get("reader", "/handovers/1")
	w.wantWords(page, "bloqué")
	if strings.Contains(page, "booklet.pdf") || strings.Contains(page, "/freeze") {
		t.Error("a reader is offered what it may not do")
	}
}

func TestTheAPIHandsOverAndShowsNoCodesAfterwards(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	headers := []string{"Authorization", "Bearer prescriber", "Content-Type", "application/json", "Idempotency-Key", "hand-over-0001"}
	body := fmt.Sprintf(`{"campaign": %d, "count": 8, "insee": "74280"}`, w.Campaign.ID)
	first := w.wantStatus(201, "POST", "/api/v1/handovers", body, headers...)
	if again := w.wantStatus(201, "POST", "/api/v1/handovers", body, headers...); again != first {
		t.Errorf("the same key answered\n%s\nthen\n%s", first, again)
	}
	var given struct {
		ID     int64
		QR     string
		Typed  string
		Count  int
		Value  int    `json:"value_cents"`
		PDF    string `json:"pdf"`
		INSEE  string
		Until  string
		Frozen *bool
	}
	if err := json.Unmarshal([]byte(first), &given); err != nil {
		t.Fatal(err)
	}
	if given.Value != 80_00 || given.Count != 8 || given.PDF != "https://passerelle.example/api/v1/handovers/1/booklet.pdf" || given.INSEE != "74280" {
		t.Errorf("%+v", given)
	}
	if payload, err := vouchers.FromScan(given.QR); err != nil || len(payload) != vouchers.PayloadLength || given.Typed == "" {
		t.Errorf("codes %q and %q: %v", given.QR, given.Typed, err)
	}
	for _, path := range []string{"/api/v1/handovers", "/api/v1/handovers/1"} {
		if shown := w.wantStatus(200, "GET", path, "", headers...); strings.Contains(shown, given.Typed) || strings.Contains(shown, given.QR) {
			t.Errorf("%s shows a code", path)
		}
		w.wantStatus(403, "GET", path, "", "Authorization", "Bearer funder")
	}
	w.wantStatus(404, "GET", "/api/v1/handovers/1", "", "Authorization", "Bearer stranger")
	w.wantStatus(404, "GET", "/api/v1/handovers/1/booklet.pdf", "", "Authorization", "Bearer stranger")
	headers[5] = "freeze-the-first"
	if card := w.wantStatus(200, "POST", "/api/v1/handovers/1/freeze", `{"frozen": true}`, headers...); !strings.Contains(card, `"vouchers_frozen":8`) {
		t.Error(card)
	}
	headers[5] = "freeze-but-how"
	w.wantStatus(422, "POST", "/api/v1/handovers/1/freeze", `{}`, headers...)
}

func TestListsOfBookletsGoOnBelowTheCursor(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	for range pageSize + 1 {
		w.HandOver(w.Campaign, 1)
	}
	var answer listing[struct{ ID int64 }]
	list := w.wantStatus(200, "GET", "/api/v1/handovers", "", "Authorization", "Bearer prescriber")
	if err := json.Unmarshal([]byte(list), &answer); err != nil || len(answer.Items) != pageSize || answer.Next == nil || *answer.Next != 2 {
		t.Errorf("%d items, next %v, %v", len(answer.Items), answer.Next, err)
	}
	list = w.wantStatus(200, "GET", "/api/v1/handovers?before=2", "", "Authorization", "Bearer prescriber")
	if !strings.Contains(list, `"next":null`) || !strings.Contains(list, `"id":1,`) {
		t.Error(list)
	}
	_, page := w.get("prescriber", "/handovers/all")
	w.wantWords(page, `href="/handovers/all?before=2"`)
}

func TestAScannedCodeLeavesTheAddressAtOnce(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	b := w.HandOver(w.Campaign, 8)
	for _, path := range []string{"/C/" + payloadIn(b), "/c/" + strings.ToLower(payloadIn(b))} {
		answer, _ := w.ask("GET", path, "")
		cookie := answer.Header.Get("Set-Cookie")
		if answer.StatusCode != 303 || answer.Header.Get("Location") != "/c" {
			t.Errorf("%d to %q", answer.StatusCode, answer.Header.Get("Location"))
		}
		for _, attribute := range []string{"__Host-code=", "max-age=900", "path=/", "HttpOnly", "secure", "SameSite=Lax"} {
			if !strings.Contains(cookie, attribute) {
				t.Errorf("cookie without %s: %s", attribute, cookie)
			}
		}
		page, html := w.holding(answer, "", "/c?near=Annecy")
		if page.StatusCode != 200 || page.Header.Get("X-Robots-Tag") != "noindex" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%d %s", page.StatusCode, page.Header)
		}
		w.wantNoCode(b, html, fmt.Sprint(answer.Header), fmt.Sprint(page.Header), w.log.String())
	}
	if !strings.Contains(w.log.String(), `"/C/:payload"`) {
		t.Error("the log does not tell of the scan: the search proves nothing")
	}
}

// wantNoCode looks for a booklet's codes in what others may read.
func (w *counterWindow) wantNoCode(b issuing.Booklet, texts ...string) {
	w.t.Helper()
	for n, text := range texts {
		for _, code := range []string{payloadIn(b), payloadIn(b)[20:60], b.Typed, strings.ReplaceAll(b.Typed, "-", "")} {
			if strings.Contains(strings.ToUpper(text), code) {
				w.t.Errorf("text %d shows a code", n)
			}
		}
	}
}

func TestAForgedCodeIsAnsweredWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	payload := payloadIn(w.HandOver(w.Campaign, 8))
	if err := w.DB.Close(); err != nil {
		t.Fatal(err)
	}
	forged := payload[:len(payload)-1] + "0"
	if forged == payload {
		forged = payload[:len(payload)-1] + "1"
	}
	for _, path := range []string{"/C/" + forged, "/C/" + payload[1:], "/C/x", "/c/" + strings.Repeat("A", 3000)} {
		page := w.wantStatus(404, "GET", path, "")
		w.wantWords(page, "Nous ne reconnaissons pas ce carnet", `name="code"`)
		if strings.Contains(page, strings.TrimPrefix(path, "/C/")) && len(path) > 20 {
			t.Error("the page repeats the code")
		}
	}
	if strings.Contains(w.log.String(), payload[1:]) {
		t.Error("the log repeats the code")
	}
}

func TestTheHoldersPageSaysEverythingWithoutAScript(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	b := w.HandOver(w.Campaign, 8)
	w.Redeem(w.Structure, b, 3)
	scan, _ := w.ask("GET", "/C/"+payloadIn(b), "")
	_, page := w.holding(scan, "", "/c")
	w.wantWords(page, "Il vous reste 5 chèques. Ils valent 50 €.", "jusqu’au dimanche 7 février 2027", "Offert par Département de la Haute-Savoie",
		"5 chèques à utiliser sur 8", "Où aller près de Thônes", thones, "2,4 km", "04 50 02 00 00", `href="tel:&#43;33450020000"`,
		"du lundi au vendredi : de 9 h à 12 h et de 14 h à 17 h", "Outils du quotidien", "Comment faire", "Fermer mon carnet", "04 50 00 00 00")
	if n := strings.Count(page, "stub-used"); n != 3 {
		t.Errorf("%d struck stubs, want 3", n)
	}
	if strings.Contains(page, "<script") {
		t.Error("the page has a script")
	}
	_, page = w.holding(scan, "", "/c?near=Nulle-Part-sur-Rien")
	w.wantWords(page, "Nous ne trouvons pas « Nulle-Part-sur-Rien »")
	answer, _ := w.holding(scan, "mediator", "/c")
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/redemptions" {
		t.Errorf("a mediator goes to %d %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	w.Clock.Add(15 * time.Minute)
	_, page = w.holding(scan, "", "/c")
	w.wantWords(page, "J’ai un carnet", `name="code"`)
}

func TestTheHoldersPageSaysWhatToDoWhenNothingCanBeSpent(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	live, used, frozen := w.HandOver(w.Campaign, 8), w.HandOver(w.Campaign, 2), w.HandOver(w.Campaign, 8)
	w.Redeem(w.Structure, used, 2)
	w.post("prescriber", fmt.Sprintf("/handovers/%d/freeze", frozen.ID), url.Values{"frozen": {"true"}})
	open := func(b issuing.Booklet) string {
		scan, _ := w.ask("GET", "/C/"+payloadIn(b), "")
		_, page := w.holding(scan, "", "/c")
		return page
	}
	w.wantWords(open(used), "Tous les chèques sont utilisés", "Demandez un nouveau carnet ici : CCAS de Thônes")
	w.wantWords(open(frozen), "Ce carnet est bloqué", "Contactez CCAS de Thônes. Donnez le numéro du carnet : 000003.")
	w.Clock.Set(w.Campaign.EndsOn.AddDays(1).Time())
	w.wantWords(open(live), "Il reste peu de temps", "jusqu’au lundi 22 février 2027", thones)
	w.Clock.Set(w.Campaign.LastDay().AddDays(1).Time())
	w.wantWords(open(live), "Ce carnet est terminé", "Le dernier jour était le lundi 22 février 2027", "CCAS de Thônes")
}

func TestACodeIsTypedWhereThereIsNoCamera(t *testing.T) {
	t.Parallel()
	w := setupIssuing(t)
	b := w.HandOver(w.Campaign, 8)
	for _, code := range []string{b.Typed, strings.ToLower(b.Typed), b.QR} {
		answer, _ := w.post("", "/c", url.Values{"code": {code}})
		if answer.StatusCode != 303 || answer.Header.Get("Location") != "/c" {
			t.Fatalf("%d", answer.StatusCode)
		}
		_, page := w.holding(answer, "", "/c")
		w.wantWords(page, "Il vous reste 8 chèques")
	}
	foreign, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	var pages []string
	for n := range uint32(2) {
		keys := []*vouchers.Keyring{foreign, w.Keys}[n]
		unknown, err := keys.Typed(1, 1, 999_999)
		if err != nil {
			t.Fatal(err)
		}
		answer, page := w.post("", "/c", url.Values{"code": {unknown.String()}})
		if answer.StatusCode != 404 || strings.Contains(page, unknown.String()) {
			t.Errorf("status %d", answer.StatusCode)
		}
		pages = append(pages, page)
	}
	if pages[0] != pages[1] {
		t.Error("a foreign code and one never given have different answers")
	}
	for range 10 {
		w.post("", "/c", url.Values{"code": {b.Typed}})
	}
	answer, page := w.post("", "/c", url.Values{"code": {b.Typed}})
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" {
		t.Errorf("after a dozen tries: %d", answer.StatusCode)
	}
	w.wantWords(page, "trop d’essais")
	w.wantNoCode(b, page, w.log.String())
}
