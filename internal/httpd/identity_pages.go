package httpd

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

func (d doorkeeper) showLogin(c *fiber.Ctx) error {
	next := localPath(c.Query("next"))
	if actor(c).SignedIn() {
		return c.Redirect(onward(next), http.StatusSeeOther)
	}
	return page(c, "identity/login", LoginBody{Next: next})
}

// signIn always makes a new session: what the browser brought is never kept.
func (d doorkeeper) signIn(c *fiber.Ctx) error {
	var in struct {
		Email    string `form:"email"`
		Password string `form:"password,exact"`
		Next     string `form:"next"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	session, err := d.room.SignIn(c.UserContext(), in.Email, in.Password, clientIP(c).String())
	if err != nil {
		return again(c, err, "identity/login", func(problem string) any {
			return LoginBody{Email: in.Email, Problem: problem, Next: localPath(in.Next)}
		})
	}
	if err := d.signOutOld(c); err != nil {
		return err
	}
	setSession(c, session, identity.SessionLasts)
	return c.Redirect(onward(in.Next), http.StatusSeeOther)
}

// onward is where somebody goes who has signed in: the page they came for, or the screen
// of their work.
func onward(next string) string {
	if next = localPath(next); next != "/" {
		return next
	}
	return "/start"
}

// again shows a form with what stopped it, under the status of the fault; what is no
// fault is left to answer.
func again(c *fiber.Ctx, err error, name string, body func(problem string) any) error {
	problem := faultText(c, err)
	if problem == "" {
		return err
	}
	told := refusalOf(err)
	retryAfter(c, told)
	c.Status(told.status)
	return page(c, name, body(problem))
}

// signOutOld ends the session that the browser brought, if any.
func (d doorkeeper) signOutOld(c *fiber.Ctx) error {
	old := c.Cookies(of(c).server.cookieName("session"))
	if old == "" {
		return nil
	}
	return d.room.SignOut(c.UserContext(), old)
}

func (d doorkeeper) signOut(c *fiber.Ctx) error {
	if err := d.signOutOld(c); err != nil {
		return err
	}
	endSession(c)
	return c.Redirect("/", http.StatusSeeOther)
}

func (d doorkeeper) showAccount(c *fiber.Ctx) error {
	return d.account(c, AccountBody{Days: 90}, nil)
}

// account fills in what the page always shows.
func (d doorkeeper) account(c *fiber.Ctx, body AccountBody, scopes []string) error {
	a := actor(c)
	all, err := d.room.Memberships(c.UserContext(), a)
	if err != nil {
		return err
	}
	for _, o := range all {
		if o.ID != a.Organisation {
			body.Organisations = append(body.Organisations, o)
		}
	}
	if body.Tokens, err = d.room.Tokens(c.UserContext(), a); err != nil {
		return err
	}
	w := words(c)
	body.Kind, body.Role = w.Text("identity.kind."+string(a.Kind)), w.Text("identity.role."+string(a.Role))
	body.Scopes = options(w, "identity.scope", identity.Scopes, scopes...)
	body.Longest = identity.LongestToken
	return page(c, "identity/account", body)
}

// accountAgain is again for the forms of the account page.
func (d doorkeeper) accountAgain(c *fiber.Ctx, err error, scopes []string, body func(problem string) AccountBody) error {
	problem := faultText(c, err)
	if problem == "" {
		return err
	}
	told := refusalOf(err)
	retryAfter(c, told)
	c.Status(told.status)
	return d.account(c, body(problem), scopes)
}

func (d doorkeeper) switchTo(c *fiber.Ctx) error {
	var in struct {
		Organisation vouchers.OrganisationID `form:"organisation"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	session, err := d.room.Switch(c.UserContext(), actor(c), in.Organisation)
	if err != nil {
		return err
	}
	if err := d.signOutOld(c); err != nil {
		return err
	}
	setSession(c, session, identity.SessionLasts)
	return c.Redirect("/", http.StatusSeeOther)
}

func (d doorkeeper) changePassword(c *fiber.Ctx) error {
	var in struct {
		Current string `form:"current,exact"`
		New     string `form:"new,exact"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	session, err := d.room.ChangePassword(c.UserContext(), actor(c), identity.PasswordChange{Current: in.Current, New: in.New})
	if err != nil {
		return d.accountAgain(c, err, nil, func(problem string) AccountBody { return AccountBody{Password: problem, Days: 90} })
	}
	setSession(c, session, identity.SessionLasts)
	if err := flash(c, "done", "identity.account.password-done"); err != nil {
		return err
	}
	return c.Redirect("/account", http.StatusSeeOther)
}

func (d doorkeeper) makeTokenForm(c *fiber.Ctx) error {
	var in struct {
		Label  string   `form:"label"`
		Scopes []string `form:"scopes"`
		Days   int      `form:"days"`
	}
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	token, err := d.room.CreateToken(c.UserContext(), actor(c), identity.NewToken{Label: in.Label, Scopes: in.Scopes, Days: in.Days})
	if err != nil {
		return d.accountAgain(c, err, in.Scopes, func(problem string) AccountBody {
			return AccountBody{Token: problem, Label: in.Label, Days: in.Days}
		})
	}
	w := words(c)
	return page(c, "identity/secret", SecretBody{
		Title: w.Text("identity.token.title", "label", token.Label),
		Label: w.Text("identity.token.label"), Secret: token.Secret,
		Text: w.Text("identity.token.text", "until", vouchers.DayOf(token.ExpiresAt)),
		Back: "/account", BackText: w.Text("identity.token.back"),
	})
}

func (d doorkeeper) askRevoke(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	all, err := d.room.Tokens(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, t := range all {
		if t.ID == id {
			w := words(c)
			return page(c, "identity/confirm", ConfirmBody{
				Title:    w.Text("identity.revoke.title"),
				Sentence: w.Text("identity.revoke.sentence", "label", t.Label),
				Action:   c.Path(), Button: w.Text("identity.revoke.button", "label", t.Label), Back: "/account",
			})
		}
	}
	return fault.New(fault.NotFound, "not_found")
}

func (d doorkeeper) revokeForm(c *fiber.Ctx) error {
	id, err := pathID[int64](c, "id")
	if err != nil {
		return err
	}
	if err := d.room.RevokeToken(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	if err := flash(c, "done", "identity.revoke.done"); err != nil {
		return err
	}
	return c.Redirect("/account", http.StatusSeeOther)
}

var roles = []identity.Role{identity.Agent, identity.Finance, identity.Reader, identity.Admin}

func (d doorkeeper) showMembers(c *fiber.Ctx) error {
	return d.memberList(c, "", MemberForm{Role: string(identity.Agent)})
}

func (d doorkeeper) memberList(c *fiber.Ctx, problem string, form MemberForm) error {
	a, w := actor(c), words(c)
	all, err := d.room.Members(c.UserContext(), a)
	if err != nil {
		return err
	}
	form.Password = "" // never sent back
	body := MembersBody{MayEdit: a.Role == identity.Admin, Problem: problem, Form: form, Roles: options(w, "identity.role", roles, form.Role)}
	for _, m := range all {
		body.Members = append(body.Members, memberRow(w, m, a))
	}
	return page(c, "identity/members", body)
}

func (d doorkeeper) addMemberForm(c *fiber.Ctx) error {
	var in MemberForm
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	m, err := d.room.AddMember(c.UserContext(), actor(c), identity.NewMember{
		Name: in.Name, Email: in.Email, Role: identity.Role(in.Role), Password: in.Password})
	if problem := faultText(c, err); problem != "" && actor(c).Role == identity.Admin {
		c.Status(refusalOf(err).status)
		return d.memberList(c, problem, in)
	}
	if err != nil {
		return err
	}
	return d.showPassword(c, firstSignIn{m.Name, m.Email, m.Password, in.Password != ""}, "/members")
}

// firstSignIn is somebody who was given an account.
type firstSignIn struct {
	name, email, password string
	chosen                bool // the password was typed by whoever made the account
}

// showPassword tells a new person's password once, or why there is none to tell.
func (d doorkeeper) showPassword(c *fiber.Ctx, who firstSignIn, back string) error {
	w := words(c)
	body := SecretBody{Title: w.Text("identity.password.title", "name", who.name), Back: back, BackText: w.Text("identity.password.back")}
	switch {
	case who.password != "":
		body.Label, body.Secret = w.Text("identity.password.label"), who.password
		body.Text = w.Text("identity.password.text", "email", who.email)
	case who.chosen:
		body.Text = w.Text("identity.password.chosen", "email", who.email)
	default:
		body.Text = w.Text("identity.password.kept", "email", who.email)
	}
	return page(c, "identity/secret", body)
}

func (d doorkeeper) askRemove(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	if err := actor(c).Needs(actor(c).Kind); err != nil {
		return err
	}
	all, err := d.room.Members(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.ID == id {
			w := words(c)
			return page(c, "identity/confirm", ConfirmBody{
				Title:    w.Text("identity.remove.title", "name", m.Name),
				Sentence: w.Text("identity.remove.sentence", "name", m.Name, "organisation", actor(c).OrganisationName),
				Action:   c.Path(), Button: w.Text("identity.remove.button", "name", m.Name), Back: "/members",
			})
		}
	}
	return fault.New(fault.NotFound, "not_found")
}

func (d doorkeeper) removeMemberForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	if err := d.room.RemoveMember(c.UserContext(), actor(c), id); err != nil {
		return err
	}
	if err := flash(c, "done", "identity.remove.done"); err != nil {
		return err
	}
	return c.Redirect("/members", http.StatusSeeOther)
}

var kinds = []identity.Kind{identity.Funder, identity.Prescriber, identity.Structure}

func (d doorkeeper) showOrganisations(c *fiber.Ctx) error {
	found, err := d.find(c)
	if err != nil {
		return err
	}
	w := words(c)
	body := OrganisationsBody{
		Kind: c.Query("kind"), Words: c.Query("q"), Kinds: options(w, "identity.kinds", kinds, c.Query("kind")),
		MayCreate: actor(c).Role == identity.Admin || actor(c).Role == identity.Agent,
	}
	if found.Next != nil {
		body.Next = "/organisations?" + url.Values{"kind": {body.Kind}, "q": {body.Words}, "before": {fmt.Sprint(*found.Next)}}.Encode()
	}
	for _, o := range found.Items {
		body.Items = append(body.Items, OrganisationRow{o, w.Text("identity.kind." + string(o.Kind))})
	}
	return page(c, "identity/organisations", body)
}

func (d doorkeeper) askOrganisation(c *fiber.Ctx) error {
	return page(c, "identity/organisation-new", organisationBody(c, "", OrganisationForm{Kind: c.Query("kind")}))
}

func organisationBody(c *fiber.Ctx, problem string, form OrganisationForm) OrganisationBody {
	form.AdminPassword = "" // never sent back
	return OrganisationBody{Problem: problem, Form: form, Kinds: options(words(c), "identity.kind", kinds, form.Kind)}
}

func (d doorkeeper) createOrganisationForm(c *fiber.Ctx) error {
	var in OrganisationForm
	if err := decodeForm(c, &in); err != nil {
		return err
	}
	o, err := d.room.CreateOrganisation(c.UserContext(), actor(c), identity.NewOrganisation{
		Kind: identity.Kind(in.Kind), Name: in.Name, SIRET: in.SIRET, Email: in.Email,
		Street: in.Street, Postcode: in.Postcode, Town: in.Town,
		Admin: identity.NewMember{Name: in.AdminName, Email: in.AdminEmail, Password: in.AdminPassword}})
	if err != nil {
		return again(c, err, "identity/organisation-new", func(problem string) any { return organisationBody(c, problem, in) })
	}
	who := firstSignIn{strings.TrimSpace(in.AdminName), strings.TrimSpace(in.AdminEmail), o.AdminPassword, in.AdminPassword != ""}
	return d.showPassword(c, who, "/organisations?kind="+url.QueryEscape(string(o.Kind)))
}
