package httpd

import (
	"fmt"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// doorkeeper is the room of people, organisations, sessions and API tokens.
type doorkeeper struct{ room *identity.Service }

// IdentityRoutes are the routes of package identity.
func IdentityRoutes(room *identity.Service) []Route {
	d := doorkeeper{room}
	operator, seers := For(identity.Operator, identity.Agent), ForAny(identity.Operator, identity.Funder)
	return []Route{
		{Method: "GET", Path: "/api/v1/me", Handler: d.me, Access: SignedIn, Doc: "who is asking, and for which organisation"},
		{Method: "POST", Path: "/api/v1/tokens", Handler: d.makeToken, Access: Public, Doc: "an API token for an e-mail address and a password"},
		{Method: "GET", Path: "/api/v1/tokens", Handler: d.tokens, Access: SignedIn, Doc: "one's own API tokens that still work"},
		{Method: "DELETE", Path: "/api/v1/tokens/:id", Handler: d.revoke, Access: SignedIn, Doc: "revoke one of one's own API tokens"},
		{Method: "GET", Path: "/api/v1/members", Handler: d.members, Access: SignedIn, Doc: "members of one's organisation"},
		{Method: "POST", Path: "/api/v1/members", Handler: d.addMember, Access: SignedIn, Doc: "add a member, as an admin; a password is made where none is given"},
		{Method: "DELETE", Path: "/api/v1/members/:id", Handler: d.removeMember, Access: SignedIn, Doc: "remove a member, as an admin"},
		{Method: "POST", Path: "/api/v1/members/:id/password", Handler: d.newPassword, Access: SignedIn,
			Doc: "give somebody who lost it a new password, as an admin; told once"},
		{Method: "GET", Path: "/api/v1/organisations", Handler: d.organisations, Access: seers,
			Doc: "organisations, newest first; kind and q narrow the list; a funder sees prescribers"},
		{Method: "POST", Path: "/api/v1/organisations", Handler: d.createOrganisation, Access: operator,
			Doc: "open an organisation with its first admin; a password is made where none is given"},
		{Method: "GET", Path: "/api/v1/organisations/:id", Handler: d.organisation, Access: For(identity.Operator),
			Doc: "one organisation with its members"},

		{Method: "GET", Path: "/login", Handler: d.showLogin, Access: Public, Doc: "sign in: form"},
		{Method: "POST", Path: "/login", Handler: d.signIn, Access: Public, Doc: "sign in"},
		{Method: "POST", Path: "/logout", Handler: d.signOut, Access: Public, Doc: "sign out"},
		{Method: "GET", Path: "/organisations", Handler: d.showOrganisations, Access: For(identity.Operator), Doc: "organisations: list",
			Nav: Nav{Key: "identity.organisations.nav", Icon: "building-2"}},
		{Method: "GET", Path: "/organisations/new", Handler: d.askOrganisation, Access: operator, Doc: "open an organisation: form"},
		{Method: "POST", Path: "/organisations", Handler: d.createOrganisationForm, Access: operator, Doc: "open an organisation"},
		{Method: "GET", Path: "/organisations/:id", Handler: d.showOrganisation, Access: For(identity.Operator), Doc: "one organisation with its members"},
		{Method: "GET", Path: "/members", Handler: d.showMembers, Access: SignedIn, Doc: "members of one's organisation",
			Nav: Nav{Key: "identity.members.nav", Icon: "users"}},
		{Method: "POST", Path: "/members", Handler: d.addMemberForm, Access: SignedIn, Doc: "add a member, as an admin"},
		{Method: "GET", Path: "/members/:id/remove", Handler: d.askRemove, Access: SignedIn, Doc: "remove a member: question"},
		{Method: "POST", Path: "/members/:id/remove", Handler: d.removeMemberForm, Access: SignedIn, Doc: "remove a member, as an admin"},
		{Method: "GET", Path: "/members/:id/password", Handler: d.askPassword, Access: SignedIn, Doc: "a new password for somebody: question"},
		{Method: "POST", Path: "/members/:id/password", Handler: d.newPasswordForm, Access: SignedIn,
			Doc: "give somebody who lost it a new password, as an admin: shown once"},
		{Method: "GET", Path: "/account", Handler: d.showAccount, Access: SignedIn, Doc: "one's own account",
			Nav: Nav{Key: "identity.account.nav", Icon: "user"}},
		{Method: "POST", Path: "/account/switch", Handler: d.switchTo, Access: SignedIn, Doc: "act for another of one's organisations"},
		{Method: "POST", Path: "/account/password", Handler: d.changePassword, Access: SignedIn, Doc: "change one's own password"},
		{Method: "POST", Path: "/account/tokens", Handler: d.makeTokenForm, Access: SignedIn, Doc: "make an API token: shown once"},
		{Method: "GET", Path: "/account/tokens/:id/revoke", Handler: d.askRevoke, Access: SignedIn, Doc: "revoke an API token: question"},
		{Method: "POST", Path: "/account/tokens/:id/revoke", Handler: d.revokeForm, Access: SignedIn, Doc: "revoke an API token"},
	}
}

// meAnswer is the actor, as the API names it.
type meAnswer struct {
	ID               vouchers.PersonID       `json:"id"`
	Name             string                  `json:"name"`
	Organisation     vouchers.OrganisationID `json:"organisation"`
	OrganisationName string                  `json:"organisation_name"`
	Kind             identity.Kind           `json:"kind"`
	Role             identity.Role           `json:"role"`
	Scopes           []string                `json:"scopes"` // of the token; null for a session, which has them all
}

func (d doorkeeper) me(c *fiber.Ctx) error {
	a := actor(c)
	return apiJSON(c, http.StatusOK, meAnswer{a.Person, a.Name, a.Organisation, a.OrganisationName, a.Kind, a.Role, a.Scopes})
}

// makeToken signs in for one call: it counts as a try, and no session is opened.
func (d doorkeeper) makeToken(c *fiber.Ctx) error {
	var in struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		identity.NewToken
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	token, err := d.room.TokenFor(c.UserContext(), in.Email, in.Password, clientIP(c).String(), in.NewToken)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, token)
}

func (d doorkeeper) tokens(c *fiber.Ctx) error {
	all, err := d.room.Tokens(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[identity.Token]{Items: all})
}

func (d doorkeeper) revoke(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	if err := d.room.RevokeToken(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

func (d doorkeeper) members(c *fiber.Ctx) error {
	all, err := d.room.Members(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[identity.Member]{Items: all})
}

func (d doorkeeper) addMember(c *fiber.Ctx) error {
	var in identity.NewMember
	if err := decode(c, &in); err != nil {
		return err
	}
	member, err := d.room.AddMember(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, member)
}

func (d doorkeeper) removeMember(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	if err := d.room.RemoveMember(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	return c.SendStatus(http.StatusNoContent)
}

// find is one page of the organisations that the query asks for.
func (d doorkeeper) find(c *fiber.Ctx) (listing[identity.Organisation], error) {
	below, err := before[vouchers.OrganisationID](c)
	if err != nil {
		return listing[identity.Organisation]{}, err
	}
	words, err := queryText(c, "q")
	if err != nil {
		return listing[identity.Organisation]{}, err
	}
	kind, err := queryText(c, "kind")
	if err != nil {
		return listing[identity.Organisation]{}, err
	}
	all, err := d.room.Find(c.UserContext(), actor(c), identity.Search{
		Kind: identity.Kind(kind), Words: words, Before: below, Limit: pageSize + 1})
	return cut(all, func(o identity.Organisation) vouchers.OrganisationID { return o.ID }), err
}

func (d doorkeeper) organisations(c *fiber.Ctx) error {
	all, err := d.find(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (d doorkeeper) createOrganisation(c *fiber.Ctx) error {
	var in identity.NewOrganisation
	if err := decode(c, &in); err != nil {
		return err
	}
	o, err := d.room.CreateOrganisation(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/organisations/%d", o.ID))
	return apiJSON(c, http.StatusCreated, o)
}

// queryText is a text of the query, as PostgreSQL can compare it.
func queryText(c *fiber.Ctx, name string) (string, error) {
	text := strings.TrimSpace(c.Query(name))
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return "", invalid(name)
	}
	return text, nil
}
