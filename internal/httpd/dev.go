package httpd

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/mail"
)

// Dev is the pages for whoever builds or tries Passerelle. They show everybody's notices:
// they are for a machine that strangers do not reach.
type Dev struct {
	Outbox *mail.Outbox // nil where mail goes out
}

// Routes lists them.
func (d *Dev) Routes() []Route {
	routes := []Route{{Method: "GET", Path: "/dev/components", Handler: d.components, Access: Public, Doc: "every component with sample data"}}
	if d.Outbox != nil {
		routes = append(routes,
			Route{Method: "GET", Path: "/dev/outbox", Handler: d.list, Access: Public, Doc: "notices that would have gone out by e-mail"},
			Route{Method: "GET", Path: "/dev/outbox/:id", Handler: d.show, Access: Public, Doc: "one notice"})
	}
	return routes
}

func (d *Dev) components(c *fiber.Ctx) error { return page(c, "home/components", componentsSample()) }

// OutboxBody is what dev/outbox.html shows.
type OutboxBody struct{ Letters []Letter }

// Letter is a notice as its reader sees it.
type Letter struct {
	ID, To, Subject, Text string
	At                    time.Time
}

// lettersShown is how many notices the list holds.
const lettersShown = 200

func (d *Dev) list(c *fiber.Ctx) error {
	entries, err := d.Outbox.List()
	if err != nil {
		return err
	}
	var body OutboxBody
	for _, e := range entries[:min(len(entries), lettersShown)] {
		l, err := d.letter(e.ID)
		if err != nil {
			return err
		}
		l.At = e.At
		body.Letters = append(body.Letters, l)
	}
	return page(c, "dev/outbox", body)
}

func (d *Dev) show(c *fiber.Ctx) error {
	l, err := d.letter(c.Params("id"))
	if errors.Is(err, mail.ErrNoMessage) {
		return fault.New(fault.NotFound, "not_found")
	}
	if err != nil {
		return err
	}
	return page(c, "dev/letter", l)
}

func (d *Dev) letter(id string) (Letter, error) {
	raw, err := d.Outbox.Read(id)
	if err != nil {
		return Letter{}, err
	}
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Letter{}, fmt.Errorf("notice %s: %w", id, err)
	}
	var words mime.WordDecoder
	to, err := m.Header.AddressList("To")
	if err != nil || len(to) != 1 {
		return Letter{}, fmt.Errorf("notice %s: it is not to one person: %w", id, err)
	}
	l := Letter{ID: id, To: to[0].Address}
	if l.Subject, err = words.DecodeHeader(m.Header.Get("Subject")); err != nil {
		return Letter{}, err
	}
	if l.At, err = m.Header.Date(); err != nil {
		return Letter{}, err
	}
	text, err := textOf(m.Header.Get, m.Body)
	l.Text = strings.TrimSpace(text)
	return l, err
}

// textOf is the plain text of a message: its body, or the first part of it.
func textOf(header func(string) string, body io.Reader) (string, error) {
	kind, params, err := mime.ParseMediaType(header("Content-Type"))
	if err != nil {
		return "", err
	}
	if strings.HasPrefix(kind, "multipart/") {
		part, err := multipart.NewReader(body, params["boundary"]).NextRawPart()
		if err != nil {
			return "", err
		}
		return textOf(part.Header.Get, part)
	}
	switch strings.ToLower(header("Content-Transfer-Encoding")) {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	}
	text, err := io.ReadAll(body)
	return strings.ReplaceAll(string(text), "\r\n", "\n"), err
}
