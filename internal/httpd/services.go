package httpd

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// offerName is a service's title, or its theme.
func offerName(w *i18n.Words, o catalogue.Offer) string {
	if o.Title != "" {
		return o.Title
	}
	return w.Text("theme." + o.Theme)
}

// offerDetails says in one line what its name and price do not say.
func offerDetails(w *i18n.Words, o catalogue.Offer) string {
	var parts []string
	if o.Title != "" {
		parts = append(parts, w.Text("theme."+o.Theme))
	}
	if o.Level != "" {
		parts = append(parts, w.Text("catalogue.level."+o.Level))
	}
	for _, mode := range o.Modes {
		parts = append(parts, w.Text("catalogue.mode."+mode))
	}
	if o.Meetings > 1 {
		parts = append(parts, w.Text("catalogue.meetings", "count", o.Meetings))
	}
	return strings.Join(append(parts, o.Audiences...), " · ")
}

// ServicesBody is what catalogue/services.html shows.
type ServicesBody struct {
	ID      vouchers.PlaceID
	Name    string
	Offers  []ServiceRow
	Stopped []ServiceRow // that can be offered again
	Problem string
}

// ServiceRow is a service of the list.
type ServiceRow struct {
	ID vouchers.ServiceID
	OfferView
}

func serviceRows(w *i18n.Words, offers []catalogue.Offer) []ServiceRow {
	var rows []ServiceRow
	for _, o := range offers {
		rows = append(rows, ServiceRow{o.ID, offerViews(w, []catalogue.Offer{o})[0]})
	}
	return rows
}

func (w catalogueWindow) servicesPage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	return w.showServices(c, p, "")
}

func (w catalogueWindow) showServices(c *fiber.Ctx, p labelling.Place, problem string) error {
	stopped, err := w.room.Withdrawn(c.UserContext(), actor(c), p.ID)
	if err != nil {
		return err
	}
	return page(c, "catalogue/services", ServicesBody{ID: p.ID, Name: p.Name, Problem: problem,
		Offers: serviceRows(words(c), inOrder(p.Services)), Stopped: serviceRows(words(c), stopped)})
}

// ServiceBody is what catalogue/service.html shows.
type ServiceBody struct {
	Place          vouchers.PlaceID
	Name           string
	Form           serviceForm
	Extra          string // as it is typed: "2,50"; "" for none
	Themes         []choiceOf
	Levels         []choiceOf
	Modes          []checkBox
	Audiences      []checkBox
	Topics         []checkBox
	Field, Problem string // why the form was refused, "" at first
}

type checkBox struct {
	Value, Label string
	Checked      bool
}

// serviceForm is a service as typed.
type serviceForm struct {
	Service     vouchers.ServiceID `form:"service"` // 0: a new one
	Theme       string             `form:"theme"`
	Title       string             `form:"title"`
	Description string             `form:"description"`
	Topics      []string           `form:"topics"`
	Level       string             `form:"level"`
	Modes       []string           `form:"modes"`
	Audiences   []string           `form:"audiences"`
	Price       int                `form:"price"`
	Extra       vouchers.Cents     `form:"extra"`
	Minutes     int                `form:"minutes"`
	Meetings    int                `form:"meetings"`
}

func formOf(o catalogue.Offer) serviceForm {
	return serviceForm{o.ID, o.Theme, o.Title, o.Description, o.Topics, o.Level, o.Modes, o.Audiences, o.PriceVouchers, o.Extra, o.DurationMinutes, o.Meetings}
}

func (f serviceForm) offer() catalogue.Offer {
	return catalogue.Offer{ID: f.Service, Theme: f.Theme, Title: f.Title, Description: f.Description, Topics: f.Topics, Level: f.Level, Modes: f.Modes,
		Audiences: f.Audiences, PriceVouchers: f.Price, Extra: f.Extra, DurationMinutes: f.Minutes, Meetings: f.Meetings}
}

func (w catalogueWindow) servicePage(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	form := serviceForm{Theme: string(catalogue.Themes()[0]), Price: 1, Minutes: 60, Meetings: 1}
	if wanted := c.QueryInt("service"); wanted != 0 {
		at := slices.IndexFunc(p.Services, func(o catalogue.Offer) bool { return int(o.ID) == wanted })
		if at < 0 {
			return notFound()
		}
		form = formOf(p.Services[at])
	}
	return showService(c, p, form, nil)
}

// serviceFields names the field that a refusal is about.
var serviceFields = map[string]string{
	"theme_unknown": "theme", "service_repeated": "title", "service_words_too_long": "title", "price_out_of_range": "price",
	"extra_out_of_range": "extra", "service_duration_out_of_range": "minutes", "meetings_out_of_range": "meetings", "level_unknown": "level",
}

func showService(c *fiber.Ctx, p labelling.Place, form serviceForm, refused error) error {
	w := words(c)
	body := ServiceBody{Place: p.ID, Name: p.Name, Form: form}
	if form.Extra != 0 {
		body.Extra = typedAmount(form.Extra)
	}
	for _, theme := range catalogue.Themes() {
		body.Themes = append(body.Themes, choiceOf{string(theme), w.Text("theme." + string(theme))})
	}
	for _, level := range []string{"", "beginner", "intermediate", "advanced"} {
		body.Levels = append(body.Levels, choiceOf{level, w.Text("catalogue.level." + level)})
	}
	for _, mode := range []string{"individual", "group", "remote", "self_service"} {
		body.Modes = append(body.Modes, checkBox{mode, w.Text("catalogue.mode." + mode), slices.Contains(form.Modes, mode)})
	}
	for _, audience := range catalogue.Audiences() {
		body.Audiences = append(body.Audiences, checkBox{audience, audience, slices.Contains(form.Audiences, audience)})
	}
	for _, topic := range catalogue.Topics() {
		body.Topics = append(body.Topics, checkBox{string(topic), topic.Label(), slices.Contains(form.Topics, string(topic))})
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), serviceFields[fault.Code(refused)]
		c.Status(refusalOf(refused).status)
	}
	return page(c, "catalogue/service", body)
}

func (w catalogueWindow) serviceForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form serviceForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	kept, err := w.room.KeepService(c.UserContext(), actor(c), p.ID, form.offer())
	if told := new(fault.Error); errors.As(err, &told) && serviceFields[told.Code] != "" {
		return showService(c, p, form, err)
	}
	if err != nil {
		return err
	}
	return w.servicesDone(c, p, "catalogue.services.kept", kept)
}

func (w catalogueWindow) servicesDone(c *fiber.Ctx, p labelling.Place, key string, o catalogue.Offer) error {
	if err := flash(c, "done", key, "service", offerName(words(c), o), "place", p.Name); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/places/%d/services", p.ID), fiber.StatusSeeOther)
}

// oneService is the service that a small form names.
type oneService struct {
	Service vouchers.ServiceID `form:"service"`
}

func (w catalogueWindow) withdrawForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form oneService
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	o, err := w.room.WithdrawService(c.UserContext(), actor(c), p.ID, form.Service)
	if err != nil {
		return err
	}
	return w.servicesDone(c, p, "catalogue.services.withdrawn", o)
}

func (w catalogueWindow) restoreForm(c *fiber.Ctx) error {
	p, err := w.own(c)
	if err != nil {
		return err
	}
	var form oneService
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	o, err := w.room.RestoreService(c.UserContext(), actor(c), p.ID, form.Service)
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showServices(c, p, problem)
	}
	if err != nil {
		return err
	}
	return w.servicesDone(c, p, "catalogue.services.restored", o)
}
