package httpd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/agenda"
	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	day := vouchers.Day(900)
	offers := []OfferView{{"Emploi", 2, 90, 2_50, "x", "y"}}
	card := PlaceView{Name: "Le Relais", Address: "1 rue A, 74000 Annecy", Href: "/places/1", Phone: "04 50 02 00 00",
		Dial: "+33450020000", Hours: "lundi : de 9 h à 12 h", Route: "https://www.openstreetmap.org/directions?to=1", HasDistance: true, Km: 2.4, Accepts: true}
	bank := &payees.Account{Masked: "FR76 •••• •••• 0189", Holder: "Le Relais", State: payees.InForce}
	samples["search/widget"] = WidgetBody{Request: search.Request{Query: "x", Near: "x", Wishes: search.Wishes{Labelled: true}}, Asked: true, Theme: "dark", LetGo: []string{"x"}, Places: []FoundPlace{{card, 1, "x"}}, More: "/places"}
	samples["search/widget-new"] = WidgetMakerBody{Dark: true, Src: "/widget", Frame: "<iframe>", Link: "<a>"}
	samples["search/places"] = FinderBody{Near: "Saint-Denis", Query: "emploi", Asked: true, Commune: "Saint-Denis", Understood: "x", LetGo: []string{"x"},
		Boxes: []wishBox{{"labelled", true}}, Languages: []choiceOf{{"ar", "Arabe"}}, Language: "ar", Radii: []float64{5}, Narrowed: true,
		Others: []Choice{{"Saint-Denis (93200)", "/places?commune=93066"}}, Places: []FoundPlace{{card, 1, "x"}}, Next: "/places?after=20",
		Map: &placesMap{Width: 640, Height: 400, Communes: "M1 1h0", From: true, Pins: []placePin{{1, "x", "/places/1", 5, 5}}, Scale: 90, ScaleKm: 10}}
	samples["catalogue/place"] = PlaceDetailBody{PlaceView: card, ID: 1, HoursLines: []string{"lundi : de 9 h à 12 h"}, Offers: offers,
		Presentation: "x", Email: "a@b.example", Website: "https://b.example", Accessibility: "https://acceslibre.example/1",
		UpdatedOn: &day, CorrectedOn: &day, LabelUntil: &day, MayClaim: true, MayLabel: true, MayPrice: true, Sessions: []SessionView{{ID: 1, Name: "x", At: time.Unix(1.75e9, 0), Minutes: 90, Seats: 6}}}
	samples["catalogue/services"] = ServicesBody{ID: 1, Name: "Le Relais", Problem: "x", Offers: []ServiceRow{{1, offers[0]}}, Stopped: []ServiceRow{{2, offers[0]}}}
	session := SessionView{ID: 1, Name: "x", At: time.Unix(1.75e9, 0), Minutes: 90, Seats: 6, Price: 1, Extra: 2_50, Note: "x", Cancelled: "x"}
	samples["agenda/sessions"] = AgendaBody{Place: 1, Name: "Le Relais", Sessions: []SessionView{session, {ID: 2, Name: "y", At: time.Unix(1.75e9, 0), Minutes: 30, Seats: 1}}, Services: []choiceOf{{"1", "x"}}, Field: "day", Problem: "x"}
	samples["catalogue/service"] = ServiceBody{Place: 1, Name: "Le Relais", Form: serviceForm{Service: 1, Theme: "employment", Topics: []string{"Email"}}, Extra: "2,50", Field: "title", Problem: "x",
		Themes: []choiceOf{{"employment", "x"}}, Levels: []choiceOf{{"", "x"}}, Modes: []checkBox{{"group", "x", true}}, Audiences: []checkBox{{"Seniors", "x", false}}, Topics: []checkBox{{"Email", "x", true}}}
	samples["catalogue/import"] = ImportBody{Source: "national", Problem: "x"}
	samples["catalogue/report"] = ImportReportBody{Source: "national", reportAnswer: reportAnswer{
		ImportReport: catalogue.ImportReport{Read: 3, Added: 1, Updated: 1, Refused: 1, Unlisted: 2},
		Problems: []problemAnswer{{Line: 4, Field: "nom", Effect: "row_refused", Detail: "x"}, {Effect: "information", Detail: "y"},
			{Line: 2, Field: "telephone", Effect: "value_dropped", Detail: "z"}}}}
	samples["labelling/structure"] = StructureBody{Name: "Le Relais", Bank: bank, MayChange: true, MayPay: true,
		Places: []OwnPlace{{ID: 1, Name: "Le Relais", Address: "Annecy", Kind: "done", State: "x", Note: "x", Offers: offers, Application: "/applications/1", MayApply: true, Renews: true},
			{ID: 2, Name: "Annexe", Address: "Annecy", Kind: "pending", State: "x", Note: "x", MayApply: true}}}
	samples["catalogue/data"] = OpenDataBody{Day: day, Places: 22, LeftOut: 1, Files: []OpenDataFile{{"places.csv", "ab12", 22, 1000}}}
	samples["labelling/claim"] = ClaimBody{Near: "Annecy", Asked: true, Commune: "Annecy", Problem: "x",
		Places: []ClaimablePlace{{1, "Le Relais", "Annecy", true}, {2, "Annexe", "Annecy", false}}}
	samples["labelling/queue"] = QueueBody{MayGrant: true, Ending: []labelling.Ending{{Place: 1, Name: "x", EndsOn: day}},
		Waiting: []WaitingRow{{labelling.Waiting{Place: 1, Name: "x", HasBank: true, Services: 1}, 3}, {labelling.Waiting{Place: 2, HasBank: true}, 1}, {labelling.Waiting{Place: 3}, 0}}}
	samples["labelling/label"] = LabelBody{Place: labelling.Place{ID: 1, Name: "x", Structure: 1, Labelled: true, Label: &labelling.Label{ID: 1, EndsOn: day}},
		Offers: offers, MayGrant: true, StartsOn: day, EndsOn: day, Field: "reason", Problem: "x"}
}

// desk is a world behind the windows of labelling and catalogue; a bearer token names who
// asks.
func desk(t *testing.T) (*world.World, *window) {
	t.Helper()
	w := world.New(t)
	reader := w.Structure.Actor
	reader.Role = identity.Reader
	actors := map[string]identity.Actor{"operator": w.Operator, "structure": w.Structure.Actor, "reader": reader,
		"newcomer": w.Organisation(identity.Structure, "Le Relais"), "funder": w.Funder}
	people := contributions.New(w.DB, contributions.Notify{})
	return w, setup(t, func(o *Options) {
		o.Now = w.Clock.Now
		o.Authenticate = func(_ context.Context, c Credential) (identity.Actor, error) {
			if who, known := actors[c.Bearer]; known {
				return who, nil
			}
			return identity.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
		}
	}, slices.Concat(CatalogueRoutes(w.Catalogue, w.Labelling, agenda.New(w.DB), people), ContributionRoutes(people, w.Labelling), AgendaRoutes(agenda.New(w.DB), w.Labelling),
		LabellingRoutes(w.Labelling, Beside{w.Payees, reviewing(w), people}, w.Catalogue, search.New(w.DB)), PayeesRoutes(w.Payees, directOff(w)), ApplicationsRoutes(reviewing(w), w.Labelling), SearchRoutes(search.New(w.DB), w.Issuing, w.Keys))...)
}

func reviewing(w *world.World) *applications.Service {
	return applications.New(w.DB, applications.Notify{Decided: func(context.Context, *db.Tx, string, applications.Application) error { return nil }})
}

const onePlace = "id,pivot,nom,commune,code_postal,code_insee,adresse,telephone,horaires\n" +
	"a,,Le Relais numérique,Annecy,74000,74010,1 rue A,0450020000,Mo-Fr 09:00-12:00\n"

func TestAProgramImportsClaimsPricesAndLabelsAPlace(t *testing.T) {
	t.Parallel()
	w, api := desk(t)
	answer, text := api.as("operator", "POST", "/api/v1/places/import?source=essai", onePlace+"b,,,Annecy,74000,74010,,,\n", "Content-Type", "text/csv")
	if answer.StatusCode != http.StatusOK || !strings.Contains(text, `"added":1`) || !strings.Contains(text, `"effect":"row_refused"`) {
		t.Fatalf("%d %s", answer.StatusCode, text)
	}
	var found struct{ Items []labelling.Place }
	text = api.wantStatus(http.StatusOK, "GET", "/api/v1/places?near=annecy&q=relais", "")
	if err := json.Unmarshal([]byte(text), &found); err != nil || len(found.Items) != 1 {
		t.Fatalf("%v: %s", err, text)
	}
	path := fmt.Sprintf("/api/v1/places/%d", found.Items[0].ID)
	today := vouchers.DayOf(w.Clock.Now())
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"operator", "POST", path + "/labels", `{"ends_on":"` + (today + 100).String() + `"}`, 409, `"place_unclaimed"`},
		{"newcomer", "POST", path + "/claim", "", 200, `"labelled":false`},
		{"structure", "POST", path + "/claim", "", 409, `"place_claimed"`},
		{"structure", "PUT", path + "/services", `{"services":[]}`, 404, `"not_found"`},
		{"newcomer", "PUT", path + "/services", `{"services":[{"theme":"employment","price_vouchers":2,"duration_minutes":60}]}`, 200, `"employment"`},
		{"operator", "GET", "/api/v1/labels", "", 200, `"has_bank_details":false`},
		{"funder", "GET", "/api/v1/labels", "", 403, `"forbidden"`},
		{"operator", "POST", path + "/labels", `{"ends_on":"` + (today + 100).String() + `"}`, 201, `"ends_on":"` + (today + 100).String()},
		{"nobody", "GET", path, "", 401, `"unauthenticated"`},
	} {
		answer, text := api.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d %s", step.method, step.path, step.who, answer.StatusCode, text)
		}
	}
	var place labelling.Place
	if err := json.Unmarshal([]byte(api.wantStatus(http.StatusOK, "GET", path, "")), &place); err != nil || !place.Labelled {
		t.Fatalf("%+v, %v", place, err)
	}
	end := fmt.Sprintf("/api/v1/labels/%d", place.Label.ID)
	if answer, text := api.as("operator", "DELETE", end, `{"reason":"Le lieu a fermé."}`); answer.StatusCode != http.StatusOK || !strings.Contains(text, "fermé") {
		t.Errorf("%d %s", answer.StatusCode, text)
	}
}

func TestAPersonFindsAPlaceWithoutScript(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	if _, err := w.Catalogue.Import(t.Context(), w.Operator, "essai", strings.NewReader(onePlace)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/places":                                    "Dites ce que vous cherchez, ou tapez une commune",
		"/places?near=annecy":                        "Depuis Annecy",
		"/places?near=annecy&q=relais":               `href="tel:&#43;33450020000"`,
		"/places?q=mon+telephone+bug":                "Nous avons compris",
		"/places?q=emploi+annecy&free=true":          "ils sauront vous orienter",
		"/places?q=relais&near=annecy&radius=5":      "son nom correspond · à",
		"/places?near=xyzzyx":                        "Nous ne connaissons pas de commune",
		"/places?near=annecy&q=zzz":                  "Aucun lieu ne s’appelle « zzz »",
		"/places?near=saint-denis":                   "Vous pensiez à une autre commune",
		"/places?near=&labelled=true&q=":             "Dites ce que vous cherchez",
		fmt.Sprintf("/places/%d", w.Structure.Place): "Accepte les chèques",
	} {
		if text := site.wantStatus(http.StatusOK, "GET", path, ""); !strings.Contains(text, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	site.wantStatus(http.StatusNotFound, "GET", "/places/999999", "")
	site.wantStatus(http.StatusNotFound, "GET", "/places/x", "")
}

func TestAStructureAndTheOperatorDoTheirWorkOnPages(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	place := w.NewPlace("Le Relais numérique", "")
	path, today := fmt.Sprintf("/places/%d", place), vouchers.DayOf(w.Clock.Now())
	form := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	for _, step := range []struct {
		who, method, path, body string
		status                  int
		want                    string
	}{
		{"newcomer", "GET", "/structure", "", 200, "Vos lieux apparaîtront ici"},
		{"newcomer", "GET", "/structure/claim?near=thones", "", 200, "Le Relais numérique"},
		{"newcomer", "POST", path + "/claim", "", 303, ""},
		{"newcomer", "POST", path + "/claim", "", 409, "déjà dans votre structure"},
		{"newcomer", "GET", path + "/services", "", 200, "Les aides de ce lieu apparaîtront ici"},
		{"structure", "GET", path + "/services", "", 404, ""},
		{"newcomer", "GET", path + "/services/form", "", 200, "Emploi et formation"},
		{"structure", "GET", path + "/services/form", "", 404, ""},
		{"newcomer", "POST", path + "/services/keep", form("service", "0", "theme", "employment", "price", "2", "minutes", "1", "meetings", "1", "extra", ""), 422, "value=\"2\""},
		{"newcomer", "POST", path + "/services/keep", form("service", "0", "theme", "employment", "title", "Un CV en une heure", "price", "2", "minutes", "60", "meetings", "1", "extra", "2,50", "topics", "InsertionProfessionnelle"), 303, ""},
		{"newcomer", "POST", path + "/services/keep", form("service", "0", "theme", "employment", "title", "Un CV en une heure", "price", "2", "minutes", "60", "meetings", "1", "extra", ""), 409, "Un CV en une heure"},
		{"newcomer", "GET", path + "/services", "", 200, "à payer sur place"},
		{"newcomer", "POST", path + "/services/withdraw", form("service", "2"), 303, ""},
		{"newcomer", "GET", path + "/services", "", 200, "Proposer de nouveau"},
		{"newcomer", "POST", path + "/services/restore", form("service", "2"), 303, ""},
		{"structure", "POST", path + "/services/restore", form("service", "2"), 404, ""},
		{"newcomer", "GET", "/structure", "", 200, "2 chèques"},
		{"operator", "GET", "/labels", "", 200, "1 lieu attend un label"},
		{"operator", "GET", path + "/labels", "", 200, "Accorder le label"},
		{"operator", "POST", path + "/labels", form("starts_on", today.String(), "ends_on", (today - 1).String()), 422, "avant le premier"},
		{"operator", "POST", path + "/labels", form("starts_on", today.String(), "ends_on", (today + 30).String()), 303, ""},
		{"operator", "GET", "/labels", "", 200, "1 label se termine"},
		{"newcomer", "GET", "/structure", "", 200, "Ce lieu accepte les chèques"},
		{"newcomer", "GET", "/labels", "", 403, ""},
	} {
		answer, text := site.as(step.who, step.method, step.path, step.body)
		if answer.StatusCode != step.status || !strings.Contains(text, step.want) {
			t.Errorf("%s %s by %s: %d, want %d and %q", step.method, step.path, step.who, answer.StatusCode, step.status, step.want)
		}
	}
	p, err := w.Labelling.Open(t.Context(), identity.Actor{}, place)
	if err != nil || !p.Labelled {
		t.Fatalf("%+v, %v", p, err)
	}
	end := form("label", fmt.Sprint(p.Label.ID), "reason", "Le lieu a fermé.")
	if answer, _ := site.as("operator", "POST", path+"/labels/end", end); answer.StatusCode != http.StatusSeeOther {
		t.Errorf("ending the label: %d", answer.StatusCode)
	}
	if _, text := site.as("newcomer", "GET", "/structure", ""); !strings.Contains(text, "Le lieu a fermé.") {
		t.Error("the structure is not told why its label was taken back")
	}
}

func TestTheOperatorUploadsAFileAndReadsEachBadRow(t *testing.T) {
	t.Parallel()
	_, site := desk(t)
	upload := func(file string) (int, string) {
		var body bytes.Buffer
		parts := multipart.NewWriter(&body)
		parts.WriteField("_key", "import-page-1")
		parts.WriteField("source", "essai")
		if file != "" {
			part, err := parts.CreateFormFile("file", "lieux.csv")
			if err != nil {
				t.Fatal(err)
			}
			part.Write([]byte(file))
		}
		parts.Close()
		answer, text := site.as("operator", "POST", "/places/import", body.String(), "Content-Type", parts.FormDataContentType())
		return answer.StatusCode, text
	}
	if status, text := upload(""); status != http.StatusUnprocessableEntity || !strings.Contains(text, "Aucun fichier") {
		t.Errorf("without a file: %d", status)
	}
	if status, text := upload("nom\nx\n"); status != http.StatusBadRequest || !strings.Contains(text, "il manque ces colonnes") {
		t.Errorf("without columns: %d", status)
	}
	for range 2 {
		status, text := upload(onePlace + "b,,,Annecy,74000,74010,,,\n")
		if status != http.StatusOK || !strings.Contains(text, "2 lignes lues") || !strings.Contains(text, "il manque le nom du lieu") {
			t.Errorf("the report: %d %.300s", status, text)
		}
	}
}
