package httpd

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/vouchers"
)

// ShareLine is one funder's share, as the partial "shares" shows it.
type ShareLine struct {
	Name, Rule string
	Paid, Part *vouchers.Cents // nil where they are not the reader's business
}

// shareLines say who pays for a campaign; none where its lead pays alone.
func shareLines(w *i18n.Words, s reporting.Sharing) []ShareLine {
	if len(s.Parts) < 2 {
		return nil
	}
	var lines []ShareLine
	for _, p := range s.Parts {
		lines = append(lines, ShareLine{p.Name, shareRule(w, p.Share), p.Paid, p.Part})
	}
	return lines
}

func shareRule(w *i18n.Words, s campaigns.Share) string {
	key, pairs := "campaigns.share."+string(s.Kind), []any{"percent", w.BasisPoints(s.PercentBP)}
	if s.Ceiling != nil {
		key, pairs = key+"-ceiling", append(pairs, "ceiling", *s.Ceiling)
	}
	return w.Text(key, pairs...)
}

func (w *Campaigns) sharing(c *fiber.Ctx) (reporting.Sharing, error) {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return reporting.Sharing{}, err
	}
	return w.Sharing(c.UserContext(), actor(c), id)
}

func (w *Campaigns) shares(c *fiber.Ctx) error {
	all, err := w.sharing(c)
	if err != nil {
		return err
	}
	return apiJSON(c, http.StatusOK, all)
}

func (w *Campaigns) setShares(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	var in struct {
		Shares []campaigns.Share `json:"shares"`
	}
	if err := decode(c, &in); err != nil {
		return err
	}
	if _, err := w.Service.SetShares(c.UserContext(), actor(c), campaigns.SharesRequest{Campaign: id, Shares: in.Shares}); err != nil {
		return err
	}
	return w.shares(c)
}

// SharesBody is what campaigns/shares.html shows.
type SharesBody struct {
	campaigns.Campaign
	Problem  string
	Settled  bool
	Lines    []ShareLine // where nothing can be changed any more
	Rows     []shareRow  // the last one is for a newcomer
	Newcomer string
	Rest     int // which row pays the rest; -1 for none
}

type shareRow struct {
	Funder           vouchers.OrganisationID // 0 for the newcomer
	Name             string
	Percent, Ceiling string // as typed
	Lead             bool
}

// sharesForm has one percentage and one ceiling for each known funder, then those of the
// newcomer. Who pays neither a percentage nor the rest is taken out.
type sharesForm struct {
	Funders  []vouchers.OrganisationID `form:"funder"`
	Percents []vouchers.Cents          `form:"percent"` // hundredths, as those of euros
	Ceilings []vouchers.Cents          `form:"ceiling"` // 0 for none
	Newcomer string                    `form:"newcomer"`
	Rest     int                       `form:"rest"` // -1 for none
}

func (w *Campaigns) sharesPage(c *fiber.Ctx) error { return w.showShares(c, nil, nil) }

// showShares shows the shares as they are, or the form that was refused as it was typed.
func (w *Campaigns) showShares(c *fiber.Ctx, form *sharesForm, refused error) error {
	one, err := w.campaign(c)
	if err != nil {
		return err
	}
	all, err := w.sharing(c)
	if err != nil {
		return err
	}
	if one.Funder != actor(c).Organisation {
		return fault.New(fault.NotFound, "not_found")
	}
	body := SharesBody{Campaign: one, Settled: all.Settled, Rest: -1, Lines: shareLines(words(c), all)}
	for i, p := range all.Parts {
		row := shareRow{Funder: p.Funder, Name: p.Name, Lead: p.Funder == one.Funder, Percent: typedCents(vouchers.Cents(p.PercentBP))}
		if p.Ceiling != nil {
			row.Ceiling = typedCents(*p.Ceiling)
		}
		if p.Kind == campaigns.Rest {
			body.Rest = i
		}
		body.Rows = append(body.Rows, row)
	}
	body.Rows = append(body.Rows, shareRow{})
	if form != nil {
		body.Newcomer, body.Rest = form.Newcomer, form.Rest
		for i := range body.Rows[:min(len(body.Rows), len(form.Percents), len(form.Ceilings))] {
			body.Rows[i].Percent, body.Rows[i].Ceiling = typedCents(form.Percents[i]), typedCents(form.Ceilings[i])
		}
	}
	if refused != nil {
		body.Problem = faultText(c, refused)
		c.Status(refusalOf(refused).status)
	}
	return page(c, "campaigns/shares", body)
}

// typedCents is an amount as it is typed; nothing for none.
func typedCents(amount vouchers.Cents) string {
	if amount == 0 {
		return ""
	}
	return strings.TrimSuffix(strings.Replace(amount.String(), ".", ",", 1), ",00")
}

func (w *Campaigns) sharesForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.CampaignID](c, "id")
	if err != nil {
		return err
	}
	form := sharesForm{Rest: -1}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	shares, err := w.sharesOf(c, form)
	if err == nil {
		_, err = w.Service.SetShares(c.UserContext(), actor(c), campaigns.SharesRequest{Campaign: id, Shares: shares})
	}
	if err != nil {
		if told := refusalOf(err); told.status != http.StatusConflict && told.status != http.StatusUnprocessableEntity {
			return err
		}
		return w.showShares(c, &form, err)
	}
	if err := flash(c, "done", "campaigns.shares.set"); err != nil {
		return err
	}
	return c.Redirect(campaignPath(id)+"#shares", http.StatusSeeOther)
}

// sharesOf turns what was typed into shares.
func (w *Campaigns) sharesOf(c *fiber.Ctx, form sharesForm) ([]campaigns.Share, error) {
	if len(form.Percents) != len(form.Funders)+1 || len(form.Ceilings) != len(form.Percents) {
		return nil, invalid("percent")
	}
	funders := form.Funders
	if form.Newcomer != "" {
		newcomer, err := w.funderNamed(c, form.Newcomer)
		if err != nil {
			return nil, err
		}
		funders = append(funders, newcomer)
	}
	var shares []campaigns.Share
	for i, funder := range funders {
		s := campaigns.Share{Funder: funder, Kind: campaigns.Percent, PercentBP: int(form.Percents[i])}
		if i == form.Rest {
			s.Kind, s.PercentBP = campaigns.Rest, 0
		} else if s.PercentBP == 0 && i < len(form.Funders) {
			continue
		}
		if ceiling := form.Ceilings[i]; ceiling != 0 {
			s.Ceiling = &ceiling
		}
		shares = append(shares, s)
	}
	return shares, nil
}

// funderNamed finds the one funder that a name or a SIRET means.
func (w *Campaigns) funderNamed(c *fiber.Ctx, text string) (vouchers.OrganisationID, error) {
	if utf8.RuneCountInString(text) < 3 {
		return 0, fault.New(fault.Invalid, "funder_name_unknown", "text", text)
	}
	found, err := w.Identity.Find(c.UserContext(), actor(c), identity.Search{Kind: identity.Funder, Words: text, Limit: 6})
	if err != nil {
		return 0, err
	}
	same := slices.DeleteFunc(slices.Clone(found), func(o identity.Organisation) bool { return !strings.EqualFold(o.Name, text) })
	switch {
	case len(found) == 0:
		return 0, fault.New(fault.Invalid, "funder_name_unknown", "text", text)
	case len(found) == 1:
		return found[0].ID, nil
	case len(same) == 1:
		return same[0].ID, nil
	}
	var names []string
	for _, o := range found {
		names = append(names, o.Name+" ("+o.Town+")")
	}
	return 0, fault.New(fault.Invalid, "funder_name_shared", "text", text, "names", strings.Join(names, ", "))
}
