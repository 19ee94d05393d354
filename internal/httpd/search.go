package httpd

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/issuing"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// searchWindow is the API and the pages of finding a place.
type searchWindow struct {
	room     *search.Service
	booklets *issuing.Service
	keys     *vouchers.Keyring // unseal the code of an open booklet
}

// SearchRoutes are the routes of package search.
func SearchRoutes(room *search.Service, booklets *issuing.Service, keys *vouchers.Keyring) []Route {
	w := searchWindow{room, booklets, keys}
	return []Route{
		{Method: "GET", Path: "/api/v1/places", Handler: w.find, Access: Public,
			Doc: "places that answer a question, the best first; without q the nearest first"},
		{Method: "GET", Path: "/places", Handler: w.findPage, Access: Public, Doc: "find a place"},
		{Method: "GET", Path: "/widget", Handler: w.widget, Access: Open, Doc: "find a place, in another site's frame"},
		{Method: "GET", Path: "/widget/new", Handler: w.widgetMaker, Access: Public, Doc: "make a finder for one's own site"},
	}
}

// findRequest reads the query of a search.
func findRequest(c *fiber.Ctx) search.Request {
	campaign, _ := strconv.ParseInt(c.Query("campaign"), 10, 64)
	return search.Request{
		Near: c.Query("near"), Commune: c.Query("commune"), Query: c.Query("q"),
		Wishes: search.Wishes{Labelled: c.QueryBool("labelled"), Campaign: vouchers.CampaignID(max(campaign, 0)), RadiusKm: c.QueryFloat("radius"),
			Wheelchair: c.QueryBool("wheelchair"), Language: c.Query("language"), Free: c.QueryBool("free"),
			Seats: c.QueryBool("seats"), OpenNow: c.QueryBool("open_now")},
		Limit: c.QueryInt("limit"), After: c.Query("after"),
	}
}

// finderURL is the address of a search, which holds all its filters.
func finderURL(req search.Request, after string) string {
	query := url.Values{"near": {req.Near}}
	for name, value := range map[string]string{"commune": req.Commune, "q": req.Query, "after": after, "language": req.Language} {
		if value != "" {
			query.Set(name, value)
		}
	}
	for name, wished := range map[string]bool{"labelled": req.Labelled, "wheelchair": req.Wheelchair, "free": req.Free, "seats": req.Seats, "open_now": req.OpenNow} {
		if wished {
			query.Set(name, "true")
		}
	}
	if req.RadiusKm > 0 {
		query.Set("radius", strconv.FormatFloat(req.RadiusKm, 'f', -1, 64))
	}
	if req.Campaign > 0 {
		query.Set("campaign", strconv.FormatInt(int64(req.Campaign), 10))
	}
	return "/places?" + query.Encode()
}

// communeAnswer is a commune, as the API names it.
type communeAnswer struct {
	INSEE     string   `json:"insee"`
	Name      string   `json:"name"`
	Postcodes []string `json:"postcodes"`
}

func newCommuneAnswer(c territory.Commune) communeAnswer {
	return communeAnswer{c.INSEE, c.Name, c.Postcodes}
}

// hitAnswer is a place that was found, and why in a sentence.
type hitAnswer struct {
	search.Hit
	OpenUntil *string `json:"open_until"` // "17:00"
	Why       string  `json:"why"`
}

// placesAnswer is one page of places.
type placesAnswer struct {
	Commune  *communeAnswer  `json:"commune"`    // from where distances are measured
	Others   []communeAnswer `json:"others"`     // communes that near may also mean: choose one with commune
	Themes   []string        `json:"understood"` // themes that the question was understood to ask for
	LetGo    []string        `json:"let_go"`     // wishes that no place fulfils, and that were let go
	NotFound []string        `json:"not_found"`  // words of the question that no place has
	Items    []hitAnswer     `json:"items"`
	Next     *string         `json:"next"` // for after
}

func (w searchWindow) find(c *fiber.Ctx) error {
	f, err := w.room.Find(c.UserContext(), actor(c), findRequest(c))
	if err != nil {
		return err
	}
	answer := placesAnswer{Others: []communeAnswer{}, Items: []hitAnswer{}, Themes: append([]string{}, f.Meaning.Themes...),
		LetGo: append([]string{}, f.LetGo...), NotFound: append([]string{}, f.Unknown...)}
	for _, h := range f.Hits {
		h.Offers = append([]string{}, h.Offers...)
		item := hitAnswer{Hit: h, Why: why(words(c), f, h)}
		if h.OpenUntil != nil {
			until := clockText(*h.OpenUntil)
			item.OpenUntil = &until
		}
		answer.Items = append(answer.Items, item)
	}
	if f.Commune != nil {
		commune := newCommuneAnswer(*f.Commune)
		answer.Commune = &commune
	}
	for _, other := range f.Others {
		answer.Others = append(answer.Others, newCommuneAnswer(other))
	}
	if f.Next != "" {
		answer.Next = &f.Next
	}
	return apiJSON(c, http.StatusOK, answer)
}

// wishBoxes are the filters that a page offers as boxes, by the name in the address.
var wishBoxes = []string{"labelled", "open_now", "seats", "wheelchair", "free"}

func wished(w search.Wishes, name string) bool {
	return map[string]bool{"labelled": w.Labelled, "open_now": w.OpenNow, "seats": w.Seats, "wheelchair": w.Wheelchair, "free": w.Free}[name]
}

// languagesOffered are those that a page lets one choose.
var languagesOffered = []string{"en", "ar", "es", "pt", "tr", "uk", "ru", "fsl"}

// FinderBody is what search/places.html shows.
type FinderBody struct {
	Near, Query string
	Boxes       []wishBox
	Languages   []choiceOf
	Language    string
	Radius      float64
	Radii       []float64
	Narrowed    bool     // a filter is set
	Asked       bool     // something was looked for
	Commune     string   // from where distances are measured, "" when not understood
	Understood  string   // what was understood, "" where nothing had to be
	Others      []Choice // other communes that may be meant
	LetGo       []string // in sentences
	Places      []FoundPlace
	Map         *placesMap
	Next        string // URL of the page that follows
}

type wishBox struct {
	Name    string
	Checked bool
}

// FoundPlace is a place with its number in list and map, and why it is there.
type FoundPlace struct {
	PlaceView
	Number int
	Why    string
}

// Choice is a link to one of several answers.
type Choice struct{ Text, Href string }

func (w searchWindow) findPage(c *fiber.Ctx) error {
	req := findRequest(c)
	mine, open := w.openCampaign(c)
	if open && c.QueryBool(mineBox) {
		req.Campaign = mine
	}
	body := newFinderBody(c, req)
	if open {
		body.Boxes = append([]wishBox{{mineBox, req.Campaign == mine}}, body.Boxes...)
	}
	if !body.Asked {
		return page(c, "search/places", body)
	}
	f, err := w.room.Find(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	if f.Commune != nil {
		body.Commune = f.Commune.Name
	}
	for _, other := range f.Others {
		body.Others = append(body.Others, communeChoice(req, other))
	}
	body.Understood = understood(words(c), f)
	for _, gone := range f.LetGo {
		body.LetGo = append(body.LetGo, words(c).Text("search.let-go."+gone))
	}
	if len(f.Unknown) > 0 && body.Understood == "" {
		body.LetGo = append(body.LetGo, words(c).Text("search.unknown", "words", quoted(f.Unknown)))
	}
	first := 0
	if n, err := strconv.Atoi(req.After); err == nil {
		first = n
	}
	for i, h := range f.Hits {
		view := placeView(words(c), h.Place)
		view.Services = servicesInLine(words(c), h.Place)
		body.Places = append(body.Places, FoundPlace{view, first + i + 1, why(words(c), f, h)})
	}
	body.Map = drawPlaces(f, first)
	if f.Next != "" {
		body.Next = finderURL(req, f.Next)
	}
	return page(c, "search/places", body)
}

// mineBox is the filter of who has a booklet open in this browser.
const mineBox = "mine"

// openCampaign is the campaign of the booklet that is open in this browser and still holds
// vouchers; false where there is none. What the cookie holds may be no booklet any more.
func (w searchWindow) openCampaign(c *fiber.Ctx) (vouchers.CampaignID, bool) {
	code := heldCode(c, w.keys)
	if code == "" {
		return 0, false
	}
	card, err := w.booklets.OpenTicket(c.UserContext(), code)
	return card.Campaign, err == nil && card.Left > 0
}

func newFinderBody(c *fiber.Ctx, req search.Request) FinderBody {
	body := FinderBody{Near: req.Near, Query: req.Query, Language: req.Language, Radius: req.RadiusKm, Radii: []float64{5, 10, 20},
		Asked:    req.Near != "" || req.Query != "" || req.Commune != "",
		Narrowed: req.Wishes != search.Wishes{} && req.Wishes != search.Wishes{Labelled: true}}
	for _, name := range wishBoxes {
		body.Boxes = append(body.Boxes, wishBox{name, wished(req.Wishes, name)})
	}
	body.Languages = append(body.Languages, choiceOf{"", words(c).Text("search.language.any")})
	for _, code := range languagesOffered {
		body.Languages = append(body.Languages, choiceOf{code, words(c).Text("search.language." + code)})
	}
	if !slices.Contains(languagesOffered, body.Language) {
		body.Language = ""
	}
	return body
}

func communeChoice(req search.Request, c territory.Commune) Choice {
	text := c.Name
	if len(c.Postcodes) > 0 {
		text += " (" + c.Postcodes[0] + ")"
	}
	req.Commune, req.Near = c.INSEE, c.Name
	return Choice{text, finderURL(req, "")}
}
