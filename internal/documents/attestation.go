package documents

import (
	"io"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Attestation tells the accountant of a public body what the vouchers that it takes are worth
// to it, how late at most, and what became of a year's.
type Attestation struct {
	Operator, Structure Party
	Days                string         // on which structures are paid, in words
	ByStripe            bool           // it is paid through Stripe, which takes some days more
	Longest             int            // days from a redemption to its payment at most, as promised; where Stripe pays, to Stripe
	From, Until         vouchers.Day   // what the figures are of
	Redemptions         int            // of which the bank has paid, in that time
	Kept                int            // of these, those that were paid by the day that was promised
	Worst               int            // days that one of them waited at most
	Paid                vouchers.Cents // in that time
	UnderWay, Owed      vouchers.Cents // now
	Oldest              *vouchers.Day  // of the redemptions that are not paid; nil: all are
	MadeAt              time.Time
}

// WriteAttestation prints it as a PDF of one page.
func WriteAttestation(out io.Writer, words Words, a Attestation) error {
	w := words
	p := inTwoPasses(words, about{title: w.Text("doc.attestation.title"), subject: a.Structure.Name, made: a.MadeAt}, func(p *paper) {
		p.foot = shorten(a.Structure.Name) + " · " + w.Text("doc.attestation.title")
		p.page()
		p.letterhead(w.Text("doc.attestation.heading"), []string{w.Text("doc.attestation.on", "Day", w.Day(a.MadeAt))})
		p.parties(a.Operator, a.Structure)
		p.paragraph(plain, w.Text("doc.attestation.promise", "Operator", orUnknown(w, a.Operator.Name), "Structure", orUnknown(w, a.Structure.Name)))
		longest, how := "doc.attestation.longest", "doc.attestation.how"
		if a.ByStripe {
			longest, how = "doc.attestation.longest-stripe", "doc.attestation.how-stripe"
		}
		p.paragraph(subheading, counted(w, longest, a.Longest))
		p.paragraph(plain, w.Text(how, "Days", a.Days))
		p.paragraph(subheading, w.Text("doc.attestation.figures", "From", w.Day(a.From.Time()), "Until", w.Day(a.Until.Time())))
		t := table{p: p, size: 11}
		t.total(counted(w, "doc.attestation.paid", a.Redemptions), w.Money(a.Paid))
		if a.Redemptions > 0 {
			t.total(w.Text("doc.attestation.kept"), w.Percent(int64(a.Kept), int64(a.Redemptions)))
			t.total(w.Text("doc.attestation.worst"), w.Number(a.Worst))
		}
		t.total(w.Text("doc.attestation.way"), w.Money(a.UnderWay))
		t.total(w.Text("doc.attestation.owed"), w.Money(a.Owed))
		p.y += 4
		if a.Oldest != nil {
			p.paragraph(plain, w.Text("doc.attestation.oldest", "Day", w.Day(a.Oldest.Time())))
		}
		p.paragraph(label, w.Text("doc.attestation.foot"))
	})
	return p.output(out)
}

func (p *paper) paragraph(s style, text string) {
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 6}, s, text) + 4
}
