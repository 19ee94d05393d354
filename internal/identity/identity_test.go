package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/audit"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/internal/pgtest"
	"github.com/passerelle/passerelle/vouchers"
)

const password = "correct horse battery"

// house is an operator, ana, and two organisations with their admins.
type house struct {
	*identity.Service
	t     *testing.T
	db    *db.DB
	clock *pgtest.Clock
	ana   identity.Actor // the operator's admin
}

func setup(t *testing.T) *house {
	t.Helper()
	d, clock := pgtest.NewWithClock(t)
	h := &house{identity.New(d, audit.Record), t, d, clock, identity.Actor{}}
	h.must(h.CreateFirstOperator(t.Context(), "Passerelle", identity.NewMember{Name: "Ana", Email: "Ana@Passerelle.example ", Password: password}))
	h.ana = h.signsIn("ana@passerelle.example", password)
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) wantFault(err error, code string) {
	h.t.Helper()
	if fault.Code(err) != code {
		h.t.Errorf("got %v, want the fault %s", err, code)
	}
}

// session opens a session from an address of its own.
func (h *house) session(email, password string) string {
	h.t.Helper()
	session, err := h.SignIn(h.t.Context(), email, password, "192.0.2."+email)
	h.must(err)
	return session
}

func (h *house) who(c identity.Credential) (identity.Actor, error) {
	return h.Authenticate(h.t.Context(), c)
}

func (h *house) signsIn(email, password string) identity.Actor {
	h.t.Helper()
	who, err := h.who(identity.Credential{Session: h.session(email, password)})
	h.must(err)
	return who
}

// opens makes an organisation whose admin has the address admin@<name>.example.
func (h *house) opens(kind identity.Kind, name string) identity.Actor {
	h.t.Helper()
	req := identity.NewOrganisation{Kind: kind, Name: name, Admin: identity.NewMember{Name: "Admin", Email: "admin@" + name + ".example", Password: password}}
	if kind == identity.Structure {
		req.SIRET = "73282932000074"
	}
	_, err := h.CreateOrganisation(h.t.Context(), h.ana, req)
	h.must(err)
	return h.signsIn(req.Admin.Email, password)
}

// joins adds a member with the address <name>@example.org.
func (h *house) joins(admin identity.Actor, name string, role identity.Role) identity.Member {
	h.t.Helper()
	m, err := h.AddMember(h.t.Context(), admin, identity.NewMember{Name: name, Email: name + "@example.org", Password: password, Role: role})
	h.must(err)
	return m
}

func (h *house) count(query string, args ...any) (n int) {
	h.t.Helper()
	h.must(h.db.Read(h.t.Context(), func(tx *db.Tx) error { return tx.Get(h.t.Context(), &n, query, args...) }))
	return n
}

func TestAWrongPasswordAndAnUnknownAddressAreAnsweredAlike(t *testing.T) {
	t.Parallel()
	h := setup(t)
	tries := map[string][2]string{
		"wrong":   {"ana@passerelle.example", "not the password"},
		"unknown": {"nobody@passerelle.example", "not the password"},
		"empty":   {"ana@passerelle.example", ""},
	}
	took := map[string]time.Duration{}
	for name, try := range tries {
		best := time.Hour // of several, so that a busy machine does not decide
		for range 3 {
			started := time.Now()
			_, err := h.SignIn(t.Context(), try[0], try[1], "192.0.2.1")
			best = min(best, time.Since(started))
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != "sign_in_failed" || f.Kind != fault.Unauthenticated || len(f.Args) != 0 {
				t.Errorf("%s: %v", name, err)
			}
		}
		took[name] = best
	}
	// An answer without hashing takes a hundredth of the time.
	if took["unknown"] < took["wrong"]/4 || took["wrong"] < took["unknown"]/4 {
		t.Errorf("the time tells whether an address is known: %v", took)
	}
}

func TestTriesAreBoundedForAnAccountAndForAnAddress(t *testing.T) {
	t.Parallel()
	h := setup(t)
	try := func(email, address string) error {
		_, err := h.SignIn(t.Context(), email, "wrong", address)
		return err
	}
	for range 9 { // signing in for the set-up was the first
		h.wantFault(try("ana@passerelle.example", "192.0.2.1"), "sign_in_failed")
	}
	err := try("ANA@passerelle.example", "192.0.2.2")
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != fault.RateLimited {
		t.Fatalf("the account's eleventh try, from another address: %v", err)
	}
	_, err = h.SignIn(t.Context(), "ana@passerelle.example", password, "192.0.2.3")
	h.wantFault(err, "rate_limited")
	h.clock.Add(f.Args["wait"].(time.Duration))
	h.session("ana@passerelle.example", password)
}

func TestOneAddressCannotTryManyAccounts(t *testing.T) {
	t.Parallel()
	h := setup(t)
	refused := 0
	for n := range 52 {
		if _, err := h.SignIn(t.Context(), fmt.Sprintf("nobody%d@example.org", n), "x", "192.0.2.9"); fault.Code(err) == "rate_limited" {
			refused++
		}
	}
	if refused != 2 {
		t.Errorf("%d of 52 tries were refused", refused)
	}
}

func TestARemovedMemberIsOutWithinASecond(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder := h.opens(identity.Funder, "departement")
	bo := h.joins(funder, "bo", identity.Agent)
	session := h.session("bo@example.org", password)
	actor, err := h.who(identity.Credential{Session: session})
	h.must(err)
	token, err := h.CreateToken(t.Context(), actor, identity.NewToken{Label: "x", Scopes: []string{"orders"}, Days: 1})
	h.must(err)
	if _, err := h.who(identity.Credential{Bearer: token.Secret}); err != nil {
		t.Fatal(err)
	}
	h.must(h.RemoveMember(t.Context(), funder, bo.ID))
	h.clock.Add(time.Second)
	if who, err := h.who(identity.Credential{Session: session}); err != nil || who.SignedIn() {
		t.Errorf("the session lives: %v, %v", who, err)
	}
	_, err = h.who(identity.Credential{Bearer: token.Secret})
	h.wantFault(err, "token_unknown")
	_, err = h.SignIn(t.Context(), "bo@example.org", password, "192.0.2.7")
	h.wantFault(err, "no_organisation")
	h.wantFault(h.RemoveMember(t.Context(), funder, bo.ID), "not_found")
	again := h.joins(funder, "bo", identity.Reader)
	if again.ID != bo.ID || again.Role != identity.Reader {
		t.Errorf("coming back: %+v", again)
	}
}

func TestASessionEndsByItself(t *testing.T) {
	t.Parallel()
	h := setup(t)
	session := h.session("ana@passerelle.example", password)
	h.clock.Add(identity.SessionLasts - time.Second)
	if who, _ := h.who(identity.Credential{Session: session}); !who.SignedIn() {
		t.Error("it ended before its time")
	}
	h.clock.Add(2 * time.Second)
	if who, err := h.who(identity.Credential{Session: session}); err != nil || who.SignedIn() {
		t.Errorf("it lives on: %v, %v", who, err)
	}
}

func TestSecretsAreStoredAsHashesOnly(t *testing.T) {
	t.Parallel()
	h := setup(t)
	session := h.session("ana@passerelle.example", password)
	token, err := h.CreateToken(t.Context(), h.ana, identity.NewToken{Label: "x", Scopes: []string{"orders"}, Days: 1})
	h.must(err)
	ctx, _ := once.With(t.Context(), "key-of-this-test")
	member, err := h.AddMember(ctx, h.ana, identity.NewMember{Name: "Bo", Email: "bo@example.org", Role: identity.Reader})
	h.must(err)
	h.signsIn("bo@example.org", member.Password)
	for _, secret := range []string{session, token.Secret, member.Password, password} {
		for _, table := range []string{"people", "sessions", "api_tokens", "audit_entries", "idempotency_keys"} {
			if n := h.count(`SELECT count(*) FROM ` + table + ` t WHERE strpos(t::text, '` + secret + `') > 0`); n != 0 {
				t.Errorf("%s holds a secret in plain text", table)
			}
		}
	}
	if token.Secret == "" || !strings.HasPrefix(token.Secret, "psl_") || len(member.Password) != 19 {
		t.Errorf("%q, %q", token.Secret, member.Password)
	}
	again, err := h.AddMember(ctx, h.ana, identity.NewMember{Name: "Bo", Email: "bo@example.org", Role: identity.Reader})
	if err != nil || again.Password != "" || again.ID != member.ID || !once.From(ctx).Replayed {
		t.Errorf("replayed: %+v, %v", again, err)
	}
}

func TestAMemberWhoHasAnAccountKeepsTheirPassword(t *testing.T) {
	t.Parallel()
	h := setup(t)
	one, two := h.opens(identity.Funder, "one"), h.opens(identity.Prescriber, "two")
	bo := h.joins(one, "bo", identity.Agent)
	again, err := h.AddMember(t.Context(), two, identity.NewMember{Name: "Mallory", Email: "bo@example.org", Password: "a password of mine", Role: identity.Reader})
	if err != nil || again.ID != bo.ID || again.Password != "" {
		t.Fatalf("%+v, %v", again, err)
	}
	_, err = h.SignIn(t.Context(), "bo@example.org", "a password of mine", "192.0.2.8")
	h.wantFault(err, "sign_in_failed")
	actor := h.signsIn("bo@example.org", password)
	if actor.Organisation != one.Organisation || actor.Name != "bo" {
		t.Errorf("signs in as %+v", actor)
	}
	session, err := h.Switch(t.Context(), actor, two.Organisation)
	h.must(err)
	other, err := h.who(identity.Credential{Session: session})
	if err != nil || other.Organisation != two.Organisation || other.Role != identity.Reader || other.Person != bo.ID {
		t.Errorf("after the switch: %+v, %v", other, err)
	}
	_, err = h.Switch(t.Context(), actor, h.ana.Organisation)
	h.wantFault(err, "no_organisation")
	all, err := h.Memberships(t.Context(), actor)
	if err != nil || len(all) != 2 {
		t.Errorf("%v, %v", all, err)
	}
}

func TestATokenDoesWhatItWasMadeForAndNoMore(t *testing.T) {
	t.Parallel()
	h := setup(t)
	token, err := h.TokenFor(t.Context(), "ana@passerelle.example", password, "192.0.2.1", identity.NewToken{Label: "x", Scopes: []string{"organisations"}, Days: 2})
	h.must(err)
	program, err := h.who(identity.Credential{Bearer: token.Secret})
	h.must(err)
	if program.Organisation != h.ana.Organisation || program.Role != identity.Admin {
		t.Errorf("%+v", program)
	}
	_, err = h.AddMember(t.Context(), program, identity.NewMember{Name: "x", Email: "x@example.org", Role: identity.Admin})
	h.wantFault(err, "scope_missing")
	h.wantFault(h.RemoveMember(t.Context(), program, 99), "scope_missing")
	_, err = h.CreateToken(t.Context(), program, identity.NewToken{Label: "x", Scopes: []string{"members"}, Days: 2})
	h.wantFault(err, "forbidden")
	_, err = h.ChangePassword(t.Context(), program, identity.PasswordChange{Current: password, New: "another password"})
	h.wantFault(err, "forbidden")
	_, err = h.Switch(t.Context(), program, h.ana.Organisation)
	h.wantFault(err, "unauthenticated")
	if _, err = h.CreateOrganisation(t.Context(), program, identity.NewOrganisation{Kind: identity.Funder, Name: "By token",
		Admin: identity.NewMember{Name: "x", Email: "y@example.org"}}); err != nil {
		t.Error(err)
	}
	h.clock.Add(48 * time.Hour)
	_, err = h.who(identity.Credential{Bearer: token.Secret})
	h.wantFault(err, "token_unknown")
}

func TestATokenIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	h := setup(t)
	token, err := h.CreateToken(t.Context(), h.ana, identity.NewToken{Label: "x", Scopes: []string{"orders"}, Days: 1})
	h.must(err)
	h.joins(h.ana, "bo", identity.Admin)
	bo := h.signsIn("bo@example.org", password)
	h.wantFault(h.RevokeToken(t.Context(), bo, token.ID), "not_found")
	if mine, err := h.Tokens(t.Context(), bo); err != nil || len(mine) != 0 {
		t.Errorf("a colleague's tokens are listed: %v, %v", mine, err)
	}
	h.must(h.RevokeToken(t.Context(), h.ana, token.ID))
	h.wantFault(h.RevokeToken(t.Context(), h.ana, token.ID), "not_found")
}

func TestWhatATokenNeeds(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for code, req := range map[string]identity.NewToken{
		"token_label_length":      {Label: " ", Scopes: []string{"orders"}, Days: 1},
		"scopes_missing":          {Label: "x", Days: 1},
		"scope_unknown":           {Label: "x", Scopes: []string{"orders", "everything"}, Days: 1},
		"token_days_out_of_range": {Label: "x", Scopes: []string{"orders"}, Days: identity.LongestToken + 1},
	} {
		_, err := h.CreateToken(t.Context(), h.ana, req)
		h.wantFault(err, code)
	}
}

func TestAChangedPasswordEndsEverySession(t *testing.T) {
	t.Parallel()
	h := setup(t)
	elsewhere := h.session("ana@passerelle.example", password)
	if who, _ := h.who(identity.Credential{Session: elsewhere}); !who.SignedIn() {
		t.Fatal("no session to end")
	}
	_, err := h.ChangePassword(t.Context(), h.ana, identity.PasswordChange{Current: "wrong", New: "another password"})
	h.wantFault(err, "password_wrong")
	_, err = h.ChangePassword(t.Context(), h.ana, identity.PasswordChange{Current: password, New: "too short"})
	h.wantFault(err, "password_too_short")
	session, err := h.ChangePassword(t.Context(), h.ana, identity.PasswordChange{Current: password, New: "another password"})
	h.must(err)
	if who, _ := h.who(identity.Credential{Session: elsewhere}); who.SignedIn() {
		t.Error("another session lives on")
	}
	if who, err := h.who(identity.Credential{Session: session}); err != nil || who.Person != h.ana.Person || who.Organisation != h.ana.Organisation {
		t.Errorf("the new session is %+v, %v", who, err)
	}
	_, err = h.SignIn(t.Context(), "ana@passerelle.example", password, "192.0.2.4")
	h.wantFault(err, "sign_in_failed")
	h.session("ana@passerelle.example", "another password")
	if h.count(`SELECT count(*) FROM audit_entries WHERE action = 'password_changed' AND before IS NULL AND after IS NULL`) != 1 {
		t.Error("the trail does not tell, or tells too much")
	}
}

func TestGuessingTheCurrentPasswordIsBounded(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for range 10 {
		_, err := h.ChangePassword(t.Context(), h.ana, identity.PasswordChange{Current: "wrong", New: "another password"})
		h.wantFault(err, "password_wrong")
	}
	_, err := h.ChangePassword(t.Context(), h.ana, identity.PasswordChange{Current: password, New: "another password"})
	h.wantFault(err, "rate_limited")
}

func TestOtherKindsAndRolesAreRefused(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder, prescriber := h.opens(identity.Funder, "funder"), h.opens(identity.Prescriber, "prescriber")
	reader := funder
	reader.Role = identity.Reader
	ctx := t.Context()
	newOrganisation := func(a identity.Actor) error {
		_, err := h.CreateOrganisation(ctx, a, identity.NewOrganisation{})
		return err
	}
	newMember := func(a identity.Actor) error {
		_, err := h.AddMember(ctx, a, identity.NewMember{})
		return err
	}
	list := func(a identity.Actor, kind identity.Kind) error {
		_, err := h.Organisations(ctx, a, kind)
		_, found := h.Find(ctx, a, identity.Search{Kind: kind, Limit: 10})
		if fault.Code(err) != fault.Code(found) {
			t.Errorf("listing: %v, searching: %v", err, found)
		}
		return err
	}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nobody creates":                {newOrganisation(identity.Actor{}), "unauthenticated"},
		"a funder creates":              {newOrganisation(funder), "forbidden"},
		"nobody adds a member":          {newMember(identity.Actor{}), "unauthenticated"},
		"a reader adds a member":        {newMember(reader), "forbidden"},
		"a reader removes a member":     {h.RemoveMember(ctx, reader, funder.Person+1), "forbidden"},
		"an admin removes themself":     {h.RemoveMember(ctx, funder, funder.Person), "member_is_yourself"},
		"an admin removes a stranger":   {h.RemoveMember(ctx, funder, prescriber.Person), "not_found"},
		"a prescriber lists":            {list(prescriber, identity.Prescriber), "forbidden"},
		"a funder lists structures":     {list(funder, identity.Structure), "forbidden"},
		"a funder lists prescribers":    {list(funder, identity.Prescriber), ""},
		"the operator lists structures": {list(h.ana, identity.Structure), ""},
	} {
		if fault.Code(c.err) != c.want {
			t.Errorf("%s: %v, want %q", name, c.err, c.want)
		}
	}
	seen, err := h.Find(ctx, funder, identity.Search{Kind: identity.Prescriber, Limit: 10})
	if err != nil || len(seen) != 1 || seen[0].Name != "prescriber" || seen[0].Email != "" || seen[0].SIRET != "" || !seen[0].CreatedAt.IsZero() {
		t.Errorf("a funder sees %+v, %v", seen, err)
	}
}

func TestWhatAnOrganisationNeeds(t *testing.T) {
	t.Parallel()
	h := setup(t)
	admin := identity.NewMember{Name: "Bo", Email: "bo@example.org", Password: password}
	with := func(change func(o *identity.NewOrganisation)) identity.NewOrganisation {
		o := identity.NewOrganisation{Kind: identity.Structure, Name: "PIMMS", SIRET: "73282932000074", Admin: admin}
		change(&o)
		return o
	}
	for code, req := range map[string]identity.NewOrganisation{
		"kind_unknown":             with(func(o *identity.NewOrganisation) { o.Kind = identity.Operator }),
		"organisation_name_length": with(func(o *identity.NewOrganisation) { o.Name = " é " }),
		"siret_length":             with(func(o *identity.NewOrganisation) { o.SIRET = "" }),
		"siret_check":              with(func(o *identity.NewOrganisation) { o.SIRET = "73282932000075" }),
		"member_name_length":       with(func(o *identity.NewOrganisation) { o.Admin.Name = "  " }),
		"email_malformed":          with(func(o *identity.NewOrganisation) { o.Admin.Email = "bo@example.org\r\nBcc: x" }),
		"password_too_short":       with(func(o *identity.NewOrganisation) { o.Admin.Password = "short" }),
	} {
		_, err := h.CreateOrganisation(t.Context(), h.ana, req)
		h.wantFault(err, code)
	}
	made, err := h.CreateOrganisation(t.Context(), h.ana, with(func(o *identity.NewOrganisation) { o.Name, o.SIRET = strings.Repeat("é", 140), "732 829 320 00074" }))
	if err != nil || made.SIRET != "73282932000074" || made.AdminPassword != "" {
		t.Errorf("%+v, %v", made, err)
	}
	_, err = h.CreateOrganisation(t.Context(), h.ana, with(func(*identity.NewOrganisation) {}))
	h.wantFault(err, "siret_taken")
	if n := h.count(`SELECT count(*) FROM organisations`); n != 2 {
		t.Errorf("%d organisations", n)
	}
}

func TestAnOrganisationOfAnotherKindIsAbsent(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder := h.opens(identity.Funder, "funder")
	for kind, want := range map[identity.Kind]string{identity.Funder: "", identity.Structure: "not_found"} {
		err := h.db.Read(t.Context(), func(tx *db.Tx) error { return identity.MustBe(t.Context(), tx, funder.Organisation, kind) })
		h.wantFault(err, want)
	}
	err := h.db.Read(t.Context(), func(tx *db.Tx) error {
		return identity.MustBe(t.Context(), tx, vouchers.OrganisationID(999), identity.Funder)
	})
	h.wantFault(err, "not_found")
}

func TestASearchGoesPageByPage(t *testing.T) {
	t.Parallel()
	h := setup(t)
	for _, name := range []string{"annecy", "thones", "annemasse"} {
		h.opens(identity.Prescriber, name)
	}
	names := func(q identity.Search) string {
		all, err := h.Find(context.Background(), h.ana, q)
		h.must(err)
		var list []string
		for _, o := range all {
			list = append(list, o.Name)
		}
		return strings.Join(list, " ")
	}
	if got := names(identity.Search{Kind: identity.Prescriber, Words: "ANNE", Limit: 10}); got != "annemasse annecy" {
		t.Errorf("found %q", got)
	}
	first, err := h.Find(t.Context(), h.ana, identity.Search{Limit: 2})
	h.must(err)
	if got := names(identity.Search{Before: first[1].ID, Limit: 10}); got != "annecy Passerelle" {
		t.Errorf("then %q", got)
	}
	if got := names(identity.Search{Words: "%", Limit: 10}); got != "" {
		t.Errorf("a sign of SQL finds %q", got)
	}
}
