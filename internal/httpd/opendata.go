package httpd

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/vouchers"
)

// openDataLife is how old what the public files say may be.
const openDataLife = time.Minute

// openDataWindow serves the public files of places.
type openDataWindow struct {
	room *catalogue.Service

	mu   sync.Mutex
	made time.Time
	data catalogue.OpenData
	last []version // of each file
}

// version is what a file says, and since when as far as this program has seen.
type version struct {
	hash  string
	since time.Time
}

// openDataFiles are their names, for ever.
var openDataFiles = []string{"places.csv", "places.json", "inclusion-structures.json", "inclusion-services.json", "acceptance.csv", "acceptance.json"}

// OpenDataRoutes are the routes of the public files.
func OpenDataRoutes(room *catalogue.Service) []Route {
	w := &openDataWindow{room: room}
	routes := []Route{{Method: "GET", Path: "/data", Handler: w.page, Access: Public, Doc: "the public files of labelled places: licence, dates, addresses"}}
	for i, name := range openDataFiles {
		routes = append(routes, Route{Method: "GET", Path: "/data/" + name, Handler: w.file(i), Access: Open, Doc: "labelled places as open data: " + name})
	}
	return routes
}

// now is the data, made again where it is too old.
func (w *openDataWindow) now(c *fiber.Ctx) (catalogue.OpenData, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := of(c).server.options.Now()
	if age := now.Sub(w.made); w.made.IsZero() || age > openDataLife || age < 0 {
		data, err := w.room.Publish(c.UserContext(), actor(c))
		if err != nil {
			return data, err
		}
		w.data, w.made = data, now
		w.note(now)
	}
	return w.data, nil
}

// note keeps since when each file has said what it says.
func (w *openDataWindow) note(now time.Time) {
	last := make([]version, len(w.data.Datasets))
	for i, d := range w.data.Datasets {
		last[i] = version{hashOf(d.Body), now.UTC().Truncate(time.Second)}
		if i < len(w.last) && w.last[i].hash == last[i].hash {
			last[i] = w.last[i]
		}
	}
	w.last = last
}

func (w *openDataWindow) version(i int) version {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last[i]
}

// file answers with one of the files, or that it has not changed.
func (w *openDataWindow) file(i int) fiber.Handler {
	return func(c *fiber.Ctx) error {
		data, err := w.now(c)
		if err != nil {
			return err
		}
		d := data.Datasets[i]
		v := w.version(i)
		c.Set(fiber.HeaderETag, `"`+hashOf(d.Body)+`"`)
		c.Set(fiber.HeaderLastModified, v.since.Format(http.TimeFormat))
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		c.Set(fiber.HeaderLink, `<https://www.etalab.gouv.fr/licence-ouverte-open-licence>; rel="license"`)
		if unchanged(c, v) {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, d.Type)
		return c.Send(d.Body)
	}
}

// unchanged reports whether the reader has this version: by its tag, or by its date where it
// sends no tag (RFC 9110 §13.1.3).
func unchanged(c *fiber.Ctx, v version) bool {
	if c.Get(fiber.HeaderIfNoneMatch) != "" {
		return c.Fresh()
	}
	since, err := http.ParseTime(c.Get(fiber.HeaderIfModifiedSince))
	return err == nil && !v.since.After(since)
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// OpenDataBody is what catalogue/data.html shows.
type OpenDataBody struct {
	Day     vouchers.Day
	Places  int
	LeftOut int
	Files   []OpenDataFile
}

// OpenDataFile is one of them.
type OpenDataFile struct {
	Name, Hash  string
	Rows, Bytes int
}

func (w *openDataWindow) page(c *fiber.Ctx) error {
	data, err := w.now(c)
	if err != nil {
		return err
	}
	body := OpenDataBody{Day: data.Day, Places: data.Places, LeftOut: data.LeftOut}
	for _, d := range data.Datasets {
		body.Files = append(body.Files, OpenDataFile{d.Name, hashOf(d.Body), d.Rows, len(d.Body)})
	}
	return page(c, "catalogue/data", body)
}
