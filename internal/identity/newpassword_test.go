package identity_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/once"
	"github.com/passerelle/passerelle/vouchers"
)

func TestALostPasswordIsReplacedByTheAdmin(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder := h.opens(identity.Funder, "departement")
	bo := h.joins(funder, "bo", identity.Agent)
	sessions := []string{h.session("bo@example.org", password), h.session("bo@example.org", password)}
	given, err := h.NewPassword(t.Context(), funder, bo.ID)
	h.must(err)
	if given.Password == "" || given.Name != "bo" || given.Email != "bo@example.org" {
		t.Fatalf("%+v", given)
	}
	h.clock.Add(time.Second)
	for _, session := range sessions {
		if who, err := h.who(identity.Credential{Session: session}); err != nil || who.SignedIn() {
			t.Errorf("a session lives: %v, %v", who, err)
		}
	}
	_, err = h.SignIn(t.Context(), "bo@example.org", password, "192.0.2.7")
	h.wantFault(err, "sign_in_failed")
	h.session("bo@example.org", given.Password)
	object := fmt.Sprint("person:", bo.ID)
	if n := h.count(`SELECT count(*) FROM audit_entries WHERE action = 'password_given' AND object = $1 AND person_id = $2
		AND before IS NULL AND after IS NULL`, object, funder.Person); n != 1 {
		t.Errorf("%d entries in the trail", n)
	}
}

func TestWhoMayGiveWhomANewPassword(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder, mairie := h.opens(identity.Funder, "departement"), h.opens(identity.Prescriber, "mairie")
	bo, agent := h.joins(funder, "bo", identity.Agent), h.joins(h.ana, "agent", identity.Agent)
	both := h.joins(funder, "both", identity.Reader)
	h.joins(mairie, "both", identity.Reader)
	gone := h.joins(mairie, "gone", identity.Admin)
	h.must(h.RemoveMember(t.Context(), mairie, gone.ID))
	asBo, token, asAgent := h.signsIn("bo@example.org", password), funder, h.signsIn("agent@example.org", password)
	token.Scopes = []string{"orders"}
	for name, tt := range map[string]struct {
		actor  identity.Actor
		person vouchers.PersonID
		code   string
	}{
		"nobody":                               {identity.Actor{}, bo.ID, "unauthenticated"},
		"a member who is no admin":             {asBo, funder.Person, "forbidden"},
		"the operator's agent":                 {asAgent, funder.Person, "forbidden"},
		"a token made for something else":      {token, bo.ID, "scope_missing"},
		"oneself":                              {funder, funder.Person, "password_yourself"},
		"the operator's admin itself":          {h.ana, h.ana.Person, "password_yourself"},
		"another organisation's member":        {mairie, bo.ID, "not_found"},
		"the operator's member":                {mairie, agent.ID, "not_found"},
		"nobody's number":                      {h.ana, 999_999, "not_found"},
		"a member of another organisation too": {funder, both.ID, "password_elsewhere"},
		"somebody who has left":                {mairie, gone.ID, "not_found"},
		"the operator, somebody who left":      {h.ana, gone.ID, "not_found"},
		"the operator, an admin":               {h.ana, funder.Person, ""},
		"the operator, a member of two":        {h.ana, both.ID, ""},
		"the operator, its own member":         {h.ana, agent.ID, ""},
		"the admin, its own member":            {funder, bo.ID, ""},
	} {
		a, err := h.NewPassword(t.Context(), tt.actor, tt.person)
		if fault.Code(err) != tt.code || (tt.code == "" && err != nil) || (a.Password != "") != (tt.code == "") {
			t.Errorf("%s: %v, want %q", name, err, tt.code)
		}
	}
}

// An admin cannot take the account of somebody else's agent by making it a member first.
func TestTakingSomebodyInDoesNotOpenItsAccount(t *testing.T) {
	t.Parallel()
	h := setup(t)
	agent := h.joins(h.ana, "agent", identity.Agent)
	mairie := h.opens(identity.Prescriber, "mairie")
	if m := h.joins(mairie, "agent", identity.Reader); m.ID != agent.ID {
		t.Fatal("the story needs one person")
	}
	_, err := h.NewPassword(t.Context(), mairie, agent.ID)
	h.wantFault(err, "password_elsewhere")
	h.session("agent@example.org", password)
}

func TestANewPasswordIsToldOnce(t *testing.T) {
	t.Parallel()
	h := setup(t)
	bo := h.joins(h.ana, "bo", identity.Agent)
	var told []string
	for range 2 {
		ctx, _ := once.With(t.Context(), "key-of-this-form")
		a, err := h.NewPassword(ctx, h.ana, bo.ID)
		h.must(err)
		told = append(told, a.Password)
	}
	if told[0] == "" || told[1] != "" {
		t.Errorf("told %q", told)
	}
	h.session("bo@example.org", told[0])
}

func TestTwoAdminsWhoRemoveEachOtherLeaveOne(t *testing.T) {
	t.Parallel()
	h := setup(t)
	funder := h.opens(identity.Funder, "departement")
	one, two := funder, funder
	for round := range 6 {
		other := h.joins(one, fmt.Sprint("admin", round), identity.Admin)
		two.Person = other.ID
		var errs [2]error
		var start, done sync.WaitGroup
		start.Add(1)
		for i, pair := range [][2]identity.Actor{{one, two}, {two, one}} {
			done.Go(func() {
				start.Wait()
				errs[i] = h.RemoveMember(t.Context(), pair[0], pair[1].Person)
			})
		}
		start.Done()
		done.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("round %d: %v and %v, want one to go", round, errs[0], errs[1])
		}
		if errs[0] != nil {
			h.wantFault(errs[0], "last_admin")
			one = two
		} else {
			h.wantFault(errs[1], "last_admin")
		}
		if n := h.count(`SELECT count(*) FROM memberships WHERE organisation_id = $1 AND role = 'admin' AND ended_at IS NULL`, one.Organisation); n != 1 {
			t.Fatalf("round %d: %d admins", round, n)
		}
	}
}
