package httpd

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/redemption"
	"github.com/passerelle/passerelle/vouchers"
)

// takeForm is what a mediator chooses. The code is not in it: see sealed.go.
type takeForm struct {
	Count   int              `form:"count"`
	Theme   string           `form:"service_theme"`
	Minutes int              `form:"duration_minutes"`
	Mode    string           `form:"mode"`
	Place   vouchers.PlaceID `form:"place"`
}

func (f takeForm) request(code string) redemption.Request {
	return redemption.Request{Code: code, Count: f.Count, Theme: f.Theme, DurationMinutes: f.Minutes, Mode: f.Mode, Place: f.Place}
}

// ScanBody is what redemption/counter.html shows.
type ScanBody struct {
	MayRedeem bool
	Problem   string // a sentence, "" at first
	HasCode   bool   // a code was read already: only the place is missing
	Typed     string // as typed last time, when it was refused
	Places    []redemption.Place
	Place     vouchers.PlaceID // chosen; 0 as long as none is
	Lines     []redemption.Line
	Older     string // address of older lines, "" on the last page
}

// OfferBody is what redemption/offer.html shows.
type OfferBody struct {
	redemption.Checked
	Place   redemption.Place
	Refusal string // sentence: this booklet cannot be used here and now
	Problem string // sentence: the form as sent cannot be granted
	Take    takeForm
	Choices []themeChoice
	Chosen  int    // index of the one that is chosen
	Most    int    // vouchers that may be taken at once
	Apart   int    // vouchers that are held for a session elsewhere
	Counts  string // "1 voucher · 10 €" for 1 to Most, one a line
	Buttons string // the button's text for 1 to Most, one a line
	Button  string // for Take.Count
}

type themeChoice struct {
	redemption.ThemeOffer
	Price vouchers.Cents
}

// PendingBody is what redemption/pending.html shows.
type PendingBody struct {
	Text string
	Take takeForm
	Key  string // of the request whose outcome is unknown
}

// ReceiptBody is what redemption/receipt.html shows.
type ReceiptBody struct {
	redemption.Receipt
	Problem   string // why it was not taken back
	MayRedeem bool
}

// mayRedeem tells whether pages offer to redeem; the use case checks again.
func mayRedeem(c *fiber.Ctx) bool {
	return actor(c).Needs(identity.Structure, identity.Agent) == nil
}

// linesShown is how many redemptions are listed under the camera.
const linesShown = 10

// showCounter is the camera, or what the code in hand is good for.
func (r *Redemption) showCounter(c *fiber.Ctx) error {
	code := heldCode(c, r.Keys)
	if code == "" || !mayRedeem(c) {
		return r.showScan(c, "")
	}
	take := takeForm{Count: c.QueryInt("_count"), Theme: c.Query("service_theme"), Minutes: c.QueryInt("duration_minutes"), Mode: c.Query("mode")}
	return r.showOffer(c, code, take, "")
}

func (r *Redemption) showScan(c *fiber.Ctx, problem string) error {
	body := ScanBody{MayRedeem: mayRedeem(c), Problem: problem}
	return r.scanPage(c, body)
}

func (r *Redemption) scanPage(c *fiber.Ctx, body ScanBody) error {
	lines, err := r.linesBefore(c, linesShown+1)
	if err != nil {
		return err
	}
	body.Lines = lines[:min(len(lines), linesShown)]
	if len(lines) > linesShown {
		body.Older = fmt.Sprintf("/redemptions?before=%d#last", body.Lines[linesShown-1].ID)
	}
	places, here, err := r.places(c)
	if err != nil {
		return err
	}
	body.Places, body.Place = places, here.ID
	return page(c, "redemption/counter", body)
}

// showOffer says what is left of a booklet, until when and for what, and takes the choice.
func (r *Redemption) showOffer(c *fiber.Ctx, code string, take takeForm, problem string) error {
	_, here, err := r.places(c)
	if err != nil {
		return err
	}
	checked, err := r.Service.Check(c.UserContext(), actor(c), redemption.CheckRequest{Code: code, Place: here.ID})
	if text := faultText(c, err); text != "" && refusalOf(err).fault != fault.Unavailable {
		dropCode(c)
		c.Status(refusalOf(err).status)
		return r.scanPage(c, ScanBody{MayRedeem: true, Problem: text, Typed: asTyped(code)})
	}
	if err != nil {
		return err
	}
	if checked.Refusal == "place_required" && here.ID == 0 {
		return r.scanPage(c, ScanBody{MayRedeem: true, HasCode: true})
	}
	take.Place = here.ID
	return page(c, "redemption/offer", offerOf(c, checked, here, take, problem))
}

// asTyped is a code that a person can correct, "" for what a camera read.
func asTyped(code string) string {
	if len(code) > 40 {
		return ""
	}
	return code
}

func offerOf(c *fiber.Ctx, checked redemption.Checked, here redemption.Place, take takeForm, problem string) OfferBody {
	body := OfferBody{Checked: checked, Place: here, Problem: problem, Apart: checked.Left - checked.Here}
	switch {
	case checked.Refused != nil:
		body.Refusal = sentence(words(c), refusal{code: checked.Refused.Code, args: checked.Refused.Args})
	case len(checked.Themes) == 0:
		body.Refusal = words(c).Text("redemption.nothing-here")
	}
	if body.Refusal != "" {
		return body
	}
	for _, offer := range checked.Themes {
		body.Choices = append(body.Choices, themeChoice{offer, checked.Face * vouchers.Cents(offer.PriceVouchers)})
	}
	body.Most = min(checked.Here, checked.PriceCap)
	if len(checked.Booked) > 0 && checked.Booked[0].Today && take.Theme == "" {
		take = asBooked(take, checked.Booked[0])
	}
	body.Take, body.Chosen = filled(take, checked.Themes, body.Most)
	counts, buttons := make([]string, body.Most), make([]string, body.Most)
	for i := range body.Most {
		value := words(c).Euros(checked.Face * vouchers.Cents(i+1))
		counts[i] = words(c).Text("redemption.count", "count", i+1, "value", value)
		buttons[i] = words(c).Text("redemption.take", "count", i+1, "value", value)
	}
	body.Counts, body.Buttons = strings.Join(counts, "\n"), strings.Join(buttons, "\n")
	body.Button = buttons[body.Take.Count-1]
	return body
}

// asBooked is the choice that was made when the session of today was booked.
func asBooked(take takeForm, b redemption.Booked) takeForm {
	take.Theme, take.Minutes, take.Mode = b.Theme, b.Minutes, "individual"
	if take.Count == 0 {
		take.Count = b.Vouchers
	}
	if b.Group {
		take.Mode = "group"
	}
	return take
}

// filled completes a choice: the first service of its theme, its price, its duration, face
// to face.
func filled(take takeForm, themes []redemption.ThemeOffer, most int) (takeForm, int) {
	i := max(0, slices.IndexFunc(themes, func(t redemption.ThemeOffer) bool { return t.Theme == take.Theme }))
	take.Theme = themes[i].Theme
	if take.Count == 0 {
		take.Count = themes[i].PriceVouchers
	}
	take.Count = min(max(take.Count, 1), most)
	if take.Minutes == 0 {
		take.Minutes = themes[i].DurationMinutes
	}
	if take.Mode == "" {
		take.Mode = "individual"
	}
	return take, i
}

// CountText is the line of Counts for what is chosen.
func (b OfferBody) CountText() string { return strings.Split(b.Counts, "\n")[b.Take.Count-1] }

// Less and More are the counts that the stepper offers.
func (b OfferBody) Less() int { return max(b.Take.Count-1, 1) }

// More is one voucher more, as far as that is possible.
func (b OfferBody) More() int { return min(b.Take.Count+1, b.Most) }

// showPending says that the outcome is not known yet and lets the mediator ask again with
// the same key. Whatever is no refusal is unknown: it may have been done.
func (r *Redemption) showPending(c *fiber.Ctx, take takeForm, cause error) error {
	text := faultText(c, cause)
	if text == "" {
		text = words(c).Text("fault.outcome_unknown")
	}
	s := of(c).server
	s.options.Log.Error("outcome unknown", "request_id", of(c).id, "error", cause.Error())
	c.Status(http.StatusServiceUnavailable)
	return page(c, "redemption/pending", PendingBody{Text: text, Take: take, Key: idempotencyKey(c)})
}
