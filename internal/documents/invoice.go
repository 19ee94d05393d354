package documents

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/passerelle/passerelle/internal/einvoice"
	"github.com/passerelle/passerelle/vouchers"
)

// Invoice is an invoice or a credit note. What is printed and what is attached come from
// the one value, so that people and programs read the same.
type Invoice struct {
	einvoice.Invoice
	XML         []byte    // the same as einvoice.Write made it on the day of issue; nil: nothing is attached
	PublicBuyer bool      // the delays and penalties of public procurement apply
	Back        GivenBack // of a credit note: how the money comes back
}

// GivenBack says what becomes of money that is a funder's again. With neither account nor
// campaign, face value waits for the funder's choice, and fees are set off.
type GivenBack struct {
	IBAN     string // refunded to it; printed masked
	Campaign string // carried over to it
}

// WriteInvoice prints an invoice or a credit note as a Factur-X PDF: the page for people,
// the XML attached for programs.
func WriteInvoice(out io.Writer, words Words, in Invoice) error {
	var page bytes.Buffer
	title := words.Text("doc.invoice.title", "Number", in.Number)
	if in.Kind == einvoice.CreditNote {
		title = words.Text("doc.credit.title", "Number", in.Number)
	}
	of := about{title: title, subject: in.Buyer.Name, made: noon(in.IssuedOn)}
	p := inTwoPasses(words, of, func(p *paper) {
		p.foot = in.Seller.Name + " · " + title
		p.page()
		p.invoiceHead(in)
		p.invoiceLines(in)
		p.invoiceTotals(in)
		p.invoiceEnd(in)
	})
	if err := p.output(&page); err != nil {
		return err
	}
	pdf := page.Bytes()
	if in.XML != nil {
		var err error
		if pdf, err = attach(pdf, in.XML, of); err != nil {
			return fmt.Errorf("invoice %s: %w", in.Number, err)
		}
	}
	if _, err := out.Write(pdf); err != nil {
		return fmt.Errorf("write invoice %s: %w", in.Number, err)
	}
	return nil
}

// noon is a moment of the day that has the same date in every zone nearby.
func noon(d vouchers.Day) time.Time { return d.Time().Add(12 * time.Hour) }

func (p *paper) invoiceHead(in Invoice) {
	w := p.words
	heading := w.Text("doc.invoice.heading")
	lines := []string{
		w.Text("doc.letter.number", "Number", in.Number),
		w.Text("doc.letter.on", "Day", w.Day(in.IssuedOn.Time())),
	}
	if c := in.Preceding; c != nil {
		heading = w.Text("doc.credit.heading")
		lines = append(lines, w.Text("doc.credit.corrects", "Number", c.Number, "Day", w.Day(c.IssuedOn.Time())))
	}
	p.letterhead(heading, lines)
	p.parties(partyOf(in.Seller), partyOf(in.Buyer))
	for _, fact := range []struct{ key, name, value string }{
		{"doc.invoice.order", "Number", in.OrderReference},
		{"doc.invoice.service", "Code", in.BuyerReference},
	} {
		if fact.value != "" {
			p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 1}, plain, w.Text(fact.key, fact.name, fact.value))
		}
	}
	if in.From != 0 {
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 1}, plain,
			w.Text("doc.invoice.period", "From", w.Day(in.From.Time()), "To", w.Day(in.To.Time())))
	}
	p.y += 3
}

func (p *paper) invoiceLines(in Invoice) {
	w := p.words
	t := table{p: p, columns: []column{
		{title: w.Text("doc.line.what"), width: 92},
		{title: w.Text("doc.line.quantity"), width: 22, right: true},
		{title: w.Text("doc.line.unit"), width: 32, right: true},
		{title: w.Text("doc.line.amount"), width: 34, right: true},
	}, size: 10.5}
	t.head()
	p.onPage = t.head
	for _, l := range in.Lines {
		t.row([]string{described(l), w.Number(l.Quantity), w.Money(l.Unit), w.Money(l.Amount())})
	}
	p.onPage = nil
}

// invoiceTotals sums up, and says why there is no VAT where there is none.
func (p *paper) invoiceTotals(in Invoice) {
	w := p.words
	net, vat, gross := in.Totals()
	t := table{p: p, size: 10.5}
	p.room(45)
	p.y += 1
	t.subtotal(w.Text("doc.invoice.net"), w.Money(net))
	if in.VAT.Category == einvoice.OutsideScope {
		t.subtotal(w.Text("doc.invoice.no_vat"), w.Money(vat))
	} else {
		t.subtotal(w.Text("doc.invoice.vat", "Rate", p.rate(in.VAT), "Net", w.Money(net)), w.Money(vat))
	}
	total := w.Text("doc.invoice.total")
	if in.Kind == einvoice.CreditNote {
		total = w.Text("doc.credit.total")
	}
	t.total(total, w.Money(gross))
	p.y += 2
	if in.VAT.Category == einvoice.OutsideScope {
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 5}, small, w.Text("doc.letter.outside_vat")) + 1.5
	}
	for _, note := range in.Notes {
		p.room(6 * small.height())
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 6}, small, note) + 1.5
	}
	p.y += 3
}

// invoiceEnd says how to pay, or how what was paid comes back, and what the law wants
// said of late payment.
func (p *paper) invoiceEnd(in Invoice) {
	w := p.words
	_, _, gross := in.Totals()
	if in.Kind == einvoice.CreditNote {
		inside := box{x: margin + 7, w: printed - 14, lines: 3}
		text := p.givenBack(gross, in.Back)
		if in.VAT.Category == einvoice.Standard && in.Back == (GivenBack{}) {
			text = w.Text("doc.back.fees", "Amount", w.Money(gross))
		}
		high := 17 + float64(len(p.wrap(text, plain, inside)))*plain.height()
		p.room(high)
		p.panel(box{x: margin, y: p.y, w: printed}, high, 4, sunSoft)
		p.write(inside.x, p.y+5, subheading, w.Text("doc.back.heading"))
		inside.y = p.y + 13
		p.block(inside, plain, text)
		return
	}
	p.paymentPanel(payment{
		amount: gross, due: w.Day(in.DueOn.Time()), beneficiary: in.Seller.Name,
		iban: in.Payment.IBAN.Full(), bic: string(in.Payment.BIC), reference: grouped(in.Payment.Reference),
	})
	late := w.Text("doc.invoice.late")
	if in.PublicBuyer {
		late = w.Text("doc.invoice.late_public")
	}
	p.room(5 * small.height())
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 5}, small, late)
}

func (p *paper) givenBack(amount vouchers.Cents, back GivenBack) string {
	w := p.words
	switch {
	case back.IBAN != "":
		return w.Text("doc.back.refund", "Amount", w.Money(amount), "IBAN", masked(back.IBAN))
	case back.Campaign != "":
		return w.Text("doc.back.campaign", "Amount", w.Money(amount), "Campaign", shorten(back.Campaign))
	}
	return w.Text("doc.back.credit", "Amount", w.Money(amount))
}
