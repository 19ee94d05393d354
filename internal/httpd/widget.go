package httpd

import (
	"fmt"
	"html"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/search"
)

// widgetPlaces is how many answers a frame shows.
const widgetPlaces = 5

// WidgetBody is what search/widget.html shows.
type WidgetBody struct {
	Request search.Request
	Asked   bool
	Theme   string
	Commune string
	LetGo   []string
	Places  []FoundPlace
	More    string // address of the whole finder
}

func (w searchWindow) widget(c *fiber.Ctx) error {
	req := findRequest(c)
	req.Limit, req.After = widgetPlaces, ""
	body := WidgetBody{Request: req, Asked: req.Near != "" || req.Query != "" || req.Commune != "", Theme: widgetTheme(c), More: finderURL(req, "")}
	if body.Asked {
		f, err := w.room.Find(c.UserContext(), actor(c), req)
		if err != nil {
			return err
		}
		if f.Commune != nil {
			body.Commune = f.Commune.Name
		}
		for _, gone := range f.LetGo {
			body.LetGo = append(body.LetGo, words(c).Text("search.let-go."+gone))
		}
		for i, h := range f.Hits {
			body.Places = append(body.Places, FoundPlace{placeView(words(c), h.Place), i + 1, why(words(c), f, h)})
		}
	}
	return framed(c, "search/widget", body.Theme, body)
}

func widgetTheme(c *fiber.Ctx) string {
	if c.Query("theme") == "dark" {
		return "dark"
	}
	return "light"
}

// WidgetMakerBody is what search/widget-new.html shows.
type WidgetMakerBody struct {
	Request search.Request
	Dark    bool
	Src     string // address of the frame, on this site
	Frame   string // HTML to copy
	Link    string // HTML to copy where frames are not allowed
}

func (w searchWindow) widgetMaker(c *fiber.Ctx) error {
	req := findRequest(c)
	body := WidgetMakerBody{Request: req, Dark: widgetTheme(c) == "dark"}
	query := url.Values{}
	for name, value := range map[string]string{"near": req.Near, "q": req.Query} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if req.Labelled {
		query.Set("labelled", "true")
	}
	if body.Dark {
		query.Set("theme", "dark")
	}
	body.Src = strings.TrimSuffix("/widget?"+query.Encode(), "?")
	site := strings.TrimSuffix(of(c).server.options.PublicURL, "/")
	title := html.EscapeString(words(c).Text("search.widget.title"))
	body.Frame = fmt.Sprintf(`<iframe src="%s" title="%s" width="100%%" height="720" style="border:0" loading="lazy"></iframe>`, html.EscapeString(site+body.Src), title)
	body.Link = fmt.Sprintf(`<a href="%s">%s</a>`, html.EscapeString(site+finderURL(req, "")), title)
	return page(c, "search/widget-new", body)
}
