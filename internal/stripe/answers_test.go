package stripe_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
)

// says is a client whose Stripe answers everything with one text.
func says(t testing.TB, status int, text string) *stripe.Client {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(server.Close)
	return stripe.New("sk_test_123", server.URL)
}

// asks are all calls about others' accounts and money.
func asks(ctx context.Context, c *stripe.Client) map[string]error {
	all := map[string]error{}
	_, all["create account"] = c.CreateConnected(ctx, stripe.ConnectedRequest{Ours: "structure:3"})
	_, all["account"] = c.Connected(ctx, "acct_1")
	_, all["onboarding"] = c.OnboardingLink(ctx, "acct_1", "https://passerelle.example/1", "https://passerelle.example/2")
	_, all["dashboard"] = c.DashboardLink(ctx, "acct_1")
	_, all["create transfer"] = c.CreateTransfer(ctx, stripe.TransferRequest{Ours: "transfer:1", Group: "payout:1", Amount: 1, Destination: "acct_1"})
	_, all["transfer"] = c.Transfer(ctx, "tr_1")
	_, all["reversal"] = c.ReverseTransfer(ctx, "tr_1", "back:1")
	_, all["create payout"] = c.CreatePayoutOf(ctx, "acct_1", stripe.PayoutRequest{Ours: "payout:1:1", Amount: 1})
	_, all["payout"] = c.PayoutOf(ctx, "acct_1", "po_1")
	return all
}

// lists are those that answer several things.
func lists(ctx context.Context, c *stripe.Client) map[string]error {
	all := map[string]error{}
	_, all["transfers"] = c.TransfersIn(ctx, "payout:1")
	_, all["payouts"] = c.PayoutsOf(ctx, "acct_1", noon)
	_, all["top-ups"] = c.TopUps(ctx, noon)
	return all
}

func TestAnAnswerThatNamesNothingTellsNothing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "null", "{}", "[]", "<html>", `{"id":""}`, `{"id":7}`} {
		for name, err := range asks(t.Context(), says(t, http.StatusOK, text)) {
			if !errors.Is(err, stripe.ErrUnknown) {
				t.Errorf("%s, %s: %v", text, name, err)
			}
		}
	}
	for _, text := range []string{"", "[]", "<html>", `{"data":[null]}`, `{"data":[{}]}`, `{"data":[{"id":""}],"has_more":true}`} {
		for name, err := range lists(t.Context(), says(t, http.StatusOK, text)) {
			if !errors.Is(err, stripe.ErrUnknown) {
				t.Errorf("%s, %s: %v", text, name, err)
			}
		}
	}
}

func TestOtherMoneyIsNoAnswer(t *testing.T) {
	t.Parallel()
	for name, err := range asks(t.Context(), says(t, http.StatusOK, `{"id":"x_1","url":"https://stripe.example","amount":1,"currency":"usd"}`)) {
		if hasAmount := name != "create account" && name != "account" && name != "onboarding" && name != "dashboard"; hasAmount && !errors.Is(err, stripe.ErrCurrency) || !hasAmount && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, err := range lists(t.Context(), says(t, http.StatusOK, `{"data":[{"id":"x_1","amount":1,"currency":"usd"}]}`)) {
		if !errors.Is(err, stripe.ErrCurrency) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A definite no is told from an answer that may be a yes.
func TestWhatIsRefusedAndWhatIsUnknown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		code    string
		refused bool
	}{
		{400, stripe.BalanceInsufficient, true}, {400, stripe.TransfersInactive, true}, {404, stripe.Missing, true}, {403, stripe.AccountInvalid, true},
		{403, "", false}, {401, "", false}, {409, "idempotency_key_in_use", false}, {429, "rate_limit", false}, {500, "", false},
	} {
		client := says(t, c.status, `{"error":{"type":"invalid_request_error","code":"`+c.code+`","message":"no"}}`)
		all := asks(t.Context(), client)
		for name, err := range lists(t.Context(), client) {
			all[name] = err
		}
		for name, err := range all {
			refusal := new(stripe.Refusal)
			if refused := errors.As(err, &refusal) && refusal.Code == c.code; refused != c.refused || errors.Is(err, stripe.ErrUnknown) == c.refused {
				t.Errorf("%d %q, %s: %v", c.status, c.code, name, err)
			}
		}
	}
}

// A transfer itself says whether it came back.
func TestAReversalIsKnownByItsTransfer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status   int
		code     string
		reversed string
		done     bool
	}{
		{200, "", "5", true}, {400, "", "5", true}, {500, "", "5", true},
		{400, stripe.BalanceInsufficient, "0", false}, {400, stripe.BalanceInsufficient, "4", false}, {500, "", "0", false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				_, _ = io.WriteString(w, `{"id":"tr_1","amount":5,"amount_reversed":`+c.reversed+`,"currency":"eur"}`)
				return
			}
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, `{"error":{"code":"`+c.code+`"}}`)
		}))
		t.Cleanup(server.Close)
		got, err := stripe.New("sk_test_123", server.URL).ReverseTransfer(t.Context(), "tr_1", "back:1")
		refusal := new(stripe.Refusal)
		switch {
		case c.done && (err != nil || got.Reversed != 5),
			!c.done && c.status == 400 && (!errors.As(err, &refusal) || refusal.Code != c.code),
			!c.done && c.status == 500 && !errors.Is(err, stripe.ErrUnknown):
			t.Errorf("%+v: %+v, %v", c, got, err)
		}
	}
}

func TestAnAccountMustReceiveAndPayOut(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]stripe.Connected{
		`{"id":"acct_1"}`:                                                                               {},
		`{"id":"acct_1","payouts_enabled":true}`:                                                        {},
		`{"id":"acct_1","payouts_enabled":true,"capabilities":{}}`:                                      {},
		`{"id":"acct_1","payouts_enabled":true,"capabilities":{"transfers":"pending"}}`:                 {},
		`{"id":"acct_1","payouts_enabled":true,"capabilities":{"transfers":"active"}}`:                  {Ready: true},
		`{"id":"acct_1","capabilities":{"transfers":"active"},"requirements":{"disabled_reason":null}}`: {},
		`{"id":"acct_1","capabilities":{"transfers":"active"},"requirements":{"disabled_reason":"listed"},
			"metadata":{"passerelle":"structure:3"},"details_submitted":true}`: {Ours: "structure:3", Submitted: true, Problem: "listed"},
		`{"id":"acct_1","external_accounts":null}`:            {},
		`{"id":"acct_1","external_accounts":{"data":[null]}}`: {},
		`{"id":"acct_1","external_accounts":{"data":[
			{"id":"card_1","object":"card","last4":"4242","currency":"eur","default_for_currency":true},
			{"id":"ba_1","object":"bank_account","last4":"1111","currency":"eur","default_for_currency":false},
			{"id":"ba_2","object":"bank_account","last4":"2222","currency":"chf","default_for_currency":true},
			{"id":"ba_3","object":"bank_account","last4":"3333","currency":"eur","default_for_currency":true}]}}`: {Last4: "3333"},
	} {
		want.ID = "acct_1"
		if got, err := says(t, http.StatusOK, text).Connected(t.Context(), "acct_1"); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

func TestStripesWordsForATopUp(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]stripe.TopUpState{
		"pending": stripe.TopUpPending, "succeeded": stripe.TopUpArrived, "failed": stripe.TopUpFailed,
		"canceled": stripe.TopUpFailed, "reversed": stripe.TopUpFailed, "a new word": stripe.TopUpPending,
	} {
		text := `{"data":[{"id":"tu_1","amount":5,"currency":"eur","status":"` + status + `","created":1764158400}]}`
		all, err := says(t, http.StatusOK, text).TopUps(t.Context(), noon)
		if err != nil || len(all) != 1 || all[0] != (stripe.TopUp{ID: "tu_1", Amount: 5, State: want, MadeAt: time.Unix(1764158400, 0).UTC()}) {
			t.Errorf("%s: %+v, %v", status, all, err)
		}
	}
}

// Whatever Stripe's server says, it is an answer about something or none at all. To search
// for long, add -fuzzminimizetime=5x: what a server covers is never twice the same.
func FuzzAnswers(f *testing.F) {
	f.Add(`{"id":"acct_1","external_accounts":{"data":[{"object":"bank_account","last4":"2606"},null]},"capabilities":{"transfers":"active"}}`)
	f.Add(`{"id":"tr_1","amount":5,"currency":"eur","destination":"acct_1","metadata":{"passerelle":"transfer:1"}}`)
	f.Add(`{"id":"tr_1","amount":5,"amount_reversed":9,"currency":"eur","destination":{"id":"acct_1"}}`)
	f.Add(`{"data":[null,{"id":"tu_1","amount":5,"currency":"eur"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		ctx, stop := context.WithTimeout(t.Context(), time.Second) // a list may say for ever that there is more of it
		defer stop()
		c := says(t, http.StatusOK, text)
		asks(ctx, c)
		lists(ctx, c)
		if got, err := c.Connected(ctx, "acct_1"); (err == nil) != (got.ID != "") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		if got, err := c.Transfer(ctx, "tr_1"); (err == nil) != (got.ID != "") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	})
}
