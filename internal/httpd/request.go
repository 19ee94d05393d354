package httpd

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
)

// request is what the window knows about a request besides Fiber's own context.
type request struct {
	server  *Server
	id      string
	route   *Route // nil as long as none matched
	actor   identity.Actor
	display display
	words   *i18n.Words
}

type requestKey struct{}

// begin gives a request its id and its language, once.
func (s *Server) begin(c *fiber.Ctx) *request {
	if r, ok := c.Locals(requestKey{}).(*request); ok {
		return r
	}
	r := &request{server: s, id: randomID()}
	r.display = s.display(c)
	r.words = s.options.Site.Words.For(r.display.Lang)
	c.Locals(requestKey{}, r)
	c.Set(fiber.HeaderXRequestID, r.id)
	return r
}

func of(c *fiber.Ctx) *request { return c.Locals(requestKey{}).(*request) }

// actor is who is asking; the zero Actor on a page that needs nobody.
func actor(c *fiber.Ctx) identity.Actor { return of(c).actor }

// words says things in the reader's language.
func words(c *fiber.Ctx) *i18n.Words { return of(c).words }

// idempotencyKey is the key of this write, "" where the client sent none. It also travels
// in c.UserContext(), where package once finds it: a handler rarely needs it.
func idempotencyKey(c *fiber.Ctx) string {
	if token := once.From(c.UserContext()); token != nil {
		return token.Key
	}
	return ""
}

// isAPI tells whether the answer is read by a program.
func isAPI(c *fiber.Ctx) bool { return strings.HasPrefix(c.Path(), "/api/") }

func isSafe(method string) bool {
	return method == fiber.MethodGet || method == fiber.MethodHead || method == fiber.MethodOptions
}

// admit refuses what no route should see: a write that another site made the browser send,
// a packed body (it may unpack to any size), a form with too many fields.
func (s *Server) admit(c *fiber.Ctx) error {
	header := &c.Request().Header
	if len(header.Peek(fiber.HeaderContentEncoding)) > 0 {
		return fault.New(fault.Malformed, "malformed_body")
	}
	if isSafe(c.Method()) {
		return nil
	}
	if isForm(c) && fieldCount(c) > formFields {
		return fault.New(fault.Malformed, "malformed_body")
	}
	if isAPI(c) && bearer(c) != "" {
		return nil // a browser never adds a token by itself
	}
	check := http.Request{Method: c.Method(), Host: string(header.Host()), Header: http.Header{
		"Sec-Fetch-Site": {string(header.Peek("Sec-Fetch-Site"))},
		"Origin":         {string(header.Peek(fiber.HeaderOrigin))},
	}}
	if err := s.crossOrigin.Check(&check); err != nil {
		return fault.New(fault.Forbidden, "cross_origin")
	}
	return nil
}

// serve runs a route: time limit, actor, access, key, handler.
func (s *Server) serve(route *Route) fiber.Handler {
	return func(c *fiber.Ctx) error {
		r := of(c)
		r.route = route
		ctx, cancel := context.WithTimeout(context.Background(), s.options.RequestTimeout)
		defer cancel()
		c.SetUserContext(ctx)
		if err := s.authorise(c, r); err != nil {
			return err
		}
		err := s.runOnce(c, route.Handler)
		if err != nil && fault.Code(err) == "" && ctx.Err() != nil {
			// Whether the work was done before time ran out is not known here.
			return errors.Join(fault.New(fault.Unavailable, "outcome_unknown"), err)
		}
		return err
	}
}

// runOnce carries the key of a write to package once and tells of a repeated answer.
func (s *Server) runOnce(c *fiber.Ctx, handler fiber.Handler) error {
	if isSafe(c.Method()) {
		return handler(c)
	}
	key := c.Get("Idempotency-Key")
	if key == "" && (isForm(c) || isMultipart(c)) {
		key = c.FormValue("_key")
	}
	if err := once.CheckKey(key); err != nil {
		return err
	}
	ctx, token := once.With(c.UserContext(), key)
	c.SetUserContext(ctx)
	err := handler(c)
	if err == nil && token.Replayed {
		c.Set("Idempotent-Replayed", "true")
	}
	return err
}

// authorise names the actor and refuses it where the route is not for it.
func (s *Server) authorise(c *fiber.Ctx, r *request) error {
	if r.route.Access.level == open {
		return nil
	}
	credential := Credential{Bearer: bearer(c)}
	if credential.Bearer == "" {
		credential.SessionCookie = c.Cookies(s.cookieName("session"))
	}
	if credential == (Credential{}) {
		return r.route.Access.Check(r.actor)
	}
	who, err := s.options.Authenticate(c.UserContext(), credential)
	if err != nil && !(credential.Bearer == "" && isUnauthenticated(err)) {
		return err
	}
	r.actor = who // nobody where the session has ended
	return r.route.Access.Check(r.actor)
}

func isUnauthenticated(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.Unauthenticated
}

// bearer is the token of the Authorization header (RFC 6750 §2.1), or "".
func bearer(c *fiber.Ctx) string {
	scheme, token, _ := strings.Cut(c.Get(fiber.HeaderAuthorization), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// setSession lets the browser keep a session's token for as long as the session lives.
func setSession(c *fiber.Ctx, token string, life time.Duration) {
	c.Cookie(of(c).server.cookie("session", token, life))
}

// endSession takes the session's token out of the browser.
func endSession(c *fiber.Ctx) { of(c).server.forget(c, "session") }

// clientIP is the address of whoever sent the request. X-Forwarded-For is believed from
// right to left and only as long as the address that added an entry is a trusted proxy.
func clientIP(c *fiber.Ctx) netip.Addr {
	address, _ := netip.AddrFromSlice(c.Context().RemoteIP())
	address = address.Unmap()
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0 && of(c).server.isProxy(address); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		address = hop.Unmap()
	}
	return address
}

func (s *Server) isProxy(address netip.Addr) bool {
	for _, prefix := range s.options.TrustedProxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// localPath is raw when it is a path of this site, otherwise "/". It keeps "next" and
// "back" from leading elsewhere: "//host", "/\host" and control characters are not paths.
func localPath(raw string) string {
	if !strings.HasPrefix(raw, "/") || strings.HasPrefix(raw, "//") {
		return "/"
	}
	for _, r := range raw {
		if r < ' ' || r == '\\' || r == 0x7f {
			return "/"
		}
	}
	return raw
}

// answerFor does something with the object whose id is in the address, and answers what
// became of it.
func answerFor[ID ~int64, T any](c *fiber.Ctx, do func(id ID) (T, error)) error {
	id, err := pathID[ID](c, "id")
	if err != nil {
		return err
	}
	done, err := do(id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, done)
}
