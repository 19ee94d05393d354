package httpd

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// contributionsWindow is the API and the pages of what people say about cards.
type contributionsWindow struct {
	room   *contributions.Service
	places *labelling.Service
}

// ContributionRoutes are the routes of package contributions.
func ContributionRoutes(room *contributions.Service, places *labelling.Service) []Route {
	w := contributionsWindow{room, places}
	reviewers := ForAny(identity.Structure, identity.Operator)
	return []Route{
		{Method: "POST", Path: "/api/v1/places/:id/reports", Handler: w.report, Access: Public, Doc: "say what is wrong about a place's card"},
		{Method: "GET", Path: "/api/v1/places/:id/translations", Handler: w.translations, Access: Public, Doc: "what a place's card says in other languages"},
		{Method: "POST", Path: "/api/v1/places/:id/translations", Handler: w.translate, Access: Public, Doc: "propose a translation of a place's card"},
		{Method: "POST", Path: "/api/v1/places/:id/translations/retraction", Handler: w.retract, Access: reviewers, Doc: "take a translation off one's card"},
		{Method: "POST", Path: "/api/v1/places/:id/confirmation", Handler: w.confirm, Access: reviewers, Doc: "say that all on a card is still right"},
		{Method: "GET", Path: "/api/v1/contributions", Handler: w.waiting, Access: reviewers, Doc: "reports and translations to decide on, and cards to confirm"},
		{Method: "POST", Path: "/api/v1/reports/:id/decision", Handler: w.decideReport, Access: reviewers, Doc: "accept or refuse a report"},
		{Method: "POST", Path: "/api/v1/translations/:id/decision", Handler: w.decideTranslation, Access: reviewers, Doc: "publish or refuse a translation"},

		{Method: "GET", Path: "/places/:id/report", Handler: w.reportPage, Access: Public, Doc: "say what is wrong about a place's card: form"},
		{Method: "POST", Path: "/places/:id/report", Handler: w.reportForm, Access: Public, Doc: "say what is wrong about a place's card"},
		{Method: "GET", Path: "/places/:id/translate", Handler: w.translatePage, Access: Public, Doc: "translate a place's card: form"},
		{Method: "POST", Path: "/places/:id/translate", Handler: w.translateForm, Access: Public, Doc: "propose a translation of a place's card"},
		{Method: "GET", Path: "/contributions", Handler: w.page, Access: reviewers, Doc: "reports and translations to decide on, and cards to confirm",
			Nav: Nav{Key: "contributions.nav", Icon: "pencil", Desk: true}},
		{Method: "POST", Path: "/contributions/reports/:id", Handler: w.decideReportForm, Access: reviewers, Doc: "accept or refuse a report"},
		{Method: "POST", Path: "/contributions/translations/:id", Handler: w.decideTranslationForm, Access: reviewers, Doc: "publish or refuse a translation"},
		{Method: "GET", Path: "/places/:id/confirmation", Handler: w.confirmPage, Access: reviewers, Doc: "say that all on a card is still right: form"},
		{Method: "POST", Path: "/places/:id/confirmation", Handler: w.confirmForm, Access: reviewers, Doc: "say that all on a card is still right"},
		{Method: "POST", Path: "/places/:id/translations/retraction", Handler: w.retractForm, Access: reviewers, Doc: "take a translation off one's card"},
	}
}

func (w contributionsWindow) report(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in contributions.NewReport
	if err := decode(c, &in); err != nil {
		return err
	}
	received, err := w.room.Report(c.UserContext(), actor(c), id, in, clientIP(c).String())
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, received)
}

func (w contributionsWindow) translate(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in contributions.NewTranslation
	if err := decode(c, &in); err != nil {
		return err
	}
	received, err := w.room.Translate(c.UserContext(), actor(c), id, in, clientIP(c).String())
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, received)
}

// translationsAnswer is what a card says in other languages.
type translationsAnswer struct {
	Items []contributions.Published `json:"items"`
}

func (w contributionsWindow) translations(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	all, err := w.room.Translations(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, translationsAnswer{all})
}

// languageForm names a language, in JSON or in a form.
type languageForm struct {
	Language string `json:"language" form:"language"`
}

func (w contributionsWindow) retract(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in languageForm
	if err := decode(c, &in); err != nil {
		return err
	}
	if err := w.room.Retract(c.UserContext(), actor(c), id, in.Language); err != nil {
		return err
	}
	return w.translations(c)
}

func (w contributionsWindow) confirm(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.PlaceID) (labelling.Place, error) {
		return w.room.Confirm(c.UserContext(), actor(c), id)
	})
}

func (w contributionsWindow) waiting(c *fiber.Ctx) error {
	q, err := w.room.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, q)
}

func (w contributionsWindow) decideReport(c *fiber.Ctx) error {
	var in contributions.Decision
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ReportID) (contributions.Report, error) {
		return w.room.DecideReport(c.UserContext(), actor(c), id, in)
	})
}

func (w contributionsWindow) decideTranslation(c *fiber.Ctx) error {
	var in contributions.Decision
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.TranslationID) (contributions.Translation, error) {
		return w.room.DecideTranslation(c.UserContext(), actor(c), id, in)
	})
}
