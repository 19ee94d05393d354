package httpd

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/vouchers"
)

func TestEachKindOfFaultHasItsStatus(t *testing.T) {
	t.Parallel()
	for kind, want := range map[fault.Kind]int{
		fault.Invalid: 422, fault.Malformed: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.NotFound: 404,
		fault.Conflict: 409, fault.Gone: 410, fault.RateLimited: 429, fault.TooLarge: 413, fault.Unavailable: 503,
	} {
		told := refusalOf(fmt.Errorf("doing: %w", fault.New(kind, "not_found")))
		if told.status != want || told.code != "not_found" {
			t.Errorf("kind %d: %d %s, want %d", kind, told.status, told.code, want)
		}
		site, err := loadSite()
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range site.Words.Languages() {
			if key := "error.title." + told.title; !site.Words.For(lang).Has(key) {
				t.Errorf("%s has no text for %q", lang, key)
			}
		}
	}
}

// problemOf asks the API and reads its problem details.
func problemOf(w *window, headers ...string) (status int, retry string, body map[string]any) {
	w.t.Helper()
	answer, text := w.ask("GET", "/api/v1/thing", "", headers...)
	if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
		w.t.Errorf("content type %q", got)
	}
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		w.t.Fatalf("%v: %s", err, text)
	}
	if body["instance"] != answer.Header.Get("X-Request-Id") {
		w.t.Errorf("instance %v is not the request id", body["instance"])
	}
	return answer.StatusCode, answer.Header.Get("Retry-After"), body
}

func thing(handler fiber.Handler) Route {
	return Route{Method: "GET", Path: "/api/v1/thing", Handler: handler, Access: Public, Doc: "x"}
}

func TestTheAPISaysFaultsAsProblemDetails(t *testing.T) {
	t.Parallel()
	at := time.Date(2027, 1, 12, 13, 30, 0, 0, time.UTC)
	w := setup(t, nil, thing(failing(fault.New(fault.Conflict, "voucher_already_redeemed", "place", "Thônes", "at", at,
		"amount", vouchers.Cents(1000), "status", 1, "secret", struct{ A int }{1}))))
	status, _, body := problemOf(w)
	if status != 409 || body["code"] != "voucher_already_redeemed" || body["status"] != 409.0 {
		t.Errorf("got %d %v", status, body)
	}
	if body["type"] != "https://passerelle.example/api/docs#voucher_already_redeemed" {
		t.Errorf("type %v", body["type"])
	}
	detail, _ := body["detail"].(string)
	if !strings.Contains(detail, "Thônes") || !strings.Contains(detail, "12\u00a0janvier 2027 à 14") {
		t.Errorf("detail %q", detail)
	}
	if body["amount"] != 1000.0 || body["at"] != "2027-01-12T13:30:00Z" || body["secret"] != nil {
		t.Errorf("members %v", body)
	}
	if _, _, body := problemOf(w, "Accept-Language", "en"); !strings.Contains(fmt.Sprint(body["detail"]), "already used") {
		t.Errorf("in English: %v", body["detail"])
	}
}

func TestWaitingTimeIsToldTwice(t *testing.T) {
	t.Parallel()
	w := setup(t, nil, thing(failing(fault.New(fault.RateLimited, "rate_limited", "wait", 90*time.Second))))
	status, retry, body := problemOf(w)
	if status != 429 || retry != "90" || !strings.Contains(fmt.Sprint(body["detail"]), "2\u00a0min") {
		t.Errorf("%d, Retry-After %q, %v", status, retry, body)
	}
}

func TestAnUnknownErrorTellsItsReferenceAndNothingElse(t *testing.T) {
	t.Parallel()
	const inside = "pq: relation canary_table does not exist"
	for name, handler := range map[string]fiber.Handler{
		"error":       failing(errors.New(inside)),
		"panic":       func(*fiber.Ctx) error { panic(inside) },
		"panic error": func(*fiber.Ctx) error { panic(errors.New(inside)) },
		"fiber error": failing(fiber.NewError(502, inside)),
	} {
		w := setup(t, nil, thing(handler), Route{Method: "GET", Path: "/page", Handler: handler, Access: Public, Doc: "x"})
		status, _, body := problemOf(w)
		if status != 500 || body["code"] != "internal" || strings.Contains(fmt.Sprint(body), "canary_table") {
			t.Errorf("%s: %d %v", name, status, body)
		}
		answer, text := w.ask("GET", "/page", "")
		if answer.StatusCode != 500 || strings.Contains(text, "canary_table") || !strings.Contains(text, answer.Header.Get("X-Request-Id")) {
			t.Errorf("%s: page %d %s", name, answer.StatusCode, text)
		}
		if !strings.Contains(w.log.String(), inside) {
			t.Errorf("%s: the log does not say what happened", name)
		}
		if strings.HasPrefix(name, "panic") && !strings.Contains(w.log.String(), "errors_test.go") {
			t.Errorf("%s: the log does not say where", name)
		}
	}
}

func TestARequestThatRanOutOfTimeIsUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t, func(o *Options) { o.RequestTimeout = time.Millisecond }, thing(func(c *fiber.Ctx) error {
		<-c.UserContext().Done()
		return fmt.Errorf("commit: %w", c.UserContext().Err())
	}))
	status, retry, body := problemOf(w)
	if status != 503 || retry == "" || body["code"] != "outcome_unknown" {
		t.Errorf("%d %q %v", status, retry, body)
	}
}

func TestTheRoutersOwnRefusalsAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	w := setup(t, nil, thing(answering("")))
	for _, tt := range []struct {
		method, path string
		want         int
		says         string
	}{
		{"GET", "/api/v1/nowhere", 404, `"code":"not_found"`},
		{"POST", "/api/v1/thing", 405, `"code":"method_not_allowed"`},
		{"GET", "/nowhere", 404, "<h1>"},
		{"GET", "/static/../../etc/passwd", 404, "<h1>"},
		{"GET", "/%00", 404, "<h1>"},
	} {
		if text := w.wantStatus(tt.want, tt.method, tt.path, ""); !strings.Contains(text, tt.says) {
			t.Errorf("%s %s: %s", tt.method, tt.path, text)
		}
	}
}
