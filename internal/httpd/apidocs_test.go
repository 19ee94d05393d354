package httpd

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	field := DocsField{Name: "code", In: "query", Type: "string", Text: "x", Example: `"A"`, Object: "Offer", Values: []string{"a", "b"}}
	samples["api/docs"] = DocsBody{Intro: []string{"x"},
		Groups: []DocsGroup{{Name: "N", Text: "x", ID: "tag-n", Calls: []DocsCall{{ID: "post_x", Method: "POST", Path: "/x", Summary: "s", Text: "x",
			Access: "public", Scopes: []string{"a", "b"}, Parameters: []DocsField{field}, Body: []DocsField{field}, BodyType: "application/json",
			Answers: []DocsAnswer{{Status: "200", Text: "x", Type: "application/json", Object: "O", Fields: []DocsField{field}, Sample: "{}"}},
			Codes:   []string{"not_found"}, Curl: "curl"}}}},
		Objects:  []DocsObject{{Name: "O", Text: "x", Fields: []DocsField{field}}},
		Problems: []DocsProblem{{Code: "not_found", Status: 404, Detail: "x"}}}
}

func TestTheReferenceIsReadable(t *testing.T) {
	t.Parallel()
	w := setup(t, nil)
	html := w.wantStatus(http.StatusOK, "GET", "/api/docs", "")
	for _, want := range []string{
		"L’API de Passerelle",                                                    // the frame is in the reader's language
		`<h2 id="tag-redemptions" lang="en">Redemptions</h2>`,                    // calls are grouped
		`<b>POST</b> /api/v1/redemptions</code>`,                                 // each has its method and path,
		`<dd lang="en">structure: agent</dd>`,                                    // its access,
		`<dd><code>redemptions</code></dd>`,                                      // its scope,
		`<code>Idempotency-Key</code>`,                                           // its parameters,
		`<code>duration_minutes</code>`,                                          // its body,
		`curl -X POST \`,                                                         // an example,
		`&#34;https://passerelle.example/api/v1/redemptions&#34;`,                // with this service's address,
		`<a href="#insufficient_vouchers"><code>insufficient_vouchers</code>`,    // and its refusals,
		`<div id="insufficient_vouchers"><dt><code>insufficient_vouchers</code>`, // which problems point to
		`id="Redemption"`,
	} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	if strings.Contains(html, "<script") || strings.Contains(html, " style=") {
		t.Error("the page needs a script or an inline style")
	}
}

func TestEveryLinkOfTheReferenceLeadsSomewhere(t *testing.T) {
	t.Parallel()
	html := setup(t, nil).wantStatus(http.StatusOK, "GET", "/api/docs", "")
	ids, links := map[string]int{}, 0
	for _, part := range strings.Split(html, ` id="`)[1:] {
		id, _, _ := strings.Cut(part, `"`)
		ids[id]++
	}
	for _, part := range strings.Split(html, `href="#`)[1:] {
		links++
		if id, _, _ := strings.Cut(part, `"`); ids[id] != 1 {
			t.Errorf("#%s leads to %d places", id, ids[id])
		}
	}
	if links < 500 {
		t.Errorf("only %d links followed: the search itself is broken", links)
	}
}

func TestCurlExamplesAreWhole(t *testing.T) {
	t.Parallel()
	body, err := readReference(openAPI, "https://x.example")
	if err != nil {
		t.Fatal(err)
	}
	calls := map[string]DocsCall{}
	for _, group := range body.Groups {
		for _, call := range group.Calls {
			calls[call.ID] = call
		}
	}
	want := `curl -X POST \
  -H "Authorization: Bearer $TOKEN" \
  -H "Idempotency-Key: visit-2026-03-09-0001" \
  -H "Content-Type: application/json" \
  -d '{
    "frozen": true
  }' \
  "https://x.example/api/v1/handovers/42/freeze"`
	if got := calls["post_handovers_id_freeze"].Curl; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for id, call := range calls {
		_, sent, found := strings.Cut(call.Curl, "-d '")
		if !found {
			continue
		}
		if sent, _, _ = strings.Cut(sent, "'"); !json.Valid([]byte(sent)) {
			t.Errorf("%s: the body of the example is no JSON: %s", id, sent)
		}
	}
}

func TestADescriptionThatCannotBeReadStopsTheProgram(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{`{`, `{"paths":[]}`, `{"paths":{"/x":{"get":{"responses":{"200":1}}}}}`} {
		if _, err := readReference([]byte(broken), ""); err == nil {
			t.Errorf("%s was read", broken)
		}
	}
}

func TestAnybodyFetchesTheKeysThatVerifyCodes(t *testing.T) {
	t.Parallel()
	ring, err := vouchers.NewKeyring(1, vouchers.NewKey(1))
	if err != nil {
		t.Fatal(err)
	}
	if ring, err = ring.Rotate(); err != nil {
		t.Fatal(err)
	}
	payload, err := ring.Sign(2, vouchers.Ticket{Campaign: 1, Serial: 2, Face: 10_00, Count: 3, From: 800, Until: 900})
	if err != nil {
		t.Fatal(err)
	}
	w := setup(t, nil, (&Issuing{Keys: ring}).Routes()...)
	answer, text := w.ask("GET", "/.well-known/passerelle-keys.json", "")
	fetched := answered[keysAnswer](t, text)
	if ticket, err := fetched.Keys.Verify(payload); err != nil || ticket.Count != 3 || len(fetched.Keys) != 2 {
		t.Errorf("%v %v: %s", ticket, err, text)
	}
	if answer.Header.Get("Access-Control-Allow-Origin") != "*" || answer.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("other sites' pages cannot read them: %v", answer.Header)
	}
}
