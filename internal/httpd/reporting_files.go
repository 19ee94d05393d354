package httpd

import (
	"strconv"

	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/reporting"
	"github.com/passerelle/passerelle/internal/territory"
	"github.com/passerelle/passerelle/vouchers"
)

// figure is one key figure of a report, as page and files show it.
type figure struct {
	Key    string // "reporting.figure.<key>" names it, "def.<key>" defines it
	Amount vouchers.Cents
	Count  int  // of booklets where they are counted, of vouchers elsewhere
	People bool // counts booklets
	River  bool // is one of the river's
}

// figures are a report's key figures, in the order of money's way.
func figures(r reporting.Report) []figure {
	face := r.Campaign.Face
	money := func(key string, amount vouchers.Cents) figure {
		return figure{Key: key, Amount: amount, Count: int(amount / face)}
	}
	river := func(key string, amount vouchers.Cents) figure {
		return figure{Key: key, Amount: amount, Count: int(amount / face), River: true}
	}
	return []figure{
		river("ordered", r.Ordered), river("received", r.Received), money("allocated", r.Allocated),
		river("handed_over", r.HandedOver), {Key: "booklets", Count: r.Booklets, People: true},
		{Key: "first_used", Count: r.BookletsUsedOnce, People: true},
		river("used", r.Used), money("left", r.Left), money("expired", r.ExpiredCents), river("paid", r.Paid),
	}
}

// definitionKeys are what a report defines besides its figures.
var definitionKeys = []string{"month", "theme", "place", "commune"}

// definitions say how each figure of a report is computed.
func definitions(w *i18n.Words, r reporting.Report) []documents.Definition {
	var all []documents.Definition
	for _, f := range figures(r) {
		all = append(all, documents.Definition{Term: w.Text("reporting.figure." + f.Key), Meaning: w.Text("def." + f.Key)})
	}
	for _, key := range definitionKeys {
		all = append(all, documents.Definition{Term: w.Text("reporting.by." + key), Meaning: w.Text("def." + key)})
	}
	return all
}

// monthWord names the month that begins on first: "mars 2026".
func monthWord(w *i18n.Words, first vouchers.Day) string {
	at := first.Time()
	return w.Text("reporting.month", "month", w.Text("format.month."+strconv.Itoa(int(at.Month()))), "year", strconv.Itoa(at.Year()))
}

// themeText says a theme; one that a later version of the standard may bring is shown as
// it is.
func themeText(w *i18n.Words, code string) string {
	if key := "theme." + code; w.Has(key) {
		return w.Text(key)
	}
	return code
}

// communeText names a commune; "unknown" where nobody said which.
func communeText(w *i18n.Words, insee string) string {
	if c, known := territory.Lookup(insee); known {
		return c.Name
	}
	return w.Unknown()
}

// hiddenText says how many communes are not shown, and why.
func hiddenText(w *i18n.Words, hidden int) string { return w.Text("reporting.hidden", "count", hidden) }

func column(w *i18n.Words, key string, kind documents.Kind) documents.Column {
	return documents.Column{Header: w.Text("reporting.column." + key), Kind: kind}
}

func useColumns(w *i18n.Words) []documents.Column {
	return []documents.Column{column(w, "redemptions", documents.Integer), column(w, "vouchers", documents.Integer),
		column(w, "amount", documents.Money)}
}

func useCells(u reporting.Use) []documents.Cell {
	return []documents.Cell{documents.IntegerCell(int64(u.Redemptions)), documents.IntegerCell(int64(u.Vouchers)), documents.MoneyCell(u.Amount)}
}

// reportSheets is a report as a workbook: figures, breakdowns, definitions.
func reportSheets(w *i18n.Words, r reporting.Report) []documents.Sheet {
	text := documents.TextCell
	whole := func(n int) documents.Cell { return documents.IntegerCell(int64(n)) }
	sheet := func(by string, columns ...documents.Column) documents.Sheet {
		return documents.Sheet{Name: w.Text("reporting.by." + by), Columns: columns}
	}
	key := sheet("figures", column(w, "figure", documents.Text), column(w, "amount", documents.Money), column(w, "vouchers", documents.Integer),
		column(w, "booklets", documents.Integer))
	for _, f := range figures(r) {
		row := []documents.Cell{text(w.Text("reporting.figure." + f.Key)), documents.MoneyCell(f.Amount), whole(f.Count), text("")}
		if f.People {
			row = []documents.Cell{row[0], text(""), text(""), whole(f.Count)}
		}
		key.Rows = append(key.Rows, row)
	}
	months := sheet("month", append([]documents.Column{column(w, "month", documents.Date), column(w, "booklets", documents.Integer),
		column(w, "handed_over", documents.Integer)}, useColumns(w)...)...)
	for _, m := range r.Months {
		months.Rows = append(months.Rows, append([]documents.Cell{documents.DateCell(m.First), whole(m.Booklets), whole(m.HandedOver)}, useCells(m.Use)...))
	}
	themes := sheet("theme", append([]documents.Column{column(w, "theme", documents.Text)}, useColumns(w)...)...)
	for _, th := range r.Themes {
		themes.Rows = append(themes.Rows, append([]documents.Cell{text(themeText(w, th.Theme))}, useCells(th.Use)...))
	}
	places := sheet("place", append([]documents.Column{column(w, "place", documents.Text), column(w, "town", documents.Text)}, useColumns(w)...)...)
	for _, p := range r.Places {
		places.Rows = append(places.Rows, append([]documents.Cell{text(p.Name), text(p.Town)}, useCells(p.Use)...))
	}
	communes := sheet("commune", column(w, "commune", documents.Text), column(w, "booklets", documents.Integer))
	for _, home := range r.Residents.Communes {
		communes.Rows = append(communes.Rows, []documents.Cell{text(communeText(w, home.INSEE)), whole(home.Booklets)})
	}
	if r.Residents.Hidden > 0 {
		communes.Rows = append(communes.Rows, []documents.Cell{text(hiddenText(w, r.Residents.Hidden)), text(w.Text("reporting.fewer"))})
	}
	return []documents.Sheet{key, months, themes, places, communes, documents.Definitions(paperWords{w}, definitions(w, r))}
}

// reportTable is a report as one table, for a CSV file: each line says of which breakdown
// it is, and cells that have no meaning there are empty.
func reportTable(w *i18n.Words, r reporting.Report) documents.Sheet {
	s := documents.Sheet{Name: "report", Columns: append([]documents.Column{column(w, "breakdown", documents.Text), column(w, "line", documents.Text),
		column(w, "booklets", documents.Integer), column(w, "handed_over", documents.Integer)}, useColumns(w)...)}
	none := documents.TextCell("")
	whole := func(n int) documents.Cell { return documents.IntegerCell(int64(n)) }
	add := func(by, line string, rest ...documents.Cell) {
		s.Rows = append(s.Rows, append([]documents.Cell{documents.TextCell(w.Text("reporting.by." + by)), documents.TextCell(line)}, rest...))
	}
	for _, f := range figures(r) {
		if name := w.Text("reporting.figure." + f.Key); f.People {
			add("figures", name, whole(f.Count), none, none, none, none)
		} else {
			add("figures", name, none, none, none, whole(f.Count), documents.MoneyCell(f.Amount))
		}
	}
	for _, m := range r.Months {
		add("month", monthWord(w, m.First), append([]documents.Cell{whole(m.Booklets), whole(m.HandedOver)}, useCells(m.Use)...)...)
	}
	for _, th := range r.Themes {
		add("theme", themeText(w, th.Theme), append([]documents.Cell{none, none}, useCells(th.Use)...)...)
	}
	for _, p := range r.Places {
		add("place", p.Name+", "+p.Town, append([]documents.Cell{none, none}, useCells(p.Use)...)...)
	}
	for _, home := range r.Residents.Communes {
		add("commune", communeText(w, home.INSEE), whole(home.Booklets), none, none, none, none)
	}
	if r.Residents.Hidden > 0 {
		add("commune", hiddenText(w, r.Residents.Hidden), documents.TextCell(w.Text("reporting.fewer")), none, none, none, none)
	}
	return s
}
