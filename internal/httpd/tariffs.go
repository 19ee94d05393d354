package httpd

import (
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/orders"
	"github.com/passerelle/passerelle/vouchers"
)

// tariffForm is a tariff as the operator types it. Rates are percentages with at most two
// decimals, read as amounts are.
type tariffForm struct {
	FromOn       vouchers.Day   `form:"from_on"`
	Fee          vouchers.Cents `form:"fee"`
	Booklet      vouchers.Cents `form:"booklet"`
	VAT          vouchers.Cents `form:"vat"`
	ValidityDays int            `form:"validity_days"`
	FeesRefunded bool           `form:"fees_refunded"`
	Terms        string         `form:"terms"`
}

func (f tariffForm) tariff() orders.NewTariff {
	return orders.NewTariff{FromOn: f.FromOn, FeeRate: int(f.Fee), Booklet: f.Booklet, VATRate: int(f.VAT), ValidityDays: f.ValidityDays,
		FeesRefunded: f.FeesRefunded, Terms: f.Terms}
}

// TariffsBody is what orders/tariffs.html shows.
type TariffsBody struct {
	orders.Tariffs
	MayPublish        bool
	Form              tariffForm
	Fee, Booklet, VAT string // as they are typed
	Problem, Field    string
}

func (w *Orders) tariffsPage(c *fiber.Ctx) error { return w.showTariffs(c, tariffForm{}, nil) }

// tariffFields names the field that a refusal is about.
var tariffFields = map[string]string{"tariff_in_the_past": "from_on", "fee_out_of_range": "fee", "booklet_price_out_of_range": "booklet",
	"vat_out_of_range": "vat", "validity_out_of_range": "validity_days", "terms_length": "terms", "tariff_without_account": "fee"}

func (w *Orders) showTariffs(c *fiber.Ctx, form tariffForm, refused error) error {
	all, err := w.Service.Tariffs(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := TariffsBody{Tariffs: all, MayPublish: actor(c).Needs(identity.Operator, identity.Finance) == nil}
	switch {
	case refused != nil:
		body.Problem, body.Field = faultText(c, refused), tariffFields[fault.Code(refused)]
		c.Status(refusalOf(refused).status)
	case len(all.Items) > 0: // the next tariff mostly resembles the last
		last := all.Items[0]
		form = tariffForm{today(c).AddDays(1), vouchers.Cents(last.FeeRate), last.Booklet, vouchers.Cents(last.VATRate), last.ValidityDays,
			last.FeesRefunded, last.Terms}
	default:
		form = tariffForm{FromOn: today(c), VAT: 20_00, ValidityDays: 30, FeesRefunded: true}
	}
	body.Form, body.Fee, body.Booklet, body.VAT = form, typedAmount(form.Fee), typedAmount(form.Booklet), typedAmount(form.VAT)
	return page(c, "orders/tariffs", body)
}

// typedAmount writes an amount into a field: "10,00".
func typedAmount(c vouchers.Cents) string { return strings.Replace(c.String(), ".", ",", 1) }

func (w *Orders) publishForm(c *fiber.Ctx) error {
	var form tariffForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	var err error
	if !confirmed(c) {
		t := words(c)
		err = confirm(c, Confirmation{Title: t.Text("orders.tariffs.confirm"), Back: "/tariffs",
			Sentence: t.Text("orders.tariffs.sentence", "from", form.FromOn, "fee", t.BasisPoints(int(form.Fee)), "booklet", form.Booklet, "VAT", t.BasisPoints(int(form.VAT))),
			Button:   t.Text("orders.tariffs.publish", "from", form.FromOn)},
			func(ctx context.Context) error { return w.Service.CheckTariff(ctx, actor(c), form.tariff()) })
	} else if _, err = w.Service.Publish(c.UserContext(), actor(c), form.tariff()); err == nil {
		if err := flash(c, "done", "orders.tariffs.published", "from", form.FromOn); err != nil {
			return err
		}
		return c.Redirect("/tariffs", http.StatusSeeOther)
	}
	if shownWithForm(err) {
		return w.showTariffs(c, form, err)
	}
	return err
}

func (w *Orders) termsPage(c *fiber.Ctx) error {
	version, err := pathID[vouchers.TariffID](c, "version")
	if err != nil {
		return err
	}
	t, err := w.Service.Terms(c.UserContext(), version)
	if err != nil {
		return err
	}
	return page(c, "orders/terms", t)
}
