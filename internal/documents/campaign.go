package documents

import (
	"fmt"
	"io"

	"github.com/passerelle/passerelle/vouchers"
)

// CampaignStatement says what became of a campaign's money or, before it is closed, what
// would if no more were used. A funder sees its own share, the operator all of them.
type CampaignStatement struct {
	Operator    string
	Campaign    string
	From, Until vouchers.Day   // when its vouchers could be spent
	ClosedOn    vouchers.Day   // 0 before
	AsOf        vouchers.Day   // the day of its figures
	Face        vouchers.Cents // of one voucher
	HandedOver  int            // vouchers
	Used        int            // vouchers; the others expired or, before the end, are in people's hands
	Received    vouchers.Cents // from all its funders
	Shares      []FunderShare
}

// FunderShare is one funder's part. What it paid and what was not used comes back.
type FunderShare struct {
	Funder     string
	Paid, Used vouchers.Cents
	CreditNote string // its number; may be empty where nothing comes back
	Back       GivenBack
}

// back is what the funder gets back.
func (s FunderShare) back() vouchers.Cents { return s.Paid - s.Used }

// WriteCampaignStatement prints the statement as a PDF. It fails where shares come to more
// than the campaign.
func WriteCampaignStatement(out io.Writer, words Words, s CampaignStatement) error {
	var paid, used vouchers.Cents
	for _, share := range s.Shares {
		if share.Used < 0 || share.Used > share.Paid {
			return fmt.Errorf("campaign %q, share of %q: %w", s.Campaign, share.Funder, errAmount)
		}
		paid, used = paid+share.Paid, used+share.Used
	}
	if s.Used < 0 || s.Used > s.HandedOver || s.worth(s.HandedOver) > s.Received || paid > s.Received || used > s.worth(s.Used) {
		return fmt.Errorf("campaign %q: %s used of %s, of which its funders %s of %s: %w", s.Campaign, s.worth(s.Used), s.Received, used, paid, errAmount)
	}
	title := words.Text("doc.closing.title", "Campaign", shorten(s.Campaign))
	p := inTwoPasses(words, about{title: title, subject: s.Campaign, made: noon(s.AsOf)}, func(p *paper) {
		p.foot = s.Operator + " · " + title
		p.page()
		p.closingHead(s)
		p.closingFigures(s)
		p.closingShares(s)
		p.closingBack(s)
	})
	return p.output(out)
}

func (s CampaignStatement) worth(n int) vouchers.Cents { return vouchers.Cents(n) * s.Face }

func (p *paper) closingHead(s CampaignStatement) {
	w := p.words
	standing := w.Text("doc.closing.provisional", "Day", w.Day(s.AsOf.Time()))
	if s.ClosedOn != 0 {
		standing = w.Text("doc.closing.closed", "Day", w.Day(s.ClosedOn.Time()))
	}
	p.letterhead(w.Text("doc.closing.heading"), []string{
		w.Text("doc.closing.period", "From", w.Day(s.From.Time()), "To", w.Day(s.Until.Time())), standing,
	})
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 2}, style{size: 15, bold: true, color: ink}, orUnknown(w, s.Campaign)) + 1
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 2}, style{size: 12, color: ink},
		w.Text("doc.closing.finding", "Count", s.Used, "Number", w.Number(s.Used), "Total", w.Number(s.HandedOver))) + 6
}

// closingFigures follows the money from top to bottom.
func (p *paper) closingFigures(s CampaignStatement) {
	w := p.words
	t := table{p: p, columns: []column{
		{title: w.Text("doc.closing.what"), width: 112},
		{title: w.Text("doc.closing.vouchers"), width: 30, right: true},
		{title: w.Text("doc.line.sum"), width: 38, right: true},
	}, size: 10.5}
	t.head()
	count := func(text string, n int) { t.row([]string{text, w.Number(n), w.Money(s.worth(n))}) }
	t.row([]string{w.Text("doc.closing.received"), "", w.Money(s.Received)})
	count(w.Text("doc.closing.handed_over"), s.HandedOver)
	count(w.Text("doc.closing.used"), s.Used)
	if s.ClosedOn != 0 {
		count(w.Text("doc.closing.expired"), s.HandedOver-s.Used)
	} else {
		count(w.Text("doc.closing.unspent"), s.HandedOver-s.Used)
	}
	t.row([]string{w.Text("doc.closing.kept"), "", w.Money(s.Received - s.worth(s.HandedOver))})
	t.total(w.Text("doc.closing.back"), w.Money(s.Received-s.worth(s.Used)))
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 2}, small, w.Text("doc.closing.sum")) + 8
}

func (p *paper) closingShares(s CampaignStatement) {
	w := p.words
	t := table{p: p, columns: []column{
		{title: w.Text("doc.closing.funder"), width: 62},
		{title: w.Text("doc.closing.paid"), width: 29, right: true},
		{title: w.Text("doc.closing.part"), width: 29, right: true},
		{title: w.Text("doc.closing.returned"), width: 29, right: true},
		{title: w.Text("doc.closing.credit_note"), width: 31, right: true},
	}, size: 10.5}
	p.room(30)
	p.write(margin, p.y, subheading, w.Text("doc.closing.shares"))
	p.y += 8
	t.head()
	p.onPage = t.head
	for _, share := range s.Shares {
		note := share.CreditNote
		if note == "" {
			note = w.Text("doc.closing.no_credit_note")
		}
		t.row([]string{orUnknown(w, share.Funder), w.Money(share.Paid), w.Money(share.Used), w.Money(share.back()), note})
	}
	p.onPage = nil
	p.y += 8
}

// closingBack says for each funder how its money comes back.
func (p *paper) closingBack(s CampaignStatement) {
	w := p.words
	p.room(24)
	p.write(margin, p.y, subheading, w.Text("doc.back.heading"))
	p.y += 8
	for _, share := range s.Shares {
		text := w.Text("doc.back.nothing")
		if share.back() > 0 {
			text = p.givenBack(share.back(), share.Back)
		}
		p.room(4 * plain.height())
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 1}, style{size: 11, bold: true, color: ink}, orUnknown(w, share.Funder))
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 2}, plain, text) + 2
	}
	p.room(14)
	p.y = p.block(box{x: margin, y: p.y + 4, w: printed, lines: 2}, small, w.Text("doc.closing.same"))
}
