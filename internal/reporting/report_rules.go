package reporting

import (
	"cmp"
	"slices"

	"github.com/passerelle/passerelle/vouchers"
)

// fewest is how many people a figure about people must be made of to be shown.
const fewest = 11

// Residents is how many booklets went to people of each commune. A commune with fewer
// than 11 is not counted out, and no other figure lets one work it out: as soon as one
// commune is hidden, so many others are, the smallest first, that the hidden ones are at
// least two and hold 11 booklets or more together. Where that cannot be, Communes is empty.
type Residents struct {
	Communes []CommuneFigure `json:"communes"`
	Hidden   int             `json:"communes_hidden"`
}

// CommuneFigure is one commune of the people to whom booklets were handed over.
type CommuneFigure struct {
	INSEE    string `json:"insee" db:"insee"` // "" where nobody said
	Booklets int    `json:"booklets" db:"booklets"`
}

// ShowResidents hides what is too small to be shown.
func ShowResidents(all []CommuneFigure) Residents {
	bySize := slices.Clone(all)
	slices.SortFunc(bySize, func(a, b CommuneFigure) int {
		return cmp.Or(cmp.Compare(a.Booklets, b.Booklets), cmp.Compare(a.INSEE, b.INSEE))
	})
	hidden, together := 0, 0
	for _, c := range bySize {
		if c.Booklets >= fewest && (hidden == 0 || hidden >= 2 && together >= fewest) {
			break
		}
		hidden, together = hidden+1, together+c.Booklets
	}
	if hidden == 1 || hidden > 0 && together < fewest {
		return Residents{Communes: []CommuneFigure{}, Hidden: len(all)}
	}
	shown := append([]CommuneFigure{}, bySize[hidden:]...)
	slices.SortFunc(shown, func(a, b CommuneFigure) int {
		return cmp.Or(cmp.Compare(b.Booklets, a.Booklets), cmp.Compare(a.INSEE, b.INSEE))
	})
	return Residents{Communes: shown, Hidden: hidden}
}

// cell is the use of one month, theme and place.
type cell struct {
	First vouchers.Day     `db:"first"`
	Theme string           `db:"theme"`
	Place vouchers.PlaceID `db:"place_id"`
	Use
}

// add sums two uses.
func (u Use) add(v Use) Use {
	return Use{u.Redemptions + v.Redemptions, u.Vouchers + v.Vouchers, u.Amount + v.Amount}
}

// byMonth joins hand-overs and use, month by month, without leaving one out.
func byMonth(handed []MonthFigure, cells []cell) []MonthFigure {
	months := map[vouchers.Day]MonthFigure{}
	for _, m := range handed {
		months[m.First] = m
	}
	for _, c := range cells {
		m := months[c.First]
		m.First, m.Use = c.First, m.Use.add(c.Use)
		months[c.First] = m
	}
	all := make([]MonthFigure, 0, len(months))
	for _, m := range months {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b MonthFigure) int { return cmp.Compare(a.First, b.First) })
	return withoutGaps(all)
}

func withoutGaps(months []MonthFigure) []MonthFigure {
	all := months[:0:0]
	for i, m := range months {
		for i > 0 && nextMonth(all[len(all)-1].First) < m.First {
			all = append(all, MonthFigure{First: nextMonth(all[len(all)-1].First)})
		}
		all = append(all, m)
	}
	return append([]MonthFigure{}, all...)
}

// nextMonth is the first day of the month after the one that begins on first.
func nextMonth(first vouchers.Day) vouchers.Day {
	inside := first.AddDays(31)
	return inside.AddDays(1 - inside.Time().Day())
}

// byTheme sums the use of each theme, most used first.
func byTheme(cells []cell) []ThemeFigure {
	sums := map[string]Use{}
	for _, c := range cells {
		sums[c.Theme] = sums[c.Theme].add(c.Use)
	}
	all := make([]ThemeFigure, 0, len(sums))
	for theme, use := range sums {
		all = append(all, ThemeFigure{theme, use})
	}
	slices.SortFunc(all, func(a, b ThemeFigure) int {
		return cmp.Or(cmp.Compare(b.Vouchers, a.Vouchers), cmp.Compare(a.Theme, b.Theme))
	})
	return all
}
