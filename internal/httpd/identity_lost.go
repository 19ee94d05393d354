package httpd

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

func (d doorkeeper) newPassword(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	account, err := d.room.NewPassword(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, account)
}

func (d doorkeeper) askPassword(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	who, err := d.room.AccountOf(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	back, err := d.listOf(c, id)
	if err != nil {
		return err
	}
	w := words(c)
	return page(c, "identity/confirm", ConfirmBody{
		Title:    w.Text("identity.lost.title", "name", who.Name),
		Sentence: w.Text("identity.lost.sentence", "name", who.Name, "email", who.Email),
		Action:   c.Path(), Button: w.Text("identity.lost.button", "name", who.Name), Back: back,
	})
}

func (d doorkeeper) newPasswordForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PersonID](c, "id")
	if err != nil {
		return err
	}
	who, err := d.room.NewPassword(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	back, err := d.listOf(c, id)
	if err != nil {
		return err
	}
	w := words(c)
	body := SecretBody{Title: w.Text("identity.lost.title", "name", who.Name), Back: back, BackText: w.Text("identity.password.back"),
		Text: w.Text("identity.lost.told")}
	if who.Password != "" {
		body.Label, body.Secret = w.Text("identity.lost.label"), who.Password
		body.Text = w.Text("identity.password.text", "email", who.Email)
	}
	return page(c, "identity/secret", body)
}

// listOf is the page where the reader found a person.
func (d doorkeeper) listOf(c *fiber.Ctx, id vouchers.PersonID) (string, error) {
	mine, err := d.room.Members(c.UserContext(), actor(c))
	for _, m := range mine {
		if m.ID == id {
			return "/members", nil
		}
	}
	return "/organisations", err
}

// organisationAnswer is an organisation as its operator sees it.
type organisationAnswer struct {
	identity.Organisation
	Members []identity.Member `json:"members"`
}

func (d doorkeeper) open(c *fiber.Ctx) (a organisationAnswer, err error) {
	id, err := pathID[vouchers.OrganisationID](c, "id")
	if err != nil {
		return a, err
	}
	a.Organisation, a.Members, err = d.room.Open(c.UserContext(), actor(c), id)
	return a, err
}

func (d doorkeeper) organisation(c *fiber.Ctx) error {
	a, err := d.open(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, a)
}

func (d doorkeeper) showOrganisation(c *fiber.Ctx) error {
	a, err := d.open(c)
	if err != nil {
		return err
	}
	w := words(c)
	body := OneOrganisationBody{OrganisationRow: OrganisationRow{a.Organisation, w.Text("identity.kind." + string(a.Kind))},
		MayEdit: actor(c).Role == identity.Admin}
	for _, m := range a.Members {
		body.Members = append(body.Members, memberRow(w, m, actor(c)))
	}
	return page(c, "identity/organisation", body)
}
