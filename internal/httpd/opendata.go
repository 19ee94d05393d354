package httpd

import (
	"crypto/sha256"
	"encoding/hex"
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
	}
	return w.data, nil
}

// file answers with one of the files, or that it has not changed.
func (w *openDataWindow) file(i int) fiber.Handler {
	return func(c *fiber.Ctx) error {
		data, err := w.now(c)
		if err != nil {
			return err
		}
		d := data.Datasets[i]
		c.Set(fiber.HeaderETag, `"`+hashOf(d.Body)+`"`)
		c.Set(fiber.HeaderCacheControl, "public, max-age=3600")
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		c.Set(fiber.HeaderLink, `<https://www.etalab.gouv.fr/licence-ouverte-open-licence>; rel="license"`)
		if c.Fresh() {
			return c.SendStatus(fiber.StatusNotModified)
		}
		c.Set(fiber.HeaderContentType, d.Type)
		return c.Send(d.Body)
	}
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
