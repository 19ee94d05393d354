package httpd

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

func (w labellingWindow) correct(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in labelling.Correction
	if err := decode(c, &in); err != nil {
		return err
	}
	p, err := w.places.Correct(c.UserContext(), actor(c), id, in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, p)
}

// EditBody is what labelling/edit.html shows.
type EditBody struct {
	ID             vouchers.PlaceID
	Name           string
	Form           EditForm
	HoursLines     []string // Form.Hours in words
	Field, Problem string   // why the form was refused, "" at first
}

// EditForm is a place's texts, as typed.
type EditForm struct {
	Name          string `form:"name"`
	Address       string `form:"address"`
	Phone         string `form:"phone"`
	Email         string `form:"email"`
	Website       string `form:"website"`
	Hours         string `form:"hours"`
	Presentation  string `form:"presentation"`
	Accessibility string `form:"accessibility"`
	Look          bool   `form:"look"` // show the hours in words, keep nothing yet
}

// correction leaves out a number that came back as it was shown: in ten digits it may be
// another one, of an overseas département.
func (f *EditForm) correction(p labelling.Place) labelling.Correction {
	c := labelling.Correction{Address: &f.Address, Phone: &f.Phone, Email: &f.Email, Website: &f.Website, Hours: &f.Hours,
		Presentation: &f.Presentation, Accessibility: &f.Accessibility}
	if f.Phone == phoneAsRead(p.Phone) {
		c.Phone = nil
	}
	if f.Name != "" { // a form without one leaves it
		c.Name = &f.Name
	}
	return c
}

func (w labellingWindow) editPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return showEdit(c, p, EditBody{Form: EditForm{Name: p.Name, Address: p.Address, Phone: phoneAsRead(p.Phone), Email: p.Email, Website: p.Website,
		Hours: p.Hours, Presentation: p.Presentation, Accessibility: p.Accessibility}})
}

// own is the place of the path where the actor's structure answers for it, or the operator
// because nobody does.
func (w labellingWindow) own(c *fiber.Ctx) (labelling.Place, error) {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return labelling.Place{}, err
	}
	who := actor(c)
	if err := who.Needs(who.Kind, identity.Agent); err != nil {
		return labelling.Place{}, err
	}
	p, err := w.room.Open(c.UserContext(), who, id)
	if err == nil && p.Structure != who.Organisation && (p.Structure != 0 || who.Kind != identity.Operator) {
		return p, notFound()
	}
	return p, err
}

func showEdit(c *fiber.Ctx, p labelling.Place, body EditBody) error {
	body.ID, body.Name, body.HoursLines = p.ID, p.Name, hoursInWords(words(c), body.Form.Hours)
	return page(c, "labelling/edit", body)
}

func (w labellingWindow) editForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form EditForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	if form.Look {
		return showEdit(c, p, EditBody{Form: form})
	}
	_, err = w.places.Correct(c.UserContext(), actor(c), p.ID, form.correction(p))
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return showEdit(c, p, EditBody{Form: form, Field: namedField(err), Problem: problem})
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.edit.kept", "place", p.Name); err != nil {
		return err
	}
	if p.Structure == 0 {
		return c.Redirect(fmt.Sprintf("/places/%d", p.ID), fiber.StatusSeeOther)
	}
	return c.Redirect("/structure", fiber.StatusSeeOther)
}

// namedField is the field that a fault names, "" where it names none.
func namedField(err error) string {
	var told *fault.Error
	if !errors.As(err, &told) {
		return ""
	}
	name, _ := told.Args["field"].(string)
	return name
}
