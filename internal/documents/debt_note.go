package documents

import (
	"io"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// DebtNote asks a structure to pay back what it was paid for redemptions that were corrected
// since. It is no invoice: nothing is sold, and there is no VAT.
type DebtNote struct {
	Number    string
	Structure Party
	Operator  string // who holds the account
	IBAN, BIC string // of the segregated account
	Reference string // the transfer must name it
	Due       vouchers.Day
	Lines     []Owed
	MadeAt    time.Time
}

// Owed is one redemption of a debt note.
type Owed struct {
	At      time.Time      `db:"at"`
	Place   string         `db:"place"`
	Booklet string         `db:"booklet"`
	Reason  string         `db:"reason"`
	Amount  vouchers.Cents `db:"amount"` // what is left to pay of it
}

// WriteDebtNote prints a debt note as a PDF.
func WriteDebtNote(out io.Writer, words Words, n DebtNote) error {
	sum := vouchers.Cents(0)
	for _, l := range n.Lines {
		if l.Amount <= 0 {
			return errAmount
		}
		sum += l.Amount
	}
	title := words.Text("doc.debt_note.title", "Number", n.Number)
	p := inTwoPasses(words, about{title: title, subject: n.Structure.Name, made: n.MadeAt}, func(p *paper) {
		p.foot = words.Text("doc.debt_note.foot", "Structure", shorten(n.Structure.Name), "Number", n.Number)
		p.page()
		p.letterhead(words.Text("doc.debt_note.heading"), []string{n.Number, words.Day(n.MadeAt)})
		p.y = p.party(box{x: margin, y: p.y, w: printed}, words.Text("doc.letter.to"), n.Structure) + 6
		p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 4}, plain, words.Text("doc.debt_note.why")) + 4
		p.debtRows(n.Lines, sum)
		p.y += 6
		p.paymentPanel(payment{amount: sum, due: words.Day(n.Due.Time()), beneficiary: n.Operator, iban: n.IBAN, bic: n.BIC, reference: n.Reference})
		p.next("doc.debt_note.next_pay", "doc.debt_note.next_net", "doc.debt_note.next_wrong")
	})
	return p.output(out)
}

func (p *paper) debtRows(lines []Owed, sum vouchers.Cents) {
	w := p.words
	t := table{p: p, size: 9.5, columns: []column{
		{title: w.Text("doc.debt_note.day"), width: 36},
		{title: w.Text("doc.statement.place"), width: 46},
		{title: w.Text("doc.statement.booklet"), width: 22},
		{title: w.Text("doc.debt_note.reason"), width: 52},
		{title: w.Text("doc.statement.value"), width: 24, right: true},
	}}
	t.head()
	p.onPage = t.head
	for _, l := range lines {
		t.row([]string{w.Day(l.At), l.Place, l.Booklet, l.Reason, w.Money(l.Amount)})
	}
	p.onPage = nil
	p.room(14)
	t.total(w.Text("doc.debt_note.total"), w.Money(sum))
}
