package httpd

import (
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/vouchers"
)

// barPart is one part of the partial "cover-bar".
type barPart struct {
	Label string
	Cents vouchers.Cents
}

// CoverBody is what reporting/cover.html shows.
type CoverBody struct {
	reporting.Cover
	Parts       []barPart
	Bar         vouchers.Cents // the whole bar: what is held, or what is owed where that is more
	Short       vouchers.Cents // what is missing; 0 where everything is covered
	Definitions []documents.Definition
	Seal        *sealRow // the last one; nil as long as there is none
}

// coverBody words a cover.
func coverBody(w *i18n.Words, c reporting.Cover) CoverBody {
	body := CoverBody{Cover: c, Bar: max(c.Held, c.Total(), 1), Short: max(0, c.Total()-c.Held)}
	for _, p := range []struct {
		key   string
		cents vouchers.Cents
	}{{"live", c.Live}, {"payable", c.Payable}, {"in_transit", c.InTransit}, {"funds", c.Funds}, {"expired", c.Expired}, {"credit", c.Credit}, {"claims", c.Claims}} {
		body.Parts = append(body.Parts, barPart{w.Text("reporting.cover." + p.key), max(0, p.cents)})
	}
	for _, key := range []string{"held", "live", "payable", "in_transit", "funds", "expired", "credit", "claims", "suspense"} {
		body.Definitions = append(body.Definitions, documents.Definition{
			Term: w.Text("reporting.cover." + key), Meaning: w.Text("def.cover." + key)})
	}
	return body
}

func (w reportingWindow) coverPage(c *fiber.Ctx) error {
	cover, err := w.room.Cover(c.UserContext())
	if err != nil {
		return err
	}
	last, err := w.seals.List(c.UserContext(), actor(c), 0, 1)
	if err != nil {
		return err
	}
	body := coverBody(words(c), cover)
	if len(last) > 0 {
		body.Seal = &sealRows(last)[0]
	}
	return page(c, "reporting/cover", body)
}

// ReportBody is what reporting/report.html shows.
type ReportBody struct {
	reporting.Report
	Title       string         // of the river: its finding
	AsleepText  string         // "" where every booklet has served
	Figures     []reportFigure // those that the river does not show
	Chart       monthChart
	Themes      []useRow
	Places      []useRow
	Communes    []communeRow
	HiddenText  string // "" where no commune is hidden
	Definitions []documents.Definition
}

type reportFigure struct{ Label, Value, Note string }

type useRow struct {
	Name, Town string
	reporting.Use
}

type communeRow struct {
	Name     string
	Booklets int
}

// monthChart is the data of the partial "bar-chart".
type monthChart struct {
	Title, LabelHead, ValueHead string
	Max                         int
	Rows                        []monthBar
}

type monthBar struct {
	Label, Text string
	Value       int
	Highlight   bool
}

func (w reportingWindow) reportPage(c *fiber.Ctx) error {
	r, err := w.read(c)
	if err != nil {
		return err
	}
	return page(c, "reporting/report", reportBody(words(c), r))
}

// reportBody words a report.
func reportBody(w *i18n.Words, r reporting.Report) ReportBody {
	body := ReportBody{Report: r, Title: flowTitle(w, r.Flow), Chart: chartOf(w, r.Months), Definitions: definitions(w, r)}
	if n := r.Asleep(); n > 0 {
		body.AsleepText = w.Text("reporting.asleep", "count", n, "all", r.Booklets)
	}
	for _, f := range figures(r) {
		if !f.River {
			body.Figures = append(body.Figures, figureText(w, f))
		}
	}
	for _, th := range r.Themes {
		body.Themes = append(body.Themes, useRow{Name: themeText(w, th.Theme), Use: th.Use})
	}
	for _, p := range r.Places {
		body.Places = append(body.Places, useRow{p.Name, p.Town, p.Use})
	}
	for _, home := range r.Residents.Communes {
		body.Communes = append(body.Communes, communeRow{communeText(w, home.INSEE), home.Booklets})
	}
	if r.Residents.Hidden > 0 {
		body.HiddenText = hiddenText(w, r.Residents.Hidden)
	}
	return body
}

// flowTitle is what the river shows, in a sentence.
func flowTitle(w *i18n.Words, f reporting.Flow) string {
	switch {
	case f.HandedOver > 0:
		return w.Text("reporting.flow.used", "part", w.Percent(int64(f.Used), int64(f.HandedOver)))
	case f.Received > 0:
		return w.Text("reporting.flow.received", "amount", f.Received)
	}
	return w.Text("reporting.flow.waiting")
}

func figureText(w *i18n.Words, f figure) reportFigure {
	label := w.Text("reporting.figure." + f.Key)
	if f.People {
		return reportFigure{Label: label, Value: w.Number(int64(f.Count))}
	}
	return reportFigure{label, w.Money(f.Amount), w.Text("reporting.vouchers", "count", f.Count)}
}

// chartOf draws the vouchers used each month; the best month stands out.
func chartOf(w *i18n.Words, months []reporting.MonthFigure) monthChart {
	chart := monthChart{Title: w.Text("reporting.chart.none"), LabelHead: w.Text("reporting.column.month"),
		ValueHead: w.Text("reporting.column.vouchers"), Max: 1}
	best := -1
	for i, m := range months {
		if m.Vouchers > 0 && (best < 0 || m.Vouchers > months[best].Vouchers) {
			best = i
		}
		chart.Rows = append(chart.Rows, monthBar{Label: monthWord(w, m.First), Text: w.Number(int64(m.Vouchers)), Value: m.Vouchers})
	}
	if best >= 0 {
		chart.Rows[best].Highlight, chart.Max = true, months[best].Vouchers
		chart.Title = w.Text("reporting.chart.best", "month", chart.Rows[best].Label, "count", months[best].Vouchers)
	}
	return chart
}

// DeskBody is what reporting/desk.html shows.
type DeskBody struct {
	Queues []deskQueue
	Cover  CoverBody
}

// deskQueue is work that waits, and where it is done ("" where no page does it).
type deskQueue struct {
	reporting.Queue
	Href string
	Age  int // days that its oldest item has waited
}

// queuePages are where each queue's work is done.
var queuePages = map[string]string{"lines": "/statements/cases", "refunds": "/refunds", "accounts": "/refunds", "payees": "/payees", "connect": "/payees", "stuck": "/settlements", "disputes": "/payments", "stripe": "/payments",
	"labels": "/applications", "proposals": "/contributions", "newcomers": "/newcomers", "held": "/settlements", "complaints": "/complaints", "corrections": "/structure-debts", "returned": "/settlements", "exports": "/operator/continuity"}

func (w reportingWindow) deskPage(c *fiber.Ctx) error {
	d, err := w.room.Desk(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	return page(c, "reporting/desk", deskBody(words(c), d))
}

func deskBody(w *i18n.Words, d reporting.Desk) DeskBody {
	body := DeskBody{Cover: coverBody(w, d.Cover)}
	for _, q := range d.Queues {
		body.Queues = append(body.Queues, deskQueue{q, queuePages[q.Name], q.AgeDays(d.At)})
	}
	return body
}

// InvariantsBody is what reporting/invariants.html shows.
type InvariantsBody struct {
	At       time.Time
	OK       bool
	Broken   int
	Findings []reporting.Finding
}

func (w reportingWindow) invariantsPage(c *fiber.Ctx) error {
	v, err := w.room.Verify(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	body := InvariantsBody{At: v.At, OK: v.OK(), Findings: v.Findings}
	for _, f := range v.Findings {
		if !f.OK {
			body.Broken++
		}
	}
	return page(c, "reporting/invariants", body)
}
