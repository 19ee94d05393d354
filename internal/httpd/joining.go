package httpd

import (
	"net/url"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/joining"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// joiningWindow is the pages of structures that arrive.
type joiningWindow struct {
	room *joining.Service
	door doorkeeper
}

// JoiningRoutes are the routes of package joining.
func JoiningRoutes(room *joining.Service, people *identity.Service) []Route {
	w := joiningWindow{room, doorkeeper{people}}
	operator, reviewer := For(identity.Operator), For(identity.Operator, identity.Agent)
	return []Route{
		{Method: "POST", Path: "/api/v1/organisations/:id/verification", Handler: w.verify, Access: reviewer,
			Doc: "say that one has looked at a structure that joined by itself"},
		{Method: "POST", Path: "/api/v1/organisations/:id/refusal", Handler: w.refuse, Access: reviewer,
			Doc: "close the account of a structure that joined by itself and is not what it says"},

		{Method: "GET", Path: "/join", Handler: w.joinPage, Access: Public, Doc: "open a structure's account: SIRET, then who and where"},
		{Method: "POST", Path: "/join", Handler: w.joinForm, Access: Public, Doc: "open a structure's account: mail the link that does"},
		{Method: "GET", Path: "/join/:token", Handler: w.linkPage, Access: Public, Doc: "a mailed link: choose a password"},
		{Method: "POST", Path: "/join/:token", Handler: w.linkForm, Access: Public, Doc: "a mailed link: open the account"},
		{Method: "GET", Path: "/joining", Handler: w.progressPage, Access: For(identity.Structure), Doc: "what a structure has done of its arrival",
			Nav: Nav{Key: "joining.nav", Icon: "list"}},
		{Method: "GET", Path: "/newcomers", Handler: w.newcomersPage, Access: operator, Doc: "structures that joined by themselves, to look at",
			Nav: Nav{Key: "joining.newcomers.nav", Icon: "building-2"}},
		{Method: "POST", Path: "/organisations/:id/verification", Handler: w.verifyForm, Access: reviewer,
			Doc: "say that one has looked at a structure that joined by itself"},
		{Method: "POST", Path: "/organisations/:id/refusal", Handler: w.refuseForm, Access: reviewer,
			Doc: "close the account of a structure that joined by itself and is not what it says"},
	}
}

func (w joiningWindow) refuse(c *fiber.Ctx) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.OrganisationID) (identity.Organisation, error) {
		return w.room.Refuse(c.UserContext(), actor(c), joining.Refusal{Structure: id, Reason: in.Reason})
	})
}

func (w joiningWindow) refuseForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.OrganisationID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Reason string `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	o, err := w.room.Refuse(c.UserContext(), actor(c), joining.Refusal{Structure: id, Reason: form.Reason})
	if faultText(c, err) != "" {
		return w.showNewcomers(c, refuse(c, err))
	}
	if err != nil {
		return err
	}
	return done(c, "/newcomers", "joining.newcomers.refused", "structure", o.Name)
}

func (w joiningWindow) verify(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.OrganisationID) (identity.Organisation, error) {
		return w.room.Verify(c.UserContext(), actor(c), id)
	})
}

// JoinBody is what joining/join.html shows: first a SIRET is asked for, then the rest.
type JoinBody struct {
	Details        bool           // the SIRET is right: the rest is asked for
	Answer         joining.Answer // what the directory said
	Number         string         // the SIRET, as people read it
	Form           JoinForm
	Field, Problem string // why the form was refused, "" at first
}

// JoinForm is a structure and who speaks for it, as typed.
type JoinForm struct {
	SIRET     string `form:"siret"`
	Name      string `form:"name"`
	LegalForm string `form:"legal_form"`
	Street    string `form:"street"`
	Postcode  string `form:"postcode"`
	Town      string `form:"town"`
	Person    string `form:"person"`
	Email     string `form:"email"`
	Answer    string `form:"answer"` // what the directory said, for showing the form again
}

// joinPage keeps nothing: a SIRET is public, so it may stand in the address, and a page that
// is loaded again asks again.
func (w joiningWindow) joinPage(c *fiber.Ctx) error {
	typed := c.Query("siret")
	if typed == "" {
		return page(c, "joining/join", JoinBody{})
	}
	found, err := w.room.Look(c.UserContext(), actor(c), typed, clientIP(c).String())
	if err != nil {
		return again(c, err, "joining/join", func(problem string) any {
			return JoinBody{Form: JoinForm{SIRET: typed}, Field: "siret", Problem: problem}
		})
	}
	return page(c, "joining/join", JoinBody{Details: true, Answer: found.Answer, Number: siret.SIRET(found.SIRET).String(), Form: JoinForm{SIRET: found.SIRET, Name: found.Name,
		LegalForm: found.LegalForm, Street: found.Street, Postcode: found.Postcode, Town: found.Town, Answer: string(found.Answer)}})
}

// joinFields names the field that a refusal is about.
var joinFields = map[string]string{"organisation_name_length": "name", "member_name_length": "person", "email_malformed": "email"}

func (w joiningWindow) joinForm(c *fiber.Ctx) error {
	var form JoinForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	request := joining.Request{Person: form.Person, Email: form.Email, Structure: joining.Structure{SIRET: form.SIRET, Name: form.Name,
		LegalForm: form.LegalForm, Street: form.Street, Postcode: form.Postcode, Town: form.Town}}
	err := w.room.Ask(c.UserContext(), actor(c), request, clientIP(c).String())
	if err != nil {
		return again(c, err, "joining/join", func(problem string) any {
			body := JoinBody{Details: true, Answer: answerOf(form.Answer), Number: siret.SIRET(form.SIRET).String(), Form: form, Field: joinFields[fault.Code(err)], Problem: problem}
			if code := fault.Code(err); code == "siret_length" || code == "siret_check" || code == "siret_joined" {
				body.Details, body.Field = false, "siret"
			}
			return body
		})
	}
	return page(c, "joining/sent", SentBody{Email: form.Email, Hours: int(joining.LinkLasts.Hours())})
}

// answerOf is a directory's answer that came back with the form.
func answerOf(text string) joining.Answer {
	for _, a := range []joining.Answer{joining.Known, joining.Closed, joining.Unknown} {
		if text == string(a) {
			return a
		}
	}
	return joining.Unreachable
}

// SentBody is what joining/sent.html shows.
type SentBody struct {
	Email string
	Hours int // that the link lasts
}

// LinkBody is what joining/link.html shows.
type LinkBody struct {
	joining.Invitation
	Problem string // why the password was refused, "" at first
}

func (w joiningWindow) linkPage(c *fiber.Ctx) error {
	i, err := w.room.Open(c.UserContext(), actor(c), c.Params("token"))
	if err != nil {
		return err
	}
	return page(c, "joining/link", LinkBody{Invitation: i})
}

func (w joiningWindow) linkForm(c *fiber.Ctx) error {
	var form struct {
		Password string `form:"password,exact"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	i, err := w.room.Open(c.UserContext(), actor(c), c.Params("token"))
	if err != nil {
		return err
	}
	session, err := w.room.Finish(c.UserContext(), actor(c), c.Params("token"), form.Password, clientIP(c).String())
	if code := fault.Code(err); code == "password_too_short" || code == "sign_in_failed" || code == "rate_limited" {
		return again(c, err, "joining/link", func(problem string) any { return LinkBody{i, problem} })
	}
	if err != nil {
		return err
	}
	if err := w.door.signOutOld(c); err != nil {
		return err
	}
	setSession(c, session, identity.SessionLasts)
	return done(c, "/joining", "joining.opened", "structure", i.Structure)
}

func (w joiningWindow) verifyForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.OrganisationID](c, "id")
	if err != nil {
		return err
	}
	o, err := w.room.Verify(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return done(c, "/newcomers", "joining.newcomers.done", "structure", o.Name)
}

// claimAddress is the search for a place of this name near a structure's town.
func claimAddress(town string) string {
	return "/structure/claim?" + url.Values{"near": {town}}.Encode()
}
