package httpd

import (
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// applicationsWindow is the API and the pages of how a place comes to a label.
type applicationsWindow struct {
	room   *applications.Service
	labels *labelling.Service
}

// ApplicationsRoutes are the routes of package applications.
func ApplicationsRoutes(room *applications.Service, labels *labelling.Service) []Route {
	w := applicationsWindow{room, labels}
	applies, both := For(identity.Structure, identity.Agent), ForAny(identity.Structure, identity.Operator)
	reviews, operator := For(identity.Operator, identity.Agent), For(identity.Operator)
	return []Route{
		{Method: "GET", Path: "/api/v1/labels/criteria", Handler: w.criteria, Access: Open, Doc: "what each label asks for, in all versions"},
		{Method: "POST", Path: "/api/v1/labels/criteria", Handler: w.publish, Access: reviews, Doc: "publish criteria: a new label's, or the next version"},
		{Method: "GET", Path: "/api/v1/labels/register", Handler: w.register, Access: Open, Doc: "all labels that were ever granted, and how they ended"},
		{Method: "POST", Path: "/api/v1/labels/:id/suspension", Handler: w.suspend, Access: reviews, Doc: "suspend a label, with a reason"},
		{Method: "DELETE", Path: "/api/v1/labels/:id/suspension", Handler: w.lift, Access: reviews, Doc: "lift a label's suspension"},
		{Method: "POST", Path: "/api/v1/places/:id/applications", Handler: w.start, Access: applies, Doc: "begin an application for a label, or go on with the open one"},
		{Method: "GET", Path: "/api/v1/applications", Handler: w.list, Access: both, Doc: "one's applications; for the operator, those that wait"},
		{Method: "GET", Path: "/api/v1/applications/:id", Handler: w.open, Access: both, Doc: "an application with its criteria, proofs and history"},
		{Method: "PATCH", Path: "/api/v1/applications/:id", Handler: w.save, Access: applies, Body: LargestBody, Doc: "keep answers and proofs"},
		{Method: "GET", Path: "/api/v1/applications/:id/proofs/:file", Handler: w.proof, Access: both, Doc: "a proof of an application"},
		{Method: "POST", Path: "/api/v1/applications/:id/sending", Handler: w.send, Access: applies, Doc: "hand an application to the operator"},
		{Method: "POST", Path: "/api/v1/applications/:id/withdrawal", Handler: w.withdraw, Access: applies, Doc: "withdraw an application"},
		{Method: "POST", Path: "/api/v1/applications/:id/appeal", Handler: w.appeal, Access: applies, Doc: "appeal a refusal"},
		{Method: "POST", Path: "/api/v1/applications/:id/decision", Handler: w.decide, Access: reviews, Doc: "grant, ask or refuse"},
		{Method: "POST", Path: "/api/v1/applications/:id/confirmation", Handler: w.confirm, Access: reviews, Doc: "a second person's word on a refusal"},

		{Method: "GET", Path: "/label", Handler: w.criteriaPage, Access: Public, Doc: "what each label asks for"},
		{Method: "GET", Path: "/label/register", Handler: w.registerPage, Access: Public, Doc: "the public register of labels"},
		{Method: "GET", Path: "/label/criteria", Handler: w.publishPage, Access: reviews, Doc: "publish criteria: form"},
		{Method: "POST", Path: "/label/criteria", Handler: w.publishForm, Access: reviews, Doc: "publish criteria"},
		{Method: "POST", Path: "/places/:id/applications", Handler: w.startForm, Access: applies, Doc: "begin an application, or go on with the open one"},
		{Method: "GET", Path: "/applications", Handler: w.queuePage, Access: operator, Doc: "applications that wait"},
		{Method: "GET", Path: "/applications/:id", Handler: w.page, Access: both, Doc: "one application: fill it in, or review it"},
		{Method: "POST", Path: "/applications/:id", Handler: w.saveForm, Access: applies, Body: LargestBody, Doc: "keep an application, or send it"},
		{Method: "POST", Path: "/applications/:id/withdraw", Handler: w.withdrawForm, Access: applies, Doc: "withdraw an application"},
		{Method: "POST", Path: "/applications/:id/appeal", Handler: w.appealForm, Access: applies, Doc: "appeal a refusal"},
		{Method: "POST", Path: "/applications/:id/decision", Handler: w.decideForm, Access: reviews, Doc: "decide on an application"},
		{Method: "POST", Path: "/applications/:id/confirmation", Handler: w.confirmForm, Access: reviews, Doc: "a second person's word on a refusal"},
		{Method: "POST", Path: "/places/:id/labels/suspension", Handler: w.suspendForm, Access: reviews, Doc: "suspend a place's label, or lift that"},
	}
}

func (w applicationsWindow) criteria(c *fiber.Ctx) error {
	all, err := w.room.Published(c.UserContext(), identity.Actor{})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[applications.Criteria]{Items: all})
}

func (w applicationsWindow) publish(c *fiber.Ctx) error {
	var in applications.NewCriteria
	if err := decode(c, &in); err != nil {
		return err
	}
	made, err := w.room.Publish(c.UserContext(), actor(c), in)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, made)
}

func (w applicationsWindow) registerOf(c *fiber.Ctx) (listing[applications.Entry], error) {
	below, err := before[vouchers.LabelID](c)
	if err != nil {
		return listing[applications.Entry]{}, err
	}
	all, err := w.room.Register(c.UserContext(), identity.Actor{}, applications.RegisterQuery{Before: below, Kind: c.Query("kind"), Limit: pageSize + 1})
	return cut(all, func(e applications.Entry) vouchers.LabelID { return e.Label }), err
}

func (w applicationsWindow) register(c *fiber.Ctx) error {
	all, err := w.registerOf(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w applicationsWindow) suspend(c *fiber.Ctx) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.LabelID) (labelling.Label, error) {
		return w.labels.SuspendLabel(c.UserContext(), actor(c), labelling.End{Label: id, Reason: in.Reason})
	})
}

func (w applicationsWindow) lift(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.LabelID) (labelling.Label, error) {
		return w.labels.LiftLabel(c.UserContext(), actor(c), id)
	})
}

func (w applicationsWindow) start(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Kind string `json:"kind"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	a, err := w.room.Start(c.UserContext(), actor(c), id, in.Kind)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusCreated, a)
}

func (w applicationsWindow) list(c *fiber.Ctx) error {
	read := w.room.Of
	if actor(c).Kind == identity.Operator {
		read = w.room.Queue
	}
	all, err := read(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, listing[applications.Application]{Items: all})
}

func (w applicationsWindow) open(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Open(c.UserContext(), actor(c), id)
	})
}

func (w applicationsWindow) save(c *fiber.Ctx) error {
	var in applications.Saved
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Save(c.UserContext(), actor(c), id, in)
	})
}

func (w applicationsWindow) send(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Send(c.UserContext(), actor(c), id)
	})
}

func (w applicationsWindow) withdraw(c *fiber.Ctx) error {
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Withdraw(c.UserContext(), actor(c), id)
	})
}

func (w applicationsWindow) appeal(c *fiber.Ctx) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Appeal(c.UserContext(), actor(c), id, in.Reason)
	})
}

func (w applicationsWindow) decide(c *fiber.Ctx) error {
	var in applications.Decision
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Decide(c.UserContext(), actor(c), id, in)
	})
}

func (w applicationsWindow) confirm(c *fiber.Ctx) error {
	var in struct {
		Stands bool   `json:"stands"`
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	return answerFor(c, func(id vouchers.ApplicationID) (applications.Application, error) {
		return w.room.Confirm(c.UserContext(), actor(c), id, in.Stands, in.Reason)
	})
}

func (w applicationsWindow) proof(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ApplicationID](c, "id")
	if err != nil {
		return err
	}
	file, err := pathID[vouchers.ProofID](c, "file")
	if err != nil {
		return err
	}
	f, err := w.room.File(c.UserContext(), actor(c), id, file)
	if err != nil {
		return err
	}
	return sendProof(c, f)
}
