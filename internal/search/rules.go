package search

import "github.com/passerelle/passerelle/internal/territory"

// query is a question ready to be asked of the database.
type query struct {
	meaning Meaning
	names   []string
	wishes  Wishes
	old     bool               // hidden places too
	from    *territory.Commune // nil: nowhere
	limit   int
	first   bool // page
}

// enough is how many answers end the search: a first page on a kind of help need not be full,
// if what is missing is far away.
func (q query) enough() int {
	if q.first && q.asks() && len(q.names) == 0 && len(q.meaning.Kinds) == 0 && !q.wishes.OpenNow {
		return min(q.limit, 10)
	}
	return q.limit
}

// asks reports whether the question asks for anything but a place to start from.
func (q query) asks() bool {
	return len(q.meaning.Themes) > 0 || len(q.meaning.Kinds) > 0 || len(q.names) > 0
}

// point is where distances start; nil for a commune whose centre is unknown.
func (q query) point() (lat, lon *float64) {
	if q.from == nil || !q.from.Located {
		return nil, nil
	}
	return &q.from.Lat, &q.from.Lon
}

// radii are how far to look, one after the other while there are too few answers; 0: however
// far.
func (q query) radii() []float64 {
	if lat, _ := q.point(); lat == nil {
		return []float64{0}
	}
	if q.wishes.RadiusKm > 0 {
		return []float64{q.wishes.RadiusKm}
	}
	return []float64{30, 120, 0}
}

// with adds the wishes that the question says.
func (w Wishes) with(m Meaning) Wishes {
	w.OpenNow = w.OpenNow || m.OpenNow
	w.Wheelchair = w.Wheelchair || m.Wheelchair
	w.Free = w.Free || m.Free
	w.Labelled = w.Labelled || m.Voucher
	if w.Language == "" {
		w.Language = m.Language
	}
	return w
}

// letGo gives one wish up, the least first, and names it; false where none is left. Last goes
// the question itself: the nearest places then are better than nothing.
func (q *query) letGo() (string, bool) {
	w := &q.wishes
	switch {
	case w.OpenNow:
		w.OpenNow = false
		return "open_now", true
	case w.Seats:
		w.Seats = false
		return "seats", true
	case w.Free:
		w.Free = false
		return "free", true
	case w.Language != "":
		w.Language = ""
		return "language", true
	case w.Wheelchair:
		w.Wheelchair = false
		return "wheelchair", true
	case w.RadiusKm > 0:
		w.RadiusKm = 0
		return "radius", true
	case w.Labelled || w.Campaign != 0:
		w.Labelled, w.Campaign = false, 0
		return "labelled", true
	case q.asks():
		q.meaning.Themes, q.meaning.Topics, q.meaning.Kinds, q.meaning.KindNames, q.names = nil, nil, nil, nil, nil
		return "words", true
	}
	return "", false
}
