package httpd

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// samples is one body for each page, by the page's name. A room's test file adds its own
// in an init function.
var samples = map[string]any{
	"home/home":       HomeFigures{LiveCents: 100, OwedCents: 50, HeldCents: 200, At: time.Unix(1e9, 0), Places: 687, LabelledPlaces: 20},
	"home/error":      ErrorBody{Status: 500, Title: "T", Text: "x", Reference: "R"},
	"home/display":    DisplayBody{Back: "/"},
	"home/components": componentsSample(),
	"home/confirmation": ConfirmationBody{Confirmation: Confirmation{Title: "T", Sentence: "S", Button: "B", Back: "/"}, Action: "/x",
		Fields: []hidden{{"a", "b"}}, Effects: []effectLine{{"Avoir", 1, 5}, {"Banque", 0, -5}}},
}

func TestEveryPageRendersInEveryLanguage(t *testing.T) {
	t.Parallel()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	for lang, pages := range site.templates {
		for name := range pages {
			body, there := samples[name]
			if !there {
				t.Errorf("%s has no sample", name)
				continue
			}
			html, err := site.render(name, Page{
				Lang: lang, Theme: "auto", Size: "normal", Path: "/", Key: "k", Body: body,
				Who:   &Who{Name: "Ana", Organisation: "CCAS", Kind: "prescriber", Role: "agent"},
				Nav:   []NavItem{{Href: "/", Key: "layout.cover", Icon: "euro", Current: true}},
				Flash: &Flash{Kind: "done", Text: "Done"},
			})
			if err != nil {
				t.Errorf("%s %s: %v", lang, name, err)
			} else if text := string(html); strings.Contains(text, "ZgotmplZ") || strings.Contains(text, "<no value>") {
				t.Errorf("%s %s: a value was not written", lang, name)
			}
		}
	}
}

func TestStaticFilesAreKeptForEverByTheirHash(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	url, err := w.options.Site.assets.url("/static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	answer, css := w.ask("GET", url, "")
	if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "text/css; charset=utf-8" ||
		!strings.Contains(answer.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%s: %d %v", url, answer.StatusCode, answer.Header)
	}
	if tokens, printed := strings.Index(css, "--paper:"), strings.LastIndex(css, "@media print"); tokens < 0 || printed < tokens {
		t.Errorf("tokens at %d, print at %d", tokens, printed)
	}
	plain, _ := w.ask("GET", "/static/app.css", "")
	if got := plain.Header.Get("Cache-Control"); got != "public, no-cache" {
		t.Errorf("without its hash: %q", got)
	}
	again, _ := w.ask("GET", "/static/app.css", "", "If-None-Match", plain.Header.Get("ETag"))
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("asked again: %d", again.StatusCode)
	}
	for accepted, want := range map[string]string{"br, gzip": "br", "gzip": "gzip", "": "", "identity": "", "br;q=0, gzip": "gzip"} {
		packed, _ := w.ask("GET", url, "", "Accept-Encoding", accepted)
		if got := packed.Header.Get("Content-Encoding"); got != want {
			t.Errorf("a browser that takes %q gets %q, want %q", accepted, got, want)
		}
	}
	w.wantStatus(404, "GET", "/static/app.000000000000.css", "")
	w.wantStatus(404, "GET", "/static/icons/LICENSE", "")
}

func TestDisplayIsKeptInOnePlainCookie(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	answer, _ := w.ask("POST", "/display", "theme=dark&size=huge&lang=en&back=//evil.example",
		"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
	if answer.StatusCode != 303 || answer.Header.Get("Location") != "/" {
		t.Errorf("%d to %q", answer.StatusCode, answer.Header.Get("Location"))
	}
	cookie := answer.Cookies()[0]
	if cookie.Name != "__Host-display" || cookie.Value != "lang=en&size=normal&theme=dark" || !cookie.Secure || !cookie.HttpOnly {
		t.Errorf("kept %+v", cookie)
	}
	text := w.wantStatus(200, "GET", "/", "", "Cookie", cookie.Name+"="+cookie.Value)
	if !strings.Contains(text, `<html lang="en" data-theme="dark" data-size="normal">`) {
		t.Errorf("%.200s", text)
	}
	for _, strange := range []string{"%zz", "lang=xx&theme=<script>", strings.Repeat("a", 3000)} {
		text := w.wantStatus(200, "GET", "/", "", "Cookie", "__Host-display="+strange)
		if !strings.Contains(text, `<html lang="fr" data-theme="auto" data-size="normal">`) {
			t.Errorf("cookie %.20q: %.200s", strange, text)
		}
	}
}

func TestLocalPathLeadsNowhereElse(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"/places?q=a": "/places?q=a", "": "/", "https://evil.example": "/", "//evil.example": "/", `/\evil.example`: "/",
		"/\t/evil.example": "/", "javascript:alert(1)": "/", "evil": "/", `\\evil`: "/", "/a\r\nb": "/", "/@evil.example": "/@evil.example",
	} {
		if got := localPath(raw); got != want {
			t.Errorf("%q leads to %q, want %q", raw, got, want)
		}
	}
}

func TestAFlashIsToldOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, nil, Route{Method: "POST", Path: "/do", Access: Public, Doc: "x", Handler: func(c *fiber.Ctx) error {
		if err := flash(c, "done", "fault.insufficient_vouchers", "asked", 1250, "left", vouchers.Cents(500)); err != nil {
			return err
		}
		return c.Redirect("/", http.StatusSeeOther)
	}})
	answer, _ := w.ask("POST", "/do", "")
	cookie := answer.Cookies()[0]
	next, text := w.ask("GET", "/", "", "Cookie", cookie.Name+"="+cookie.Value)
	if !strings.Contains(text, "1\u202f250") || !strings.Contains(text, "5,00\u202f€") {
		t.Errorf("the message is not told: %s", text)
	}
	if gone := next.Cookies(); len(gone) != 1 || gone[0].Name != cookie.Name || gone[0].Value != "" {
		t.Errorf("the message stays: %v", gone)
	}
	for _, forged := range []string{"x", "eyJrIjoiPGI-IiwidCI6ImZhdWx0Lm5vdF9mb3VuZCJ9"} {
		if _, text := w.ask("GET", "/", "", "Cookie", cookie.Name+"="+forged); strings.Contains(text, "outcome-") {
			t.Errorf("forged %q is told", forged)
		}
	}
}
