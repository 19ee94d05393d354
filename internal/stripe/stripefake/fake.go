// Package stripefake is a Stripe with a memory, for tests and the demonstration: pages
// that a test pays on, a balance that becomes available with time, payouts, refunds,
// disputes, connected accounts with balances and payouts of their own, transfers to them,
// and events that it signs and that a test delivers as it likes.
//
// It speaks the part of Stripe's interface that package stripe uses. What that interface
// really takes is checked against stripe-mock; what things do over time is here.
package stripefake

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// keyLife is how long Stripe knows an idempotency key.
const keyLife = 24 * time.Hour

// ourselves stands for our own account where the others have their ids.
const ourselves = ""

// Server is one account at Stripe, with those that are connected to it.
type Server struct {
	Delay time.Duration // until a payment is available; may be changed before the first one

	secretKey     string
	webhookSecret string
	now           func() time.Time

	mu       sync.Mutex
	lastID   int
	answers  map[string]answer // by account and idempotency key
	down     bool
	mute     bool
	requests int

	sessions  map[string]*session
	bookings  map[string][]*booking // by account
	payouts   map[string]*payout    // of all accounts
	refunds   map[string]*refund
	disputes  map[string]*dispute
	connected map[string]*connected
	transfers map[string]*transfer
	topUps    map[string]*topUp
	events    []event // of all accounts
}

// object is a JSON object.
type object map[string]any

// answer is what was said to the first request with a key.
type answer struct {
	at      time.Time
	request [sha256.Size]byte
	status  int
	body    []byte
}

// New makes an account with nothing in it. Webhooks are signed with webhookSecret.
func New(secretKey, webhookSecret string, now func() time.Time) *Server {
	return &Server{
		Delay: 72 * time.Hour, secretKey: secretKey, webhookSecret: webhookSecret, now: now,
		answers: map[string]answer{}, sessions: map[string]*session{}, bookings: map[string][]*booking{},
		payouts: map[string]*payout{}, refunds: map[string]*refund{}, disputes: map[string]*dispute{},
		connected: map[string]*connected{}, transfers: map[string]*transfer{}, topUps: map[string]*topUp{},
	}
}

// Down makes every request fail without doing anything, until it is taken back.
func (s *Server) Down(down bool) { s.locked(func() { s.down = down }) }

// Mute makes every request be done and not answered, until it is taken back.
func (s *Server) Mute(mute bool) { s.locked(func() { s.mute = mute }) }

// Requests is how many requests have come.
func (s *Server) Requests() (n int) {
	s.locked(func() { n = s.requests })
	return n
}

func (s *Server) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

func (s *Server) id(prefix string) string {
	s.lastID++
	return numbered(prefix, s.lastID)
}

func numbered(prefix string, n int) string { return fmt.Sprintf("%s_%d", prefix, n) }

// ServeHTTP answers a request as Stripe would.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	if s.down {
		panic(http.ErrAbortHandler)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	status, text := s.answer(r, body)
	if s.mute {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// answer does a request once for its key.
func (s *Server) answer(r *http.Request, body []byte) (int, []byte) {
	if r.Header.Get("Authorization") != "Bearer "+s.secretKey {
		return written(failed(http.StatusUnauthorized, "", "the key is not this account's"))
	}
	form, err := url.ParseQuery(string(body) + "&" + r.URL.RawQuery)
	if err != nil {
		return written(failed(http.StatusBadRequest, "parameter_unknown", "the form cannot be read"))
	}
	call := call{r.Header.Get("Stripe-Account"), r.Host, r.Method, strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/"), "/"), form}
	key := r.Header.Get("Idempotency-Key")
	if r.Method != http.MethodPost || key == "" {
		return written(s.route(call))
	}
	key = call.account + "\x00" + key
	request := sha256.Sum256([]byte(r.URL.Path + "\x00" + string(body)))
	before, known := s.answers[key]
	switch {
	case known && s.now().Sub(before.at) >= keyLife:
	case known && before.request != request:
		return written(http.StatusBadRequest, object{"error": object{"type": "idempotency_error", "message": "other values under this key"}})
	case known:
		return before.status, before.body
	}
	status, text := written(s.route(call))
	s.answers[key] = answer{s.now(), request, status, text}
	return status, text
}

// call is one request: on whose account, and at which of the server's addresses.
type call struct {
	account, host, method string
	parts                 []string
	form                  url.Values
}

func (s *Server) route(c call) (int, object) {
	if c.account != ourselves {
		return s.routeConnected(c)
	}
	method, parts, form := c.method, c.parts, c.form
	id := parts[len(parts)-1]
	switch kind := strings.Join(parts, "/"); {
	case method == http.MethodPost && kind == "customers":
		return http.StatusOK, object{"id": s.id("cus"), "object": "customer"}
	case method == http.MethodPost && kind == "checkout/sessions":
		return s.createSession(form)
	case method == http.MethodPost && len(parts) == 4 && parts[0] == "checkout" && id == "expire":
		return s.expireSession(parts[2])
	case method == http.MethodPost && kind == "refunds":
		return s.createRefund(form)
	case method == http.MethodPost && kind == "payouts":
		return s.createPayout(ourselves, form)
	case kind == "events":
		return s.listEvents(ourselves, form)
	case method == http.MethodGet && parts[0] == "checkout":
		return found(s.sessions, id)
	case method == http.MethodGet && kind == "refunds":
		return s.listRefunds(form)
	case method == http.MethodGet && parts[0] == "refunds":
		return found(s.refunds, id)
	case method == http.MethodGet && kind == "payouts":
		return s.listPayouts(ourselves, form)
	case method == http.MethodGet && parts[0] == "payouts":
		return s.payout(ourselves, id)
	case method == http.MethodGet && parts[0] == "disputes":
		return found(s.disputes, id)
	}
	return s.routeConnect(c)
}

func found[T interface{ view() object }](all map[string]T, id string) (int, object) {
	if one, there := all[id]; there {
		return http.StatusOK, one.view()
	}
	return failed(http.StatusNotFound, "resource_missing", "no such object")
}

func failed(status int, code, message string) (int, object) {
	return status, object{"error": object{"type": "invalid_request_error", "code": code, "message": message}}
}

func written(status int, o object) (int, []byte) {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return status, text
}

// metadata are the values that the form hangs on an object.
func metadata(form url.Values) map[string]string {
	kept := map[string]string{}
	for name := range form {
		if inner, found := strings.CutPrefix(name, "metadata["); found {
			kept[strings.TrimSuffix(inner, "]")] = form.Get(name)
		}
	}
	return kept
}

func cents(form url.Values, name string) vouchers.Cents {
	n, _ := strconv.ParseInt(form.Get(name), 10, 64)
	return vouchers.Cents(n)
}
