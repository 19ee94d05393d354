package httpd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
	"github.com/passerelle/passerelle/internal/contributions"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/internal/labelling"
	"github.com/passerelle/passerelle/vouchers"
)

// servicesInLine says in one line what a place offers, or what its source says it does.
func servicesInLine(w *i18n.Words, p labelling.Place) string {
	var list []string
	for _, o := range inOrder(p.Services) {
		if o.Free() {
			list = append(list, w.Text("catalogue.offer.free", "theme", offerName(w, o)))
			continue
		}
		list = append(list, w.Text("catalogue.offer", "theme", offerName(w, o), "count", o.PriceVouchers))
	}
	if list == nil {
		list = themesInWords(w, p.Themes)
	}
	return strings.Join(list, " · ")
}

func themesInWords(w *i18n.Words, themes []string) []string {
	var list []string
	for _, theme := range themes {
		list = append(list, w.Text("theme."+theme))
	}
	return list
}

// inOrder sorts offers in the order of the standard's themes.
func inOrder(offers []catalogue.Offer) []catalogue.Offer {
	order := catalogue.Themes()
	return slices.SortedFunc(slices.Values(offers), func(a, b catalogue.Offer) int {
		return slices.Index(order, catalogue.Theme(a.Theme)) - slices.Index(order, catalogue.Theme(b.Theme))
	})
}

// PlaceDetailBody is what catalogue/place.html shows.
type PlaceDetailBody struct {
	PlaceView
	ID            vouchers.PlaceID
	HoursLines    []string
	Holiday       string // what a coming public holiday does to them
	Offers        []OfferView
	Themes        []string // in words, where the place has no offer of its own
	Summary       string
	Presentation  string
	Email         string
	Website       string
	Accessibility string
	UpdatedOn     *vouchers.Day
	CorrectedOn   *vouchers.Day // nil: its structure never did
	LabelUntil    *vouchers.Day // nil where it takes no voucher today
	MayClaim      bool          // nobody answers for it, and the reader could
	MayLabel      bool
	MayPrice      bool
	Sessions      []SessionView // of the next weeks
	Photo         string        // its address, "" where there is none
	PhotoAlt      string
	Listed        bool
	Facts         []FactView    // how to come, who is specially welcome, …
	StaleOn       *vouchers.Day // since when the card is old; nil where it is not
	Closed        bool          // for good
	Languages     []PublishedView
	Translatable  bool      // the card has texts
	MayCare       bool      // confirm the card, take translations down
	MayEdit       bool      // nobody answers for it, and the reader is the operator
	Slots         []SlotDay // those that are free, of the next days that have any
}

// FactView is a list of a place in words.
type FactView struct{ Title, Text string }

// placeFacts are the lists of a place that its visitors want to know.
func placeFacts(w *i18n.Words, p labelling.Place) []FactView {
	var facts []FactView
	for _, list := range []struct {
		name   string
		values []string
	}{
		{"access_ways", p.AccessWays}, {"support_ways", p.SupportWays}, {"mobilities", p.Mobilities}, {"fees", p.Fees}, {"audiences", p.Audiences},
		{"special_care", p.SpecialCare}, {"languages", p.Languages},
	} {
		var words []string
		for _, value := range list.values {
			words = append(words, valueInWords(w, list.name, value))
		}
		if words != nil {
			facts = append(facts, FactView{w.Text("labelling.field." + list.name), strings.Join(words, labelling.Between)})
		}
	}
	return facts
}

// SlotDay is the appointments of one service that can be booked on one day.
type SlotDay struct {
	Name  string
	Day   vouchers.Day
	Slots []SessionView
}

// slotDaysShown is how many days of appointments a place's page names.
const slotDaysShown = 8

// apart takes the appointments out of a place's sessions, day by day.
func apart(all []SessionView) (sessions []SessionView, days []SlotDay) {
	for _, s := range all {
		if !s.Slot {
			sessions = append(sessions, s)
			continue
		}
		if !s.Bookable() {
			continue
		}
		day := vouchers.DayOf(s.At)
		n := slices.IndexFunc(days, func(d SlotDay) bool { return d.Day == day && d.Name == s.Name })
		if n < 0 {
			n, days = len(days), append(days, SlotDay{Name: s.Name, Day: day})
		}
		days[n].Slots = append(days[n].Slots, s)
	}
	return sessions, days[:min(len(days), slotDaysShown)]
}

// OfferView is a service in words.
type OfferView struct {
	Theme       string // its title, or its theme
	Price       int    // vouchers; 0: free
	Minutes     int
	Extra       vouchers.Cents // that the person pays besides
	Description string
	Details     string // level, modes, meetings, audiences
}

func offerViews(w *i18n.Words, offers []catalogue.Offer) []OfferView {
	var views []OfferView
	for _, o := range inOrder(offers) {
		views = append(views, OfferView{offerName(w, o), o.PriceVouchers, o.DurationMinutes, o.Extra, o.Description, offerDetails(w, o)})
	}
	return views
}

func (w catalogueWindow) openPage(c *fiber.Ctx) error {
	p, err := w.place(c)
	if err != nil {
		return err
	}
	who := actor(c)
	body := PlaceDetailBody{
		PlaceView: placeView(words(c), p), ID: p.ID, HoursLines: hoursInWords(words(c), p.Hours), Holiday: holidaySoon(words(c), p.Hours, vouchers.DayOf(of(c).server.options.Now())),
		Offers: offerViews(words(c), p.Services), Summary: p.Summary, Presentation: p.Presentation, Email: p.Email, Website: p.Website,
		Accessibility: p.Accessibility, UpdatedOn: p.UpdatedOn, Photo: photoAddress(p), Listed: p.Listed, Facts: placeFacts(words(c), p),
		MayClaim: p.Structure == 0 && who.Needs(identity.Structure, identity.Agent) == nil,
		MayLabel: p.Structure != 0 && who.Needs(identity.Operator, identity.Agent) == nil,
		MayPrice: p.Structure != 0 && p.Structure == who.Organisation && who.Needs(identity.Structure, identity.Agent) == nil,
	}
	if p.Photo != nil {
		body.PhotoAlt = p.Photo.Alt
	}
	sessions, err := w.agenda.Upcoming(c.UserContext(), who, p.ID, agendaDays)
	if err != nil {
		return err
	}
	body.Sessions, body.Slots = apart(sessionViews(words(c), sessions))
	if body.Offers == nil {
		body.Themes = themesInWords(words(c), p.Themes)
	}
	if p.CorrectedAt != nil {
		on := vouchers.DayOf(*p.CorrectedAt)
		body.CorrectedOn = &on
	}
	if p.Stale {
		on := vouchers.DayOf(p.SureAt.AddDate(0, labelling.StaleMonths, 0))
		body.StaleOn = &on
	}
	translated, err := w.people.Translations(c.UserContext(), who, p.ID)
	if err != nil {
		return err
	}
	body.Languages = publishedViews(words(c), translated)
	body.MayCare = contributions.LooksAfter(who, p, of(c).server.options.Now()) && who.Needs(who.Kind, identity.Agent) == nil
	body.MayEdit = p.Structure == 0 && who.Needs(identity.Operator, identity.Agent) == nil
	body.Closed, body.Translatable = p.ClosedAt != nil, len(contributions.Sources(p)) > 0
	if p.Labelled {
		body.LabelUntil = &p.Label.EndsOn
	}
	return page(c, "catalogue/place", body)
}

// own is the place of the path where the actor's structure answers for it.
func (w catalogueWindow) own(c *fiber.Ctx) (labelling.Place, error) {
	p, err := w.place(c)
	if err == nil && p.Structure != actor(c).Organisation {
		return p, notFound()
	}
	return p, err
}

// ImportBody is what catalogue/import.html shows.
type ImportBody struct {
	Source  string
	Problem string // why the file was refused, "" at first
}

// ImportReportBody is what catalogue/report.html shows.
type ImportReportBody struct {
	reportAnswer
	Source string
}

func (w catalogueWindow) importPage(c *fiber.Ctx) error {
	return page(c, "catalogue/import", ImportBody{Source: "national"})
}

// importForm answers with the report itself: sent again, it is the same report. look only
// tells what would be done.
func (w catalogueWindow) importForm(c *fiber.Ctx) error {
	var form struct {
		Source   string `form:"source"`
		Look     bool   `form:"look"`
		File     string `form:"file"` // a file that was not chosen comes as a field without text
		Services string `form:"services"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	report, err := w.importUploaded(c, form.Source, form.Look)
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return page(c, "catalogue/import", ImportBody{Source: form.Source, Problem: problem})
	}
	if err != nil {
		return err
	}
	return page(c, "catalogue/report", ImportReportBody{newReportAnswer(words(c), report), form.Source})
}

func (w catalogueWindow) importUploaded(c *fiber.Ctx, source string, look bool) (catalogue.ImportReport, error) {
	first, err := uploaded(c, "file")
	if err != nil {
		return catalogue.ImportReport{}, err
	}
	defer first.Close()
	file, take := io.Reader(first), w.room.Import
	if second, err := uploaded(c, "services"); err == nil {
		defer second.Close()
		file = catalogue.Together(first, second)
	}
	if look {
		take = w.room.Preview
	}
	report, err := take(c.UserContext(), actor(c), source, file)
	if err != nil {
		return report, fmt.Errorf("import places: %w", err)
	}
	return report, nil
}
