package httpd

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/campaigns"
	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// campaignForm is a campaign as a funder types it. Areas are names or codes, separated by
// commas or lines.
type campaignForm struct {
	Name          string         `form:"name"`
	Face          vouchers.Cents `form:"face"`
	BookletSize   int            `form:"booklet_size"`
	StartsOn      vouchers.Day   `form:"starts_on"`
	EndsOn        vouchers.Day   `form:"ends_on"`
	ToleranceDays int            `form:"tolerance_days"`
	PriceCap      int            `form:"price_cap"`
	NoShow        string         `form:"no_show"`
	Themes        []string       `form:"service_themes"`
	Communes      string         `form:"communes"`
	EPCIs         string         `form:"epcis"`
	Departements  string         `form:"departements"`
	Labels        []string       `form:"accepted_labels"`
}

// DefineBody is what campaigns/new.html shows.
type DefineBody struct {
	Form    campaignForm
	Face    string // as it is typed: "10,00"
	Problem string
	Field   string // where the problem is; "" where that is not known
	Themes  []themeBox
	NoShows []string // rules to choose from
	Labels  []checkBox
}

type themeBox struct {
	Code    string
	Checked bool
}

// usualDays is how long a campaign lasts unless its funder says otherwise: about four
// months, for a longer life does not raise use.
const usualDays = 120

func (w *Campaigns) newPage(c *fiber.Ctx) error {
	today := vouchers.DayOf(of(c).server.options.Now())
	return w.showDefine(c, campaignForm{Face: 10_00, BookletSize: 10, StartsOn: today, EndsOn: today.AddDays(usualDays),
		ToleranceDays: 15, PriceCap: 4, NoShow: string(campaigns.Nothing)}, nil)
}

func (w *Campaigns) showDefine(c *fiber.Ctx, form campaignForm, refused error) error {
	body := DefineBody{Form: form, Face: typedAmount(form.Face)}
	for _, rule := range []campaigns.NoShow{campaigns.Nothing, campaigns.OneVoucher, campaigns.AllHeld} {
		body.NoShows = append(body.NoShows, string(rule))
	}
	for _, theme := range catalogue.Themes() {
		body.Themes = append(body.Themes, themeBox{string(theme), slices.Contains(form.Themes, string(theme))})
	}
	kinds, err := w.Labels(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if kind.Latest {
			body.Labels = append(body.Labels, checkBox{kind.Code, kind.Name, slices.Contains(form.Labels, kind.Code)})
		}
	}
	for _, national := range slices.Concat(catalogue.Values("programmes"), catalogue.Values("trainings")) {
		body.Labels = append(body.Labels, checkBox{national, national, slices.Contains(form.Labels, national)})
	}
	if refused != nil {
		body.Problem, body.Field = faultText(c, refused), campaignFields[fault.Code(refused)]
		c.Status(http.StatusUnprocessableEntity)
	}
	return page(c, "campaigns/new", body)
}

// campaignFields names the field that a refusal is about.
var campaignFields = map[string]string{
	"campaign_name_length": "name", "face_value_out_of_range": "face", "booklet_size_out_of_range": "booklet_size",
	"campaign_ends_before_start": "ends_on", "campaign_in_the_past": "ends_on", "campaign_too_long": "ends_on",
	"tolerance_out_of_range": "tolerance_days", "price_cap_out_of_range": "price_cap",
	"accepted_label_unknown": "accepted_labels", "accepted_labels_many": "accepted_labels",
	"area_name_unknown": "communes", "area_name_shared": "communes", "area_code_unknown": "departements",
}

func (w *Campaigns) defineForm(c *fiber.Ctx) error {
	var form campaignForm
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	rules, err := form.rules()
	var defined campaigns.Campaign
	if err == nil {
		defined, err = w.Service.Define(c.UserContext(), actor(c), rules)
	}
	if err != nil {
		if refusalOf(err).status != http.StatusUnprocessableEntity {
			return err
		}
		return w.showDefine(c, form, err)
	}
	if err := flash(c, "done", "campaigns.defined", "name", defined.Name); err != nil {
		return err
	}
	return c.Redirect(fmt.Sprintf("/quotes/new?campaign=%d", defined.ID), http.StatusSeeOther)
}

// rules turns what was typed into codes.
func (f campaignForm) rules() (campaigns.Rules, error) {
	r := campaigns.Rules{Name: f.Name, Face: f.Face, BookletSize: f.BookletSize, StartsOn: f.StartsOn, EndsOn: f.EndsOn,
		ToleranceDays: f.ToleranceDays, PriceCap: f.PriceCap, NoShow: campaigns.NoShow(f.NoShow), Themes: f.Themes, Labels: f.Labels, Departements: typedList(strings.ToUpper(f.Departements))}
	for _, text := range typedList(f.Communes) {
		commune, err := communeNamed(text)
		if err != nil {
			return r, err
		}
		r.Communes = append(r.Communes, commune.INSEE)
	}
	for _, text := range typedList(f.EPCIs) {
		if _, known := territory.EPCI(text); known {
			r.EPCIs = append(r.EPCIs, text)
			continue
		}
		commune, err := communeNamed(text)
		if err != nil {
			return r, err
		}
		r.EPCIs = append(r.EPCIs, commune.EPCI)
	}
	return r, nil
}

// communeNamed finds the one commune that a code, a postcode or a name means. Where
// several could be meant it refuses and names them with their codes, to copy from.
func communeNamed(text string) (territory.Commune, error) {
	if commune, known := territory.Lookup(strings.ToUpper(text)); known {
		return commune, nil
	}
	found := territory.Search(text, 6)
	if len(found) == 0 {
		return territory.Commune{}, fault.New(fault.Invalid, "area_name_unknown", "text", text)
	}
	same := slices.DeleteFunc(slices.Clone(found), func(one territory.Commune) bool {
		return territory.Fold(one.Name) != territory.Fold(text)
	})
	if len(same) == 1 {
		return same[0], nil
	}
	if len(found) == 1 {
		return found[0], nil
	}
	var names []string
	for _, one := range found {
		names = append(names, one.Name+" "+one.INSEE)
	}
	return territory.Commune{}, fault.New(fault.Invalid, "area_name_shared", "text", text, "names", strings.Join(names, ", "))
}

// typedList cuts a text at commas, semicolons and line ends.
func typedList(text string) []string {
	var all []string
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ';' || r == '\n' }) {
		if one = strings.TrimSpace(one); one != "" {
			all = append(all, one)
		}
	}
	return all
}
