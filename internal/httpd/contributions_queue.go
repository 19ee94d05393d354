package httpd

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// ContributionsBody is what contributions/queue.html shows.
type ContributionsBody struct {
	Operator     bool
	MayDecide    bool
	Reports      []reportView
	Translations []translationView
	Cards        []contributions.Card
	Problem      string // why a decision was refused, "" at first
}

// reportView is a report in words.
type reportView struct {
	contributions.Report
	Says, Said string // the card today, and what is said to be right
	Writes     bool   // accepted, it is written on the card
}

// translationView is a translation to read.
type translationView struct {
	contributions.Translation
	Tongue tongue
	Texts  []textView
}

func reportViews(all []contributions.Report) []reportView {
	var views []reportView
	for _, r := range all {
		v := reportView{Report: r, Says: r.Card, Said: r.Value, Writes: r.Field != "closed" && r.Field != "other"}
		if r.Field == "phone" {
			v.Says, v.Said = phoneAsRead(r.Card), phoneAsRead(r.Value)
		}
		views = append(views, v)
	}
	return views
}

func translationViews(w *i18n.Words, all []contributions.Translation) []translationView {
	var views []translationView
	for _, t := range all {
		v := translationView{Translation: t, Tongue: tongues[t.Language]}
		for _, one := range t.Texts {
			v.Texts = append(v.Texts, textView{Part: partName(one.Part), Label: w.Text("contributions.part." + one.Field), Source: one.Source, Text: one.Text})
		}
		views = append(views, v)
	}
	return views
}

func (w contributionsWindow) page(c *fiber.Ctx) error { return w.show(c, nil) }

func (w contributionsWindow) show(c *fiber.Ctx, refused error) error {
	who := actor(c)
	q, err := w.room.Waiting(c.UserContext(), who)
	if err != nil {
		return err
	}
	body := ContributionsBody{Operator: who.Kind == identity.Operator, MayDecide: who.Needs(who.Kind, identity.Agent) == nil,
		Reports: reportViews(q.Reports), Translations: translationViews(words(c), q.Translations), Cards: q.Cards}
	if refused != nil {
		body.Problem = refuse(c, refused)
	}
	return page(c, "contributions/queue", body)
}

// decision reads one as typed.
func (w contributionsWindow) decision(c *fiber.Ctx) (contributions.Decision, error) {
	var form struct {
		Decision string `form:"decision"` // "accept" or "refuse"
		Value    string `form:"value"`
		Answer   string `form:"answer"`
	}
	if err := decodeForm(c, &form); err != nil {
		return contributions.Decision{}, err
	}
	d := contributions.Decision{Accepted: form.Decision == "accept", Answer: form.Answer}
	if form.Value != "" {
		d.Value = &form.Value
	}
	if !d.Accepted && form.Decision != "refuse" {
		return d, invalid("decision")
	}
	return d, nil
}

func (w contributionsWindow) decideReportForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.ReportID](c, "id")
	if err != nil {
		return err
	}
	d, err := w.decision(c)
	if err != nil {
		return err
	}
	r, err := w.room.DecideReport(c.UserContext(), actor(c), id, d)
	if err != nil {
		return w.refused(c, err)
	}
	return w.decided(c, r.Name, "contributions.report", d)
}

func (w contributionsWindow) decideTranslationForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.TranslationID](c, "id")
	if err != nil {
		return err
	}
	d, err := w.decision(c)
	if err != nil {
		return err
	}
	t, err := w.room.DecideTranslation(c.UserContext(), actor(c), id, d)
	if err != nil {
		return w.refused(c, err)
	}
	return w.decided(c, t.Name, "contributions.translation", d)
}

// refused shows the queue again where the decision can be mended there.
func (w contributionsWindow) refused(c *fiber.Ctx, err error) error {
	switch fault.Code(err) {
	case "", "not_found", "forbidden", "unauthenticated":
		return err
	}
	return w.show(c, err)
}

func (w contributionsWindow) decided(c *fiber.Ctx, name, key string, d contributions.Decision) error {
	outcome := ".refused"
	if d.Accepted {
		outcome = ".accepted"
	}
	return done(c, "/contributions", key+outcome, "place", name)
}

// ConfirmCardBody is what contributions/confirm.html shows.
type ConfirmCardBody struct {
	Place     vouchers.PlaceID
	Name      string
	SureOn    vouchers.Day
	Closed    bool
	Says      []reportField
	Services  []OfferView
	MayDecide bool // not only looks
	Mine      bool // whoever decides may change the card too
}

// confirmPage is where the letter leads: it changes nothing until the button is pressed.
func (w contributionsWindow) confirmPage(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	who := actor(c)
	if !contributions.LooksAfter(who, p, of(c).server.options.Now()) {
		return notFound()
	}
	body := ConfirmCardBody{Place: p.ID, Name: p.Name, SureOn: vouchers.DayOf(p.SureAt), Closed: p.ClosedAt != nil, Services: offerViews(words(c), p.Services),
		MayDecide: who.Needs(who.Kind, identity.Agent) == nil, Mine: p.Structure == who.Organisation || p.Structure == 0}
	for _, field := range []string{"address", "hours", "phone", "email"} {
		body.Says = append(body.Says, reportField{field, cardSays(words(c), field, p)})
	}
	return page(c, "contributions/confirm", body)
}

func (w contributionsWindow) confirmForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.PlaceID](c, "id")
	if err != nil {
		return err
	}
	p, err := w.room.Confirm(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	return done(c, fmt.Sprintf("/places/%d", p.ID), "contributions.confirmed", "place", p.Name)
}
