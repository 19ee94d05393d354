package httpd

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/vouchers"
)

// statuses is the one table from kinds of fault to HTTP statuses; titles are the texts
// "error.title.<title>".
var statuses = map[fault.Kind]struct {
	status int
	title  string
}{
	fault.Invalid:         {http.StatusUnprocessableEntity, "invalid"},
	fault.Malformed:       {http.StatusBadRequest, "malformed"},
	fault.Unauthenticated: {http.StatusUnauthorized, "unauthenticated"},
	fault.Forbidden:       {http.StatusForbidden, "forbidden"},
	fault.NotFound:        {http.StatusNotFound, "not_found"},
	fault.Conflict:        {http.StatusConflict, "conflict"},
	fault.Gone:            {http.StatusGone, "gone"},
	fault.RateLimited:     {http.StatusTooManyRequests, "rate_limited"},
	fault.TooLarge:        {http.StatusRequestEntityTooLarge, "too_large"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "unavailable"},
}

// refusal is what is told about an error.
type refusal struct {
	status int
	title  string // key after "error.title."
	code   string
	args   map[string]any
	fault  fault.Kind // 0 where the error is none
}

// refusalOf words any error. What is no fault and not the router's is our own trouble:
// its text never leaves the log.
func refusalOf(err error) refusal {
	var f *fault.Error
	if errors.As(err, &f) && statuses[f.Kind].status != 0 {
		kind := statuses[f.Kind]
		return refusal{kind.status, kind.title, f.Code, f.Args, f.Kind}
	}
	var e *fiber.Error
	if errors.As(err, &e) {
		switch e.Code {
		case http.StatusNotFound:
			return refusal{status: e.Code, title: "not_found", code: "not_found"}
		case http.StatusMethodNotAllowed, http.StatusNotImplemented:
			return refusal{status: e.Code, title: "method_not_allowed", code: "method_not_allowed"}
		case http.StatusRequestEntityTooLarge, http.StatusRequestHeaderFieldsTooLarge:
			return refusal{status: e.Code, title: "too_large", code: "too_large"}
		case http.StatusBadRequest, http.StatusRequestTimeout:
			return refusal{status: e.Code, title: "malformed", code: "malformed_body"}
		}
	}
	return refusal{status: http.StatusInternalServerError, title: "internal", code: "internal"}
}

// answer is the one function that answers errors: problem details on the API, a page
// elsewhere.
func (s *Server) answer(c *fiber.Ctx, err error) error {
	r := s.begin(c)
	told := refusalOf(err)
	if told.status == http.StatusInternalServerError || told.fault == fault.Unavailable {
		s.options.Log.Error("request failed", "request_id", r.id, "route", routeName(r), "error", err.Error())
	}
	s.protect(c)
	c.Status(told.status)
	retryAfter(c, told)
	if isAPI(c) {
		return s.problem(c, told)
	}
	if told.fault == fault.Unauthenticated && c.Method() == fiber.MethodGet {
		return c.Redirect("/login?next="+url.QueryEscape(localPath(c.OriginalURL())), http.StatusSeeOther)
	}
	return s.errorPage(c, told)
}

func retryAfter(c *fiber.Ctx, told refusal) {
	wait := 2 * time.Second
	switch told.fault {
	case fault.RateLimited:
		if asked, ok := told.args["wait"].(time.Duration); ok {
			wait = asked
		}
	case fault.Unavailable:
	default:
		return
	}
	seconds := max(1, int((wait+time.Second-1)/time.Second))
	c.Set(fiber.HeaderRetryAfter, strconv.Itoa(seconds))
}

// problem writes RFC 9457 problem details. "code" is stable; the values of the sentence are
// members too, money in cents and times in RFC 3339.
func (s *Server) problem(c *fiber.Ctx, told refusal) error {
	words := s.options.Site.Words.For(s.options.Site.Words.Match(c.Get(fiber.HeaderAcceptLanguage)))
	body := map[string]any{}
	for name, value := range told.args {
		if value, safe := member(value); safe {
			body[name] = value
		}
	}
	body["type"] = s.options.PublicURL + "/api/docs#" + told.code
	body["title"] = words.Text("error.title." + told.title)
	body["status"] = told.status
	body["detail"] = sentence(words, told)
	body["instance"] = of(c).id
	body["code"] = told.code
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if told.status == http.StatusUnauthorized {
		c.Set(fiber.HeaderWWWAuthenticate, "Bearer")
	}
	c.Set(fiber.HeaderContentLanguage, words.Lang())
	c.Set(fiber.HeaderContentType, "application/problem+json")
	return c.Send(raw)
}

// member is a value as an API member; only plain values are told.
func member(value any) (any, bool) {
	switch v := value.(type) {
	case string, bool, int, int64, vouchers.Cents, vouchers.Day, time.Time:
		return v, true
	case time.Duration:
		return int64((v + time.Second - 1) / time.Second), true
	}
	return nil, false
}

// sentence says a refusal: what happened, why, what to do now.
func sentence(words *i18n.Words, told refusal) string {
	return words.Text("fault."+told.code, pairs(told.args)...)
}

// faultText says an error's fault on a page that shows its form again; "" where err holds
// no fault, which a handler returns instead.
func faultText(c *fiber.Ctx, err error) string {
	var f *fault.Error
	if !errors.As(err, &f) {
		return ""
	}
	return sentence(words(c), refusal{code: f.Code, args: f.Args})
}

func pairs(args map[string]any) []any {
	names := make([]string, 0, len(args))
	for name := range args {
		names = append(names, name)
	}
	slices.Sort(names)
	list := make([]any, 0, 2*len(args))
	for _, name := range names {
		list = append(list, name, args[name])
	}
	return list
}

// ErrorBody is what home/error.html shows.
type ErrorBody struct {
	Status            int
	Title, Text, Next string
	Reference         string // of our own trouble only
}

func (s *Server) errorPage(c *fiber.Ctx, told refusal) error {
	r := of(c)
	body := ErrorBody{
		Status: told.status,
		Title:  r.words.Text("error.title." + told.title),
		Text:   sentence(r.words, told),
	}
	if told.code == "internal" {
		body.Reference = r.id
	}
	if err := page(c, "home/error", body); err != nil {
		s.options.Log.Error("the error page failed", "request_id", r.id, "error", err.Error())
		return c.SendString(body.Text)
	}
	return nil
}
