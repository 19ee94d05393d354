package httpd

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/booking"
	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// Issuing is the window of hand-overs, booklets and the holder's page.
type Issuing struct {
	Service   *issuing.Service
	Keys      *vouchers.Keyring
	Places    func(context.Context, labelling.NearQuery) ([]labelling.Place, error)                        // where vouchers can be spent, nearest first
	Booked    func(context.Context, identity.Actor, string, vouchers.BookletID) ([]booking.Booking, error) // of a booklet, by its code or its id
	Uses      func(context.Context, identity.Actor, string) ([]complaints.Use, error)                      // of a booklet, by its code
	HelpPhone string                                                                                       // whom holders call, as it is read; "" where there is nobody
}

// Routes lists them.
func (i *Issuing) Routes() []Route {
	handsOver := For(identity.Prescriber, identity.Agent)
	looks := For(identity.Prescriber, identity.Agent, identity.Reader)
	return []Route{
		{Method: "GET", Path: "/handovers", Handler: i.counter, Access: looks, Doc: "prescriber's counter",
			Nav: Nav{Key: "issuing.nav", Icon: "hand-heart"}},
		{Method: "POST", Path: "/handovers", Handler: i.handOver, Access: handsOver, Doc: "hand a booklet over"},
		{Method: "GET", Path: "/handovers/all", Handler: i.list, Access: looks, Doc: "booklets handed over, newest first"},
		{Method: "GET", Path: "/handovers/:id", Handler: i.show, Access: looks, Doc: "one booklet, without its codes"},
		{Method: "GET", Path: "/handovers/:id/booklet.pdf", Handler: i.print, Access: handsOver, Doc: "booklet to print, with its codes"},
		{Method: "GET", Path: "/handovers/:id/freeze", Handler: i.askFreeze, Access: handsOver, Doc: "freeze a lost booklet: confirmation"},
		{Method: "POST", Path: "/handovers/:id/freeze", Handler: i.freeze, Access: handsOver, Doc: "freeze a booklet, or let it run again"},

		{Method: "GET", Path: "/C/:payload", Handler: i.scanned, Access: Open, Doc: "a QR code was scanned: keep its code, clean the address"},
		{Method: "GET", Path: "/c/:payload", Handler: i.scanned, Access: Open, Doc: "the same, for a reader that changes case"},
		{Method: "GET", Path: "/c", Handler: i.card, Access: Public, Doc: "holder's page: what is left, until when, where to go"},
		{Method: "POST", Path: "/c", Handler: i.typedIn, Access: Public, Doc: "holder's page: open by a typed code"},
		{Method: "POST", Path: "/c/close", Handler: i.closeCard, Access: Open, Doc: "holder's page: forget the code in this browser"},

		{Method: "GET", Path: "/.well-known/passerelle-keys.json", Handler: i.publicKeys, Access: Open,
			Doc: "public keys that verify QR codes without network"},
		{Method: "GET", Path: "/api/v1/handovers", Handler: i.apiList, Access: looks, Doc: "list booklets handed over"},
		{Method: "POST", Path: "/api/v1/handovers", Handler: i.apiHandOver, Access: handsOver, Doc: "hand a booklet over"},
		{Method: "GET", Path: "/api/v1/handovers/:id", Handler: i.apiShow, Access: looks, Doc: "one booklet, without its codes"},
		{Method: "GET", Path: "/api/v1/handovers/:id/booklet.pdf", Handler: i.print, Access: handsOver, Doc: "booklet to print, with its codes"},
		{Method: "POST", Path: "/api/v1/handovers/:id/freeze", Handler: i.apiFreeze, Access: handsOver, Doc: "freeze a booklet, or let it run again"},
	}
}

// handedOver is a booklet as the API gives it; codes only to whoever has just handed it over.
type handedOver struct {
	issuing.Booklet
	Value vouchers.Cents `json:"value_cents"`
	PDF   string         `json:"pdf"`
}

func (i *Issuing) answerOf(c *fiber.Ctx, b issuing.Booklet) handedOver {
	pdf := fmt.Sprintf("%s/api/v1/handovers/%d/booklet.pdf", of(c).server.options.PublicURL, b.ID)
	return handedOver{Booklet: b, Value: b.Value(), PDF: pdf}
}

func (i *Issuing) apiHandOver(c *fiber.Ctx) error {
	var req issuing.HandOverRequest
	if err := decode(c, &req); err != nil {
		return err
	}
	b, err := i.Service.HandOver(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/handovers/%d", b.ID))
	return apiJSON(c, http.StatusCreated, i.answerOf(c, b))
}

func (i *Issuing) apiShow(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	b, err := i.Service.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, i.answerOf(c, b))
}

func (i *Issuing) apiList(c *fiber.Ctx) error {
	page, err := i.page(c)
	if err != nil {
		return err
	}
	answer := listing[handedOver]{Items: make([]handedOver, len(page.Items)), Next: page.Next}
	for n, b := range page.Items {
		answer.Items[n] = i.answerOf(c, b)
	}
	return apiJSON(c, http.StatusOK, answer)
}

func (i *Issuing) apiFreeze(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Frozen *bool `json:"frozen"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if in.Frozen == nil {
		return invalid("frozen")
	}
	card, err := i.Service.Freeze(c.UserContext(), actor(c), issuing.FreezeRequest{Booklet: id, Frozen: *in.Frozen})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, card)
}

// page reads one page of booklets, newest first.
func (i *Issuing) page(c *fiber.Ctx) (listing[issuing.Booklet], error) {
	below, err := before[vouchers.BookletID](c)
	if err != nil {
		return listing[issuing.Booklet]{}, err
	}
	booklets, err := i.Service.HandOvers(c.UserContext(), actor(c), below, pageSize+1)
	return cut(booklets, func(b issuing.Booklet) vouchers.BookletID { return b.ID }), err
}

// print answers with the booklet's PDF, in the language that its funder has ordered, else in
// the prescriber's. Who asked for it is in the audit trail.
func (i *Issuing) print(c *fiber.Ctx) error {
	id, err := pathID[vouchers.BookletID](c, "id")
	if err != nil {
		return err
	}
	b, err := i.Service.Reprint(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	said := words(c)
	if b.Letter != "" {
		said = of(c).server.options.Site.Words.For(b.Letter)
	}
	sheet, err := i.sheet(c, b, said)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := documents.WriteBooklet(&pdf, paperWords{said}, sheet); err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, "application/pdf")
	c.Set(fiber.HeaderContentDisposition, `inline; filename="carnet-`+b.Reference()+`.pdf"`)
	return c.Send(pdf.Bytes())
}

// placesOnPaper is how many places a booklet names.
const placesOnPaper = 3

func (i *Issuing) sheet(c *fiber.Ctx, b issuing.Booklet, said *i18n.Words) (documents.Booklet, error) {
	typed, err := vouchers.ParseTyped(b.Typed)
	if err != nil {
		return documents.Booklet{}, err
	}
	sheet := documents.Booklet{
		Reference: b.Reference(), Funder: b.Funder, Campaign: b.CampaignName, Face: b.Face, Count: b.Count, Left: b.Left,
		Until: b.Until, URL: b.QR, Typed: typed, HelpPhone: i.HelpPhone, HandedOverAt: b.HandedOverAt,
	}
	from, known := b.Commune()
	if !known {
		return sheet, nil
	}
	places, err := i.near(c, b.Campaign, from, placesOnPaper)
	for _, p := range places {
		near := documents.NearbyPlace{Name: p.Name, Address: addressLines(p), Phone: phoneAsRead(p.Phone),
			Hours: hoursInWords(said, p.Hours), DistanceKm: -1}
		if p.Km != nil {
			near.DistanceKm = *p.Km
		}
		sheet.Places = append(sheet.Places, near)
	}
	return sheet, err
}

func (i *Issuing) near(c *fiber.Ctx, campaign vouchers.CampaignID, from territory.Commune, n int) ([]labelling.Place, error) {
	if !from.Located {
		return nil, nil
	}
	return i.Places(c.UserContext(), labelling.NearQuery{Lat: from.Lat, Lon: from.Lon, Campaign: campaign, Limit: n})
}
