package documents

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Issuer is who sends a pro-forma and where the money goes. The account is the
// segregated one: face value never goes to another.
type Issuer struct {
	Party
	IBAN, BIC string
}

// Proforma is the request for payment of an order's face value.
type Proforma struct {
	Issuer    Issuer
	Buyer     Party
	Number    string
	Date      time.Time // also the document's own date
	Lines     []ProformaLine
	Reference string // of the transfer: unique to this order, so that it can be matched
}

// ProformaLine is one campaign's vouchers.
type ProformaLine struct {
	Campaign string
	Count    int
	Face     vouchers.Cents
}

// Total is the line's face value, or errAmount.
func (l ProformaLine) Total() (vouchers.Cents, error) {
	if l.Count <= 0 || l.Face <= 0 || l.Face > math.MaxInt64/vouchers.Cents(l.Count) {
		return 0, errAmount
	}
	return l.Face * vouchers.Cents(l.Count), nil
}

// WriteProforma prints an order's pro-forma as a PDF. It fails with ErrEmpty without
// lines. The face value is outside VAT because a voucher is a multi-purpose voucher:
// only the service given in return is taxed (Directive 2006/112/EC art. 30a and 30b(2),
// inserted by Directive (EU) 2016/1065; in France first CGI art. 256 ter).
func WriteProforma(out io.Writer, words Words, f Proforma) error {
	if len(f.Lines) == 0 {
		return ErrEmpty
	}
	totals := make([]vouchers.Cents, len(f.Lines))
	sum := vouchers.Cents(0)
	for i, line := range f.Lines {
		total, err := line.Total()
		if err != nil || sum > math.MaxInt64-total {
			return fmt.Errorf("pro-forma %q, line %d: %w", f.Number, i+1, errAmount)
		}
		totals[i], sum = total, sum+total
	}
	title := words.Text("doc.proforma.title", "Number", f.Number)
	p := inTwoPasses(words, about{title: title, made: f.Date}, func(p *paper) {
		p.foot = f.Issuer.Name + " · " + title
		p.page()
		p.proformaHead(f)
		p.proformaLines(f.Lines, totals, sum)
		p.paymentPanel(payment{
			amount: sum, beneficiary: f.Issuer.Name, iban: f.Issuer.IBAN, bic: f.Issuer.BIC, reference: f.Reference,
		})
		p.next("doc.proforma.next_received", "doc.proforma.next_live", "doc.proforma.next_partial")
	})
	return p.output(out)
}

func (p *paper) proformaHead(f Proforma) {
	w := p.words
	p.letterhead(w.Text("doc.proforma.heading"), []string{
		w.Text("doc.letter.number", "Number", f.Number),
		w.Text("doc.letter.on", "Day", w.Day(f.Date)),
	})
	p.parties(f.Issuer.Party, f.Buyer)
}

func (p *paper) proformaLines(lines []ProformaLine, totals []vouchers.Cents, sum vouchers.Cents) {
	w := p.words
	t := table{p: p, columns: []column{
		{title: w.Text("doc.proforma.campaign"), width: 82},
		{title: w.Text("doc.proforma.count"), width: 24, right: true},
		{title: w.Text("doc.proforma.face"), width: 38, right: true},
		{title: w.Text("doc.proforma.amount"), width: 36, right: true},
	}, size: 11}
	t.head()
	p.onPage = t.head
	for i, line := range lines {
		t.row([]string{line.Campaign, w.Number(line.Count), w.Money(line.Face), w.Money(totals[i])})
	}
	p.onPage = nil
	p.room(30)
	t.total(w.Text("doc.proforma.total"), w.Money(sum))
	p.y = p.block(box{x: margin, y: p.y + 3, w: printed, lines: 5}, small, w.Text("doc.letter.outside_vat"))
	p.y = p.block(box{x: margin, y: p.y + 1.5, w: printed, lines: 3}, small, w.Text("doc.proforma.fees")) + 7
}
