package httpd

import (
	"fmt"
	"net/http"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/internal/search"
	"github.com/passerelle/passerelle/vouchers"
)

// labellingWindow is the API and the pages of claims and labels.
type labellingWindow struct {
	room *labelling.Service
	Beside
	places *catalogue.Service
	finder *search.Service
}

// Beside is what a structure's page shows beside its places.
type Beside struct {
	Payees       *payees.Service
	Applications *applications.Service
	People       *contributions.Service
}

// LabellingRoutes are the routes of package labelling.
func LabellingRoutes(room *labelling.Service, beside Beside, places *catalogue.Service, finder *search.Service) []Route {
	w := labellingWindow{room, beside, places, finder}
	claimer, members := For(identity.Structure, identity.Agent), For(identity.Structure)
	carers := ForAny(identity.Structure, identity.Operator)
	reviewer, operator := For(identity.Operator, identity.Agent), For(identity.Operator)
	return append(w.ownPlaceRoutes(), []Route{
		{Method: "POST", Path: "/api/v1/places/:id/claim", Handler: w.claim, Access: claimer, Doc: "answer for a place, as its structure"},
		{Method: "PATCH", Path: "/api/v1/places/:id", Handler: w.correct, Access: carers,
			Doc: "correct one's place; a text left out stays, and an import leaves alone what was corrected"},
		{Method: "POST", Path: "/api/v1/places/:id/labels", Handler: w.grant, Access: reviewer,
			Doc: "grant a label to a claimed place; one about to end is renewed"},
		{Method: "DELETE", Path: "/api/v1/labels/:id", Handler: w.end, Access: reviewer, Doc: "take a label back, with a reason"},
		{Method: "GET", Path: "/api/v1/labels", Handler: w.queue, Access: operator,
			Doc: "claimed places that wait for a label, and labels about to end"},

		{Method: "GET", Path: "/structure", Handler: w.structurePage, Access: members, Doc: "one's structure: places, labels, account",
			Nav: Nav{Key: "labelling.structure.nav", Icon: "building-2"}},
		{Method: "GET", Path: "/structure/claim", Handler: w.claimPage, Access: claimer, Doc: "look for one's place, to answer for it"},
		{Method: "POST", Path: "/places/:id/claim", Handler: w.claimForm, Access: claimer, Doc: "answer for a place"},
		{Method: "GET", Path: "/structure/places/:id/edit", Handler: w.editPage, Access: carers, Doc: "correct one's place: form"},
		{Method: "POST", Path: "/structure/places/:id/edit", Handler: w.editForm, Access: carers, Doc: "correct one's place"},
		{Method: "GET", Path: "/labels", Handler: w.queuePage, Access: operator, Doc: "labels to review and to renew",
			Nav: Nav{Key: "labelling.queue.nav", Icon: "badge-check"}},
		{Method: "GET", Path: "/places/:id/labels", Handler: w.labelPage, Access: reviewer, Doc: "a place's label: forms"},
		{Method: "POST", Path: "/places/:id/labels", Handler: w.grantForm, Access: reviewer, Doc: "grant or renew a label"},
		{Method: "POST", Path: "/places/:id/labels/end", Handler: w.endForm, Access: reviewer, Doc: "take a place's label back"},
	}...)
}

func (w labellingWindow) claim(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.room.Claim(c.UserContext(), actor(c), labelling.ClaimRequest{Place: id})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, p)
}

func (w labellingWindow) grant(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		StartsOn vouchers.Day `json:"starts_on"`
		EndsOn   vouchers.Day `json:"ends_on"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	l, err := w.room.GrantLabel(c.UserContext(), actor(c), labelling.Grant{Place: id, StartsOn: in.StartsOn, EndsOn: in.EndsOn})
	if err != nil {
		return err
	}
	c.Set(fiber.HeaderLocation, fmt.Sprintf("/api/v1/places/%d", id))
	return apiJSON(c, http.StatusCreated, l)
}

func (w labellingWindow) end(c *fiber.Ctx) error {
	id, err := pathID[vouchers.LabelID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Reason string `json:"reason"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	l, err := w.room.EndLabel(c.UserContext(), actor(c), labelling.End{Label: id, Reason: in.Reason})
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, l)
}

func (w labellingWindow) queue(c *fiber.Ctx) error {
	q, err := w.room.Labels(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, q)
}
