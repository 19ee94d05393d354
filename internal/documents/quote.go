package documents

import (
	"fmt"
	"io"
	"strconv"

	"github.com/passerelle/passerelle/internal/einvoice"
	"github.com/passerelle/passerelle/vouchers"
)

// Quote is the price of an order before it is accepted. Accepted, it becomes two
// invoices: one for the face value, outside VAT, one for the fees, with VAT.
type Quote struct {
	Issuer, Buyer Party
	Number        string
	Version       int // 1 is the first
	On            vouchers.Day
	ValidUntil    vouchers.Day // the last day on which it can be accepted
	Campaign      string
	From, Until   vouchers.Day // when the vouchers may be spent
	Face, Fees    []einvoice.Line
	VAT           einvoice.VAT // of the fees
}

// WriteQuote prints a quote as a PDF. It fails with ErrEmpty without face value.
func WriteQuote(out io.Writer, words Words, q Quote) error {
	if len(q.Face) == 0 {
		return ErrEmpty
	}
	face, err := sum(q.Face)
	fees, err2 := sum(q.Fees)
	if err != nil || err2 != nil {
		return fmt.Errorf("quote %q: %w", q.Number, errAmount)
	}
	title := words.Text("doc.quote.title", "Number", q.Number, "Version", strconv.Itoa(q.Version))
	p := inTwoPasses(words, about{title: title, subject: q.Campaign, made: noon(q.On)}, func(p *paper) {
		p.foot = q.Issuer.Name + " · " + title
		p.page()
		p.quoteHead(q)
		p.quoteLines(q)
		p.quoteTotals(q, face, fees)
		invoices := "doc.quote.next_invoices"
		if fees == 0 {
			invoices = "doc.quote.next_invoice"
		}
		p.next("doc.quote.next_accept", invoices, "doc.quote.next_live", "doc.quote.next_back")
	})
	return p.output(out)
}

func (p *paper) quoteHead(q Quote) {
	w := p.words
	p.letterhead(w.Text("doc.quote.heading"), []string{
		w.Text("doc.quote.number", "Number", q.Number, "Version", strconv.Itoa(q.Version)),
		w.Text("doc.letter.on", "Day", w.Day(q.On.Time())),
		w.Text("doc.quote.valid", "Day", w.Day(q.ValidUntil.Time())),
	})
	p.parties(q.Issuer, q.Buyer)
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 2}, style{size: 12, bold: true, color: ink},
		w.Text("doc.letter.campaign", "Campaign", orUnknown(w, q.Campaign)))
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 1}, label,
		w.Text("doc.quote.use", "From", w.Day(q.From.Time()), "To", w.Day(q.Until.Time()))) + 4
}

// quoteLines lists face value and fees, each with its VAT.
func (p *paper) quoteLines(q Quote) {
	w := p.words
	t := table{p: p, columns: []column{
		{title: w.Text("doc.line.what"), width: 75},
		{title: w.Text("doc.line.quantity"), width: 21, right: true},
		{title: w.Text("doc.line.unit"), width: 28, right: true},
		{title: w.Text("doc.line.vat"), width: 24, right: true},
		{title: w.Text("doc.line.amount"), width: 32, right: true},
	}, size: 10.5}
	t.head()
	p.onPage = t.head
	row := func(l einvoice.Line, vat string) {
		t.row([]string{described(l), w.Number(l.Quantity), w.Money(l.Unit), vat, w.Money(l.Amount())})
	}
	for _, l := range q.Face {
		row(l, w.Text("doc.line.no_vat"))
	}
	for _, l := range q.Fees {
		row(l, p.rate(q.VAT))
	}
	p.onPage = nil
}

func (p *paper) quoteTotals(q Quote, face, fees vouchers.Cents) {
	w := p.words
	vat := q.VAT.On(fees)
	t := table{p: p, size: 10.5}
	p.room(52)
	p.y += 1
	t.subtotal(w.Text("doc.quote.face"), w.Money(face))
	if fees > 0 {
		t.subtotal(w.Text("doc.quote.fees"), w.Money(fees))
		t.subtotal(w.Text("doc.quote.vat", "Rate", p.rate(q.VAT)), w.Money(vat))
	}
	t.total(w.Text("doc.quote.total"), w.Money(face+fees+vat))
	p.y = p.block(box{x: margin, y: p.y + 2, w: printed, lines: 5}, small, w.Text("doc.letter.outside_vat")) + 7
}

// rate is a VAT rate in words: "20 %".
func (p *paper) rate(v einvoice.VAT) string { return p.words.Percent(int64(v.RateBP), 100*100) }

// described is a line's name and what is said of it.
func described(l einvoice.Line) string {
	if clean(l.Description) == "" {
		return l.Name
	}
	return l.Name + " · " + l.Description
}

// sum adds up lines, or fails with errAmount on what no invoice could ask for.
func sum(lines []einvoice.Line) (vouchers.Cents, error) {
	const most = 1e12 // cents; far above any transfer, far below what overflows
	total := vouchers.Cents(0)
	for _, l := range lines {
		if l.Quantity <= 0 || l.Unit < 0 || l.Unit > 0 && vouchers.Cents(l.Quantity) > most/l.Unit || total > most {
			return 0, errAmount
		}
		total += l.Amount()
	}
	return total, nil
}
