package httpd

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/continuity"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/pgtest/world"
)

func init() {
	samples["continuity/list"] = ContinuityBody{State: continuity.State{Trustees: []string{"age1abc"}, Daily: true, Problem: "no space"},
		Rows: []exportRow{{Made: continuity.Made{At: time.Unix(1e9, 0), Owed: 120_00}, Name: "2026-03-09", Hash: strings.Repeat("6e34", 16), KB: 12},
			{Made: continuity.Made{At: time.Unix(1e9, 0)}, Name: "essai", Who: "Ana", KB: 1}}}
}

func TestTheOperatorSeesItsExportsAndWhetherOneIsLate(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	trustee, _, err := continuity.NewTrustee()
	if err != nil {
		t.Fatal(err)
	}
	nothing := func(context.Context) error { return nil }
	daily := continuity.Options{Keys: w.Keys, Trustees: continuity.Trustees{trustee}, Dir: t.TempDir(), Seal: nothing}
	for _, c := range []struct {
		what    string
		options continuity.Options
		before  func(*continuity.Service)
		says    []string
	}{
		{"nothing set", continuity.Options{}, nil, []string{"Aucun tiers de confiance", "Aucun export n’a encore été fait"}},
		{"by hand", continuity.Options{Trustees: continuity.Trustees{trustee}}, nil, []string{"ne se font pas tout seuls", trustee.Key}},
		{"none is made", daily, nil, []string{"depuis plus de deux jours"}},
		{"each day", daily, func(s *continuity.Service) {
			if err := s.Daily(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, []string{"Un export est fait chaque jour", "2026-03-09", "chaque jour</td>"}},
	} {
		room := continuity.New(w.DB, c.options)
		if c.before != nil {
			c.before(room)
		}
		people := map[string]identity.Actor{"operator": w.Operator, "funder": w.Funder}
		site := setup(t, func(o *Options) {
			o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) { return people[c.Bearer], nil }
		}, ContinuityRoutes(room)...)
		text := site.wantStatus(200, "GET", "/operator/continuity", "", "Authorization", "Bearer operator", "Accept-Language", "fr")
		for _, want := range c.says {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %q is not in %s", c.what, want, text)
			}
		}
		site.wantStatus(403, "GET", "/operator/continuity", "", "Authorization", "Bearer funder")
	}
}
