package httpd

import (
	"fmt"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

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
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.room.Open(c.UserContext(), actor(c), id)
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
	if faultText(c, err) != "" {
		return w.showHistory(c, p, refuse(c, err))
	}
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/structure/places/%d/history", p.ID), "labelling.history.put-back",
		"field", words(c).Text("labelling.field."+form.Field), "place", p.Name)
}
