package documents

import (
	"fmt"
	"io"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Statement tells a structure what one payout is made of.
type Statement struct {
	Structure  Party
	Settlement string         // number of the settlement; the statement's own is EndToEndID
	From, To   vouchers.Day   // first and last day of the period
	IBAN       string         // of the structure; printed masked
	ByStripe   bool           // to the structure's account there, and not to IBAN
	Expected   vouchers.Day   // when the money should be on the account
	EndToEndID string         // what the bank shows beside the transfer
	Regime     string         // of VAT: liable, franchise, exempt or "", which says nothing
	VAT        vouchers.Cents // in the amount, where the structure is liable
	Recovered  vouchers.Cents // kept back for a debt of the structure; 0 when none
	Redeemed   []Redeemed     // in order of time
	Adjusted   []Adjusted     // what complaints kept back of them, or let go
	MadeAt     time.Time      // the document's own date
}

// Redeemed is one redemption as its structure remembers it.
type Redeemed struct {
	At       time.Time
	Place    string
	Theme    string
	Booklet  string // reference, which spends nothing
	Vouchers int
	Amount   vouchers.Cents
}

// Adjusted is what a payout takes off for one redemption, or adds.
type Adjusted struct {
	Kind    string         `db:"kind"` // withheld, released or netted
	At      time.Time      `db:"at"`   // of the redemption
	Place   string         `db:"place"`
	Booklet string         `db:"booklet"`
	Amount  vouchers.Cents `db:"amount"`
}

// WriteStatement prints a payout's statement as a PDF of as many pages as it takes.
func WriteStatement(out io.Writer, words Words, s Statement) error {
	sum, count := vouchers.Cents(0), 0
	for _, r := range s.Redeemed {
		sum, count = sum+r.Amount, count+r.Vouchers
	}
	adjusted := vouchers.Cents(0)
	for _, a := range s.Adjusted {
		adjusted += a.Amount
	}
	if s.Recovered < 0 || s.Recovered > sum+adjusted {
		return fmt.Errorf("statement %q: %s kept back of %s: %w", s.Settlement, s.Recovered, sum, errAmount)
	}
	title := words.Text("doc.statement.title", "Number", s.EndToEndID)
	p := inTwoPasses(words, about{title: title, subject: s.Structure.Name, made: s.MadeAt}, func(p *paper) {
		p.foot = words.Text("doc.statement.foot", "Structure", shorten(s.Structure.Name), "Number", s.EndToEndID)
		p.page()
		p.statementHead(s, sum+adjusted-s.Recovered)
		p.statementRows(s.Redeemed)
		p.statementTotals(s, sum, count, sum+adjusted-s.Recovered)
	})
	return p.output(out)
}

func (p *paper) statementHead(s Statement, paid vouchers.Cents) {
	w := p.words
	p.letterhead(w.Text("doc.statement.heading"), []string{
		w.Text("doc.statement.own", "Number", orUnknown(w, s.EndToEndID)),
		w.Text("doc.statement.number", "Number", s.Settlement),
		w.Text("doc.statement.period", "From", w.Day(s.From.Time()), "To", w.Day(s.To.Time())),
	})
	top, half := p.y, printed/2-5
	bottom := p.party(box{x: margin, y: top, w: half}, w.Text("doc.statement.structure"), s.Structure)

	facts := box{x: margin + half + 4, y: top, w: half + 6}
	const high = 42.0
	p.panel(facts, high, 4, sunSoft)
	x, y := facts.x+5, top+4
	p.write(x, y, label, w.Text("doc.statement.amount"))
	amount, account, expected := w.Money(paid), orUnknown(w, masked(s.IBAN)), "doc.statement.expected"
	if s.ByStripe {
		account, expected = w.Text("doc.statement.by-stripe"), "doc.statement.expected-stripe"
	}
	p.write(x, y+5, p.fit(amount, style{size: 22, bold: true, color: ink}, facts.w-10), amount)
	y += 17
	for _, fact := range [][2]string{
		{w.Text(expected), w.Day(s.Expected.Time())},
		{w.Text("doc.statement.iban"), account},
		{w.Text("doc.statement.reference"), orUnknown(w, s.EndToEndID)},
	} {
		p.write(x, y, label, fact[0])
		shift := p.width(label, fact[0]) + 2
		strong := p.fit(fact[1], style{size: 10.5, bold: true, color: ink}, facts.w-10-shift)
		p.write(x+shift, y, strong, p.clip(fact[1], strong, facts.w-10-shift))
		y += 6.5
	}
	p.y = max(bottom, top+high) + 8
}

// statementRows lists the redemptions under the day they were made on.
func (p *paper) statementRows(redeemed []Redeemed) {
	w := p.words
	if len(redeemed) == 0 {
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 1}, plain, w.Text("doc.statement.none")) + 4
		return
	}
	t := table{p: p, size: 9.5, columns: []column{
		{title: w.Text("doc.statement.time"), width: 19},
		{title: w.Text("doc.statement.place"), width: 52},
		{title: w.Text("doc.statement.theme"), width: 44},
		{title: w.Text("doc.statement.booklet"), width: 25},
		{title: w.Text("doc.statement.vouchers"), width: 17, right: true},
		{title: w.Text("doc.statement.value"), width: 23, right: true},
	}}
	t.head()
	day := ""
	p.onPage = func() {
		t.head()
		if day != "" {
			p.dayLine(w.Text("doc.statement.again", "Day", day))
		}
	}
	for i, r := range redeemed {
		if today := w.Day(r.At); today != day {
			day = ""
			p.room(22) // a day's line never stands alone at the foot of a page
			day = today
			p.dayLine(day)
		}
		if i == len(redeemed)-1 {
			p.room(totalsRoom + 18) // nor do the totals
		}
		t.row([]string{w.Clock(r.At), r.Place, r.Theme, r.Booklet, w.Number(r.Vouchers), w.Money(r.Amount)})
	}
	p.onPage = nil
}

func (p *paper) dayLine(text string) {
	p.y += 1.5
	p.write(margin+cellPad, p.y, style{size: 10, bold: true, color: bridge}, text)
	p.y += 6
}

const totalsRoom = 46 // height of the totals and of the line under them

func (p *paper) statementTotals(s Statement, sum vouchers.Cents, count int, paid vouchers.Cents) {
	w := p.words
	t := table{p: p, size: 10}
	p.room(totalsRoom)
	t.total(counted(w, "doc.statement.total", len(s.Redeemed))+" · "+counted(w, "doc.vouchers", count), w.Money(sum))
	for _, a := range s.Adjusted {
		p.room(totalsRoom)
		t.subtotal(w.Text("doc.statement."+a.Kind, "Day", w.Day(a.At), "Booklet", a.Booklet), w.Money(a.Amount))
	}
	if s.Recovered > 0 {
		p.room(totalsRoom)
		t.total(w.Text("doc.statement.recovered"), w.Money(-s.Recovered))
	}
	if paid != sum {
		t.total(w.Text("doc.statement.amount"), w.Money(paid))
	}
	p.y += 4
	if s.Regime != "" {
		p.y = p.block(box{x: margin + cellPad, y: p.y, w: printed, lines: 2}, label, w.Text("doc.statement.vat."+s.Regime, "VAT", w.Money(s.VAT)))
	}
	p.y = p.block(box{x: margin + cellPad, y: p.y, w: printed, lines: 2}, label, w.Text("doc.statement.help"))
}
