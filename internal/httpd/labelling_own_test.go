package httpd

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"mime/multipart"
	"net/url"
	"strings"
	"testing"
)

func TestHoursAreGivenDayByDay(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	at, public := fmt.Sprintf("/structure/places/%d/hours", w.Structure.Place), fmt.Sprintf("/places/%d", w.Structure.Place)
	week := func(monday string, more url.Values) string {
		form := url.Values{"note": {"Sonnez"}, "holidays": {"true"}}
		for i := range 7 * openingsADay {
			from, to := "", ""
			if i == 0 {
				from, to, _ = strings.Cut(monday, "-")
			}
			form["from"], form["to"] = append(form["from"], from), append(form["to"], to)
		}
		for name, values := range more {
			form[name] = values
		}
		return form.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"structure", "GET", at, "", 200, `id="from-13"`},
		{"newcomer", "GET", at, "", 404, ""},
		{"newcomer", "POST", at, week("09:00-12:00", nil), 404, ""},
		{"structure", "POST", at, week("09:00-", nil), 422, `href="#from-0"`},
		{"structure", "POST", at, week("12:00-09:00", nil), 422, "finit avant de commencer"},
		{"structure", "POST", at, week("-", nil), 422, "aucune ouverture"},
		{"structure", "POST", at, week("09:00-12:00", url.Values{"copy": {"true"}}), 200, "du lundi au vendredi"},
		{"structure", "GET", public, "", 200, "inconnu"},
		{"structure", "POST", at, "from=09:00&to=12:00", 422, ""},
		{"structure", "POST", at, week("9h-12:00", nil), 303, ""},
		{"structure", "GET", public, "", 200, "Fermé les jours fériés"},
		{"structure", "GET", public, "", 200, "Sonnez"},
		{"structure", "GET", at, "", 200, `value="09:00"`},
		{"structure", "POST", at, url.Values{"expert": {"true"}, "text": {"Apr-Oct Mo 09:00-12:00; Tu 10:00-12:00"}}.Encode(), 303, ""},
		{"structure", "GET", at, "", 200, "Apr-Oct Mo 09:00-12:00"},
		{"structure", "POST", at, "expert=true&text=le+matin", 422, `href="#text"`},
		{"structure", "POST", at, "expert=true&text=", 303, ""},
		{"structure", "GET", at, "", 200, `id="from-13"`},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s %s: %d, want %d and %q: %.2000s", step.who, step.method, step.body, answer.StatusCode, step.status, step.want, text)
		}
	}
}

// photoForm is a multipart form with a picture.
func photoForm(t *testing.T, alt string, file []byte) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreateFormFile("photo", "porte.png")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := part.Write(file); err != nil {
		t.Fatal(err)
	}
	if err := form.WriteField("alt", alt); err != nil {
		t.Fatal(err)
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), form.FormDataContentType()
}

func TestAPhotoIsServedAsWhatItIs(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	at, picture := fmt.Sprintf("/structure/places/%d/photo", w.Structure.Place), fmt.Sprintf("/places/%d/photo", w.Structure.Place)
	var file bytes.Buffer
	if err := png.Encode(&file, image.NewGray(image.Rect(0, 0, 8, 8))); err != nil {
		t.Fatal(err)
	}
	sends := func(who, alt string, content []byte, status int, want string) {
		t.Helper()
		body, kind := photoForm(t, alt, content)
		answer, text := site.as(who, "POST", at, body, "Content-Type", kind)
		if answer.StatusCode != status || !strings.Contains(text, want) {
			t.Errorf("%s %q: %d, want %d and %q: %.500s", who, alt, answer.StatusCode, status, want, text)
		}
	}
	site.wantStatus(404, "GET", picture, "")
	sends("newcomer", "Une porte bleue", file.Bytes(), 404, "")
	sends("structure", "", file.Bytes(), 422, `href="#alt"`)
	sends("structure", "Une porte bleue", []byte("<script>"), 422, `href="#photo"`)
	sends("structure", "Une porte bleue", nil, 422, `href="#photo"`)
	sends("structure", "Une porte <bleue>", file.Bytes(), 303, "")
	_, public := site.as("structure", "GET", fmt.Sprintf("/places/%d", w.Structure.Place), "")
	_, rest, found := strings.Cut(public, `src="`+picture+`?v=`)
	hash, _, _ := strings.Cut(rest, `"`)
	if !found || !strings.Contains(public, `alt="Une porte &lt;bleue&gt;"`) {
		t.Fatalf("the public does not see it: %.3000s", public)
	}
	for query, kept := range map[string]string{"?v=" + hash: "immutable", "": "no-cache", "?v=other": "no-cache"} {
		answer, _ := site.ask("GET", picture+query, "")
		if answer.StatusCode != 200 || answer.Header.Get("Content-Type") != "image/jpeg" || answer.Header.Get("X-Content-Type-Options") != "nosniff" ||
			!strings.Contains(answer.Header.Get("Cache-Control"), kept) {
			t.Errorf("%q: %d %v", query, answer.StatusCode, answer.Header)
		}
	}
	if answer, _ := site.ask("GET", picture, "", "If-None-Match", `"`+hash+`"`); answer.StatusCode != 304 {
		t.Errorf("asked again: %d", answer.StatusCode)
	}
	if answer, _ := site.as("structure", "POST", at+"/remove", ""); answer.StatusCode != 303 {
		t.Errorf("%d", answer.StatusCode)
	}
	site.wantStatus(404, "GET", picture, "")
}

func TestAPlaceIsAddedMovedAndPutBackOnPages(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	own := fmt.Sprintf("/structure/places/%d", w.Structure.Place)
	form := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"newcomer", "GET", "/structure/places/new", "", 200, `name="postcode"`},
		{"newcomer", "POST", "/structure/places", form("name", "Le Pont", "postcode", "74230", "town", "Ys"), 422, "Les Clefs"},
		{"newcomer", "POST", "/structure/places", form("name", "Le Pont", "postcode", "74230", "town", "Thônes", "lat", "nord"), 422, `href="#lat"`},
		{"newcomer", "POST", "/structure/places", form("name", "Le Pont", "postcode", "74230", "town", "Thônes", "lat", "45,88", "lon", "6,32"), 303, ""},
		{"newcomer", "GET", "/structure", "", 200, "Le Pont"},
		{"structure", "GET", own + "/move", "", 200, `value="45.8811"`},
		{"structure", "POST", own + "/move", form("address", "2 rue B", "postcode", "74000", "town", "Annecy"), 303, ""},
		{"structure", "POST", own + "/access", form("phone", "0450021111", "access_ways", "Se présenter", "languages", "ar"), 303, ""},
		{"structure", "POST", own + "/access", form("languages", "klingon"), 422, "error-summary"},
		{"structure", "GET", fmt.Sprintf("/places/%d", w.Structure.Place), "", 200, "Arabe"},
		{"structure", "GET", own + "/history", "", 200, "Lieu déplacé"},
		{"newcomer", "GET", own + "/history", "", 404, ""},
		{"funder", "GET", own + "/history", "", 403, ""},
		{"operator", "GET", own + "/history", "", 200, "Camille Martin"},
		{"operator", "POST", own + "/history", "entry=1&field=phone", 403, ""},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s %s: %d, want %d and %q: %.1500s", step.who, step.method, step.path, answer.StatusCode, step.status, step.want, text)
		}
	}
	told, err := w.Labelling.History(t.Context(), w.Structure.Actor, w.Structure.Place)
	if err != nil || told[1].Action != "place_moved" {
		t.Fatalf("%+v, %v", told, err)
	}
	back := form("entry", fmt.Sprint(told[1].ID), "field", "location")
	if answer, text := site.as("structure", "POST", own+"/history", back); answer.StatusCode != 303 {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	if p, err := w.Labelling.Open(t.Context(), w.Structure.Actor, w.Structure.Place); err != nil || p.Town != "Thônes" {
		t.Errorf("%q, %v", p.Town, err)
	}
}
