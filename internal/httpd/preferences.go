package httpd

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"
)

// display is how pages look for one reader. It is kept in one plain cookie that says
// nothing about the person.
type display struct{ Lang, Theme, Size string }

var (
	themes = []string{"auto", "light", "dark", "contrast"}
	sizes  = []string{"normal", "large"}
)

const displayLife = 365 * 24 * time.Hour

// display reads the cookie; the language falls back on what the browser asks for.
func (s *Server) display(c *fiber.Ctx) display {
	kept, err := url.ParseQuery(c.Cookies(s.cookieName("display")))
	if err != nil {
		kept = nil
	}
	d := display{Theme: themes[0], Size: sizes[0]}
	d = d.with(s, kept.Get)
	if d.Lang == "" {
		d.Lang = s.options.Site.Words.Match(c.Get(fiber.HeaderAcceptLanguage))
	}
	return d
}

// with is d with every value that get knows and that exists.
func (d display) with(s *Server, get func(string) string) display {
	if lang := get("lang"); s.options.Site.Words.Has(lang) {
		d.Lang = lang
	}
	if theme := get("theme"); slices.Contains(themes, theme) {
		d.Theme = theme
	}
	if size := get("size"); slices.Contains(sizes, size) {
		d.Size = size
	}
	return d
}

// DisplayBody is what home/display.html shows.
type DisplayBody struct{ Back string }

func (s *Server) showDisplay(c *fiber.Ctx) error {
	return page(c, "home/display", DisplayBody{Back: localPath(c.Query("back"))})
}

func (s *Server) saveDisplay(c *fiber.Ctx) error {
	d := of(c).display.with(s, func(name string) string { return c.FormValue(name) })
	kept := url.Values{"lang": {d.Lang}, "theme": {d.Theme}, "size": {d.Size}}
	c.Cookie(s.cookie("display", kept.Encode(), displayLife))
	return c.Redirect(localPath(c.FormValue("back")), http.StatusSeeOther)
}
