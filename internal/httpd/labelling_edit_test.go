package httpd

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/passerelle/passerelle/internal/labelling"
)

func init() {
	samples["labelling/edit"] = EditBody{ID: 1, Name: "Le Relais", Form: EditForm{Phone: "04 50 02 00 00", Hours: "Mo 09:00-12:00", Presentation: "x"},
		HoursLines: []string{"lundi : de 9 h à 12 h"}, Field: "hours", Problem: "x"}
}

func TestAStructureCorrectsItsPlaceOnAPage(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	page, public := fmt.Sprintf("/structure/places/%d/edit", w.Structure.Place), fmt.Sprintf("/places/%d", w.Structure.Place)
	form := func(hours, look string) string {
		return url.Values{"phone": {"04 50 02 11 11"}, "hours": {hours}, "address": {"2 rue B"}, "email": {"accueil@relais.example"},
			"website": {"relais.example"}, "presentation": {"Entrez."}, "accessibility": {""}, "look": {look}}.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"structure", "GET", "/structure", "", 200, `href="` + page + `"`},
		{"structure", "GET", page, "", 200, "Modifier la fiche du lieu"},
		{"newcomer", "GET", page, "", 404, ""},
		{"newcomer", "POST", page, form("", ""), 404, ""},
		{"structure", "POST", page, form("Mo-Fr 09:00-12:00", "true"), 200, "du lundi au vendredi"},
		{"structure", "GET", public, "", 200, "inconnu"},
		{"structure", "POST", page, form("le matin", ""), 422, `href="#hours"`},
		{"structure", "POST", page, form("Mo-Fr 09:00-12:00", ""), 303, ""},
		{"structure", "GET", public, "", 200, "Fiche corrigée le"},
		{"structure", "GET", public, "", 200, "du lundi au vendredi"},
		{"structure", "GET", page, "", 200, `value="04 50 02 11 11"`},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d, want %d and %q", step.method, step.path, step.who, answer.StatusCode, step.status, step.want)
		}
	}
}

func TestAFormSentBackAsItWasCorrectsNothing(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	file := strings.Replace(onePlace, "0450020000", "+33639980022", 1)
	if _, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(file)); err != nil {
		t.Fatal(err)
	}
	place := w.Structure.Place + 1
	site.as("structure", "POST", fmt.Sprintf("/places/%d/claim", place), "")
	page := fmt.Sprintf("/structure/places/%d/edit", place)
	if _, text := site.as("structure", "GET", page, ""); !strings.Contains(text, `value="06 39 98 00 22"`) {
		t.Fatal("the form does not show the number that the test sends back")
	}
	form := url.Values{"phone": {"06 39 98 00 22"}, "hours": {"Mo-Fr 09:00-12:00"}, "address": {"1 rue A"}}.Encode()
	if answer, text := site.as("structure", "POST", page, form); answer.StatusCode != 303 {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	p, err := w.Labelling.Open(t.Context(), w.Structure.Actor, place)
	if err != nil || p.CorrectedAt != nil || p.Phone != "+33639980022" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAProgramCorrectsAPlace(t *testing.T) {
	t.Parallel()
	w, api := desk(t)
	path := fmt.Sprintf("/api/v1/places/%d", w.Structure.Place)
	answer, text := api.as("structure", "PATCH", path, `{"phone":"04 50 02 11 11","website":""}`)
	var p labelling.Place
	if err := json.Unmarshal([]byte(text), &p); err != nil || answer.StatusCode != 200 || p.Phone != "+33450021111" || p.CorrectedAt == nil {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	for body, want := range map[string]string{`{"phone":"12"}`: "correction_phone_invalid", `{"siret":"Autre"}`: "invalid_input", `{"address":"a\u0000"}`: "invalid_input"} {
		if answer, text := api.as("structure", "PATCH", path, body); answer.StatusCode != 422 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, answer.StatusCode, text)
		}
	}
	if answer, _ := api.as("newcomer", "PATCH", path, `{"phone":"04 50 02 22 22"}`); answer.StatusCode != 404 {
		t.Errorf("another structure's place: %d", answer.StatusCode)
	}
}
