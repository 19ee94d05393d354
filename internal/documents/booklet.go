package documents

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Booklet is what the printed sheet says about one booklet.
type Booklet struct {
	Reference    string // how people name the booklet on the telephone; spends nothing
	Funder       string
	Campaign     string
	Face         vouchers.Cents // of one voucher
	Count, Left  int            // vouchers handed over, vouchers not spent yet
	Until        vouchers.Day   // the last day on which it may be spent
	URL          string         // what the QR holds: vouchers.URL
	Typed        vouchers.TypedCode
	Places       []NearbyPlace // nearest first; the first three are printed
	HelpPhone    string        // whom to call when it is lost
	HandedOverAt time.Time
}

// NearbyPlace is a labelled place as a booklet's holder needs it. What is empty is
// printed as unknown.
type NearbyPlace struct {
	Name       string
	Address    []string // one line each
	Phone      string
	Hours      []string // in words, one line each
	DistanceKm float64  // from where the booklet is handed over; below 0 when unknown
}

// ErrEmpty means that there is nothing to print.
var ErrEmpty = errors.New("nothing to print")

// errBooklet means a booklet that contradicts itself: a mistake of the caller.
var errBooklet = errors.New("no such booklet")

// WriteBooklet prints one booklet on one sheet of A4: see WriteBooklets.
func WriteBooklet(out io.Writer, words Words, b Booklet) error {
	return WriteBooklets(out, words, []Booklet{b})
}

// WriteBooklets prints booklets as a PDF, one sheet of A4 each. The document's date is
// the first booklet's hand-over, so printing again gives the same bytes. It fails with
// ErrEmpty without booklets and with ErrPayload on a URL that is no QR payload of ours.
func WriteBooklets(out io.Writer, words Words, booklets []Booklet) error {
	if len(booklets) == 0 {
		return ErrEmpty
	}
	first := booklets[0]
	p := newPaper(words, about{
		title:   words.Text("doc.booklet.title", "Reference", first.Reference, "Count", len(booklets)),
		subject: first.Campaign,
		made:    first.HandedOverAt,
	})
	for _, b := range booklets {
		if b.Face <= 0 || b.Left < 0 || b.Left > b.Count || b.Count == 0 || b.Typed == (vouchers.TypedCode{}) {
			return fmt.Errorf("booklet %q: %w", b.Reference, errBooklet)
		}
		symbol, err := NewQR(b.URL)
		if err != nil {
			return fmt.Errorf("booklet %q: %w", b.Reference, err)
		}
		p.page()
		p.card(b, symbol)
		p.whereToGo(b.Places)
		p.howTo()
		p.smallPrint(b)
	}
	return p.output(out)
}

// The card, in millimetres. The QR square holds the quiet zone: the symbol itself is
// at least 45 mm wide whatever its version.
const (
	cardTop    = 13.0
	cardHeight = 98.0
	cardPad    = 8.0
	qrSide     = 63.0
	stubsTop   = cardTop + 79.0
	stubsRoom  = 13.0 // height of all rows of stubs
)

// card draws the one object that everybody recognises.
func (p *paper) card(b Booklet, symbol QR) {
	card := box{x: margin, y: cardTop, w: printed}
	p.panel(card, cardHeight, 5, sunSoft)
	p.pdf.ClipRect(card.x, card.y, card.w, stubsTop-4-card.y, false)
	p.span(margin+6, stubsTop-4, 110, sunMark) // its deck is the perforated line
	p.pdf.ClipEnd()
	p.pen(sun, 0.7)
	p.pdf.RoundedRect(card.x, card.y, card.w, cardHeight, 5, "1234", "D")

	p.cardWords(b, box{x: margin + cardPad, y: cardTop + cardPad, w: printed - qrSide - 3*cardPad + 2})
	p.qr(symbol, box{x: margin + printed - cardPad + 2 - qrSide, y: cardTop + cardPad - 2, w: qrSide})
	p.stubs(b)
}

// cardWords fills the left of the card, from the sign down to the typed code.
func (p *paper) cardWords(b Booklet, at box) {
	w := p.words
	p.arch(at.x, at.y-1, 9, bridge)
	p.write(at.x+12, at.y-0.6, style{size: 12, bold: true, color: bridge}, w.Text("doc.booklet.kind"))

	left := b.Face * vouchers.Cents(b.Left)
	value := w.Text("doc.booklet.value", "Count", b.Left, "Amount", w.ShortMoney(left))
	big := p.fit(value, style{size: 34, bold: true, color: ink}, at.w)
	p.write(at.x, at.y+10, big, value)
	until := w.Text("doc.booklet.until", "Day", w.Day(b.Until.Time()))
	p.write(at.x, at.y+24.5, p.fit(until, style{size: 17, bold: true, color: ink}, at.w), until)

	funder := w.Text("doc.booklet.funder", "Funder", orUnknown(w, b.Funder))
	p.block(box{x: at.x, y: at.y + 33.5, w: at.w, lines: 2}, style{size: 12.5, color: ink}, funder)

	small := style{size: 10.5, color: muted}
	p.write(at.x, at.y+44.5, small, w.Text("doc.booklet.typed"))
	code := b.Typed.String()
	p.panel(box{x: at.x, y: at.y + 50, w: at.w}, 11, 3, white)
	p.writeCentred(at.x+at.w/2, at.y+51, p.fit(code, style{size: 21, bold: true, color: ink}, at.w-6), code)
}

// stubs draws one stub per voucher under a perforated line, those spent struck out.
// Above three rows of twenty they would be too small to tell apart, so the sentence
// beside the line says it alone.
func (p *paper) stubs(b Booklet) {
	w := p.words
	p.pen(muted, 0.25)
	p.pdf.SetDashPattern([]float64{1.2, 1.2}, 0)
	p.line(margin, stubsTop-4, margin+printed, stubsTop-4)
	p.pdf.SetDashPattern(nil, 0)
	perRow := max(min(b.Count, 10), (b.Count+2)/3)
	if perRow > 20 {
		text := w.Text("doc.booklet.left", "Count", b.Left, "Total", w.Number(b.Count))
		p.writeCentred(paperWidth/2, stubsTop+3, style{size: 15, bold: true, color: ink}, text)
		return
	}
	rows := (b.Count + perRow - 1) / perRow
	const gap = 1.6
	room := printed - 2*cardPad + 2 + gap // as far as the QR's square
	wide := min(room/float64(perRow)-gap, 24)
	high := stubsRoom/float64(rows) - gap/2
	for i := range b.Count {
		row, column := i/perRow, i%perRow
		at := box{x: margin + cardPad + float64(column)*(wide+gap), y: stubsTop + float64(row)*(high+gap/2), w: wide}
		p.stub(at, high, stub{value: w.ShortMoney(b.Face), spent: i < b.Count-b.Left})
	}
}

type stub struct {
	value string
	spent bool
}

func (p *paper) stub(at box, high float64, s stub) {
	back, look := white, style{size: min(15, high*1.9), bold: true, color: ink}
	if s.spent {
		back, look = sunSoft, style{size: look.size, color: muted}
	}
	p.panel(at, high, 1.5, back)
	p.pen(sun, 0.4)
	p.pdf.RoundedRect(at.x, at.y, at.w, high, 1.5, "1234", "D")
	look = p.fit(s.value, look, at.w-2)
	p.writeCentred(at.x+at.w/2, at.y+high/2-look.height()/2, look, s.value)
	if s.spent {
		p.pen(muted, 0.6)
		p.line(at.x+1, at.y+high-1, at.x+at.w-1, at.y+1)
	}
}
