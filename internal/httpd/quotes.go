package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// quoteForm is a quote as a funder fills it in. What is left empty is the campaign's.
type quoteForm struct {
	Campaign    vouchers.CampaignID `form:"campaign"`
	Quote       vouchers.QuoteID    `form:"quote"` // of which this is a new version; 0 for none
	Vouchers    int                 `form:"vouchers"`
	BookletSize int                 `form:"booklet_size"`
	Medium      orders.Medium       `form:"medium"`
	Letter      string              `form:"letter_language"`
	StartsOn    vouchers.Day        `form:"starts_on"`
	EndsOn      vouchers.Day        `form:"ends_on"`
}

func (f quoteForm) request() orders.QuoteRequest {
	return orders.QuoteRequest{Campaign: f.Campaign, Quote: f.Quote, Choices: orders.Choices{Vouchers: f.Vouchers,
		Plan:   campaigns.Plan{BookletSize: f.BookletSize, StartsOn: f.StartsOn, EndsOn: f.EndsOn},
		Medium: f.Medium, Letter: f.Letter}}
}

func (f *quoteForm) fill(c orders.Choices) {
	f.Vouchers, f.BookletSize, f.Medium, f.Letter, f.StartsOn, f.EndsOn = c.Vouchers, c.BookletSize, c.Medium, c.Letter, c.StartsOn, c.EndsOn
}

// QuotingBody is what orders/quote-new.html shows.
type QuotingBody struct {
	orders.Estimate
	Form           quoteForm
	Problem, Field string
	Priced         bool
	Languages      []choiceOf
}

// usualVouchers is what a new quote begins with.
const usualVouchers = 100

func (w *Orders) newQuotePage(c *fiber.Ctx) error {
	var form quoteForm
	if err := decodeQuery(c, &form); err != nil {
		return err
	}
	if form.Quote != 0 {
		q, err := w.Service.OpenQuote(c.UserContext(), actor(c), form.Quote)
		if err != nil {
			return err
		}
		if form.Campaign = q.Campaign; form.Vouchers == 0 {
			form.fill(q.Latest().Choices)
		}
	}
	if form.Campaign == 0 {
		return c.Redirect("/campaigns", http.StatusSeeOther)
	}
	if form.Vouchers == 0 {
		form.Vouchers = usualVouchers
	}
	return w.showQuoting(c, form, nil)
}

// quoteFields names the field that a refusal is about.
var quoteFields = map[string]string{"order_size_out_of_range": "vouchers", "booklet_size_out_of_range": "booklet_size",
	"campaign_ends_before_start": "ends_on", "campaign_in_the_past": "ends_on", "campaign_too_long": "ends_on", "campaign_plan_settled": "booklet_size"}

func (w *Orders) showQuoting(c *fiber.Ctx, form quoteForm, refused error) error {
	e, err := w.Service.Estimate(c.UserContext(), actor(c), form.request())
	if e.Campaign.ID == 0 {
		return err
	}
	body := QuotingBody{Estimate: e, Form: form, Priced: err == nil}
	if body.Priced {
		body.Form.fill(e.Version.Choices)
	}
	if refused == nil {
		refused = err
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), quoteFields[fault.Code(refused)]
		c.Status(refusalOf(refused).status)
	}
	for _, lang := range orders.LetterLanguages {
		body.Languages = append(body.Languages, choiceOf{lang, words(c).Text("orders.letter." + lang)})
	}
	return page(c, "orders/quote-new", body)
}

func (w *Orders) quoteForm(c *fiber.Ctx) error {
	var form quoteForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	q, err := w.Service.Quote(c.UserContext(), actor(c), form.request())
	if shownWithForm(err) {
		return w.showQuoting(c, form, err)
	}
	if err != nil {
		return err
	}
	return c.Redirect(quotePath(q.ID), http.StatusSeeOther)
}

// shownWithForm tells the refusals that a page shows with its form filled in again.
func shownWithForm(err error) bool {
	if err == nil {
		return false
	}
	status := refusalOf(err).status
	return status == http.StatusConflict || status == http.StatusUnprocessableEntity
}

func quotePath(id vouchers.QuoteID) string { return fmt.Sprintf("/quotes/%d", id) }

// QuotesBody is what orders/quotes.html shows.
type QuotesBody struct {
	Operator bool
	Rows     []quoteRow
	Next     string
}

type quoteRow struct {
	orders.Quote
	State string
}

func (w *Orders) quotesPage(c *fiber.Ctx) error {
	below, err := before[vouchers.QuoteID](c)
	if err != nil {
		return err
	}
	some, err := w.Service.Quotes(c.UserContext(), actor(c), orders.QuoteQuery{Before: below, Limit: pageSize + 1})
	if err != nil {
		return err
	}
	all := cut(some, func(q orders.Quote) vouchers.QuoteID { return q.ID })
	body := QuotesBody{Operator: actor(c).Kind == identity.Operator, Next: all.nextURL("/quotes")}
	for _, q := range all.Items {
		body.Rows = append(body.Rows, quoteRow{q, string(q.State(today(c)))})
	}
	return page(c, "orders/quotes", body)
}

// acceptForm is what acceptance asks a person for.
type acceptForm struct {
	Version     int    `form:"version"`
	Agreed      bool   `form:"agreed"`
	Name        string `form:"name"`
	Engagement  string `form:"engagement"`
	ServiceCode string `form:"service_code"`
}

// QuoteBody is what orders/quote.html shows.
type QuoteBody struct {
	orders.Quote
	State                string
	MayAccept, MayChange bool
	Shares               []ShareLine // to which a first order agrees; none where nobody shares the campaign
	Form                 acceptForm
	Problem, Field       string
}

func (w *Orders) quote(c *fiber.Ctx) (orders.Quote, error) {
	id, err := pathID[vouchers.QuoteID](c, "id")
	if err != nil {
		return orders.Quote{}, err
	}
	return w.Service.OpenQuote(c.UserContext(), actor(c), id)
}

func (w *Orders) quotePage(c *fiber.Ctx) error {
	return w.showQuote(c, acceptForm{Name: actor(c).Name}, nil)
}

// acceptFields names the field that a refusal is about.
var acceptFields = map[string]string{"agreement_missing": "agreed-on", "accepted_name_length": "name", "engagement_malformed": "engagement",
	"service_code_malformed": "service_code"}

func (w *Orders) showQuote(c *fiber.Ctx, form acceptForm, refused error) error {
	q, err := w.quote(c)
	if err != nil {
		return err
	}
	body := QuoteBody{Quote: q, State: string(q.State(today(c))), Form: form,
		MayAccept: actor(c).Needs(identity.Funder, identity.Finance) == nil, MayChange: mayDecide(c)}
	if body.State == string(orders.Offered) {
		all, err := w.Sharing(c.UserContext(), actor(c), q.Campaign)
		if err != nil && fault.Code(err) != "not_found" { // it was shared when the quote was made
			return err
		}
		body.Shares = shareLines(words(c), all)
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), acceptFields[fault.Code(refused)]
		c.Status(refusalOf(refused).status)
	}
	return page(c, "orders/quote", body)
}

func (w *Orders) acceptForm(c *fiber.Ctx) error {
	id, err := pathID[vouchers.QuoteID](c, "id")
	if err != nil {
		return err
	}
	var form acceptForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	if !form.Agreed {
		return w.showQuote(c, form, fault.New(fault.Invalid, "agreement_missing"))
	}
	o, err := w.Service.Accept(c.UserContext(), actor(c), orders.AcceptRequest{Quote: id, Version: form.Version, Name: form.Name,
		Chorus: orders.Chorus{Engagement: form.Engagement, ServiceCode: form.ServiceCode}})
	if shownWithForm(err) {
		return w.showQuote(c, form, err)
	}
	if err != nil {
		return err
	}
	if err := flash(c, "done", "orders.placed", "count", o.Vouchers, "amount", o.Face); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/orders/%d", o.ID), http.StatusSeeOther)
}

// quotePDF is in French, as invoices are, whoever reads it.
func (w *Orders) quotePDF(c *fiber.Ctx) error {
	q, err := w.quote(c)
	if err != nil {
		return err
	}
	version := q.Latest().Number
	if text := c.Query("version"); text != "" {
		if version, err = strconv.Atoi(text); err != nil {
			return invalid("version")
		}
	}
	var out bytes.Buffer
	french := paperWords{of(c).server.options.Site.Words.For("fr")}
	if err := w.Service.PrintQuote(c.UserContext(), actor(c), orders.QuoteVersion{Quote: q.ID, Version: version}, french, &out); err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("devis-%s-v%d.pdf", q.Number, version))
	c.Set(fiber.HeaderContentType, "application/pdf")
	return c.Send(out.Bytes())
}
