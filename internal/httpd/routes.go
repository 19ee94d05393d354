package httpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
)

// Route is one line of the route table. Fiber, the navigation, the access tests and the
// comparison with openapi.json are all made from it.
type Route struct {
	Method  string
	Path    string // Fiber's pattern: "/campaigns/:id"
	Handler fiber.Handler
	Access  Access
	Doc     string // what it does, in a few English words
	Body    int    // bytes it may carry; 0 is DefaultBody, LargestBody the most
	Nav     Nav    // set on pages that the navigation lists for whoever may open them
}

// Nav is a route's place in the navigation.
type Nav struct {
	Key  string // of the text
	Icon string // a file of web/static/icons, without ".svg"
	Desk bool   // the operator, who has many pages, finds it on its money desk
}

type level uint8

const (
	unset level = iota // refused by New: who may come in is always said
	open
	public
	signedIn
	members
)

// Access says for whom a route is.
type Access struct {
	level level
	kinds []identity.Kind
	roles []identity.Role
}

var (
	Open     = Access{level: open}     // everybody, and nobody's session is read
	Public   = Access{level: public}   // everybody, known or not
	SignedIn = Access{level: signedIn} // whoever has signed in
)

// For is the members of one kind of organisation: those with one of roles and its admins,
// or all of them where no role is named.
func For(kind identity.Kind, roles ...identity.Role) Access {
	return Access{level: members, kinds: []identity.Kind{kind}, roles: roles}
}

// ForAny is all members of several kinds of organisation.
func ForAny(kinds ...identity.Kind) Access { return Access{level: members, kinds: kinds} }

// Check refuses an actor for whom the route is not. Use cases check again: this is the
// outer of two doors.
func (a Access) Check(who identity.Actor) error {
	switch {
	case a.level == open || a.level == public:
		return nil
	case a.level == signedIn:
		if !who.SignedIn() {
			return fault.New(fault.Unauthenticated, "unauthenticated")
		}
		return nil
	case len(a.roles) > 0:
		return who.Needs(a.kinds[0], a.roles...)
	}
	return who.NeedsAny(a.kinds...)
}

// String writes the access for the generated route list: "operator: finance".
func (a Access) String() string {
	if a.level != members {
		return [...]string{"unset", "open", "public", "signed in"}[a.level]
	}
	var kinds, roles []string
	for _, kind := range a.kinds {
		kinds = append(kinds, string(kind))
	}
	for _, role := range a.roles {
		roles = append(roles, string(role))
	}
	if roles == nil {
		return strings.Join(kinds, ", ")
	}
	return strings.Join(kinds, ", ") + ": " + strings.Join(roles, ", ")
}

// Routes is the whole table, the window's own routes first.
func (s *Server) Routes() []Route { return slices.Clone(s.routes) }

// ownRoutes are those of no room.
func (s *Server) ownRoutes() []Route {
	return []Route{
		{Method: "GET", Path: "/healthz", Handler: s.healthz, Access: Open, Doc: "the process runs"},
		{Method: "GET", Path: "/readyz", Handler: s.readyz, Access: Open, Doc: "requests can be served"},
		{Method: "GET", Path: "/metrics", Handler: s.measures.handler(), Access: Open, Doc: "Prometheus metrics"},
		{Method: "GET", Path: "/static/*", Handler: s.static, Access: Open, Doc: "styles, scripts, fonts, images"},
		{Method: "GET", Path: "/display", Handler: s.showDisplay, Access: Public, Doc: "theme, text size and language: form"},
		{Method: "POST", Path: "/display", Handler: s.saveDisplay, Access: Public, Doc: "theme, text size and language: keep"},
		{Method: "GET", Path: "/", Handler: s.home, Access: Public, Doc: "home page"},
		{Method: "GET", Path: "/api/docs", Handler: s.docs, Access: Public, Doc: "the API, for whoever writes a program"},
		{Method: "GET", Path: "/api/v1/openapi.json", Handler: s.describeAPI, Access: Open, Doc: "the API's description (OpenAPI 3.1)"},
	}
}

var methods = []string{"GET", "POST", "PUT", "PATCH", "DELETE"}

// wire hands the table to Fiber.
func (s *Server) wire() error {
	seen := map[string]bool{}
	for i := range s.routes {
		r := &s.routes[i]
		name := r.Method + " " + r.Path
		switch {
		case !slices.Contains(methods, r.Method):
			return fmt.Errorf("route %s: unknown method", name)
		case r.Handler == nil || r.Access.level == unset || r.Doc == "":
			return fmt.Errorf("route %s: handler, access or doc missing", name)
		case len(r.Access.roles) > 0 && len(r.Access.kinds) != 1:
			return fmt.Errorf("route %s: roles of several kinds of organisation", name)
		case r.Body < 0 || r.Body > LargestBody:
			return fmt.Errorf("route %s: body of %d bytes", name, r.Body)
		case seen[name]:
			return fmt.Errorf("route %s: twice in the table", name)
		}
		seen[name] = true
		if r.Method == fiber.MethodGet {
			s.App.Get(r.Path, s.serve(r)) // HEAD too
			continue
		}
		s.App.Add(r.Method, r.Path, s.serve(r))
	}
	return nil
}
