package httpd

import (
	"bytes"
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/sepa"
)

// Page is what every template receives.
type Page struct {
	Lang, Theme, Size, Path string
	Who                     *Who // nil for a visitor
	Nav                     []NavItem
	Flash                   *Flash // nil when there is nothing to tell
	Key                     string // fresh idempotency key for this page's form, field "_key"
	Bare                    bool   // without header and footer: it stands in another site's frame
	Body                    any    // the page's own struct
}

// Who is the reader, as pages name them.
type Who struct{ Name, Organisation, Kind, Role string }

// NavItem is one entry of the navigation; Key is its text.
type NavItem struct {
	Href, Key, Icon string
	Current         bool
}

// templates are the pages by language, then by name: "home/home".
type templates map[string]map[string]*template.Template

// parseTemplates joins the layout with each page once per language, so that a page writes
// amounts and dates without being told the language.
func parseTemplates(files fs.FS, words *i18n.Catalogue, assets *assets) (templates, error) {
	pages, err := fs.Glob(files, "pages/*/*.html")
	if err != nil {
		return nil, err
	}
	icons, err := loadIcons(files)
	if err != nil {
		return nil, err
	}
	all := templates{}
	for _, lang := range words.Languages() {
		layout, err := template.New("").Funcs(functions(words.For(lang), assets, icons)).
			ParseFS(files, "layout/*.html", "layout/partials/*.html")
		if err != nil {
			return nil, err
		}
		all[lang] = map[string]*template.Template{}
		for _, file := range pages {
			one, err := template.Must(layout.Clone()).ParseFS(files, file)
			if err != nil {
				return nil, err
			}
			name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html")
			all[lang][name] = one
		}
	}
	return all, nil
}

// loadIcons reads the drawings, which templates put inline so that they take the colour of
// their text.
func loadIcons(files fs.FS) (map[string]template.HTML, error) {
	names, err := fs.Glob(files, "static/icons/*.svg")
	if err != nil {
		return nil, err
	}
	icons := map[string]template.HTML{}
	for _, name := range names {
		svg, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		icons[strings.TrimSuffix(path.Base(name), ".svg")] = template.HTML(bytes.TrimSpace(svg)) // our own file, never input
	}
	return icons, nil
}

// functions are what templates can call.
func functions(w *i18n.Words, assets *assets, icons map[string]template.HTML) template.FuncMap {
	return template.FuncMap{
		"t":        w.Text,
		"money":    w.Money,
		"euros":    w.Euros,
		"day":      func(v any) (string, error) { return dated(v, w.Day) },
		"shortday": func(v any) (string, error) { return dated(v, w.ShortDay) },
		"when":     func(v any) (string, error) { return dated(v, w.When) },
		"clock":    func(v any) (string, error) { return dated(v, w.Clock) },
		"minutes":  w.Minutes,
		"km":       w.Km,
		"number":   func(v any) string { return w.Number(i18n.Whole(v)) },
		"percent":  func(part, whole any) string { return w.Percent(i18n.Whole(part), i18n.Whole(whole)) },
		"rate":     w.BasisPoints,
		"reason":   func(code string) string { return reasonOfBank(w, code) },
		"stripe":   func(code string) string { return reasonOfStripe(w, code) },
		"asset":    assets.url,
		"typed":    typed,
		"phone":    phoneAsRead,
		"dict":     dict,
		"icon": func(name string) (template.HTML, error) {
			if svg, there := icons[name]; there {
				return svg, nil
			}
			return "", fmt.Errorf("no icon %q in web/static/icons", name)
		},
	}
}

// reasonOfBank says why a bank sent a transfer back or refused it, with its code beside. A
// code of the bank's own is shown as it is; without any, that it is not known.
func reasonOfBank(w *i18n.Words, code string) string {
	switch {
	case code == "":
		return w.Text("format.unknown")
	case !sepa.KnownReason(code):
		return code
	}
	return w.Text("sepa.reason."+code) + " (" + code + ")"
}

// dated writes a time.Time or a vouchers.Day.
func dated(v any, write func(time.Time) string) (string, error) {
	switch v := v.(type) {
	case time.Time:
		return write(v), nil
	case *time.Time:
		return write(*v), nil
	case interface{ Time() time.Time }:
		return write(v.Time()), nil
	}
	return "", fmt.Errorf("%T is neither a time nor a day", v)
}

// typed writes a typed code in groups of four, as it is printed.
func typed(code string) string {
	var b strings.Builder
	for i, char := range []rune(strings.ReplaceAll(code, "-", "")) {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(char)
	}
	return b.String()
}

// dict makes the named values of a partial.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict: %d names and values", len(pairs))
	}
	values := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: the name of a value is %v", pairs[i])
		}
		values[name] = pairs[i+1]
	}
	return values, nil
}

// render writes a page into memory, so that a template that fails leaves no half page.
func (s *Site) render(name string, data Page) ([]byte, error) {
	one := s.templates[data.Lang][name]
	if one == nil {
		return nil, fmt.Errorf("no page %q in web/pages", name)
	}
	var html bytes.Buffer
	if err := one.ExecuteTemplate(&html, "base", data); err != nil {
		return nil, err
	}
	return html.Bytes(), nil
}

// page answers with web/pages/<name>.html around body, with the status set before, or 200.
func page(c *fiber.Ctx, name string, body any) error {
	r := of(c)
	html, err := r.server.options.Site.render(name, Page{
		Lang: r.display.Lang, Theme: r.display.Theme, Size: r.display.Size, Path: here(c),
		Who: who(r.actor), Nav: r.server.navigation(c, r.actor), Flash: takeFlash(c),
		Key: randomID(), Body: body,
	})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentLanguage, r.display.Lang)
	return c.Send(html)
}

// framed answers with a page that other sites may show in a frame. Nothing of the reader is
// read for it, and it sets no cookie.
func framed(c *fiber.Ctx, name, theme string, body any) error {
	r := of(c)
	html, err := r.server.options.Site.render(name, Page{Lang: r.display.Lang, Theme: theme, Bare: true, Body: body})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderContentSecurityPolicy, "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors *")
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set(fiber.HeaderContentType, fiber.MIMETextHTMLCharsetUTF8)
	c.Set(fiber.HeaderContentLanguage, r.display.Lang)
	return c.Send(html)
}

// here is where the language switch comes back to: this page, or the home page where the
// answer to a form is shown.
func here(c *fiber.Ctx) string {
	if !isSafe(c.Method()) {
		return "/"
	}
	return localPath(c.OriginalURL())
}

func who(a identity.Actor) *Who {
	if !a.SignedIn() {
		return nil
	}
	return &Who{Name: a.Name, Organisation: a.OrganisationName, Kind: string(a.Kind), Role: string(a.Role)}
}

// navigation lists the pages that this actor may open.
func (s *Server) navigation(c *fiber.Ctx, a identity.Actor) []NavItem {
	return s.listed(c, a, func(n Nav) bool { return !n.Desk || a.Kind != identity.Operator })
}

// deskPages lists those that the operator finds on its money desk.
func (s *Server) deskPages(c *fiber.Ctx, a identity.Actor) []NavItem {
	return s.listed(c, a, func(n Nav) bool { return n.Desk })
}

func (s *Server) listed(c *fiber.Ctx, a identity.Actor, wanted func(Nav) bool) []NavItem {
	var items []NavItem
	for i := range s.routes {
		r := &s.routes[i]
		if r.Nav.Key == "" || !wanted(r.Nav) || r.Access.Check(a) != nil {
			continue
		}
		current := c.Path() == r.Path || strings.HasPrefix(c.Path(), r.Path+"/")
		items = append(items, NavItem{Href: r.Path, Key: r.Nav.Key, Icon: r.Nav.Icon, Current: current})
	}
	return items
}
