package httpd

import (
	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

func notFound() error { return fault.New(fault.NotFound, "not_found") }

// StructureBody is what labelling/structure.html shows.
type StructureBody struct {
	Name              string
	Places            []OwnPlace
	Proposals         int                    // to look at
	Bank              *labelling.BankDetails // nil: none was given
	MayChange, MayPay bool                   // claim and price; say where the money goes
}

// OwnPlace is a place as its structure sees it.
type OwnPlace struct {
	ID            vouchers.PlaceID
	Name, Address string
	Kind, State   string // of the tag of its label
	Note          string // what to do or to expect
	Offers        []OfferView
}

func (w labellingWindow) structurePage(c *fiber.Ctx) error {
	mine, err := w.room.Mine(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	bank, err := w.room.BankDetails(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	waiting, err := w.people.Waiting(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := StructureBody{Name: actor(c).OrganisationName, Bank: bank, Proposals: waiting.Count(),
		MayChange: actor(c).Needs(identity.Structure, identity.Agent) == nil,
		MayPay:    actor(c).Needs(identity.Structure) == nil}
	for _, p := range mine {
		body.Places = append(body.Places, ownPlace(words(c), p))
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
	case p.Labelled && own.Offers == nil:
		own.Kind, own.State, own.Note = "stop", w.Text("labelling.state.labelled"), w.Text("labelling.note.no-offer")
	case p.Labelled:
		own.Kind, own.State, own.Note = "done", w.Text("labelling.state.labelled"), w.Text("labelling.note.until", "day", p.Label.EndsOn)
	case p.Label != nil:
		own.Kind, own.State, own.Note = "pending", w.Text("labelling.state.to-begin"), w.Text("labelling.note.from", "day", p.Label.StartsOn)
	case p.Ended != nil:
		own.Kind, own.State = "stop", w.Text("labelling.state.ended")
		own.Note = w.Text("labelling.note.ended", "when", *p.Ended.EndedAt, "reason", p.Ended.EndReason)
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
	Problem     string // why a claim was refused, "" at first
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
	return c.Redirect("/structure", fiber.StatusSeeOther)
}

// BankBody is what labelling/bank.html shows.
type BankBody struct {
	Now     *labelling.BankDetails // in force; nil: none was given
	Typed   labelling.NewBankDetails
	Problem string // why the form was refused, "" at first
}

func (w labellingWindow) bankPage(c *fiber.Ctx) error {
	return w.showBank(c, labelling.NewBankDetails{Holder: actor(c).OrganisationName}, "")
}

func (w labellingWindow) showBank(c *fiber.Ctx, typed labelling.NewBankDetails, problem string) error {
	now, err := w.room.BankDetails(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "labelling/bank", BankBody{Now: now, Typed: typed, Problem: problem})
}

func (w labellingWindow) bankForm(c *fiber.Ctx) error {
	var form struct {
		IBAN   string `form:"iban"`
		BIC    string `form:"bic"`
		Holder string `form:"holder"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	typed := labelling.NewBankDetails{IBAN: form.IBAN, BIC: form.BIC, Holder: form.Holder}
	kept, err := w.room.SetBankDetails(c.UserContext(), actor(c), typed)
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return w.showBank(c, typed, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.bank.kept", "account", kept.IBAN); err != nil {
		return err
	}
	return c.Redirect("/structure", fiber.StatusSeeOther)
}

// QueueBody is what labelling/queue.html shows.
type QueueBody struct {
	Waiting  []WaitingRow
	Ending   []labelling.Ending
	MayGrant bool
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
	today := vouchers.DayOf(of(c).server.options.Now())
	body := QueueBody{Ending: q.Ending, MayGrant: actor(c).Needs(identity.Operator, identity.Agent) == nil}
	for _, p := range q.Waiting {
		body.Waiting = append(body.Waiting, WaitingRow{p, int(today - vouchers.DayOf(p.Since))})
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
	today := vouchers.DayOf(of(c).server.options.Now())
	twoYears := vouchers.DayOf(today.Time().AddDate(2, 0, 0))
	return w.showLabel(c, LabelBody{StartsOn: today, EndsOn: twoYears})
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
	today := vouchers.DayOf(of(c).server.options.Now())
	body.Place, body.Address, body.Offers = p, placeView(words(c), p).Address, offerViews(words(c), p.Services)
	body.MayGrant = p.Structure != 0 && (p.Label == nil || p.Label.EndsOn <= today+labelling.RenewalDays)
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
		today := vouchers.DayOf(of(c).server.options.Now())
		return w.showLabel(c, LabelBody{StartsOn: today, EndsOn: today, Reason: form.Reason, Field: "reason", Problem: problem})
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "labelling.ended", "when", *l.EndedAt); err != nil {
		return err
	}
	return c.Redirect("/labels", fiber.StatusSeeOther)
}
