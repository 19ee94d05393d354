package httpd

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/complaints"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// The holder's page, without an account. The code comes by GET /C/:payload or is typed,
// and stays in a sealed cookie (see holdCode).

// AskBody is what issuing/ask.html shows: the form for a typed code.
type AskBody struct {
	Problem   string
	HelpPhone string
}

// HolderBody is what issuing/card.html shows.
type HolderBody struct {
	issuing.Card
	View      CardView
	Standing  string // "live", "late" (within the tolerance), "frozen", "over" or "used"
	Themes    []string
	Near      string // commune as typed, else where the places below are counted from
	NotFound  bool   // no commune is called that
	Places    []PlaceView
	Bookings  []BookedLine
	Uses      []complaints.Use // the latest first
	HelpPhone string
}

// Usable tells whether a voucher can be spent today.
func (b HolderBody) Usable() bool { return b.Standing == "live" || b.Standing == "late" }

// scanned answers a QR code's address. Nothing but a payload that we made gets further,
// and after the first lines the request no longer knows it: no log, no page and no
// Referer can show it.
func (i *Issuing) scanned(c *fiber.Ctx) error {
	payload := strings.ToUpper(c.Params("payload"))
	c.Request().SetRequestURI("/c")
	if err := i.Service.CheckTicket(payload); err != nil {
		return i.ask(c, err)
	}
	holdCode(c, i.Keys, payload)
	return c.Redirect("/c", http.StatusSeeOther)
}

// typedIn opens the page by a code that was typed, or by what a hand scanner typed.
func (i *Issuing) typedIn(c *fiber.Ctx) error {
	var form struct {
		Code string `form:"code"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	payload, err := vouchers.FromScan(form.Code)
	if err == nil {
		err = i.Service.CheckTicket(payload)
	} else {
		payload, err = i.Service.TryTyped(c.UserContext(), neighbourhood(clientIP(c)), form.Code)
	}
	if faultText(c, err) != "" {
		return i.ask(c, err)
	}
	if err != nil {
		return err
	}
	holdCode(c, i.Keys, payload)
	return c.Redirect("/c", http.StatusSeeOther)
}

// neighbourhood is what one subscriber holds: an IPv4 address, or an IPv6 /64.
func neighbourhood(a netip.Addr) string {
	if prefix, err := a.Prefix(64); err == nil && a.Is6() {
		return prefix.String()
	}
	return a.String()
}

func (i *Issuing) closeCard(c *fiber.Ctx) error {
	dropCode(c)
	return c.Redirect("/c", http.StatusSeeOther)
}

// ask shows the form for a typed code, after a refusal with its sentence.
func (i *Issuing) ask(c *fiber.Ctx, refused error) error {
	body := AskBody{HelpPhone: i.HelpPhone}
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "issuing/ask", body)
}

// card shows the booklet whose code this browser holds; a mediator goes to the counter,
// where the code already is.
func (i *Issuing) card(c *fiber.Ctx) error {
	code := heldCode(c, i.Keys)
	if code == "" {
		return i.ask(c, nil)
	}
	if actor(c).Kind == identity.Structure {
		return c.Redirect("/redemptions", http.StatusSeeOther)
	}
	card, err := i.Service.OpenTicket(c.UserContext(), code)
	if fault.Code(err) == "card_unknown" {
		dropCode(c)
		return i.ask(c, err)
	}
	if err != nil {
		return err
	}
	body := HolderBody{Card: card, Standing: cardStanding(card, vouchers.DayOf(of(c).server.options.Now())),
		Themes: themesOf(card), HelpPhone: i.HelpPhone,
		View: CardView{Count: card.Count, Face: card.Face, Until: card.Until, Funder: card.Funder}.holding(card.Left + card.Frozen)}
	holder := identity.Actor{} // whoever shows the code, signed in or not
	if body.Bookings, err = i.bookings(c, holder, code, 0); err != nil {
		return err
	}
	if body.Uses, err = i.Uses(c.UserContext(), holder, code); err != nil {
		return err
	}
	if body.Usable() {
		if err := i.whereToGo(c, &body); err != nil {
			return err
		}
	}
	c.Set("X-Robots-Tag", "noindex")
	return page(c, "issuing/card", body)
}

// placesOnCard is how many places the holder's page names.
const placesOnCard = 6

// whereToGo finds places near the commune that was typed, else near the booklet's origin.
func (i *Issuing) whereToGo(c *fiber.Ctx, body *HolderBody) error {
	body.Near = strings.TrimSpace(c.Query("near"))
	from, known := body.Commune()
	if body.Near != "" {
		found := territory.Search(body.Near, 1)
		if known = len(found) > 0; known {
			from = found[0]
		}
		body.NotFound = !known
	}
	if !known {
		return nil
	}
	body.Near = from.Name
	places, err := i.near(c, body.Campaign, from, placesOnCard)
	for _, p := range places {
		body.Places = append(body.Places, placeView(words(c), p))
	}
	return err
}

// cardStanding says in one word what the holder can do today.
func cardStanding(card issuing.Card, today vouchers.Day) string {
	switch {
	case card.Left+card.Frozen == 0 && card.Expired == 0:
		return "used"
	case today > card.LastDay || card.Left+card.Frozen == 0:
		return "over"
	case card.Left == 0:
		return "frozen"
	case today > card.Until:
		return "late"
	}
	return "live"
}

// themesOf lists what the booklet pays for: the campaign's themes, or all.
func themesOf(card issuing.Card) []string {
	if len(card.CampaignOnly) > 0 {
		return card.CampaignOnly
	}
	var all []string
	for _, theme := range catalogue.Themes() {
		all = append(all, string(theme))
	}
	return all
}
