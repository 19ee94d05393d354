package httpd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/catalogue"
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
	Slots         []SlotDay     // those that are free, of the next days that have any
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
		PlaceView: placeView(words(c), p), ID: p.ID, HoursLines: hoursInWords(words(c), p.Hours),
		Offers: offerViews(words(c), p.Services), Summary: p.Summary, Presentation: p.Presentation, Email: p.Email, Website: p.Website,
		Accessibility: p.Accessibility, UpdatedOn: p.UpdatedOn,
		MayClaim: p.Structure == 0 && who.Needs(identity.Structure, identity.Agent) == nil,
		MayLabel: p.Structure != 0 && who.Needs(identity.Operator, identity.Agent) == nil,
		MayPrice: p.Structure != 0 && p.Structure == who.Organisation && who.Needs(identity.Structure, identity.Agent) == nil,
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

// importForm answers with the report itself: sent again, it is the same report.
func (w catalogueWindow) importForm(c *fiber.Ctx) error {
	var form struct {
		Source string `form:"source"`
	}
	if err := decodeForm(c, &form); err != nil {
		return err
	}
	report, err := w.importUploaded(c, form.Source)
	if problem := faultText(c, err); problem != "" {
		c.Status(refusalOf(err).status)
		return page(c, "catalogue/import", ImportBody{Source: form.Source, Problem: problem})
	}
	if err != nil {
		return err
	}
	return page(c, "catalogue/report", ImportReportBody{newReportAnswer(words(c), report), form.Source})
}

func (w catalogueWindow) importUploaded(c *fiber.Ctx, source string) (catalogue.ImportReport, error) {
	file, err := uploaded(c, "file")
	if err != nil {
		return catalogue.ImportReport{}, err
	}
	defer file.Close()
	report, err := w.room.Import(c.UserContext(), actor(c), source, file)
	if err != nil {
		return report, fmt.Errorf("import places: %w", err)
	}
	return report, nil
}
