package faults_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/web"
)

// posts is a window with one form, and what arrived through it.
type posts struct {
	url string

	mu      sync.Mutex
	origins []string // the Origin header of each post that was let in
}

const theForm = `<!doctype html><title>Form</title><form method="post" action="%s/fault-form"><button>Send</button></form>`

// overTLS serves the form over HTTPS with a certificate of nobody's.
func overTLS(t *testing.T, certificate tls.Certificate) *posts {
	t.Helper()
	site, err := httpd.LoadSite(web.Files)
	must(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	p := &posts{url: fmt.Sprintf("https://localhost:%d", listener.Addr().(*net.TCPAddr).Port)}
	server, err := httpd.New(httpd.Options{
		Site: site, Log: slog.New(slog.DiscardHandler), Now: time.Now, PublicURL: p.url,
		Authenticate: func(context.Context, httpd.Credential) (identity.Actor, error) { return identity.Actor{}, nil },
		Ready:        func(context.Context) error { return nil },
		Home:         func(context.Context) (httpd.HomeFigures, error) { return httpd.HomeFigures{}, nil },
		Routes: []httpd.Route{
			{Method: "GET", Path: "/fault-form", Access: httpd.Open, Doc: "a form", Handler: func(c *fiber.Ctx) error {
				c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
				return c.SendString(fmt.Sprintf(theForm, ""))
			}},
			{Method: "POST", Path: "/fault-form", Access: httpd.Open, Doc: "takes the form", Handler: func(c *fiber.Ctx) error {
				p.mu.Lock()
				defer p.mu.Unlock()
				p.origins = append(p.origins, c.Get("Origin"))
				return c.SendString("accepted")
			}},
		},
	})
	must(t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.App.Listener(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}})); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		if err := server.App.ShutdownWithTimeout(5 * time.Second); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return p
}

// browser starts Chromium, which trusts every certificate here.
func browser(t *testing.T) context.Context {
	t.Helper()
	profile, err := os.MkdirTemp("", "passerelle-chromium-")
	must(t, err)
	t.Cleanup(func() { // its helper processes outlive it by a moment, and write
		within(t, 30*time.Second, "Chromium's profile is gone", func() bool { return os.RemoveAll(profile) == nil })
	})
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(needs(t, "chromium", "chromium")), chromedp.UserDataDir(profile),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("ignore-certificate-errors", true), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-background-networking", true))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	must(t, chromedp.Run(ctx))                 // starts it
	t.Cleanup(func() { chromedp.Cancel(ctx) }) // and waits for its end
	return ctx
}

// Finding 10 of the threat model: a real browser's forms pass over HTTPS, because the page
// lets it tell its origin; a form on somebody else's page does not.
func TestABrowsersOwnFormPassesOverHTTPSAndNoOtherDoes(t *testing.T) {
	t.Parallel()
	var own *posts
	stranger := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, theForm, own.url)
	}))
	t.Cleanup(stranger.Close)
	own = overTLS(t, stranger.TLS.Certificates[0])
	ctx := browser(t)

	page, err := chromedp.RunResponse(ctx, chromedp.Navigate(own.url+"/fault-form"))
	must(t, err)
	if policy := page.Headers["Referrer-Policy"]; policy != "same-origin" {
		t.Errorf("Referrer-Policy: %v", policy)
	}
	answer, err := chromedp.RunResponse(ctx, chromedp.Click("button"))
	must(t, err)
	if answer.Status != http.StatusOK || len(own.origins) != 1 || own.origins[0] != own.url {
		t.Errorf("our own form: status %d, origins %q", answer.Status, own.origins)
	}

	must(t, chromedp.Run(ctx, chromedp.Navigate(stranger.URL)))
	answer, err = chromedp.RunResponse(ctx, chromedp.Click("button"))
	must(t, err)
	if answer.URL != own.url+"/fault-form" || answer.Status != http.StatusForbidden || len(own.origins) != 1 {
		t.Errorf("a stranger's form: %s, status %d, %d let in", answer.URL, answer.Status, len(own.origins))
	}
}
