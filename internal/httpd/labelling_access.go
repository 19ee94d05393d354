package httpd

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// AccessBody is what labelling/access.html shows.
type AccessBody struct {
	ID             vouchers.PlaceID
	Name           string
	Form           AccessForm
	Lists          []CheckList
	Field, Problem string // why the form was refused, "" at first
}

// CheckList is a list of the national vocabulary, to tick.
type CheckList struct {
	Name, Title, Hint string
	Items             []checkBox
}

// AccessForm is how people come to a place, who is specially welcome and what it costs.
type AccessForm struct {
	Phone         string   `form:"phone"`
	Email         string   `form:"email"`
	Website       string   `form:"website"`
	BookingURL    string   `form:"booking_url"`
	Accessibility string   `form:"accessibility"`
	AccessWays    []string `form:"access_ways"`
	SupportWays   []string `form:"support_ways"`
	Mobilities    []string `form:"mobilities"`
	Audiences     []string `form:"audiences"`
	SpecialCare   []string `form:"special_care"`
	Languages     []string `form:"languages"`
	Fees          []string `form:"fees"`
	Programmes    []string `form:"programmes"`
	Trainings     []string `form:"trainings"`
	Presentation  string   `form:"presentation"`
}

// lists are the lists of the form.
func (f *AccessForm) lists() map[string]*[]string {
	return map[string]*[]string{"access_ways": &f.AccessWays, "support_ways": &f.SupportWays,
		"mobilities": &f.Mobilities, "audiences": &f.Audiences,
		"special_care": &f.SpecialCare, "languages": &f.Languages, "fees": &f.Fees, "programmes": &f.Programmes, "trainings": &f.Trainings}
}

// languagesAsked are the languages that people look for a place in; others that a place has
// are kept.
var languagesAsked = []string{"fr", "fsl", "en", "ar", "es", "pt", "it", "de", "tr", "ru", "uk", "zh", "ro", "pl", "sq", "ps", "fa", "ta", "bn"}

// correction keeps a number that came back as it was shown, as EditForm does.
func (f *AccessForm) correction(p labelling.Place) labelling.Correction {
	c := labelling.Correction{Phone: &f.Phone, Email: &f.Email, Website: &f.Website, BookingURL: &f.BookingURL,
		Accessibility: &f.Accessibility, Presentation: &f.Presentation}
	if f.Phone == phoneAsRead(p.Phone) {
		c.Phone = nil
	}
	for _, list := range c.Lists(p) {
		if typed := f.lists()[list.Name]; typed != nil {
			values := db.Strings(*typed)
			*list.New = &values
		}
	}
	return c
}

func (w labellingWindow) accessPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	form := AccessForm{Phone: phoneAsRead(p.Phone), Email: p.Email, Website: p.Website, BookingURL: p.BookingURL, Accessibility: p.Accessibility,
		AccessWays: p.AccessWays, SupportWays: p.SupportWays, Mobilities: p.Mobilities, Audiences: p.Audiences, SpecialCare: p.SpecialCare, Languages: p.Languages,
		Fees: p.Fees, Programmes: p.Programmes, Trainings: p.Trainings, Presentation: p.Presentation}
	return showAccess(c, p, form, "", "")
}

func showAccess(c *fiber.Ctx, p labelling.Place, form AccessForm, field, problem string) error {
	w := words(c)
	body := AccessBody{ID: p.ID, Name: p.Name, Form: form, Field: field, Problem: problem}
	for _, name := range []string{"access_ways", "support_ways", "mobilities", "fees", "audiences", "special_care", "languages", "programmes", "trainings"} {
		chosen := *form.lists()[name]
		list := CheckList{Name: name, Title: w.Text("labelling.access." + name), Hint: w.Text("labelling.access." + name + "-hint")}
		values := catalogue.Values(name)
		if name == "languages" {
			values = languagesAsked
		}
		for _, value := range values {
			list.Items = append(list.Items, checkBox{value, valueInWords(w, name, value), slices.Contains(chosen, value)})
		}
		for _, value := range chosen { // what the list does not offer stays
			if !slices.Contains(values, value) {
				list.Items = append(list.Items, checkBox{value, valueInWords(w, name, value), true})
			}
		}
		body.Lists = append(body.Lists, list)
	}
	return page(c, "labelling/access", body)
}

// valueInWords is a value of the national vocabulary as it is written there, and a language's
// name.
func valueInWords(w *i18n.Words, list, value string) string {
	if key := "labelling.language." + value; list == "languages" && w.Has(key) {
		return w.Text(key)
	}
	return value
}

func (w labellingWindow) accessForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form AccessForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.places.Correct(c.UserContext(), actor(c), p.ID, form.correction(p))
	if faultText(c, err) != "" {
		return showAccess(c, p, form, namedField(err), refuse(c, err))
	}
	if err != nil {
		return err
	}
	return done(c, "/joining", "labelling.access.kept", "place", p.Name)
}
