package httpd

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	arabic := tongues["ar"]
	texts := []textView{{Part: "presentation", Label: "Présentation", Source: "Bonjour", Text: "مرحبا", Stale: true}}
	about := contributions.About{Place: 1, Name: "Le Relais", Town: "Annecy", MadeAt: time.Unix(1.75e9, 0)}
	fields := []reportField{{"hours", "lundi"}, {"closed", ""}}
	samples["contributions/report"] = ChangeBody{Place: 1, Name: "Le Relais", Fields: fields, Form: reportForm{Field: "hours", Value: "x"}, Field: "value", Problem: "x"}
	samples["contributions/translate"] = TranslateBody{Place: 1, Name: "Le Relais", Languages: []tongue{arabic, tongues["en"]}, Into: arabic, Texts: texts, Field: "text-0", Problem: "x"}
	samples["contributions/confirm"] = ConfirmCardBody{Place: 1, Name: "Le Relais", SureOn: vouchers.Day(900), Says: fields, Services: []OfferView{{Theme: "x", Price: 1, Minutes: 60}}, MayDecide: true, Mine: true}
	report := contributions.Report{ID: 1, About: about, Field: "phone", Reason: "x", Times: 2}
	closes, other := report, report
	closes.Field, other.Field = "closed", "other"
	samples["contributions/queue"] = ContributionsBody{MayDecide: true, Operator: true, Problem: "x",
		Reports:      []reportView{{report, "04 50", "04 51", true}, {closes, "", "", false}, {other, "", "x", false}},
		Translations: []translationView{{contributions.Translation{ID: 1, About: about, Author: "Samia"}, arabic, texts}},
		Cards:        []contributions.Card{{Place: 1, Name: "Le Relais", Town: "Annecy", Structure: "Relais", SureAt: time.Unix(1.75e9, 0)}}}
}

func TestAnyoneReportsAChangeAndTheStructureDecides(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	path := fmt.Sprintf("/places/%d", w.Structure.Place)
	form := func(field, value, trap string) string {
		return url.Values{"field": {field}, "value": {value}, "reason": {"<b>vu</b> hier"}, "email_to_tell": {""}, "homepage": {trap}}.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"", "GET", path, "", 200, path + "/report"},
		{"", "GET", path + "/report", "", 200, "Pas besoin de compte"},
		{"", "POST", path + "/report", form("", "x", ""), 422, "Vous n’avez pas dit ce qui a changé"},
		{"", "POST", path + "/report", form("phone", "douze", ""), 422, `href="#value"`},
		{"", "POST", path + "/report", form("phone", "0450112233", "https://spam.example"), 303, ""},
		{"structure", "GET", "/contributions", "", 200, "Aucun changement signalé"},
		{"", "POST", path + "/report", form("phone", "0450112233", ""), 303, ""},
		{"", "GET", "/contributions", "", 303, ""},
		{"structure", "GET", "/structure", "", 200, "1 proposition à regarder"},
		{"structure", "GET", "/contributions", "", 200, "04 50 11 22 33"},
		{"structure", "GET", "/contributions", "", 200, "&lt;b&gt;vu&lt;/b&gt; hier"},
		{"newcomer", "GET", "/contributions", "", 200, "Aucun changement signalé"},
		{"newcomer", "POST", "/contributions/reports/1", "decision=accept", 404, ""},
		{"structure", "POST", "/contributions/reports/1", "decision=refuse&answer=", 422, "Dites pourquoi vous refusez"},
		{"structure", "POST", "/contributions/reports/1", "decision=accept&value=0450445566", 303, ""},
		{"structure", "POST", "/contributions/reports/1", "decision=accept", 409, "Quelqu’un a déjà décidé"},
		{"", "GET", path, "", 200, "04 50 44 55 66"},
		{"", "POST", path + "/report", form("closed", "", ""), 303, ""},
		{"structure", "POST", "/contributions/reports/2", "decision=accept", 303, ""},
		{"", "GET", path, "", 200, "Ce lieu a fermé"},
		{"", "GET", path + "/confirmation", "", 303, ""},
		{"newcomer", "GET", path + "/confirmation", "", 404, ""},
		{"newcomer", "POST", path + "/confirmation", "", 404, ""},
		{"structure", "GET", path + "/confirmation", "", 200, "noté comme fermé"},
		{"structure", "POST", path + "/confirmation", "_key=confirm-1", 303, ""},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s %s by %q: %d, want %d and %q", step.method, step.path, step.body, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	if _, text := site.as("", "GET", path, ""); strings.Contains(text, "Ce lieu a fermé") {
		t.Error("it is still said to have closed")
	}
	w.Clock.Add(13 * 31 * 24 * time.Hour)
	for page, offer := range map[string]string{path + "/confirmation": `action="` + path + `/confirmation"`, "/contributions": `href="` + path + `/confirmation"`} {
		if _, text := site.as("structure", "GET", page, ""); !strings.Contains(text, offer) {
			t.Errorf("%s does not offer to confirm the card", page)
		}
		if answer, text := site.as("reader", "GET", page, ""); answer.StatusCode != 200 || strings.Contains(text, offer) {
			t.Errorf("%s: %d, and a reader is offered what it may not do", page, answer.StatusCode)
		}
	}
	if _, text := site.as("", "GET", path, ""); !strings.Contains(text, "À vérifier depuis le") {
		t.Error("an old card is not marked")
	}
	if _, text := site.as("", "GET", "/places?near=Thônes", ""); !strings.Contains(text, "Informations de plus d’un an") {
		t.Error("an old card is not marked among what was found")
	}
}

func TestWhoeverReportsTooMuchIsToldWhenToComeBack(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	for n := range 11 {
		answer, _ := site.as("", "POST", fmt.Sprintf("/places/%d/report", w.Structure.Place), fmt.Sprint("field=other&value=Rien+", n))
		if late := n == 10; (answer.StatusCode == 429) != late || (answer.Header.Get("Retry-After") != "") != late {
			t.Errorf("report %d: %d, %q", n, answer.StatusCode, answer.Header.Get("Retry-After"))
		}
	}
}

func TestAVolunteerTranslatesACard(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	presentation := "Nous vous aidons."
	if _, err := w.Catalogue.Correct(t.Context(), w.Structure.Actor, w.Structure.Place, labelling.Correction{Presentation: &presentation}); err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/places/%d", w.Structure.Place)
	form := func(text, author string) string {
		return url.Values{"language": {"ar"}, "part": {"presentation", "title-99"}, "text": {text, "x"}, "author": {author}}.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"", "GET", path + "/translate", "", 200, `lang="ar" dir="rtl"`},
		{"", "GET", path + "/translate?language=ar", "", 200, `<textarea id="text-0" name="text" rows="4" maxlength="5000" lang="ar" dir="rtl"`},
		{"", "POST", path + "/translate", form("", "Samia"), 422, "rien traduit"},
		{"", "POST", path + "/translate", form("نساعدكم", ""), 422, "نساعدكم"},
		{"", "POST", path + "/translate", form("نساعدكم", "Samia"), 303, ""},
		{"structure", "GET", "/contributions", "", 200, "1 traduction proposée"},
		{"newcomer", "POST", "/contributions/translations/1", "decision=accept", 404, ""},
		{"structure", "POST", "/contributions/translations/1", "decision=perhaps", 422, ""},
		{"structure", "POST", "/contributions/translations/1", "decision=accept", 303, ""},
		{"", "GET", path, "", 200, `<p class="lines" lang="ar" dir="rtl">نساعدكم</p>`},
		{"", "GET", path, "", 200, "Traduction proposée par Samia"},
		{"newcomer", "POST", path + "/translations/retraction", "language=ar", 404, ""},
		{"structure", "POST", path + "/translations/retraction", "language=ar", 303, ""},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s %s by %q: %d, want %d and %q", step.method, step.path, step.body, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	if _, text := site.as("", "GET", path, ""); strings.Contains(text, "Samia") {
		t.Error("taken down, it still shows")
	}
}

func TestTheOperatorLooksAfterPlacesThatNobodyAnswersFor(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	orphan := w.NewPlace("Atelier des Aravis", "")
	path := fmt.Sprintf("/places/%d", orphan)
	edit := fmt.Sprintf("/structure/places/%d/edit", orphan)
	form := url.Values{"phone": {"04 50 77 88 99"}, "presentation": {"Un atelier."}}.Encode()
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"operator", "GET", path, "", 200, edit},
		{"structure", "GET", edit, "", 404, ""},
		{"operator", "GET", edit, "", 200, "Atelier des Aravis"},
		{"structure", "POST", edit, form, 404, ""},
		{"operator", "POST", edit, form, 303, ""},
		{"operator", "GET", fmt.Sprintf("/structure/places/%d/edit", w.Structure.Place), "", 404, ""},
		{"", "GET", path, "", 200, "04 50 77 88 99"},
		{"", "POST", path + "/report", "field=other&value=Sonnez", 303, ""},
		{"operator", "GET", "/contributions", "", 200, edit},
		{"", "POST", path + "/report", "field=closed&reason=Une+affiche", 303, ""},
		{"operator", "POST", "/contributions/reports/2", "decision=accept", 303, ""},
		{"operator", "GET", path, "", 200, path + "/confirmation"},
		{"operator", "POST", path + "/confirmation", "_key=again-01", 303, ""},
		{"operator", "POST", fmt.Sprintf("/places/%d/confirmation", w.Structure.Place), "_key=again-02", 404, ""},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s %s by %q: %d, want %d and %q", step.method, step.path, step.body, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	if _, text := site.as("", "GET", path, ""); strings.Contains(text, edit) || strings.Contains(text, "/confirmation") {
		t.Error("a stranger is offered to change the card")
	}
}
