package app

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/httpd"
	"github.com/passerelle/passerelle/internal/identity"
)

// description is the file that the program serves.
func description(t *testing.T) []byte {
	t.Helper()
	raw, err := os.ReadFile("../httpd/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// isDescribed tells the routes that programs of others rely on.
func isDescribed(r httpd.Route) bool {
	return strings.HasPrefix(r.Path, "/api/v1/") || strings.HasPrefix(r.Path, "/.well-known/")
}

var routeParameter = regexp.MustCompile(`:(\w+)`)

func nameOf(r httpd.Route) string {
	return r.Method + " " + routeParameter.ReplaceAllString(r.Path, "{$1}")
}

func TestTheDescriptionIsTheRouteTable(t *testing.T) {
	t.Parallel()
	s := newWalk(t)
	c := readContract(t, description(t))
	described := map[string]bool{}
	for path, item := range c.doc.Paths.Map() {
		for method := range item.Operations() {
			described[method+" "+path] = true
		}
	}
	routes := 0
	for _, route := range s.program.server.Routes() {
		if !isDescribed(route) {
			continue
		}
		routes++
		name := nameOf(route)
		item := c.doc.Paths.Find(strings.SplitN(name, " ", 2)[1])
		if !described[name] {
			t.Errorf("%s is not described", name)
			continue
		}
		delete(described, name)
		call := item.GetOperation(route.Method)
		if access := call.Extensions["x-access"]; access != route.Access.String() {
			t.Errorf("%s: described as for %q, it is for %q", name, access, route.Access)
		}
		var scopes []string
		for _, way := range *call.Security {
			scopes = append(scopes, way["token"]...)
		}
		needed := s.scopesNeeded(route)
		slices.Sort(scopes)
		if !slices.Equal(scopes, needed) {
			t.Errorf("%s: described with scopes %v, it needs %v", name, scopes, needed)
		}
		if open := len(*call.Security) == 0; open != (route.Access.Check(identity.Actor{}) == nil) {
			t.Errorf("%s: whether it needs a token is described wrongly", name)
		}
	}
	for name := range described {
		t.Errorf("%s is described and does not exist", name)
	}
	if routes < 50 {
		t.Errorf("only %d routes compared: the search itself is broken", routes)
	}
}

// scopesNeeded asks a route with tokens that may do nothing at all, one of each walker
// whom its access lets in, and gathers which scopes they are told to lack.
func (s *walk) scopesNeeded(route httpd.Route) []string {
	s.t.Helper()
	var all []string
	for _, who := range s.walkers {
		if !who.SignedIn() || who.Role != identity.Admin || route.Access.Check(who) != nil {
			continue
		}
		c, _ := s.callOf(route)
		r := httptest.NewRequest(route.Method, c.path, strings.NewReader(c.body))
		r.Host = "localhost:8080"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+s.powerless(who))
		answer, err := s.program.server.App.Test(r, 20_000)
		s.must(err)
		var problem struct{ Code, Scope string }
		if answer.StatusCode == http.StatusForbidden {
			s.must(json.NewDecoder(answer.Body).Decode(&problem))
		}
		s.must(answer.Body.Close())
		if problem.Code == "scope_missing" && !slices.Contains(all, problem.Scope) {
			all = append(all, problem.Scope)
		}
	}
	slices.Sort(all)
	return all
}

// powerless is an API token without any scope, which nobody can make.
func (s *walk) powerless(a identity.Actor) string {
	s.t.Helper()
	s.sessions++
	secret := fmt.Sprint("psl_powerless-", s.sessions)
	hash := sha256.Sum256([]byte(secret))
	s.InTx(func(tx *db.Tx) error {
		_, err := tx.Exec(s.t.Context(), `
			INSERT INTO api_tokens (token_hash, person_id, organisation_id, label, scopes, created_at, expires_at)
			VALUES ($1, $2, $3, 'none', '{}', $4, $5)`, hash[:], a.Person, a.Organisation, tx.Now, tx.Now.AddDate(0, 0, 1))
		return err
	})
	return secret
}

func TestEachCodeIsExplainedAndSaid(t *testing.T) {
	t.Parallel()
	c := readContract(t, description(t))
	problems, err := extension[map[string]struct{ Detail string }](c.doc.Extensions["x-problem-codes"])
	if err != nil {
		t.Fatal(err)
	}
	said := sentences(t)
	for code, problem := range problems {
		if said["fault."+code] == nil || problem.Detail == "" {
			t.Errorf("%s: no sentence", code)
		}
	}
	for path, item := range c.doc.Paths.Map() {
		for method, call := range item.Operations() {
			codes, err := extension[[]string](call.Extensions["x-codes"])
			if err != nil || len(codes) == 0 && call.Extensions["x-access"] != "open" {
				t.Errorf("%s %s: no codes, %v", method, path, err)
			}
			for _, code := range codes {
				if _, explained := problems[code]; !explained {
					t.Errorf("%s %s: %s is not explained", method, path, code)
				}
			}
		}
	}
	if len(problems) < 80 {
		t.Errorf("only %d codes compared: the search itself is broken", len(problems))
	}
}

// sentences are the English messages.
func sentences(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	files, err := os.ReadDir("../../web/locales/en")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := os.ReadFile("../../web/locales/en/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &all); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", file.Name(), err))
		}
	}
	return all
}
