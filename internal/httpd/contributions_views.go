package httpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// ChangeBody is what contributions/report.html shows.
type ChangeBody struct {
	Place          vouchers.PlaceID
	Name           string
	Fields         []reportField
	Form           reportForm
	Field, Problem string // why the form was refused, "" at first
}

// reportField is something that may be wrong.
type reportField struct {
	Name string
	Says string // the card, today
}

// reportForm is a report as typed. Trap is a field that nobody sees and programs fill in.
type reportForm struct {
	Field  string `form:"field"`
	Value  string `form:"value"`
	Reason string `form:"reason"`
	Email  string `form:"email_to_tell"`
	Trap   string `form:"homepage"`
}

func (w contributionsWindow) place(c *fiber.Ctx) (labelling.Place, error) {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return labelling.Place{}, err
	}
	return w.places.Open(c.UserContext(), actor(c), id)
}

func (w contributionsWindow) reportPage(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	return showReport(c, p, ChangeBody{Form: reportForm{Field: c.Query("field")}})
}

func showReport(c *fiber.Ctx, p labelling.Place, body ChangeBody) error {
	body.Place, body.Name = p.ID, p.Name
	for _, name := range contributions.Fields {
		body.Fields = append(body.Fields, reportField{name, cardSays(words(c), name, p)})
	}
	return page(c, "contributions/report", body)
}

// cardSays is what a card says of a field, as pages write it; "" where it says nothing.
func cardSays(w *i18n.Words, field string, p labelling.Place) string {
	switch field {
	case "hours":
		return strings.Join(hoursInWords(w, p.Hours), " · ")
	case "phone":
		return phoneAsRead(p.Phone)
	case "email":
		return p.Email
	case "address":
		return p.Address
	}
	return ""
}

// refusedFields names the field of a form that a refusal is about, where it has another
// name than in the fault.
var refusedFields = map[string]string{"hours": "value", "phone": "value", "email": "value", "address": "value", "field": "field-hours", "text": "text-0"}

func refusedField(err error) string {
	named := namedField(err)
	if other := refusedFields[named]; other != "" {
		return other
	}
	return named
}

func (w contributionsWindow) reportForm(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	var form reportForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	if form.Trap == "" {
		_, err = w.room.Report(c.UserContext(), actor(c), p.ID, contributions.NewReport{Field: form.Field, Value: form.Value, Reason: form.Reason, Email: form.Email}, clientIP(c).String())
	}
	if faultText(c, err) != "" {
		return showReport(c, p, ChangeBody{Form: form, Field: refusedField(err), Problem: refuse(c, err)})
	}
	if err != nil {
		return err
	}
	return w.thank(c, p, "contributions.report.thanks", form.Email)
}

// thank goes back to the card and says what happens next.
func (w contributionsWindow) thank(c *fiber.Ctx, p labelling.Place, key, email string) error {
	if email != "" {
		key += "-told"
	}
	return done(c, fmt.Sprintf("/places/%d", p.ID), key, "place", p.Name)
}

// tongue is a language by its own name, and how it is written.
type tongue struct{ Code, Name, Dir string }

// tongues are the languages of translations by their own names, which are the same in every
// language.
var tongues = map[string]tongue{
	"en": {"en", "English", "ltr"}, "ar": {"ar", "العربية", "rtl"}, "es": {"es", "Español", "ltr"}, "pt": {"pt", "Português", "ltr"},
	"tr": {"tr", "Türkçe", "ltr"}, "uk": {"uk", "Українська", "ltr"}, "ru": {"ru", "Русский", "ltr"},
}

// TranslateBody is what contributions/translate.html shows.
type TranslateBody struct {
	Place          vouchers.PlaceID
	Name           string
	Languages      []tongue
	Into           tongue // the zero tongue: none was chosen yet
	Texts          []textView
	Author, Email  string
	Field, Problem string // why the form was refused, "" at first
}

// textView is a text and what it was put into.
type textView struct {
	Part   string // "presentation", "title-12"
	Label  string
	Source string
	Text   string
	Stale  bool
}

// translateForm is a translation as typed: one text for each part.
type translateForm struct {
	Language string   `form:"language"`
	Parts    []string `form:"part"`
	Texts    []string `form:"text"`
	Author   string   `form:"author"`
	Email    string   `form:"email_to_tell"`
	Trap     string   `form:"homepage"`
}

func partName(p contributions.Part) string {
	if p.Service == 0 {
		return p.Field
	}
	return fmt.Sprintf("%s-%d", p.Field, p.Service)
}

// translation reads the form; parts that a card does not have are left out.
func (f translateForm) translation(p labelling.Place) contributions.NewTranslation {
	n := contributions.NewTranslation{Language: f.Language, Author: f.Author, Email: f.Email}
	for _, source := range contributions.Sources(p) {
		at := slices.Index(f.Parts, partName(source.Part))
		if at >= 0 && at < len(f.Texts) {
			n.Texts = append(n.Texts, contributions.PartText{Part: source.Part, Text: f.Texts[at]})
		}
	}
	return n
}

func (w contributionsWindow) translatePage(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	return w.showTranslate(c, p, contributions.NewTranslation{Language: c.Query("language")}, nil)
}

func (w contributionsWindow) showTranslate(c *fiber.Ctx, p labelling.Place, typed contributions.NewTranslation, refused error) error {
	body := TranslateBody{Place: p.ID, Name: p.Name, Into: tongues[typed.Language], Author: typed.Author, Email: typed.Email}
	for _, code := range contributions.Languages {
		body.Languages = append(body.Languages, tongues[code])
	}
	if refused != nil {
		body.Problem, body.Field = refuse(c, refused), refusedField(refused)
	}
	if body.Into.Code == "" {
		return page(c, "contributions/translate", body)
	}
	published, err := w.room.Translations(c.UserContext(), actor(c), p.ID)
	if err != nil {
		return err
	}
	for _, source := range contributions.Sources(p) {
		view := textView{Part: partName(source.Part), Label: words(c).Text("contributions.part." + source.Field), Source: source.Source}
		for _, known := range published {
			for _, t := range known.Texts {
				if known.Language == typed.Language && t.Part == source.Part {
					view.Text, view.Stale = t.Text.Text, t.Stale
				}
			}
		}
		for _, t := range typed.Texts {
			if t.Part == source.Part {
				view.Text = t.Text
			}
		}
		body.Texts = append(body.Texts, view)
	}
	return page(c, "contributions/translate", body)
}

func (w contributionsWindow) translateForm(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	var form translateForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	typed := form.translation(p)
	if form.Trap == "" {
		_, err = w.room.Translate(c.UserContext(), actor(c), p.ID, typed, clientIP(c).String())
	}
	if faultText(c, err) != "" {
		return w.showTranslate(c, p, typed, err)
	}
	if err != nil {
		return err
	}
	return w.thank(c, p, "contributions.translate.thanks", form.Email)
}

func (w contributionsWindow) retractForm(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	var form languageForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	if err := w.room.Retract(c.UserContext(), actor(c), p.ID, form.Language); err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/places/%d", p.ID), "contributions.retracted", "place", p.Name)
}

// PublishedView is what a card says in another language.
type PublishedView struct {
	Tongue  tongue
	Authors string
	Stale   bool
	Texts   []textView
}

func publishedViews(w *i18n.Words, all []contributions.Published) []PublishedView {
	var views []PublishedView
	for _, p := range all {
		view := PublishedView{Tongue: tongues[p.Language], Authors: strings.Join(p.Authors, ", "), Stale: p.Stale()}
		for _, t := range p.Texts {
			view.Texts = append(view.Texts, textView{Part: partName(t.Part), Label: w.Text("contributions.part." + t.Field), Source: t.Source, Text: t.Text.Text, Stale: t.Stale})
		}
		views = append(views, view)
	}
	return views
}
