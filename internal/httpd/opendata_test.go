package httpd

import (
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/pgtest/world"
)

func TestAnyoneFetchesThePlacesAsOpenData(t *testing.T) {
	t.Parallel()
	w := world.New(t)
	window := setup(t, func(o *Options) { o.Now = w.Clock.Now }, OpenDataRoutes(w.Catalogue)...)
	answer, text := window.ask("GET", "/data/places.csv", "")
	if answer.StatusCode != 200 || !strings.HasPrefix(text, "id,pivot,nom,") || answer.Header.Get("Access-Control-Allow-Origin") != "*" || len(answer.Cookies()) != 0 {
		t.Errorf("%d %s %v", answer.StatusCode, text, answer.Header)
	}
	again, text := window.ask("GET", "/data/places.csv", "", "If-None-Match", answer.Header.Get("ETag"))
	if again.StatusCode != 304 || text != "" {
		t.Errorf("unchanged: %d %q", again.StatusCode, text)
	}
	seen := answer.Header.Get("Last-Modified")
	if again, text := window.ask("GET", "/data/places.csv", "", "If-Modified-Since", seen); again.StatusCode != 304 || text != "" {
		t.Errorf("unchanged since %q: %d", seen, again.StatusCode)
	}
	w.Clock.Add(time.Hour)
	w.NewStructure("Le Relais")
	w.Clock.Add(time.Hour)
	changed, _ := window.ask("GET", "/data/places.csv", "", "If-Modified-Since", seen)
	if changed.StatusCode != 200 || changed.Header.Get("Last-Modified") == seen {
		t.Errorf("changed since %q: %d %q", seen, changed.StatusCode, changed.Header.Get("Last-Modified"))
	}
	answer = changed
	if page, text := window.ask("GET", "/data", ""); page.StatusCode != 200 || !strings.Contains(text, strings.Trim(answer.Header.Get("ETag"), `"`)) {
		t.Errorf("%d %s", page.StatusCode, text)
	}
	for _, name := range openDataFiles {
		if answer, text := window.ask("GET", "/data/"+name, ""); answer.StatusCode != 200 || text == "" {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
	}
}
