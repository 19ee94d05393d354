package httpd

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// CounterBody is what issuing/counter.html shows.
type CounterBody struct {
	Problem string // why nothing was handed over; "" at first
	Field   string // the field it is about; "" where it is about none
	May     bool   // the reader hands over, not only looks
	Choices []issuing.Allocation
	Form    handOverForm
	Desk    DeskView
}

// Chosen is the campaign that the form stands on.
func (b CounterBody) Chosen() issuing.Allocation {
	return b.Choices[max(0, slices.IndexFunc(b.Choices, func(a issuing.Allocation) bool { return a.Campaign == b.Form.Campaign }))]
}

// Most is how many vouchers one booklet of the chosen campaign may hold today.
func (b CounterBody) Most() int { return min(b.Chosen().Left(), 100) }

// DeskView is today's hand-overs, what is left, and the latest booklets.
type DeskView struct {
	Today       issuing.Count
	Allocations []issuing.Allocation
	Rows        []BookletRow
}

// BookletRow is a booklet in a list.
type BookletRow struct {
	issuing.Booklet
	Kind, State string // of the tag; State is a key of the catalogue
}

// ListBody is what issuing/list.html shows.
type ListBody struct {
	Rows []BookletRow
	Next string // address of the next page, "" on the last
}

// BookletBody is what issuing/booklet.html shows.
type BookletBody struct {
	BookletRow
	Card CardView
	May  bool
	Desk DeskView

	Bookings []BookedLine
}

// FreezeBody is what issuing/freeze.html shows.
type FreezeBody struct {
	issuing.Booklet
	Freeze bool // false: the booklet is frozen and would run again
}

// CardView is what the partial "booklet-card" shows. Frozen vouchers are drawn as left:
// they are not spent.
type CardView struct {
	Count, Left      int
	Value, Face      vouchers.Cents
	Until            vouchers.Day
	Funder, Code, QR string // no page shows a code: they are on paper
}

// holding is the view with left vouchers that are not spent.
func (v CardView) holding(left int) CardView {
	v.Left, v.Value = left, v.Face*vouchers.Cents(left)
	return v
}

// handOverForm is the counter's form. An empty count is the campaign's booklet.
type handOverForm struct {
	Campaign vouchers.CampaignID `form:"campaign"`
	Count    int                 `form:"count"`
	Near     string              `form:"near"` // commune, by name or postcode
	Email    string              `form:"email"`
}

// request finds the commune that was typed.
func (f handOverForm) request() (issuing.HandOverRequest, error) {
	req := issuing.HandOverRequest{Campaign: f.Campaign, Count: f.Count, Email: f.Email}
	if f.Near == "" {
		return req, nil
	}
	found := territory.Search(f.Near, 1)
	if len(found) == 0 {
		return req, fault.New(fault.Invalid, "commune_unknown")
	}
	req.INSEE = found[0].INSEE
	return req, nil
}

// latestOnDesk is how many booklets the counter shows.
const latestOnDesk = 8

func (i *Issuing) counter(c *fiber.Ctx) error { return i.showCounter(c, handOverForm{}, nil) }

// showCounter shows the counter, after a refusal with what was typed.
func (i *Issuing) showCounter(c *fiber.Ctx, form handOverForm, refused error) error {
	desk, err := i.Service.Desk(c.UserContext(), actor(c), latestOnDesk)
	if err != nil {
		return err
	}
	body := CounterBody{May: handsOver(actor(c)), Form: form, Desk: i.desk(c, desk)}
	for _, a := range desk.Allocations {
		if a.Left() > 0 {
			body.Choices = append(body.Choices, a)
		}
	}
	if len(body.Choices) > 0 && form == (handOverForm{}) {
		body.Form.Campaign, body.Form.Count = body.Choices[0].Campaign, min(body.Choices[0].BookletSize, body.Choices[0].Left())
	}
	if refused != nil {
		body.Problem = refuse(c, refused)
		body.Field = fieldOf[fault.Code(refused)]
	}
	return page(c, "issuing/counter", body)
}

// fieldOf names the field that a refusal is about.
var fieldOf = map[string]string{
	"vouchers_out_of_range": "count", "allocation_used_up": "count", "commune_unknown": "near", "email_malformed": "email",
}

// refuse sets the status of a refusal that a page shows with its form, and words it.
func refuse(c *fiber.Ctx, err error) string {
	told := refusalOf(err)
	c.Status(told.status)
	retryAfter(c, told)
	return sentence(words(c), told)
}

func (i *Issuing) handOver(c *fiber.Ctx) error {
	var form handOverForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	req, err := form.request()
	if err != nil {
		return i.showCounter(c, form, err)
	}
	b, err := i.Service.HandOver(c.UserContext(), actor(c), req)
	if faultText(c, err) != "" && !isUnknown(err) {
		return i.showCounter(c, form, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/handovers/%d", b.ID), http.StatusSeeOther)
}

// isUnknown tells an outcome that nobody knows: the form must not be shown again with a
// fresh key, for the booklet may have been handed over.
func isUnknown(err error) bool { return refusalOf(err).fault == fault.Unavailable }

func (i *Issuing) list(c *fiber.Ctx) error {
	booklets, err := i.page(c)
	if err != nil {
		return err
	}
	return page(c, "issuing/list", ListBody{Rows: rows(c, booklets.Items), Next: booklets.nextURL("/handovers/all")})
}

func (i *Issuing) show(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	b, err := i.Service.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	desk, err := i.Service.Desk(c.UserContext(), actor(c), latestOnDesk)
	if err != nil {
		return err
	}
	booked, err := i.bookings(c, actor(c), "", id)
	if err != nil {
		return err
	}
	return page(c, "issuing/booklet", BookletBody{
		BookletRow: rows(c, []issuing.Booklet{b})[0], Bookings: booked, May: handsOver(actor(c)), Desk: i.desk(c, desk),
		Card: CardView{Count: b.Count, Face: b.Face, Until: b.Until, Funder: b.Funder}.holding(b.Left + b.Frozen),
	})
}

func (i *Issuing) askFreeze(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	b, err := i.Service.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	if b.Frozen+b.Left == 0 {
		return c.Redirect(fmt.Sprintf("/handovers/%d", id), http.StatusSeeOther)
	}
	return page(c, "issuing/freeze", FreezeBody{Booklet: b, Freeze: b.Frozen == 0})
}

func (i *Issuing) freeze(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Frozen bool `form:"frozen"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	_, err = i.Service.Freeze(c.UserContext(), actor(c), issuing.FreezeRequest{Booklet: id, Frozen: form.Frozen})
	if err != nil {
		return err
	}
	told := "issuing.unfrozen"
	if form.Frozen {
		told = "issuing.frozen"
	}
	if err := flash(c, "done", told); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/handovers/%d", id), http.StatusSeeOther)
}

func (i *Issuing) desk(c *fiber.Ctx, d issuing.Desk) DeskView {
	return DeskView{Today: d.Today, Allocations: d.Allocations, Rows: rows(c, d.Latest)}
}

func handsOver(a identity.Actor) bool { return a.Needs(identity.Prescriber, identity.Agent) == nil }

// rows gives each booklet the word for where it stands today.
func rows(c *fiber.Ctx, booklets []issuing.Booklet) []BookletRow {
	today := vouchers.DayOf(of(c).server.options.Now())
	all := make([]BookletRow, len(booklets))
	for n, b := range booklets {
		all[n] = BookletRow{Booklet: b}
		all[n].Kind, all[n].State = standing(b, today)
	}
	return all
}

func standing(b issuing.Booklet, today vouchers.Day) (kind, state string) {
	switch {
	case b.Frozen > 0:
		return "stop", "issuing.state.frozen"
	case today > b.LastDay:
		return "none", "issuing.state.over"
	case b.Left == 0:
		return "done", "issuing.state.used"
	case b.Left < b.Count:
		return "done", "issuing.state.started"
	}
	return "none", "issuing.state.unused"
}
