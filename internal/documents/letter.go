package documents

import (
	"errors"
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

// errAmount means an amount that is not positive or does not fit: the caller's mistake.
var errAmount = errors.New("no such amount")

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
		p.proformaPayment(f, sum)
		p.proformaNext()
	})
	return p.output(out)
}

var (
	plain = style{size: 11, color: ink}
	label = style{size: 10, color: muted}
)

func (p *paper) proformaHead(f Proforma) {
	w := p.words
	p.letterhead(w.Text("doc.proforma.heading"), []string{
		w.Text("doc.proforma.number", "Number", f.Number),
		w.Text("doc.proforma.date", "Day", w.Day(f.Date)),
	})
	half := printed/2 - 5
	left := p.party(box{x: margin, y: p.y, w: half}, w.Text("doc.proforma.issuer"), f.Issuer.Party)
	right := p.party(box{x: margin + half + 10, y: p.y, w: half}, w.Text("doc.proforma.buyer"), f.Buyer)
	p.y = max(left, right) + 8
}

// letterhead draws the sign on the left, what the document is on the right.
func (p *paper) letterhead(title string, lines []string) {
	p.arch(margin, p.y, 12, bridge)
	p.write(margin+15, p.y+0.6, style{size: 17, bold: true, color: bridge}, "Passerelle")
	p.writeRight(paperWidth-margin, p.y-0.5, style{size: 20, bold: true, color: ink}, title)
	p.y += 10
	for _, line := range lines {
		line = p.clip(line, plain, printed)
		p.writeRight(paperWidth-margin, p.y, plain, line)
		p.y += plain.height()
	}
	p.y += 7
}

func (p *paper) party(at box, role string, party Party) (bottom float64) {
	w := p.words
	p.write(at.x, at.y, label, role)
	at.y += label.height() + 0.5
	at.lines = 3
	at.y = p.block(at, style{size: 12, bold: true, color: ink}, orUnknown(w, party.Name))
	at.lines = 5
	at.y = p.blocks(at, plain, known(w, party.Address))
	at.lines = 1
	return p.block(at, label, w.Text("doc.proforma.siret", "SIRET", orUnknown(w, siret(party.SIRET))))
}

// siret groups a SIRET's digits as INSEE does: 123 456 789 00012.
func siret(digits string) string {
	if len(digits) != 14 {
		return digits
	}
	const space = "\u00a0"
	return digits[:3] + space + digits[3:6] + space + digits[6:9] + space + digits[9:]
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
	p.y = p.block(box{x: margin, y: p.y + 3, w: printed, lines: 5}, style{size: 9, color: muted}, w.Text("doc.proforma.vat"))
	p.y = p.block(box{x: margin, y: p.y + 1.5, w: printed, lines: 3}, style{size: 9, color: muted}, w.Text("doc.proforma.fees")) + 7
}

// proformaPayment draws the one thing the buyer's accountant copies from.
func (p *paper) proformaPayment(f Proforma, sum vouchers.Cents) {
	w := p.words
	const high = 62.0
	p.room(high + 5)
	p.panel(box{x: margin, y: p.y, w: printed}, high, 4, sunSoft)
	inside := box{x: margin + 7, y: p.y + 5, w: printed - 14, lines: 1}
	p.write(inside.x, inside.y, style{size: 14, bold: true, color: bridge}, w.Text("doc.proforma.how"))
	p.write(inside.x, inside.y+8, plain, w.Text("doc.proforma.transfer"))
	big := p.fit(f.Reference, style{size: 28, bold: true, color: ink}, inside.w)
	p.write(inside.x, inside.y+14, big, p.clip(f.Reference, big, inside.w))
	y := inside.y + 29
	for _, fact := range [][2]string{
		{w.Text("doc.proforma.pay"), w.Money(sum)},
		{w.Text("doc.proforma.beneficiary"), orUnknown(w, f.Issuer.Name)},
		{w.Text("doc.proforma.iban"), orUnknown(w, grouped(f.Issuer.IBAN))},
		{w.Text("doc.proforma.bic"), orUnknown(w, f.Issuer.BIC)},
	} {
		strong := style{size: 12, bold: true, color: ink}
		p.write(inside.x, y+0.3, plain, fact[0])
		p.write(inside.x+30, y, strong, p.clip(fact[1], strong, inside.w-30))
		y += 6.2
	}
	p.y += high + 8
}

func (p *paper) proformaNext() {
	w := p.words
	p.room(42)
	p.write(margin, p.y, style{size: 14, bold: true, color: bridge}, w.Text("doc.proforma.next"))
	p.y += 8
	for i, key := range []string{"doc.proforma.next_received", "doc.proforma.next_live", "doc.proforma.next_partial"} {
		p.write(margin, p.y, style{size: 11, bold: true, color: bridge}, w.Number(i+1))
		p.y = p.block(box{x: margin + 7, y: p.y, w: printed - 7, lines: 2}, plain, w.Text(key)) + 1.5
	}
}
