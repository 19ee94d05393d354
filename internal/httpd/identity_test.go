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

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest"
)

func init() {
	o := identity.Organisation{ID: 3, Kind: identity.Structure, Name: "Maison France services de Thônes", SIRET: "73282932000074", CreatedAt: time.Unix(1e9, 0)}
	choice := []Option{{Value: "a", Text: "A", Hint: "h", Checked: true}, {Value: "b", Text: "B"}}
	samples["identity/login"] = LoginBody{Email: "ana@example.org", Problem: "x", Next: "/account"}
	samples["identity/account"] = AccountBody{Kind: "K", Role: "R", Organisations: []identity.Organisation{o}, Scopes: choice, Days: 90, Longest: 366,
		Tokens: []identity.Token{{ID: 1, Label: "L", Scopes: []string{"orders", "labels"}, ExpiresAt: time.Unix(1e9, 0)}}, Password: "x", Token: "x"}
	samples["identity/secret"] = SecretBody{Title: "T", Label: "L", Secret: "S", Text: "x", Back: "/", BackText: "B"}
	samples["identity/confirm"] = ConfirmBody{Title: "T", Sentence: "S", Action: "/", Button: "B", Back: "/"}
	samples["identity/members"] = MembersBody{Members: []MemberRow{{ID: 1, Name: "N", Email: "E", Role: "R", Self: true}, {ID: 2}}, MayEdit: true, Roles: choice, Problem: "x"}
	samples["identity/organisations"] = OrganisationsBody{Kinds: choice, Items: []OrganisationRow{{o, "K"}}, Next: "/organisations?before=1", MayCreate: true}
	samples["identity/organisation-new"] = OrganisationBody{Problem: "x", Kinds: choice}
}

const password = "correct horse battery"

// door is a window with the identity room and one operator's admin in it.
type door struct {
	*window
	room  *identity.Service
	clock *pgtest.Clock
}

func identityDoor(t *testing.T) door {
	t.Helper()
	d, clock := pgtest.NewWithClock(t)
	room := identity.New(d, audit.Record)
	err := room.CreateFirstOperator(t.Context(), "Passerelle", identity.NewMember{Name: "Ana Durand", Email: "ana@passerelle.example", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	w := setup(t, func(o *Options) {
		o.Authenticate = func(ctx context.Context, c Credential) (identity.Actor, error) {
			return room.Authenticate(ctx, identity.Credential{Bearer: c.Bearer, Session: c.SessionCookie})
		}
	}, IdentityRoutes(room)...)
	return door{w, room, clock}
}

// post sends a form of our own page with the cookies given as "name=value".
func (d door) post(path string, form url.Values, cookies ...string) (*http.Response, string) {
	d.t.Helper()
	return d.ask("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded",
		"Sec-Fetch-Site", "same-origin", "Cookie", strings.Join(cookies, "; "))
}

func (d door) signIn(email, password string, cookies ...string) string {
	d.t.Helper()
	answer, text := d.post("/login", url.Values{"email": {email}, "password": {password}}, cookies...)
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "__Host-session" && answer.StatusCode == 303 {
			return cookie.Name + "=" + cookie.Value
		}
	}
	d.t.Fatalf("signing in: %d %.300s", answer.StatusCode, text)
	return ""
}

var secretOnPage = regexp.MustCompile(`secret-value"[^>]*>([^<]+)<`)

func secretIn(text string) string {
	if found := secretOnPage.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

func TestASessionThatTheBrowserBroughtDoesNotSurviveSigningIn(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	planted := "__Host-session=planted-by-somebody-else"
	first := d.signIn("ana@passerelle.example", password, planted)
	second := d.signIn("ana@passerelle.example", password, first)
	if first == planted || second == first {
		t.Error("a session was kept")
	}
	for cookie, want := range map[string]int{planted: 303, first: 303, second: 200} {
		d.wantStatus(want, "GET", "/account", "", "Cookie", cookie)
	}
	answer, _ := d.post("/logout", nil, second)
	if gone := answer.Cookies(); answer.StatusCode != 303 || len(gone) != 1 || gone[0].Value != "" {
		t.Errorf("signing out: %d %v", answer.StatusCode, gone)
	}
	d.wantStatus(303, "GET", "/account", "", "Cookie", second)
}

func TestSigningInLeadsWhereOneWantedToGoAndNowhereElse(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	if text := d.wantStatus(200, "GET", "/login?next=%2Fmembers", ""); !strings.Contains(text, `name="next" value="/members"`) {
		t.Error("the form forgets where to go")
	}
	for next, want := range map[string]string{"/members": "/members", "//evil.example": "/start", "": "/start"} {
		answer, _ := d.post("/login", url.Values{"email": {"ana@passerelle.example"}, "password": {password}, "next": {next}})
		if got := answer.Header.Get("Location"); answer.StatusCode != 303 || got != want {
			t.Errorf("next=%q leads to %q", next, got)
		}
	}
}

func TestWhoTriesTooOftenIsToldHowLongToWait(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	try := func() (*http.Response, string) {
		return d.post("/login", url.Values{"email": {"ana@passerelle.example"}, "password": {"wrong"}})
	}
	for range 10 {
		if answer, text := try(); answer.StatusCode != 401 || !strings.Contains(text, "mot de passe n’est pas le bon") {
			t.Fatalf("%d %.300s", answer.StatusCode, text)
		}
	}
	answer, text := try()
	if answer.StatusCode != 429 || answer.Header.Get("Retry-After") == "" || !regexp.MustCompile(`Attendez \d+.min`).MatchString(text) {
		t.Errorf("%d, Retry-After %q: %s", answer.StatusCode, answer.Header.Get("Retry-After"), text)
	}
	body := `{"email":"ana@passerelle.example","password":"` + password + `","label":"x","scopes":["orders"],"days":1}`
	d.wantStatus(429, "POST", "/api/v1/tokens", body, "Content-Type", "application/json")
}

func TestAProgramGetsATokenAndLosesIt(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	asking := `{"email":"ana@passerelle.example","password":%q,"label":"Demo","scopes":["organisations"],"days":30}`
	d.wantStatus(401, "POST", "/api/v1/tokens", fmt.Sprintf(asking, "wrong"), "Content-Type", "application/json")
	var token struct {
		ID    int64
		Token string
	}
	text := d.wantStatus(201, "POST", "/api/v1/tokens", fmt.Sprintf(asking, password), "Content-Type", "application/json")
	if err := json.Unmarshal([]byte(text), &token); err != nil || !strings.HasPrefix(token.Token, "psl_") {
		t.Fatalf("%v: %s", err, text)
	}
	bearer := []string{"Authorization", "Bearer " + token.Token, "Content-Type", "application/json"}
	if text := d.wantStatus(200, "GET", "/api/v1/me", "", bearer...); !strings.Contains(text, `"scopes":["organisations"]`) || !strings.Contains(text, `"kind":"operator"`) {
		t.Error(text)
	}
	if text := d.wantStatus(200, "GET", "/api/v1/tokens", "", bearer...); strings.Contains(text, token.Token) || !strings.Contains(text, `"label":"Demo"`) {
		t.Error(text)
	}
	member := `{"name":"Bo","email":"bo@passerelle.example","role":"reader"}`
	if text := d.wantStatus(403, "POST", "/api/v1/members", member, bearer...); !strings.Contains(text, "scope_missing") {
		t.Error(text)
	}
	structure := `{"kind":"structure","name":"PIMMS","siret":"732 829 320 00074","admin":{"name":"Cy","email":"cy@pimms.example"}}`
	text = d.wantStatus(201, "POST", "/api/v1/organisations", structure, bearer...)
	if !regexp.MustCompile(`"admin_password":"[A-Z2-7]{4}(-[A-Z2-7]{4}){3}"`).MatchString(text) || !strings.Contains(text, `"siret":"73282932000074"`) {
		t.Error(text)
	}
	d.wantStatus(409, "POST", "/api/v1/organisations", structure, bearer...)
	if text := d.wantStatus(200, "GET", "/api/v1/organisations?kind=structure&q=pim", "", bearer...); !strings.Contains(text, "PIMMS") || !strings.Contains(text, `"next":null`) {
		t.Error(text)
	}
	d.wantStatus(204, "DELETE", fmt.Sprint("/api/v1/tokens/", token.ID), "", bearer...)
	d.clock.Add(time.Second)
	d.wantStatus(401, "GET", "/api/v1/me", "", bearer...)
}

func TestTheOperatorOpensAnOrganisationAndItsAdminSignsIn(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	ana := d.signIn("ana@passerelle.example", password)
	form := url.Values{"kind": {"prescriber"}, "name": {"CCAS de Thônes"}, "admin_name": {"Bo Petit"}, "admin_email": {"Bo@thones.example"}, "_key": {"key-of-this-form"}}
	answer, text := d.post("/organisations", form, ana)
	made := secretIn(text)
	if answer.StatusCode != 200 || made == "" {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	if _, again := d.post("/organisations", form, ana); secretIn(again) != "" || strings.Contains(again, made) {
		t.Error("a password is told when the form is sent again")
	}
	bo := d.signIn("bo@thones.example", made)
	if text := d.wantStatus(200, "GET", "/account", "", "Cookie", bo); !strings.Contains(text, "CCAS de Thônes") {
		t.Error(text)
	}
	d.wantStatus(403, "GET", "/organisations", "", "Cookie", bo)
	if text := d.wantStatus(200, "GET", "/organisations?kind=prescriber", "", "Cookie", ana); !strings.Contains(text, "CCAS de Thônes") {
		t.Error("the list does not show it")
	}
	form.Set("_key", "another-key")
	form.Set("kind", "structure")
	if answer, text := d.post("/organisations", form, ana); answer.StatusCode != 422 || !strings.Contains(text, "SIRET") || !strings.Contains(text, `value="CCAS de Thônes"`) {
		t.Errorf("a structure without SIRET: %d %s", answer.StatusCode, text)
	}
}

func TestAPersonOfTwoOrganisationsSwitches(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	ana := d.signIn("ana@passerelle.example", password)
	_, text := d.post("/organisations", url.Values{"kind": {"funder"}, "name": {"Département"}, "admin_name": {"Ana"}, "admin_email": {"ana@passerelle.example"}}, ana)
	if secretIn(text) != "" {
		t.Error("a password is told for somebody who has one")
	}
	text = d.wantStatus(200, "GET", "/account", "", "Cookie", ana)
	other := regexp.MustCompile(`name="organisation" value="(\d+)"`).FindStringSubmatch(text)
	if other == nil {
		t.Fatal(text)
	}
	answer, _ := d.post("/account/switch", url.Values{"organisation": {other[1]}}, ana)
	if answer.StatusCode != 303 || len(answer.Cookies()) != 1 {
		t.Fatalf("%d %v", answer.StatusCode, answer.Cookies())
	}
	switched := answer.Cookies()[0]
	d.wantStatus(303, "GET", "/account", "", "Cookie", ana)
	d.wantStatus(403, "GET", "/organisations", "", "Cookie", switched.Name+"="+switched.Value)
	answer, _ = d.post("/account/switch", url.Values{"organisation": {"999"}}, switched.Name+"="+switched.Value)
	if answer.StatusCode != 403 {
		t.Errorf("switching to a stranger's organisation: %d", answer.StatusCode)
	}
}

func TestMembersComeAndGoByTheAdminsHand(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	ana := d.signIn("ana@passerelle.example", password)
	_, text := d.post("/members", url.Values{"name": {"Bo"}, "email": {"bo@passerelle.example"}, "role": {"agent"}}, ana)
	bo := d.signIn("bo@passerelle.example", secretIn(text))
	if text := d.wantStatus(200, "GET", "/members", "", "Cookie", bo); strings.Contains(text, "/remove") || strings.Contains(text, `action="/members"`) {
		t.Error("somebody who is no admin is offered to change members")
	}
	if answer, _ := d.post("/members", url.Values{"name": {"Cy"}, "email": {"cy@passerelle.example"}, "role": {"admin"}}, bo); answer.StatusCode != 403 {
		t.Errorf("an agent adds members: %d", answer.StatusCode)
	}
	remove := regexp.MustCompile(`/members/\d+/remove`).FindString(d.wantStatus(200, "GET", "/members", "", "Cookie", ana))
	d.wantStatus(403, "GET", remove, "", "Cookie", bo)
	if text := d.wantStatus(200, "GET", remove, "", "Cookie", ana); !strings.Contains(text, "Retirer Bo") {
		t.Error(text)
	}
	if answer, _ := d.post(remove, nil, ana); answer.StatusCode != 303 {
		t.Errorf("removing: %d", answer.StatusCode)
	}
	d.clock.Add(time.Second)
	d.wantStatus(303, "GET", "/members", "", "Cookie", bo)
	if answer, text := d.post("/members", url.Values{"name": {""}, "email": {"x"}, "role": {"agent"}}, ana); answer.StatusCode != 422 || !strings.Contains(text, "error-summary") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestANewPasswordSignsOutEverywhereElse(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	here, there := d.signIn("ana@passerelle.example", password), d.signIn("ana@passerelle.example", password)
	if answer, _ := d.post("/account/password", url.Values{"current": {"wrong"}, "new": {"a longer password"}}, here); answer.StatusCode != 422 {
		t.Errorf("with a wrong password: %d", answer.StatusCode)
	}
	answer, _ := d.post("/account/password", url.Values{"current": {password}, "new": {"a longer password"}}, here)
	if answer.StatusCode != 303 || len(answer.Cookies()) != 2 {
		t.Fatalf("%d %v", answer.StatusCode, answer.Cookies())
	}
	for _, old := range []string{here, there} {
		d.wantStatus(303, "GET", "/account", "", "Cookie", old)
	}
	for _, cookie := range answer.Cookies() {
		if cookie.Name == "__Host-session" {
			d.wantStatus(200, "GET", "/account", "", "Cookie", cookie.Name+"="+cookie.Value)
		}
	}
	d.signIn("ana@passerelle.example", "a longer password")
}

func TestATokenIsShownOnceAndRevokedByItsOwner(t *testing.T) {
	t.Parallel()
	d := identityDoor(t)
	ana := d.signIn("ana@passerelle.example", password)
	if answer, text := d.post("/account/tokens", url.Values{"label": {"Caisse"}, "days": {"90"}}, ana); answer.StatusCode != 422 || !strings.Contains(text, `value="Caisse"`) {
		t.Errorf("without a scope: %d", answer.StatusCode)
	}
	_, text := d.post("/account/tokens", url.Values{"label": {"Caisse"}, "days": {"90"}, "scopes": {"orders", "labels"}}, ana)
	secret := secretIn(text)
	d.wantStatus(200, "GET", "/api/v1/me", "", "Authorization", "Bearer "+secret)
	text = d.wantStatus(200, "GET", "/account", "", "Cookie", ana)
	if strings.Contains(text, secret) {
		t.Error("the token is shown again")
	}
	revoke := regexp.MustCompile(`/account/tokens/\d+/revoke`).FindString(text)
	d.wantStatus(200, "GET", revoke, "", "Cookie", ana)
	if answer, _ := d.post(revoke, nil, ana); answer.StatusCode != 303 {
		t.Errorf("revoking: %d", answer.StatusCode)
	}
	d.wantStatus(404, "GET", revoke, "", "Cookie", ana)
	d.clock.Add(time.Second)
	d.wantStatus(401, "GET", "/api/v1/me", "", "Authorization", "Bearer "+secret)
}
