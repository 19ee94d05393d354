package httpd

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// photoBody is what a form with a photo may carry.
const photoBody = labelling.PhotoMost + 64<<10

// ownPlaceRoutes are those with which a structure adds, moves and describes its places.
func (w labellingWindow) ownPlaceRoutes() []Route {
	claimer, readers := For(identity.Structure, identity.Agent), ForAny(identity.Structure, identity.Operator)
	return []Route{
		{Method: "POST", Path: "/api/v1/places", Handler: w.add, Access: claimer, Doc: "add a place of one's structure that no file has"},
		{Method: "PUT", Path: "/api/v1/places/:id/location", Handler: w.move, Access: claimer, Doc: "say that one's place is elsewhere, or where exactly"},
		{Method: "GET", Path: "/api/v1/places/:id/history", Handler: w.history, Access: readers, Doc: "who changed what and when on one's place"},
		{Method: "POST", Path: "/api/v1/places/:id/history", Handler: w.putBack, Access: claimer, Doc: "give a field of one's place an earlier value"},
		{Method: "PUT", Path: "/api/v1/places/:id/photo", Handler: w.setPhoto, Access: claimer, Body: photoBody,
			Doc: "the photo of one's place, sent as the body; alt says what is to be seen"},
		{Method: "DELETE", Path: "/api/v1/places/:id/photo", Handler: w.removePhoto, Access: claimer, Doc: "take the photo of one's place away"},

		{Method: "GET", Path: "/places/:id/photo", Handler: w.photo, Access: Public, Doc: "a place's photo"},
		{Method: "GET", Path: "/structure/places/new", Handler: w.newPage, Access: claimer, Doc: "add one's place: form"},
		{Method: "POST", Path: "/structure/places", Handler: w.newForm, Access: claimer, Doc: "add one's place"},
		{Method: "GET", Path: "/structure/places/:id/move", Handler: w.movePage, Access: claimer, Doc: "where one's place is: form"},
		{Method: "POST", Path: "/structure/places/:id/move", Handler: w.moveForm, Access: claimer, Doc: "where one's place is: keep"},
		{Method: "GET", Path: "/structure/places/:id/hours", Handler: w.hoursPage, Access: claimer, Doc: "hours of one's place: form"},
		{Method: "POST", Path: "/structure/places/:id/hours", Handler: w.hoursForm, Access: claimer, Doc: "hours of one's place: keep"},
		{Method: "GET", Path: "/structure/places/:id/access", Handler: w.accessPage, Access: claimer, Doc: "how people come to one's place: form"},
		{Method: "POST", Path: "/structure/places/:id/access", Handler: w.accessForm, Access: claimer, Doc: "how people come to one's place: keep"},
		{Method: "GET", Path: "/structure/places/:id/photo", Handler: w.photoPage, Access: claimer, Doc: "photo of one's place: form"},
		{Method: "POST", Path: "/structure/places/:id/photo", Handler: w.photoForm, Access: claimer, Body: photoBody, Doc: "photo of one's place: keep"},
		{Method: "POST", Path: "/structure/places/:id/photo/remove", Handler: w.photoRemoveForm, Access: claimer, Doc: "photo of one's place: take away"},
		{Method: "GET", Path: "/structure/places/:id/history", Handler: w.historyPage, Access: readers, Doc: "who changed what on one's place"},
		{Method: "POST", Path: "/structure/places/:id/history", Handler: w.historyForm, Access: claimer, Doc: "put an earlier value back"},
	}
}

func (w labellingWindow) add(c *fiber.Ctx) error {
	var in labelling.NewPlace
	if err := decode(c, &in); err != nil {
		return err
	}
	p, err := w.room.AddPlace(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/places/%d", p.ID))
	return apiJSON(c, http.StatusCreated, p)
}

func (w labellingWindow) move(c *fiber.Ctx) error {
	var in labelling.Location
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.PlaceID) (labelling.Place, error) {
		return w.room.Move(c.UserContext(), actor(c), id, in)
	})
}

func (w labellingWindow) history(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	all, err := w.room.History(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[labelling.Entry]{Items: all})
}

func (w labellingWindow) putBack(c *fiber.Ctx) error {
	var in catalogue.PutBack
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.PlaceID) (labelling.Place, error) {
		return w.places.PutBack(c.UserContext(), actor(c), id, in)
	})
}

// WhereBody is what labelling/where.html shows: a new place, or where one is.
type WhereBody struct {
	ID             vouchers.PlaceID // 0: a new one
	Name           string           // of the place that moves
	Form           WhereForm
	Communes       []string // that the postcode serves, where the typed one is not known
	Field, Problem string   // why the form was refused, "" at first
}

// WhereForm is a place as typed.
type WhereForm struct {
	Name     string `form:"name"`
	Address  string `form:"address"`
	Postcode string `form:"postcode"`
	Town     string `form:"town"`
	Lat      string `form:"lat"`
	Lon      string `form:"lon"`
}

func (f WhereForm) location() (labelling.Location, error) {
	l := labelling.Location{Address: f.Address, Postcode: f.Postcode, Town: f.Town}
	for _, axis := range []struct {
		field, typed string
		to           **float64
	}{{"lat", f.Lat, &l.Lat}, {"lon", f.Lon, &l.Lon}} {
		if axis.typed == "" {
			continue
		}
		value, err := strconv.ParseFloat(strings.Replace(axis.typed, ",", ".", 1), 64)
		if err != nil {
			return l, fault.New(fault.Invalid, "point_unread", "field", axis.field, "typed", axis.typed)
		}
		*axis.to = &value
	}
	return l, nil
}

func (w labellingWindow) newPage(c *fiber.Ctx) error {
	return page(c, "labelling/where", WhereBody{})
}

func (w labellingWindow) newForm(c *fiber.Ctx) error {
	var form WhereForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	where, err := form.location()
	var p labelling.Place
	if err == nil {
		p, err = w.room.AddPlace(c.UserContext(), actor(c), labelling.NewPlace{Name: form.Name, Location: where})
	}
	if err != nil {
		return whereAgain(c, err, WhereBody{Form: form})
	}
	return done(c, "/joining", "labelling.where.added", "place", p.Name)
}

func (w labellingWindow) movePage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	form := WhereForm{Address: p.Address, Postcode: p.Postcode, Town: p.Town}
	if p.Lat != nil && p.Lon != nil {
		form.Lat, form.Lon = degrees(*p.Lat), degrees(*p.Lon)
	}
	return page(c, "labelling/where", WhereBody{ID: p.ID, Name: p.Name, Form: form})
}

func degrees(value float64) string { return strconv.FormatFloat(value, 'f', -1, 64) }

func (w labellingWindow) moveForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form WhereForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	where, err := form.location()
	if err == nil {
		_, err = w.room.Move(c.UserContext(), actor(c), p.ID, where)
	}
	if err != nil {
		return whereAgain(c, err, WhereBody{ID: p.ID, Name: p.Name, Form: form})
	}
	return done(c, "/structure", "labelling.where.moved", "place", p.Name)
}

func whereAgain(c *fiber.Ctx, err error, body WhereBody) error {
	return again(c, err, "labelling/where", func(problem string) any {
		body.Field, body.Problem = namedField(err), problem
		if fault.Code(err) == "place_commune_unknown" {
			body.Communes = communesOf(body.Form.Postcode)
		}
		return body
	})
}

// communesOf are the names of the communes that a postcode serves, the biggest first.
func communesOf(postcode string) []string {
	var names []string
	for _, commune := range territory.ByPostcode(postcode) {
		names = append(names, commune.Name)
	}
	return names
}
