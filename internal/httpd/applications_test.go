package httpd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/files"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/pgtest/world"
	"github.com/passerelle/passerelle/vouchers"
)

func init() {
	at, day, version := time.Unix(1.75e9, 0), vouchers.Day(900), 1
	form := applications.Form{{Code: "welcome", Title: "Accueil", Text: "x", Proof: "required", Required: true}, {Code: "other", Title: "x", Text: "x", Proof: "none"}}
	kind := applications.Kind{Code: "passerelle", Name: "Label Passerelle", Summary: "x"}
	a := applications.Application{ID: 1, Place: 1, PlaceName: "Le Relais", StructureName: "x", KindName: "x", State: applications.Asked, Appeal: "x", ChangedAt: at, DecidedAt: &at, Renews: &day,
		Form: form, Events: []applications.Event{{At: at, Name: "asked", Person: "Zoé", Reason: "x"}}}
	rows := []criterionView{{form[0], applications.Answer{Meets: "yes", Note: "x"}, []applications.Proof{{File: 1, Name: "x.pdf"}}, "x"}, {form[1], applications.Answer{Meets: "no"}, nil, ""},
		{form[1], applications.Answer{Meets: "partly"}, nil, ""}, {form[1], applications.Answer{}, nil, ""}}
	samples["applications/criteria"] = CriteriaBody{Labels: []applications.Criteria{{Kind: kind, Version: 2, Form: form, PublishedAt: day, Latest: true}},
		Earlier: []applications.Criteria{{Kind: kind, Version: 1, Form: form, PublishedAt: day}}, MayPublish: true}
	samples["applications/publish"] = PublishBody{Kind: kind, Criteria: "[]", Problem: "x"}
	samples["applications/register"] = RegisterBody{Next: "/label/register?before=1", Rows: []applications.Entry{{PlaceName: "x", KindName: "x", Criteria: &version},
		{EndedOn: &day, EndReason: "renewed"}, {EndedOn: &day, EndReason: "x"}, {SuspendedOn: &day, Suspension: "x"}}}
	samples["applications/queue"] = ApplicationsBody{Rows: []applications.Application{a, {State: applications.Granted, ChangedAt: at}, {State: applications.Withdrawn, ChangedAt: at}}, MayReview: true}
	samples["applications/fill"] = ApplicationBody{Application: a, Rows: rows, Filled: 1, MayFill: true, MayWithdraw: true, MayAppeal: true, AppealText: "x", Field: "reason", Problem: "x"}
	samples["applications/review"] = ApplicationBody{Application: a, Rows: rows, MayDecide: true, EndsOn: day, Decision: "grant", Why: "x", Field: "reason", Problem: "x"}
}

// dossier is the form of an application: everything is met, and proved.
func dossier(t *testing.T, a applications.Application, send bool) (body, kind string) {
	t.Helper()
	var out bytes.Buffer
	form := multipart.NewWriter(&out)
	field := func(name, value string) {
		if err := form.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range a.Form {
		field("meets-"+c.Code, "yes")
		field("note-"+c.Code, "Oui.")
		if c.Proof == "required" {
			part, err := form.CreateFormFile("proof-"+c.Code, "preuve.pdf")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = part.Write(world.RIB.Content)
		}
	}
	if send {
		field("send", "true")
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String(), form.FormDataContentType()
}

func TestAStructureAppliesAndTheOperatorDecidesWithoutScript(t *testing.T) {
	t.Parallel()
	w, site := desk(t)
	room := reviewing(w)
	place := w.NewPlace("Le Relais numérique", "")
	form := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Set(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	do := func(who, method, path, body string, status int, want string, headers ...string) string {
		t.Helper()
		answer, text := site.as(who, method, path, body, headers...)
		if answer.StatusCode != status || !strings.Contains(text, want) {
			t.Errorf("%s %s by %s: %d, want %d and %q", method, path, who, answer.StatusCode, status, want)
		}
		return answer.Header.Get("Location")
	}
	at := fmt.Sprintf("/places/%d", place)
	do("newcomer", "POST", at+"/claim", "", 303, "")
	do("newcomer", "GET", "/structure", "", 200, "Demander le label")
	path := do("newcomer", "POST", at+"/applications", form("kind", ""), 303, "")
	do("newcomer", "GET", path, "", 200, "0 point complet sur 8")
	do("structure", "GET", path, "", 404, "")
	do("operator", "GET", path, "", 404, "")
	do("newcomer", "POST", path, form("note-welcome", "Le matin", "meets-welcome", "partly"), 303, "")
	do("newcomer", "POST", path, form("note-welcome", "Le matin", "meets-welcome", "partly", "send", "true"), 422, "Il reste 7 points")
	var id vouchers.ApplicationID
	if _, err := fmt.Sscanf(path, "/applications/%d", &id); err != nil {
		t.Fatal(err)
	}
	mine := func() applications.Application {
		_, text := site.as("newcomer", "GET", "/api/v1"+path, "")
		var a applications.Application
		if err := json.Unmarshal([]byte(text), &a); err != nil {
			t.Fatal(err)
		}
		return a
	}
	body, kind := dossier(t, mine(), true)
	do("newcomer", "POST", path, body, 303, "", "Content-Type", kind)
	a := mine()
	do("newcomer", "GET", path, "", 200, "Votre demande est chez l’opérateur")
	do("newcomer", "GET", "/structure", "", 200, "L’opérateur étudie votre demande")
	do("operator", "GET", "/labels", "", 200, "1 demande à étudier")
	do("operator", "GET", "/applications", "", 200, "Le Relais numérique")
	do("operator", "GET", path, "", 200, "Proposer un refus")
	do("operator", "GET", fmt.Sprintf("/api/v1%s/proofs/%d", path, a.Proofs[0].File), "", 200, "%PDF")
	do("operator", "POST", path+"/decision", form("decision", "ask"), 422, "Dites à la structure ce qui manque")
	do("operator", "POST", path+"/decision", form("decision", "refuse", "remark-welcome", "Horaires absents"), 303, "")
	do("operator", "POST", path+"/confirmation", form("stands", "true"), 409, "une autre personne doit")
	second, third := w.Colleague(), w.Colleague()
	second.Role, third.Role = identity.Agent, identity.Agent
	if _, err := room.Confirm(t.Context(), second, id, true, ""); err != nil {
		t.Fatal(err)
	}
	do("newcomer", "GET", path, "", 200, "Horaires absents")
	do("newcomer", "POST", path+"/appeal", form("reason", "Non"), 422, "")
	do("newcomer", "POST", path+"/appeal", form("reason", "Les horaires sont sur la porte."), 303, "")
	do("operator", "POST", path+"/decision", form("decision", "ask", "remark-welcome", "?"), 403, "pris part au refus")
	done, err := room.Decide(t.Context(), third, id, applications.Decision{Decision: "grant", EndsOn: vouchers.DayOf(w.Clock.Now()).AddDays(400)})
	if err != nil {
		t.Fatal(err)
	}
	do("newcomer", "GET", "/structure", "", 200, "Label en cours")
	do("operator", "POST", at+"/labels/suspension", form("label", fmt.Sprint(*done.Label), "reason", "Porte fermée"), 303, "")
	do("newcomer", "GET", "/structure", "", 200, "Label suspendu")
	do("", "GET", "/label/register", "", 200, "Porte fermée")
	do("operator", "POST", at+"/labels/suspension", form("label", fmt.Sprint(*done.Label), "lift", "true"), 303, "")
	do("", "GET", "/label", "", 200, "Aide sans rien vendre")
}

func TestAProgramAppliesAndReviews(t *testing.T) {
	t.Parallel()
	w, api := desk(t)
	place := w.NewPlace("Le Relais numérique", "")
	do := func(who, method, path string, body any, status int, out any) {
		t.Helper()
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		answer, said := api.as(who, method, "/api/v1"+path, string(text))
		if answer.StatusCode != status {
			t.Fatalf("%s %s: %d %s", method, path, answer.StatusCode, said)
		}
		if out != nil {
			if err := json.Unmarshal([]byte(said), out); err != nil {
				t.Fatal(err)
			}
		}
	}
	type thing = map[string]any
	do("newcomer", "POST", fmt.Sprintf("/places/%d/claim", place), nil, http.StatusOK, nil)
	var a applications.Application
	do("newcomer", "POST", fmt.Sprintf("/places/%d/applications", place), thing{}, http.StatusCreated, &a)
	saved := applications.Saved{Answers: map[string]applications.Answer{}, Proofs: map[string]files.Upload{}}
	for _, c := range a.Form {
		saved.Answers[c.Code] = applications.Answer{Meets: "yes"}
		if c.Proof == "required" {
			saved.Proofs[c.Code] = world.RIB
		}
	}
	path := fmt.Sprintf("/applications/%d", a.ID)
	do("newcomer", "PATCH", path, saved, http.StatusOK, nil)
	do("newcomer", "POST", path+"/sending", nil, http.StatusOK, nil)
	do("newcomer", "POST", path+"/withdrawal", nil, http.StatusOK, nil)
	do("newcomer", "POST", fmt.Sprintf("/places/%d/applications", place), thing{"kind": labelling.OwnKind}, http.StatusCreated, &a)
	if a.Answers["welcome"].Meets != "yes" {
		t.Errorf("answers are not taken along: %+v", a.Answers)
	}
	var all struct{ Items []applications.Application }
	do("operator", "GET", "/applications", nil, http.StatusOK, &all)
	if len(all.Items) != 0 {
		t.Errorf("a draft waits for the operator: %+v", all)
	}
}
