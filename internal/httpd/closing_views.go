package httpd

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/closing"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

func closingPath(id vouchers.CampaignID) string { return fmt.Sprintf("/campaigns/%d/closing", id) }

// ClosingBody is what closing/statement.html shows.
type ClosingBody struct {
	closing.Statement
	Steps     []stepView
	Mine      *closing.FunderPart // the reader's, if it pays
	MayChoose bool
	MayExtend bool
	MayClose  bool
	Targets   []choiceOf // campaigns that credit could go to
	Kind, To  string     // what is chosen, or was asked for
	Problem   string
}

func (w *Closing) statementPage(c *fiber.Ctx) error {
	return w.showStatement(c, closing.ChooseRequest{}, "")
}

func (w *Closing) showStatement(c *fiber.Ctx, asked closing.ChooseRequest, problem string) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	today, who := vouchers.DayOf(s.At), actor(c)
	body := ClosingBody{Statement: s, Steps: closingSteps(c, s), Problem: problem, Kind: asked.Kind, To: fmt.Sprint(asked.To),
		MayClose: who.Needs(identity.Operator, identity.Finance) == nil && !s.Closed() && today >= s.ClosesOn && s.Live == 0,
		MayExtend: who.Needs(identity.Funder, identity.Finance) == nil && s.Campaign.Funder == who.Organisation &&
			!s.Closed() && today <= s.Campaign.LastDay()}
	for i := range s.Funders {
		if f := &s.Funders[i]; f.Funder == who.Organisation {
			body.Mine = f
			if f.Choice != nil && problem == "" {
				body.Kind = f.Choice.Kind
				if f.Choice.To != nil {
					body.To = fmt.Sprint(*f.Choice.To)
				}
			}
		}
	}
	if body.MayChoose = body.Mine != nil && who.Needs(identity.Funder, identity.Finance) == nil; body.MayChoose {
		if body.Targets, err = w.targets(c, s); err != nil {
			return err
		}
	}
	return page(c, "closing/statement", body)
}

// targets are the reader's campaigns that still run, apart from the one that ends.
func (w *Closing) targets(c *fiber.Ctx, s closing.Statement) ([]choiceOf, error) {
	all, err := w.Campaigns.List(c.UserContext(), actor(c))
	var targets []choiceOf
	for _, one := range all {
		if one.ID != s.Campaign.ID && one.ClosedAt == nil && one.EndsOn >= vouchers.DayOf(s.At) {
			targets = append(targets, choiceOf{fmt.Sprint(one.ID), one.Name})
		}
	}
	return targets, err
}

// closingSteps say how far a campaign is from giving back.
func closingSteps(c *fiber.Ctx, s closing.Statement) []stepView {
	w, today := words(c), vouchers.DayOf(s.At)
	at := 0
	switch {
	case s.Closed() && s.Back() == 0:
		at = 4
	case s.Closed():
		at = 3
	case today > s.Campaign.LastDay():
		at = 2
	case today > s.Campaign.EndsOn:
		at = 1
	}
	steps := []stepView{
		{Text: w.Text("closing.step.ends", "day", w.ShortDay(s.Campaign.EndsOn.Time()))},
		{Text: w.Text("closing.step.last", "day", w.ShortDay(s.Campaign.LastDay().Time()))},
		{Text: w.Text("closing.step.closes", "day", w.ShortDay(s.ClosesOn.Time()))},
		{Text: w.Text("closing.step.back")},
	}
	if s.Closed() {
		steps[2].Text = w.Text("closing.step.closed", "day", w.ShortDay(*s.Campaign.ClosedAt))
	}
	for i := range steps {
		switch {
		case i < at:
			steps[i].State = "done"
		case i == at:
			steps[i].State = "current"
		default:
			steps[i].State = "todo"
		}
	}
	return steps
}

// closingSheet is the statement as a table: what it says, about whom, how much.
func closingSheet(w *i18n.Words, s closing.Statement) documents.Sheet {
	sheet := documents.Sheet{Name: w.Text("closing.sheet"), Columns: []documents.Column{
		{Header: w.Text("closing.sheet.what")}, {Header: w.Text("closing.funder")}, {Header: w.Text("closing.sheet.amount"), Kind: documents.Money}}}
	add := func(key, funder string, amount vouchers.Cents) {
		sheet.Rows = append(sheet.Rows, []documents.Cell{documents.TextCell(w.Text("closing.figure." + key)), documents.TextCell(funder), documents.MoneyCell(amount)})
	}
	for _, f := range closingFigures(s) {
		add(f.Key, "", f.Amount)
	}
	for _, f := range s.Funders {
		add("paid", f.FunderName, f.Paid)
		add("used", f.FunderName, f.Used)
		add("back", f.FunderName, f.Back())
		if f.FeesBack > 0 {
			add("fees", f.FunderName, f.FeesBack)
		}
	}
	return sheet
}

// ClosingFigure is one figure of a statement; its key names it.
type ClosingFigure struct {
	Key    string
	Amount vouchers.Cents
}

// Figures follow the money.
func (b ClosingBody) Figures() []ClosingFigure { return closingFigures(b.Statement) }

func closingFigures(s closing.Statement) []ClosingFigure {
	return []ClosingFigure{{"ordered", s.Ordered}, {"received", s.Received}, {"handed", s.HandedOver}, {"used", s.Used},
		{"live", s.Live}, {"expired", s.Expired()}, {"never", s.Never()}, {"back", s.Back()}}
}

func (w *Closing) closeForm(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	id := s.Campaign.ID
	do := func(ctx context.Context) error {
		_, err := w.Service.Close(ctx, actor(c), id)
		return err
	}
	if !confirmed(c) {
		err = confirm(c, Confirmation{Title: words(c).Text("closing.close.title", "campaign", s.Campaign.Name),
			Sentence: words(c).Text("closing.close.effect", "amount", s.Back(), "count", len(s.Funders)),
			Button:   words(c).Text("closing.close.button", "amount", s.Back()), Back: closingPath(id)}, do)
	} else if err = do(c.UserContext()); err == nil {
		if err := flash(c, "done", "closing.closed", "amount", s.Back()); err != nil {
			return err
		}
		return c.Redirect(closingPath(id), http.StatusSeeOther)
	}
	return w.again(c, err, closing.ChooseRequest{})
}

// again shows the statement with why a form was refused.
func (w *Closing) again(c *fiber.Ctx, err error, asked closing.ChooseRequest) error {
	problem := faultText(c, err)
	if problem == "" || refusalOf(err).status == http.StatusNotFound {
		return err
	}
	c.Status(refusalOf(err).status)
	return w.showStatement(c, asked, problem)
}

func (w *Closing) chooseForm(c *fiber.Ctx) error {
	s, err := w.read(c)
	if err != nil {
		return err
	}
	req := closing.ChooseRequest{Campaign: s.Campaign.ID}
	if err := decodeForm(c, &req); err != nil {
		return err
	}
	do := func(ctx context.Context) error {
		_, err := w.Service.Choose(ctx, actor(c), req)
		return err
	}
	if s.Closed() && req.Kind == closing.ToCampaign && !confirmed(c) {
		err = confirm(c, Confirmation{Title: words(c).Text("closing.choice.title"), Sentence: words(c).Text("closing.choice.effect"),
			Button: words(c).Text("closing.choice.roll"), Back: closingPath(s.Campaign.ID)}, do)
	} else if err = do(c.UserContext()); err == nil {
		if err := flash(c, "done", "closing.chosen"); err != nil {
			return err
		}
		return c.Redirect(closingPath(s.Campaign.ID), http.StatusSeeOther)
	}
	return w.again(c, err, req)
}

// ExtensionBody is what closing/extension.html shows.
type ExtensionBody struct {
	closing.Extension
	Name    string // of the campaign
	Signed  string
	Problem string
	Asked   vouchers.Day
	May     bool // the day can be chosen: what it concerns is known
}

func (w *Closing) extensionPage(c *fiber.Ctx) error {
	return w.showExtension(c, closing.ExtendRequest{}, "")
}

func (w *Closing) showExtension(c *fiber.Ctx, typed closing.ExtendRequest, problem string) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	one, err := w.Campaigns.Open(c.UserContext(), actor(c), id)
	if err != nil {
		return err
	}
	if typed.Until == 0 {
		if typed.Until, err = until(c); err != nil {
			return err
		}
	}
	body := ExtensionBody{Name: one.Name, Signed: typed.Name, Problem: problem, Asked: max(typed.Until, one.EndsOn)}
	e, err := w.Service.PreviewExtension(c.UserContext(), actor(c), id, typed.Until)
	if told := faultText(c, err); told != "" && refusalOf(err).status != http.StatusNotFound {
		body.Extension = closing.Extension{Campaign: id, From: one.EndsOn}
		if body.Problem == "" {
			body.Problem = told
			c.Status(refusalOf(err).status)
		}
		return page(c, "closing/extension", body)
	}
	if err != nil {
		return err
	}
	body.Extension, body.May, body.Asked = e, true, e.Until
	return page(c, "closing/extension", body)
}

func (w *Closing) extendForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	var form struct {
		Until  vouchers.Day `form:"until"`
		Name   string       `form:"signed_name"`
		Agreed bool         `form:"agreed"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	req := closing.ExtendRequest{Campaign: id, Until: form.Until, Name: form.Name, Agreed: form.Agreed}
	e, err := w.Service.Extend(c.UserContext(), actor(c), req)
	if problem := faultText(c, err); problem != "" && refusalOf(err).status != http.StatusNotFound {
		c.Status(refusalOf(err).status)
		return w.showExtension(c, req, problem)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "closing.extended", "until", e.Until, "count", e.Vouchers); err != nil {
		return err
	}
	return c.Redirect(closingPath(id), http.StatusSeeOther)
}

// notesOf joins credit notes for a table.
func (b ClosingBody) NotesOf(f closing.FunderPart) string { return strings.Join(f.CreditNotes, ", ") }
