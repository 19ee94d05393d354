package httpd

import (
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

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

// PhotoBody is what labelling/photo.html shows.
type PhotoBody struct {
	ID             vouchers.PlaceID
	Name           string
	Address        string // of the picture, "" where there is none
	Alt            string // as kept, or as typed
	Megabytes      int
	Field, Problem string // why the form was refused, "" at first
}

func photoOf(p labelling.Place) PhotoBody {
	body := PhotoBody{ID: p.ID, Name: p.Name, Address: photoAddress(p), Megabytes: labelling.PhotoMost >> 20}
	if p.Photo != nil {
		body.Alt = p.Photo.Alt
	}
	return body
}

func (w labellingWindow) photoPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return page(c, "labelling/photo", photoOf(p))
}

func (w labellingWindow) photoForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form struct {
		Alt string `form:"alt"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	err = w.keepPhoto(c, p, form.Alt)
	if err != nil {
		return again(c, err, "labelling/photo", func(problem string) any {
			body := photoOf(p)
			body.Alt, body.Problem = form.Alt, problem
			if body.Field = namedField(err); body.Field == "" {
				body.Field = "photo"
			}
			return body
		})
	}
	return done(c, "/joining", "labelling.photo.kept", "place", p.Name)
}

func (w labellingWindow) keepPhoto(c *fiber.Ctx, p labelling.Place, alt string) error {
	file, err := uploaded(c, "photo")
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = w.room.SetPhoto(c.UserContext(), actor(c), p.ID, file, alt)
	return err
}

func (w labellingWindow) photoRemoveForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	if err := w.room.RemovePhoto(c.UserContext(), actor(c), p.ID); err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/structure/places/%d/photo", p.ID), "labelling.photo.removed", "place", p.Name)
}

// HistoryBody is what labelling/history.html shows.
type HistoryBody struct {
	ID        vouchers.PlaceID
	Name      string
	Entries   []EntryView
	MayChange bool
	Problem   string // why nothing was put back, "" at first
}

// EntryView is one change in words.
type EntryView struct {
	ID        int64
	At        time.Time
	Who, What string
	Fields    []FieldView
}

// FieldView is one field before and after, in words.
type FieldView struct{ Name, Title, Before, After string }

func (w labellingWindow) historyPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return w.showHistory(c, p, "")
}

func (w labellingWindow) showHistory(c *fiber.Ctx, p labelling.Place, problem string) error {
	all, err := w.room.History(c.UserContext(), actor(c), p.ID)
	if err != nil {
		return err
	}
	body := HistoryBody{ID: p.ID, Name: p.Name, Problem: problem, MayChange: actor(c).Needs(identity.Structure, identity.Agent) == nil}
	for _, e := range all {
		body.Entries = append(body.Entries, entryView(words(c), e))
	}
	return page(c, "labelling/history", body)
}

func entryView(w *i18n.Words, e labelling.Entry) EntryView {
	view := EntryView{ID: e.ID, At: e.At, Who: e.Who, What: w.Text("labelling.history.other")}
	if view.Who == "" {
		view.Who = w.Text("labelling.history.operator")
	}
	if key := "labelling.history." + e.Action; w.Has(key) {
		view.What = w.Text(key)
	}
	for _, f := range e.Fields {
		view.Fields = append(view.Fields, FieldView{f.Name, w.Text("labelling.field." + f.Name), fieldInWords(w, f.Name, f.Before), fieldInWords(w, f.Name, f.After)})
	}
	return view
}

// fieldInWords writes a value of a place as its page does.
func fieldInWords(w *i18n.Words, field, value string) string {
	switch {
	case value == "":
		return w.Text("format.unknown")
	case field == "phone":
		return phoneAsRead(value)
	case field == "hours":
		return strings.Join(hoursInWords(w, value), ", ")
	case field == "languages":
		var names []string
		for code := range strings.SplitSeq(value, labelling.Between) {
			names = append(names, valueInWords(w, field, code))
		}
		return strings.Join(names, labelling.Between)
	}
	return value
}

func (w labellingWindow) historyForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form struct {
		Entry int64  `form:"entry"`
		Field string `form:"field"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = w.places.PutBack(c.UserContext(), actor(c), p.ID, catalogue.PutBack{Entry: form.Entry, Field: form.Field})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showHistory(c, p, problem)
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/structure/places/%d/history", p.ID), "labelling.history.put-back",
		"field", words(c).Text("labelling.field."+form.Field), "place", p.Name)
}
