// Package httpd is the window: the JSON API and the pages, on Fiber. It turns strings
// into values, calls one room's use case, and turns its answer into a page or JSON.
//
// A room has one file here, with one function that lists its routes (see Route), and
// handlers that return errors; answer, in errors.go, is the only place that words them.
package httpd

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/passerelle/passerelle/internal/identity"
)

// Limits of one request.
const (
	DefaultBody  = 1 << 20  // bytes a request may carry where its route says nothing
	LargestBody  = 20 << 20 // bytes the largest import may carry
	headerBytes  = 8 << 10
	formFields   = 1000
	readTimeout  = 20 * time.Second // a whole request: a client that trickles is cut off
	importTime   = 3 * time.Minute  // the same for a route with a body above DefaultBody
	writeTimeout = time.Minute
	idleTimeout  = time.Minute
)

// Credential is what a request shows of who sends it. At most one of the two is set.
type Credential struct {
	Bearer        string // an API token
	SessionCookie string
}

// Options is what the window needs. Every field is required unless it says otherwise.
type Options struct {
	Site      *Site
	Log       *slog.Logger
	Now       func() time.Time
	PublicURL string // as browsers see the service: "https://passerelle.example"

	// Authenticate names the actor; the zero Actor is nobody. A credential that is not
	// valid is a fault of kind Unauthenticated.
	Authenticate func(context.Context, Credential) (identity.Actor, error)
	Ready        func(context.Context) error // nil error: requests can be served
	Home         func(context.Context) (HomeFigures, error)
	Routes       []Route // the rooms', in the order of the navigation

	RequestTimeout time.Duration  // optional; 15 s
	TrustedProxies []netip.Prefix // optional: whose X-Forwarded-For is believed
}

// Server answers HTTP requests.
type Server struct {
	App *fiber.App

	options     Options
	secure      bool // browsers reach the service over HTTPS
	routes      []Route
	crossOrigin *http.CrossOriginProtection
	measures    measures
	reference   DocsBody // of the API
}

// New wires the routes. It refuses a route table that contradicts itself.
func New(options Options) (*Server, error) {
	if options.RequestTimeout == 0 {
		options.RequestTimeout = 15 * time.Second
	}
	s := &Server{options: options, secure: strings.HasPrefix(options.PublicURL, "https://"), measures: newMeasures()}
	if err := s.trustPublicURL(); err != nil {
		return nil, err
	}
	var err error
	if s.reference, err = readReference(openAPI, options.PublicURL); err != nil {
		return nil, err
	}
	s.App = fiber.New(fiber.Config{
		AppName:                 "Passerelle",
		Immutable:               true, // strings of a request outlive it: they go into batches and jobs
		BodyLimit:               DefaultBody,
		ReadBufferSize:          headerBytes,
		ReadTimeout:             readTimeout,
		WriteTimeout:            writeTimeout,
		IdleTimeout:             idleTimeout,
		EnableTrustedProxyCheck: true, // of nobody: see clientIP
		DisableStartupMessage:   true,
		CaseSensitive:           true,
		ErrorHandler:            s.unframed,
	})
	s.App.Use(s.frame)
	s.routes = append(s.ownRoutes(), options.Routes...)
	if err := s.wire(); err != nil {
		return nil, err
	}
	s.App.Server().HeaderReceived = s.limits
	return s, nil
}

// trustPublicURL lets forms of our own pages pass where a proxy changes the Host header.
func (s *Server) trustPublicURL() error {
	public, err := url.Parse(s.options.PublicURL)
	if err != nil || public.Host == "" {
		return fmt.Errorf("PUBLIC_URL %q is no address with a host", s.options.PublicURL)
	}
	s.crossOrigin = http.NewCrossOriginProtection()
	return s.crossOrigin.AddTrustedOrigin(public.Scheme + "://" + public.Host)
}

// limits gives an import its larger body and its longer time before the body is read.
func (s *Server) limits(header *fasthttp.RequestHeader) fasthttp.RequestConfig {
	path, _, _ := strings.Cut(string(header.RequestURI()), "?")
	for i := range s.routes {
		r := &s.routes[i]
		if r.Body > DefaultBody && r.Method == string(header.Method()) && fiber.RoutePatternMatch(path, r.Path) {
			return fasthttp.RequestConfig{MaxRequestBodySize: r.Body, ReadTimeout: importTime}
		}
	}
	return fasthttp.RequestConfig{}
}

// frame surrounds every request: its id, the headers that protect browsers, the answer
// to an error or a panic, the access log.
func (s *Server) frame(c *fiber.Ctx) error {
	started := s.options.Now()
	r := s.begin(c)
	s.protect(c)
	if err := s.guarded(c); err != nil {
		if err := s.answer(c, err); err != nil {
			return err
		}
	}
	s.record(c, r, s.options.Now().Sub(started))
	return nil
}

// unframed answers what was refused before any handler ran: a request that is too large,
// too slow or no HTTP.
func (s *Server) unframed(c *fiber.Ctx, err error) error {
	r := s.begin(c)
	if err := s.answer(c, err); err != nil {
		return err
	}
	s.record(c, r, 0)
	return nil
}

// guarded refuses what no route should see and turns a panic into an error.
func (s *Server) guarded(c *fiber.Ctx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = panicked(p)
			s.options.Log.Error("panic", "request_id", of(c).id, "stack", string(debug.Stack()))
		}
	}()
	if err := s.admit(c); err != nil {
		return err
	}
	return c.Next()
}

// protect sets the headers that tell browsers what pages may not do.
func (s *Server) protect(c *fiber.Ctx) {
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; base-uri 'none'; object-src 'none'; "+
		"form-action 'self'; frame-ancestors 'none'")
	// no-referrer would take the Origin away from our own forms, same-origin does not.
	c.Set(fiber.HeaderReferrerPolicy, "same-origin")
	c.Set(fiber.HeaderXContentTypeOptions, "nosniff")
	c.Set("Cross-Origin-Opener-Policy", "same-origin")
	c.Set("Cross-Origin-Resource-Policy", "same-origin")
	c.Set(fiber.HeaderPermissionsPolicy, "camera=(self), geolocation=(self), microphone=(), payment=()")
	c.Set(fiber.HeaderCacheControl, "no-store")
	if s.secure {
		c.Set(fiber.HeaderStrictTransportSecurity, "max-age=31536000; includeSubDomains")
	}
}

// cookie fills in what all our cookies share. On HTTPS the name is bound to this host and
// cannot be set by a sibling (RFC 6265bis §4.1.3.2).
func (s *Server) cookie(name, value string, life time.Duration) *fiber.Cookie {
	return &fiber.Cookie{
		Name: s.cookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second),
		HTTPOnly: true, SameSite: fiber.CookieSameSiteLaxMode, Secure: s.secure,
	}
}

func (s *Server) cookieName(name string) string {
	if s.secure {
		return "__Host-" + name
	}
	return name
}

// forget removes a cookie from the browser.
func (s *Server) forget(c *fiber.Ctx, name string) {
	gone := s.cookie(name, "", 0)
	gone.Expires = time.Unix(0, 0)
	c.Cookie(gone)
}

func panicked(p any) error {
	if err, ok := p.(error); ok {
		return errors.Join(errPanic, err)
	}
	return fmt.Errorf("%w: %v", errPanic, p)
}

var errPanic = errors.New("panic")

// randomID is 26 characters of base32 that hold 128 bits of chance.
func randomID() string { return rand.Text() }
