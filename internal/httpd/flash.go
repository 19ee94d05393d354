package httpd

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/i18n"
)

// Flash is one message above the next page.
type Flash struct {
	Kind string // "done", "pending" or "stop"
	Text string
}

const flashLife = time.Minute

var flashKinds = []string{"done", "pending", "stop"}

// flashed is the cookie: the text's key, its values already written, and the count that
// chooses the plural.
type flashed struct {
	Kind  string   `json:"k"`
	Key   string   `json:"t"`
	Pairs []string `json:"v,omitempty"`
	Count *int64   `json:"n,omitempty"`
}

// flash tells the reader something on the page that comes next, after a redirect: the
// text of key with pairs, as in Words.Text. Nothing secret may be among them.
func flash(c *fiber.Ctx, kind, key string, pairs ...any) error {
	message := flashed{Kind: kind, Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, _ := pairs[i].(string)
		if name == "count" || name == "Count" {
			count := i18n.Whole(pairs[i+1])
			message.Count = &count
			continue
		}
		message.Pairs = append(message.Pairs, name, words(c).Format(pairs[i+1]))
	}
	raw, err := json.Marshal(message)
	if err != nil {
		return err
	}
	c.Cookie(of(c).server.cookie("flash", base64.RawURLEncoding.EncodeToString(raw), flashLife))
	return nil
}

// done tells what was done on the page that comes next.
func done(c *fiber.Ctx, next, key string, pairs ...any) error {
	if err := flash(c, "done", key, pairs...); err != nil {
		return err
	}
	return c.Redirect(next, fiber.StatusSeeOther)
}

// takeFlash reads the message once. A cookie that we did not write is no message.
func takeFlash(c *fiber.Ctx) *Flash {
	s := of(c).server
	cookie := c.Cookies(s.cookieName("flash"))
	if cookie == "" {
		return nil
	}
	s.forget(c, "flash")
	raw, err := base64.RawURLEncoding.DecodeString(cookie)
	var message flashed
	if err != nil || json.Unmarshal(raw, &message) != nil {
		return nil
	}
	if !slices.Contains(flashKinds, message.Kind) || !words(c).Has(message.Key) {
		return nil
	}
	var pairs []any
	for _, text := range message.Pairs {
		pairs = append(pairs, text)
	}
	if message.Count != nil {
		pairs = append(pairs, "count", *message.Count)
	}
	return &Flash{Kind: message.Kind, Text: words(c).Text(message.Key, pairs...)}
}
