package httpd

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/web"
)

var loadSite = sync.OnceValues(func() (*Site, error) {
	site, err := LoadSite(web.Files)
	if err == nil {
		site.Words.Missing = func(lang, key string, err error) { panic(lang + " " + key + ": " + err.Error()) }
	}
	return site, err
})

// window is a server with a few routes of its own and its log.
type window struct {
	*Server
	t   testing.TB
	log *bytes.Buffer
}

var people = map[string]identity.Actor{
	"finance": {Person: 1, Organisation: 1, Kind: identity.Operator, Role: identity.Finance, Name: "Ana"},
	"agent":   {Person: 2, Organisation: 2, Kind: identity.Structure, Role: identity.Agent, Name: "Bo"},
}

func setup(t testing.TB, change func(*Options), routes ...Route) *window {
	t.Helper()
	site, err := loadSite()
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	options := Options{
		Site: site, Log: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now, PublicURL: "https://passerelle.example",
		Authenticate: func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, ok := people[c.Bearer+c.SessionCookie]; ok {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		},
		Ready:  func(context.Context) error { return nil },
		Home:   func(context.Context) (HomeFigures, error) { return HomeFigures{LiveCents: 100, HeldCents: 200}, nil },
		Routes: routes,
	}
	if change != nil {
		change(&options)
	}
	s, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	return &window{s, t, log}
}

// ask sends a request; headers alternate names and values.
func (w *window) ask(method, path, body string, headers ...string) (*http.Response, string) {
	w.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "passerelle.example"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := w.App.Test(r, 10_000)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer, string(text)
}

func (w *window) wantStatus(want int, method, path, body string, headers ...string) string {
	w.t.Helper()
	answer, text := w.ask(method, path, body, headers...)
	if answer.StatusCode != want {
		w.t.Errorf("%s %s: status %d, want %d: %.200s", method, path, answer.StatusCode, want, text)
	}
	return text
}

func answering(text string) fiber.Handler {
	return func(c *fiber.Ctx) error { return c.SendString(text) }
}

func failing(err error) fiber.Handler { return func(*fiber.Ctx) error { return err } }

func TestHeadersProtectBrowsers(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	for _, path := range []string{"/", "/nowhere", "/healthz", "/api/v1/nowhere"} {
		answer, _ := w.ask("GET", path, "")
		for name, want := range map[string]string{
			"Content-Security-Policy":      "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'",
			"Referrer-Policy":              "same-origin",
			"X-Content-Type-Options":       "nosniff",
			"Cross-Origin-Opener-Policy":   "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
			"Permissions-Policy":           "camera=(self), geolocation=(self), microphone=(), payment=()",
			"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
			"Cache-Control":                "no-store",
		} {
			if got := answer.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if len(answer.Header.Get("X-Request-Id")) != 26 {
			t.Errorf("%s: request id %q", path, answer.Header.Get("X-Request-Id"))
		}
	}
	plain := setup(t, func(o *Options) { o.PublicURL = "http://localhost:8080" })
	if answer, _ := plain.ask("GET", "/", ""); answer.Header.Get("Strict-Transport-Security") != "" {
		t.Error("HTTPS is demanded of a service without it")
	}
}

func TestClientsOwnRequestIDIsNotTaken(t *testing.T) {
	t.Parallel()
	answer, _ := setup(t, nil).ask("GET", "/", "", "X-Request-Id", "forged")
	if answer.Header.Get("X-Request-Id") == "forged" {
		t.Error("the client chose the reference that our log uses")
	}
}

func TestNoWriteComesFromAnotherSite(t *testing.T) {
	t.Parallel()
	called := 0
	count := func(*fiber.Ctx) error { called++; return nil }
	w := setup(t, nil,
		Route{Method: "POST", Path: "/form", Handler: count, Access: Public, Doc: "a form"},
		Route{Method: "DELETE", Path: "/api/v1/thing", Handler: count, Access: Public, Doc: "a call"})
	attacks := [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Sec-Fetch-Site", "same-site"},
		{"Origin", "https://evil.example"},
		{"Origin", "null"},
		{"Origin", "https://passerelle.example.evil.example"},
		{"Sec-Fetch-Site", "cross-site", "Cookie", "__Host-session=agent"},
	}
	walked := 0
	for _, r := range w.Routes() {
		if isSafe(r.Method) {
			continue
		}
		walked++
		for _, attack := range attacks {
			text := w.wantStatus(403, r.Method, r.Path, "", attack...)
			if isPage := !strings.HasPrefix(r.Path, "/api/"); !isPage && !strings.Contains(text, `"code":"cross_origin"`) {
				t.Errorf("%s: %s", r.Path, text)
			}
		}
	}
	if called != 0 || walked < 3 {
		t.Fatalf("%d calls went through, %d routes walked", called, walked)
	}
	w.wantStatus(403, "POST", "/form", "", "Origin", "https://evil.example", "Authorization", "Bearer agent")
	for _, own := range [][]string{
		{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"}, {"Origin", "https://passerelle.example"}, {},
	} {
		w.wantStatus(200, "POST", "/form", "", own...)
	}
	w.wantStatus(200, "DELETE", "/api/v1/thing", "", "Origin", "https://partner.example", "Authorization", "Bearer agent")
	if called != 5 {
		t.Errorf("%d of our own 5 writes went through", called)
	}
}

func TestAccessIsTheRoutesOuterDoor(t *testing.T) {
	t.Parallel()
	w := setup(t, nil,
		Route{Method: "GET", Path: "/in", Handler: answering("in"), Access: SignedIn, Doc: "x"},
		Route{Method: "GET", Path: "/pay", Handler: answering("in"), Access: For(identity.Operator, identity.Finance), Doc: "x",
			Nav: Nav{Key: "layout.cover", Icon: "euro"}},
		Route{Method: "GET", Path: "/api/v1/pay", Handler: answering("in"), Access: ForAny(identity.Operator, identity.Funder), Doc: "x"})
	for _, tt := range []struct {
		path, who string
		want      int
	}{
		{"/in", "", 303}, {"/in", "agent", 200}, {"/in", "stale", 303},
		{"/pay", "agent", 403}, {"/pay", "finance", 200},
	} {
		w.wantStatus(tt.want, "GET", tt.path, "", "Cookie", "__Host-session="+tt.who)
	}
	w.wantStatus(200, "GET", "/", "", "Cookie", "__Host-session=stale")
	w.wantStatus(401, "GET", "/api/v1/pay", "", "Authorization", "Bearer stale")
	w.wantStatus(403, "GET", "/api/v1/pay", "", "Authorization", "Bearer agent")
	w.wantStatus(200, "GET", "/api/v1/pay", "", "Authorization", "bearer finance")
	answer, _ := w.ask("GET", "/in?a=b", "")
	if got := answer.Header.Get("Location"); got != "/login?next=%2Fin%3Fa%3Db" {
		t.Errorf("sent to %q", got)
	}
	if text := w.wantStatus(200, "GET", "/", "", "Cookie", "__Host-session=finance"); !strings.Contains(text, `href="/pay"`) {
		t.Error("the navigation does not show a page to whom it is for")
	}
	if text := w.wantStatus(200, "GET", "/", "", "Cookie", "__Host-session=agent"); strings.Contains(text, `href="/pay"`) {
		t.Error("the navigation shows a page to whom it is refused")
	}
}

func TestARouteTableThatContradictsItselfIsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	good := Route{Method: "GET", Path: "/x", Handler: answering(""), Access: Public, Doc: "x"}
	for name, change := range map[string]func(r *Route){
		"no access":  func(r *Route) { r.Access = Access{} },
		"no handler": func(r *Route) { r.Handler = nil },
		"no doc":     func(r *Route) { r.Doc = "" },
		"bad method": func(r *Route) { r.Method = "get" },
		"huge body":  func(r *Route) { r.Body = LargestBody + 1 },
		"twice":      func(r *Route) { r.Path = "/healthz" },
	} {
		bad := good
		change(&bad)
		options := w.options
		options.Routes = []Route{bad}
		if _, err := New(options); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestBodiesHaveAnEnd(t *testing.T) {
	t.Parallel()
	size := func(c *fiber.Ctx) error { return c.JSON(len(c.Request().Body())) }
	w := setup(t, nil,
		Route{Method: "POST", Path: "/small", Handler: size, Access: Public, Doc: "x"},
		Route{Method: "POST", Path: "/imports/:id", Handler: size, Access: Public, Doc: "x", Body: LargestBody})
	big := strings.Repeat("x", DefaultBody+1)
	w.wantStatus(200, "POST", "/imports/1", big)
	w.wantStatus(400, "POST", "/small", "x", "Content-Encoding", "gzip")
	w.wantStatus(400, "POST", "/small", strings.Repeat("a=1&", 100_000), "Content-Type", "application/x-www-form-urlencoded")
}

// refusedEarly sends a request's head alone over a real connection and reads the status,
// so that it passes only when the body is not waited for.
func refusedEarly(t *testing.T, address, head string) int {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, head+"\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60s: %v", head, err)
	}
	defer answer.Body.Close()
	if answer.Header.Get("X-Content-Type-Options") != "nosniff" || answer.Header.Get("X-Request-Id") == "" {
		t.Errorf("%.60s: answered without its headers", head)
	}
	return answer.StatusCode
}

func TestTooMuchIsRefusedBeforeItIsRead(t *testing.T) {
	t.Parallel()
	w := setup(t, nil,
		Route{Method: "POST", Path: "/small", Handler: answering(""), Access: Public, Doc: "x"},
		Route{Method: "POST", Path: "/imports/:id", Handler: answering(""), Access: Public, Doc: "x", Body: LargestBody})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- w.App.Listener(listener) }()
	t.Cleanup(func() {
		if err := errors.Join(w.App.Shutdown(), <-stopped); err != nil {
			t.Error(err)
		}
	})
	for head, want := range map[string]int{
		"POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577":                             413,
		"POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000":                       413,
		"POST /imports/1?a=b HTTP/1.1\r\nHost: x\r\nContent-Length: 20971521":                    413,
		"GET / HTTP/1.1\r\nHost: x\r\nCookie: " + strings.Repeat("a", headerBytes):               431,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding : chunked\r\nA\r\n": 400,
	} {
		if got := refusedEarly(t, listener.Addr().String(), head); got != want {
			t.Errorf("%.60s: %d, want %d", head, got, want)
		}
	}
}

func TestTheAccessLogNeverHoldsACode(t *testing.T) {
	t.Parallel()
	const secret = "CANARY7F3K9XQ2"
	w := setup(t, nil,
		Route{Method: "GET", Path: "/C/:code", Handler: failing(errors.New("lost")), Access: Public, Doc: "x"},
		Route{Method: "POST", Path: "/check", Handler: answering("ok"), Access: Public, Doc: "x"})
	w.wantStatus(500, "GET", "/C/"+secret, "")
	w.wantStatus(404, "GET", "/D/"+secret+"?q="+secret, "")
	w.wantStatus(200, "POST", "/check?q="+secret, "code="+secret, "Content-Type", "application/x-www-form-urlencoded",
		"Authorization", "Bearer agent", "Referer", "https://passerelle.example/C/"+secret)
	metrics := w.wantStatus(200, "GET", "/metrics", "")
	if strings.Contains(w.log.String()+metrics, secret) {
		t.Errorf("a code is in the log:\n%s", w.log)
	}
	for _, line := range []string{`"route":"/C/:code","status":500`, `"route":"unmatched","status":404`, `"route":"/check","status":200`} {
		if !strings.Contains(w.log.String(), line) {
			t.Errorf("the log has no %s:\n%s", line, w.log)
		}
	}
	if want := `passerelle_http_request_seconds_count{method="GET",route="/C/:code",status="500"} 1`; !strings.Contains(metrics, want) {
		t.Errorf("metrics lack %s:\n%s", want, metrics)
	}
}

func TestAddressIsBelievedOnlyFromATrustedProxy(t *testing.T) {
	t.Parallel()
	show := Route{Method: "GET", Path: "/ip", Access: Public, Doc: "x",
		Handler: func(c *fiber.Ctx) error { return c.SendString(clientIP(c).String()) }}
	proxied := func(o *Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/32"), netip.MustParsePrefix("10.0.0.0/8")}
	}
	for _, tt := range []struct {
		name, header, want string
		change             func(*Options)
	}{
		{"nobody is trusted", "203.0.113.9", "0.0.0.0", nil},
		{"the proxy's own entry", "203.0.113.9", "203.0.113.9", proxied},
		{"a forged entry before it", "198.51.100.1, 203.0.113.9", "203.0.113.9", proxied},
		{"two proxies", "198.51.100.1, 203.0.113.9, 10.1.2.3", "203.0.113.9", proxied},
		{"no address", "unknown", "0.0.0.0", proxied},
	} {
		if got := setup(t, tt.change, show).wantStatus(200, "GET", "/ip", "", "X-Forwarded-For", tt.header); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAWriteCarriesItsKey(t *testing.T) {
	t.Parallel()
	w := setup(t, nil, Route{Method: "POST", Path: "/api/v1/x", Access: Public, Doc: "x", Handler: func(c *fiber.Ctx) error {
		once.From(c.UserContext()).Replayed = idempotencyKey(c) == "seen-before"
		return c.SendString(idempotencyKey(c))
	}})
	for _, tt := range []struct{ key, body, want, replayed string }{
		{"first-time", "", "first-time", ""},
		{"seen-before", "", "seen-before", "true"},
		{"", "_key=seen-before", "seen-before", "true"},
		{"of-the-header", "_key=of-the-form", "of-the-header", ""},
	} {
		answer, text := w.ask("POST", "/api/v1/x", tt.body, "Idempotency-Key", tt.key, "Content-Type", "application/x-www-form-urlencoded")
		if text != tt.want || answer.Header.Get("Idempotent-Replayed") != tt.replayed {
			t.Errorf("%+v: %q, replayed %q", tt, text, answer.Header.Get("Idempotent-Replayed"))
		}
	}
	w.wantStatus(422, "POST", "/api/v1/x", "", "Idempotency-Key", "short")
}

func TestReadinessFollowsTheHook(t *testing.T) {
	t.Parallel()
	setup(t, nil).wantStatus(200, "GET", "/readyz", "")
	down := setup(t, func(o *Options) { o.Ready = func(context.Context) error { return errors.New("password=x") } })
	if text := down.wantStatus(503, "GET", "/readyz", ""); text != "not ready\n" {
		t.Errorf("told %q", text)
	}
	down.wantStatus(200, "GET", "/healthz", "")
}
