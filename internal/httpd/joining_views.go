package httpd

import (
	"fmt"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/joining"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/siret"
	"github.com/passerelle/passerelle/vouchers"
)

// ProgressBody is what joining/progress.html shows.
type ProgressBody struct {
	Name       string
	Unverified bool
	Steps      []StepView
	Left       int // minutes that what is left takes
	MayChange  bool
}

// StepView is one step of an arrival.
type StepView struct {
	Name        string // "structure", "places", "services", "hours", "access", "photo", "label", "bank"
	Kind, State string // of the tag
	Text        string // what is done, or what is to be done
	Minutes     int    // that it takes; 0 where it is done or others do it
	Links       []LinkView
}

// LinkView is a way to do something.
type LinkView struct{ Href, Text string }

// minutesOf are how long a step takes, for each place where it is about places.
var minutesOf = map[string]int{"places": 2, "services": 3, "hours": 3, "access": 3, "photo": 2, "bank": 2}

func (w joiningWindow) progressPage(c *fiber.Ctx) error {
	p, err := w.room.Progress(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := ProgressBody{Name: p.Structure.Name, Unverified: p.Structure.UnverifiedSince != nil,
		Steps: stepsOf(words(c), p), MayChange: actor(c).Needs(identity.Structure, identity.Agent) == nil}
	for _, step := range body.Steps {
		body.Left += step.Minutes
	}
	return page(c, "joining/progress", body)
}

func stepsOf(w *i18n.Words, p joining.Progress) []StepView {
	steps := []StepView{structureStep(w, p), placesStep(w, p)}
	for _, part := range joining.Parts {
		steps = append(steps, partStep(w, p, part))
	}
	return append(steps, labelStep(w, p), bankStep(w, p))
}

// tagged gives a step its state: "done", "todo", "waiting" or "optional".
func (s StepView) tagged(w *i18n.Words, state string) StepView {
	s.Kind = map[string]string{"done": "done", "todo": "pending", "waiting": "none", "optional": "none"}[state]
	s.State = w.Text("joining.state." + state)
	if state == "done" || state == "waiting" {
		s.Minutes = 0
	}
	return s
}

func structureStep(w *i18n.Words, p joining.Progress) StepView {
	s := StepView{Name: "structure", Text: w.Text("joining.structure.verified")}
	if p.Structure.UnverifiedSince != nil {
		s.Text = w.Text("joining.structure.unverified")
	}
	return s.tagged(w, "done")
}

func placesStep(w *i18n.Words, p joining.Progress) StepView {
	s := StepView{Name: "places", Minutes: minutesOf["places"], Text: w.Text("joining.places.count", "count", len(p.Places)), Links: []LinkView{
		{claimAddress(p.Structure.Town), w.Text("joining.places.claim")}, {"/structure/places/new", w.Text("joining.places.add")}}}
	if len(p.Places) == 0 {
		return s.tagged(w, "todo")
	}
	return s.tagged(w, "done")
}

// partStep is about one part of each place.
func partStep(w *i18n.Words, p joining.Progress, part joining.Part) StepView {
	s := StepView{Name: string(part), Text: w.Text("joining." + string(part) + ".done")}
	for _, place := range p.Places {
		if place.Lacks(part) {
			s.Minutes += minutesOf[string(part)]
			s.Links = append(s.Links, LinkView{partPage(place.ID, part), w.Text("joining."+string(part)+".link", "place", place.Name)})
		}
	}
	switch {
	case len(p.Places) == 0:
		s.Minutes, s.Text = minutesOf[string(part)], w.Text("joining.first-place")
		return s.tagged(w, "todo")
	case s.Links == nil:
		return s.tagged(w, "done")
	case part == joining.Photo:
		s.Text = w.Text("joining.photo.todo")
		return s.tagged(w, "optional")
	}
	s.Text = w.Text("joining."+string(part)+".todo", "count", len(s.Links))
	return s.tagged(w, "todo")
}

// partPage is where a part of a place is given.
func partPage(place vouchers.PlaceID, part joining.Part) string {
	if part == joining.Services {
		return fmt.Sprintf("/places/%d/services", place)
	}
	return fmt.Sprintf("/structure/places/%d/%s", place, part)
}

func labelStep(w *i18n.Words, p joining.Progress) StepView {
	s := StepView{Name: "label", Text: w.Text("joining.label.waiting"), Links: []LinkView{{"/structure", w.Text("joining.label.link")}}}
	labelled := 0
	for _, place := range p.Places {
		if place.Labelled {
			labelled++
		}
	}
	switch {
	case len(p.Places) == 0:
		s.Text, s.Links = w.Text("joining.first-place"), nil
	case labelled == len(p.Places):
		s.Text = w.Text("joining.label.done")
		return s.tagged(w, "done")
	case p.Structure.UnverifiedSince != nil:
		s.Text = w.Text("joining.label.unverified")
	}
	return s.tagged(w, "waiting")
}

func bankStep(w *i18n.Words, p joining.Progress) StepView {
	if p.HasBank {
		return StepView{Name: "bank", Text: w.Text("joining.bank.done")}.tagged(w, "done")
	}
	return StepView{Name: "bank", Minutes: minutesOf["bank"], Text: w.Text("joining.bank.todo"),
		Links: []LinkView{{"/bank-details", w.Text("payees.give")}}}.tagged(w, "todo")
}

// NewcomersBody is what joining/newcomers.html shows.
type NewcomersBody struct {
	Items     []NewcomerView
	MayVerify bool
	Problem   string // why a form was refused, "" at first
}

// NewcomerView is a structure to look at.
type NewcomerView struct {
	joining.Newcomer
	Number   string // its SIRET, as people read it
	Address  string
	Register string // its page in the public register
	Where    []NewcomerPlace
}

// NewcomerPlace is a place of such a structure.
type NewcomerPlace struct{ Href, Text, History string }

func (w joiningWindow) newcomersPage(c *fiber.Ctx) error { return w.showNewcomers(c, "") }

func (w joiningWindow) showNewcomers(c *fiber.Ctx, problem string) error {
	all, err := w.room.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := NewcomersBody{Problem: problem, MayVerify: actor(c).Needs(identity.Operator, identity.Agent) == nil}
	for _, n := range all {
		view := NewcomerView{Newcomer: n, Number: siret.SIRET(n.SIRET).String(), Register: "https://annuaire-entreprises.data.gouv.fr/etablissement/" + n.SIRET,
			Address: strings.Join(addressLines(labelling.Place{Address: n.Street, Postcode: n.Postcode, Town: n.Town}), ", ")}
		for _, p := range n.Places {
			view.Where = append(view.Where, NewcomerPlace{fmt.Sprintf("/places/%d", p.ID), p.Name + ", " + p.Town, fmt.Sprintf("/structure/places/%d/history", p.ID)})
		}
		body.Items = append(body.Items, view)
	}
	return page(c, "joining/newcomers", body)
}
