package stripe_test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/stripe"
)

// mock is Stripe's own stripe-mock: it has no memory, but it knows every parameter of
// every call and refuses what Stripe would refuse.
var mock struct {
	start   sync.Once
	address string
	err     error
	process *os.Process
}

func TestMain(m *testing.M) {
	code := m.Run()
	if mock.process != nil {
		_ = mock.process.Kill()
	}
	os.Exit(code)
}

func startMock() (string, error) {
	program, err := exec.LookPath("stripe-mock")
	if err != nil {
		program, err = filepath.Abs(filepath.Join("..", "..", "bin", "stripe-mock"))
	}
	if err != nil {
		return "", err
	}
	command := exec.Command(program, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := command.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", fmt.Errorf("stripe-mock is missing, `make tools` gets it: %w", err)
	}
	mock.process = command.Process
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, address, found := strings.Cut(lines.Text(), "HTTP at address: "); found {
			go func() {
				for lines.Scan() { // what it logs of each request must go somewhere
				}
			}()
			return "http://" + address, nil
		}
	}
	return "", errors.New("stripe-mock does not say where it listens")
}

func onMock(t *testing.T) *stripe.Client {
	t.Helper()
	mock.start.Do(func() { mock.address, mock.err = startMock() })
	if mock.err != nil {
		t.Fatal(mock.err)
	}
	return stripe.New("sk_test_123", mock.address)
}

func page(means stripe.Means) stripe.SessionRequest {
	return stripe.SessionRequest{
		Ours: "checkout:12", Means: means, Email: "tresor@mairie.example",
		Lines:      []stripe.Line{{Name: "100 chèques de 10 €", Amount: 100_000}, {Name: "Frais, TVA comprise", Amount: 4_800}},
		SuccessURL: "https://passerelle.example/orders/7?paid=1", CancelURL: "https://passerelle.example/orders/7",
		ExpiresAt: noon.Add(time.Hour), Locale: "fr",
	}
}

func TestStripeTakesOurPages(t *testing.T) {
	t.Parallel()
	c := onMock(t)
	for _, means := range []stripe.Means{stripe.Card, stripe.SEPADebit, stripe.BankTransfer} {
		req := page(means)
		if means == stripe.BankTransfer {
			req.Customer, req.Email = "cus_1", ""
		}
		if made, err := c.CreateSession(t.Context(), req); err != nil || made.ID == "" {
			t.Errorf("%s: %+v, %v", means, made, err)
		}
	}
}

// The positive control: what Stripe does not know is refused.
func TestStripeRefusesAMeansThatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, err := onMock(t).CreateSession(t.Context(), page("cowrie_shells"))
	if refusal := new(stripe.Refusal); !errors.As(err, &refusal) {
		t.Errorf("%v", err)
	}
}

func TestStripeTakesOurOtherCalls(t *testing.T) {
	t.Parallel()
	c := onMock(t)
	if id, err := c.CreateCustomer(t.Context(), stripe.CustomerRequest{Ours: "organisation:3", Name: "Mairie", Email: "m@mairie.example"}); err != nil || id == "" {
		t.Errorf("customer: %q, %v", id, err)
	}
	if err := c.ExpireSession(t.Context(), "cs_1"); err != nil {
		t.Errorf("expire: %v", err)
	}
	sent, err := c.CreatePayout(t.Context(), stripe.PayoutRequest{Ours: "payout:4:1", Amount: 100_000, Destination: "ba_1", Descriptor: "PASSERELLE RF18PO4"})
	if err != nil || sent.ID == "" || sent.Amount != 100_000 || sent.Status != stripe.PayoutSent {
		t.Errorf("payout: %+v, %v", sent, err)
	}
	if all, err := c.Events(t.Context(), noon); err != nil || len(all) == 0 || all[0].ID == "" || all[0].ObjectID == "" || all[0].Kind == "" {
		t.Errorf("events: %+v, %v", all, err)
	}
	if found, err := c.Session(t.Context(), "cs_1"); err != nil || found.ID != "cs_1" || found.Intent == "" {
		t.Errorf("session: %+v, %v", found, err)
	}
}

func TestStripeTakesOurCallsAboutOthersAccounts(t *testing.T) {
	t.Parallel()
	c := onMock(t)
	made, err := c.CreateConnected(t.Context(), stripe.ConnectedRequest{Ours: "structure:3", Name: "Théâtre du Fil", Email: "compta@fil.example"})
	if err != nil || made.ID == "" {
		t.Errorf("account: %+v, %v", made, err)
	}
	if found, err := c.Connected(t.Context(), "acct_1"); err != nil || found.ID == "" {
		t.Errorf("account read: %+v, %v", found, err)
	}
	if url, err := c.OnboardingLink(t.Context(), "acct_1", "https://passerelle.example/again", "https://passerelle.example/back"); err != nil || url == "" {
		t.Errorf("onboarding: %q, %v", url, err)
	}
	if url, err := c.DashboardLink(t.Context(), "acct_1"); err != nil || url == "" {
		t.Errorf("dashboard: %q, %v", url, err)
	}
	moved, err := c.CreateTransfer(t.Context(), stripe.TransferRequest{Ours: "transfer:4:1", Group: "payout:4", Amount: 8_000, Destination: "acct_1"})
	if err != nil || moved.ID == "" || moved.Amount != 8_000 || moved.Group != "payout:4" || moved.Destination != "acct_1" {
		t.Errorf("transfer: %+v, %v", moved, err)
	}
	sent, err := c.CreatePayoutOf(t.Context(), "acct_1", stripe.PayoutRequest{Ours: "payout:4:1", Amount: 8_000, Descriptor: "PASSERELLE RF18PO4"})
	if err != nil || sent.ID == "" || sent.Amount != 8_000 {
		t.Errorf("payout: %+v, %v", sent, err)
	}
}

// A reversal's own answer is not looked at, so what Stripe says to it is seen on the way.
func TestStripeTakesOurReversals(t *testing.T) {
	t.Parallel()
	onMock(t)
	address, err := url.Parse(mock.address)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]int{}
	between := httputil.NewSingleHostReverseProxy(address)
	between.ModifyResponse = func(r *http.Response) error {
		said[r.Request.Method+" "+r.Request.URL.Path+" "+r.Request.Header.Get("Idempotency-Key")] = r.StatusCode
		return nil
	}
	server := httptest.NewServer(between)
	t.Cleanup(server.Close)
	_, err = stripe.New("sk_test_123", server.URL).ReverseTransfer(t.Context(), "tr_1", "back:1")
	want := map[string]int{"POST /v1/transfers/tr_1/reversals back:1": 200, "GET /v1/transfers/tr_1 ": 200}
	if !errors.Is(err, stripe.ErrCurrency) || !maps.Equal(said, want) {
		t.Errorf("%v, %v", said, err)
	}
}

// stripe-mock answers these in dollars: they were understood, and such an answer is not
// for us.
func TestAmountsInOtherMoneyAreNoAnswers(t *testing.T) {
	t.Parallel()
	c := onMock(t)
	for name, ask := range map[string]func() error{
		"create refund": func() error {
			_, err := c.CreateRefund(t.Context(), stripe.RefundRequest{Ours: "refund:5", Intent: "pi_1", Amount: 500})
			return err
		},
		"refund":  func() error { _, err := c.Refund(t.Context(), "re_1"); return err },
		"refunds": func() error { _, err := c.Refunds(t.Context(), "pi_1"); return err },
		"dispute": func() error { _, err := c.Dispute(t.Context(), "dp_1"); return err },
		"payout":  func() error { _, err := c.Payout(t.Context(), "po_1"); return err },

		"a connected account's payout":  func() error { _, err := c.PayoutOf(t.Context(), "acct_1", "po_1"); return err },
		"a connected account's payouts": func() error { _, err := c.PayoutsOf(t.Context(), "acct_1", noon); return err },
		"transfer":                      func() error { _, err := c.Transfer(t.Context(), "tr_1"); return err },
		"transfers":                     func() error { _, err := c.TransfersIn(t.Context(), "payout:4"); return err },
		"reversal":                      func() error { _, err := c.ReverseTransfer(t.Context(), "tr_1", "back:1"); return err },
		"top-ups":                       func() error { _, err := c.TopUps(t.Context(), noon); return err },
	} {
		if err := ask(); !errors.Is(err, stripe.ErrCurrency) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
