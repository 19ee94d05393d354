package httpd

import (
	"slices"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/applications"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/internal/payees"
	"github.com/passerelle/passerelle/vouchers"
)

func notFound() error { return fault.New(fault.NotFound, "not_found") }

// StructureBody is what labelling/structure.html shows.
type StructureBody struct {
	Name              string
	Places            []OwnPlace
	Proposals         int             // to look at
	Bank              *payees.Account // in force; nil: none is
	Waiting           bool            // another was given, and is not in force
	MayChange, MayPay bool            // claim and price; say where the money goes
}

// OwnPlace is a place as its structure sees it.
type OwnPlace struct {
	ID            vouchers.PlaceID
	Name, Address string
	Kind, State   string // of the tag of its label
	Note          string // what to do or to expect
	Offers        []OfferView
	Application   string // address of the latest application; "": there is none
	MayApply      bool   // or apply again
	Renews        bool
}

// apply says of a place how far its latest application is, and whether it can apply.
func (o *OwnPlace) apply(w *i18n.Words, p labelling.Place, asked []applications.Application, today vouchers.Day) {
	at := slices.IndexFunc(asked, func(a applications.Application) bool { return a.Place == p.ID })
	state := applications.Withdrawn
	if at >= 0 {
		state, o.Application = asked[at].State, applicationPath(asked[at].ID)
	}
	o.Renews = p.Label != nil
	o.MayApply = !state.Open() && (p.Label == nil || p.Label.EndsOn <= today+labelling.RenewalDays)
	if p.Label != nil || p.Ended != nil && state != applications.Draft && state != applications.Sent {
		return
	}
	switch state {
	case applications.Draft:
		o.State, o.Note = w.Text("labelling.state.none"), w.Text("labelling.note.draft")
	case applications.Asked:
		o.State, o.Note = w.Text("labelling.state.waiting"), w.Text("labelling.note.asked")
	case applications.Refused:
		o.Kind, o.State, o.Note = "stop", w.Text("labelling.state.refused"), w.Text("labelling.note.refused")
	case applications.Sent, applications.Refusing, applications.Appealed:
	default:
		o.State, o.Note = w.Text("labelling.state.none"), w.Text("labelling.note.none")
	}
}

func (w labellingWindow) structurePage(c *fiber.Ctx) error {
	mine, err := w.room.Mine(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	bank, err := w.Payees.Accounts(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	proposals, err := w.People.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := StructureBody{Name: actor(c).OrganisationName, Bank: bank.Now, Waiting: bank.Waiting != nil, Proposals: proposals.Count(),
		MayChange: actor(c).Needs(identity.Structure, identity.Agent) == nil,
		MayPay:    actor(c).Needs(identity.Structure) == nil}
	asked, err := w.Applications.Of(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, p := range mine {
		own := ownPlace(words(c), p)
		own.apply(words(c), p, asked, today(c))
		body.Places = append(body.Places, own)
	}
	return page(c, "labelling/structure", body)
}

// ownPlace says of a place whether it takes vouchers, and why not where it does not.
func ownPlace(w *i18n.Words, p labelling.Place) OwnPlace {
	view := placeView(w, p)
	own := OwnPlace{ID: p.ID, Name: p.Name, Address: view.Address, Offers: offerViews(w, p.Services)}
	switch {
	case p.ClosedAt != nil:
		own.Kind, own.State, own.Note = "stop", w.Text("labelling.state.closed"), w.Text("labelling.note.closed")
	case p.Label != nil && p.Label.Suspended != nil:
		own.Kind, own.State, own.Note = "stop", w.Text("labelling.state.suspended"), w.Text("labelling.note.suspended", "when", *p.Label.Suspended)
	case p.Labelled && own.Offers == nil:
		own.Kind, own.State, own.Note = "stop", w.Text("labelling.state.labelled"), w.Text("labelling.note.no-offer")
	case p.Labelled:
		own.Kind, own.State, own.Note = "done", w.Text("labelling.state.labelled"), w.Text("labelling.note.until", "day", p.Label.EndsOn)
	case p.Label != nil:
		own.Kind, own.State, own.Note = "pending", w.Text("labelling.state.to-begin"), w.Text("labelling.note.from", "day", p.Label.StartsOn)
	case p.Ended != nil:
		own.Kind, own.State = "stop", w.Text("labelling.state.ended")
		own.Note = w.Text("labelling.note.ended", "when", *p.Ended.EndedAt, "reason", p.Ended.EndReason)
	case !p.Listed:
		own.Kind, own.State, own.Note = "pending", w.Text("labelling.state.waiting"), w.Text("labelling.note.unlisted")
	default:
		own.Kind, own.State, own.Note = "pending", w.Text("labelling.state.waiting"), w.Text("labelling.note.waiting")
	}
	return own
}

// ClaimBody is what labelling/claim.html shows.
type ClaimBody struct {
	Near, Query string
	Asked       bool
	Commune     string
	Others      []Choice
	Places      []ClaimablePlace
	Ours        []ClaimablePlace // nobody's, with a SIRET of the reader's legal entity
	Problem     string           // why a claim was refused, "" at first
}

// ClaimablePlace is a place that was found.
type ClaimablePlace struct {
	ID            vouchers.PlaceID
	Name, Address string
	Taken         bool // a structure answers for it already
}

func (w labellingWindow) claimPage(c *fiber.Ctx) error { return w.showClaim(c, "") }

func (w labellingWindow) showClaim(c *fiber.Ctx, problem string) error {
	req := findRequest(c)
	req.Old = true // an old card may wait for just this
	body := ClaimBody{Near: req.Near, Query: req.Query, Problem: problem, Asked: req.Near != "" || req.Query != ""}
	ours, err := w.room.Proposed(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, p := range ours {
		body.Ours = append(body.Ours, ClaimablePlace{p.ID, p.Name, placeView(words(c), p).Address, false})
	}
	if !body.Asked {
		return page(c, "labelling/claim", body)
	}
	f, err := w.finder.Find(c.UserContext(), actor(c), req)
	if err != nil {
		return err
	}
	if f.Commune != nil {
		body.Commune = f.Commune.Name
	}
	for _, p := range f.Hits {
		body.Places = append(body.Places, ClaimablePlace{p.ID, p.Name, placeView(words(c), p.Place).Address, p.Structure != 0})
	}
	return page(c, "labelling/claim", body)
}

func (w labellingWindow) claimForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.room.Claim(c.UserContext(), actor(c), labelling.ClaimRequest{Place: id})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showClaim(c, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.claimed", "place", p.Name); err != nil {
		return err
	}
	if c.FormValue("_next") == "claim" { // there may be more of them
		return c.Redirect("/structure/claim", fiber.StatusSeeOther)
	}
	return c.Redirect("/structure", fiber.StatusSeeOther)
}

// QueueBody is what labelling/queue.html shows.
type QueueBody struct {
	Applications int // that wait
	Waiting      []WaitingRow
	Ending       []labelling.Ending
	MayGrant     bool
}

// WaitingRow is a place that waits, with how long.
type WaitingRow struct {
	labelling.Waiting
	Days int
}

func (w labellingWindow) queuePage(c *fiber.Ctx) error {
	q, err := w.room.Labels(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	asked, err := w.Applications.Queue(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := QueueBody{Applications: len(asked), Ending: q.Ending, MayGrant: actor(c).Needs(identity.Operator, identity.Agent) == nil}
	for _, p := range q.Waiting {
		body.Waiting = append(body.Waiting, WaitingRow{p, int(today(c) - vouchers.DayOf(p.Since))})
	}
	return page(c, "labelling/queue", body)
}

// LabelBody is what labelling/label.html shows.
type LabelBody struct {
	Place            labelling.Place
	Address          string
	Offers           []OfferView
	MayGrant         bool // claimed, and without a label or with one about to end
	StartsOn, EndsOn vouchers.Day
	Reason           string
	Field, Problem   string // why a form was refused, "" at first
}

func (w labellingWindow) labelPage(c *fiber.Ctx) error {
	twoYears := vouchers.DayOf(today(c).Time().AddDate(2, 0, 0))
	return w.showLabel(c, LabelBody{StartsOn: today(c), EndsOn: twoYears})
}

func (w labellingWindow) showLabel(c *fiber.Ctx, body LabelBody) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.room.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	body.Place, body.Address, body.Offers = p, placeView(words(c), p).Address, offerViews(words(c), p.Services)
	body.MayGrant = p.Structure != 0 && (p.Label == nil || p.Label.EndsOn <= today(c)+labelling.RenewalDays)
	return page(c, "labelling/label", body)
}

func (w labellingWindow) grantForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		StartsOn vouchers.Day `form:"starts_on"`
		EndsOn   vouchers.Day `form:"ends_on"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	l, err := w.room.GrantLabel(c.UserContext(), actor(c), labelling.Grant{Place: id, StartsOn: form.StartsOn, EndsOn: form.EndsOn})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showLabel(c, LabelBody{StartsOn: form.StartsOn, EndsOn: form.EndsOn, Field: "ends_on", Problem: problem})
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.granted", "day", l.EndsOn); err != nil {
		return err
	}
	return c.Redirect("/labels", fiber.StatusSeeOther)
}

func (w labellingWindow) endForm(c *fiber.Ctx) error {
	var form struct {
		Label  vouchers.LabelID `form:"label"`
		Reason string           `form:"reason"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	l, err := w.room.EndLabel(c.UserContext(), actor(c), labelling.End{Label: form.Label, Reason: form.Reason})
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showLabel(c, LabelBody{StartsOn: today(c), EndsOn: today(c), Reason: form.Reason, Field: "reason", Problem: problem})
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.ended", "when", *l.EndedAt); err != nil {
		return err
	}
	return c.Redirect("/labels", fiber.StatusSeeOther)
}
