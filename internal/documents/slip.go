package documents

import (
	"io"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Slip is what somebody takes home who has booked a session: when, where, what to bring.
type Slip struct {
	Reference   string
	Heading     string // how the booking stands, in words
	Name        string // what takes place
	Meetings    []Meeting
	Place       string
	Address     string
	Phone       string // of the place, as it is read; may be empty
	HelpPhone   string // may be empty
	Vouchers    int    // 0: free
	Extra       vouchers.Cents
	Costs       int    // vouchers that not coming costs
	Bring       string // the place's own words; may be empty
	CancelUntil time.Time
	BookedAt    time.Time
}

// Meeting is one time when one comes.
type Meeting struct{ Start, End time.Time }

// WriteSlip prints the slip as a PDF of one page, in easy-to-read words.
func WriteSlip(out io.Writer, words Words, s Slip) error {
	title := words.Text("doc.slip.title", "Reference", s.Reference)
	p := newPaper(words, about{title: title, subject: s.Name, made: s.BookedAt})
	p.page()
	p.letterhead(words.Text("doc.slip.heading"), []string{words.Text("doc.slip.reference", "Reference", s.Reference)})
	p.say(style{size: 19, bold: true, color: bridge}, s.Heading)
	p.y += 2
	p.say(style{size: 16, bold: true, color: ink}, s.Name)
	p.y += 2
	p.slipTimes(s)
	p.slipPlace(s)
	p.slipRules(s)
	return p.output(out)
}

// say writes a paragraph of at most three lines over the whole width.
func (p *paper) say(as style, text string) {
	p.y = p.block(box{x: margin, y: p.y, w: printed, lines: 3}, as, text)
}

var slipText = style{size: 13, color: ink}

func (p *paper) slipTimes(s Slip) {
	w := p.words
	high := 11 + 7*float64(len(s.Meetings))
	p.panel(box{x: margin, y: p.y, w: printed}, high, 4, sunSoft)
	p.y += 5
	for _, m := range s.Meetings {
		p.write(margin+7, p.y, style{size: 15, bold: true, color: ink}, w.Text("doc.slip.time", "Day", w.Day(m.Start), "From", w.Clock(m.Start), "To", w.Clock(m.End)))
		p.y += 7
	}
	p.y += 11
}

func (p *paper) slipPlace(s Slip) {
	w := p.words
	p.room(40)
	p.say(heading, w.Text("doc.slip.where"))
	p.y++
	p.say(style{size: 14, bold: true, color: ink}, s.Place)
	p.say(slipText, orUnknown(w, s.Address))
	p.say(slipText, w.Text("doc.slip.phone", "Phone", orUnknown(w, s.Phone)))
	p.y += 7
}

func (p *paper) slipRules(s Slip) {
	w := p.words
	p.room(100)
	p.say(heading, w.Text("doc.slip.bring"))
	p.y++
	p.say(slipText, w.Text("doc.slip.bring-booklet"))
	if s.Bring != "" {
		p.say(slipText, s.Bring)
	}
	p.y += 7
	p.say(heading, w.Text("doc.slip.price"))
	p.y++
	if s.Vouchers == 0 {
		p.say(slipText, w.Text("doc.slip.free"))
	} else {
		p.say(slipText, counted(w, "doc.slip.held", s.Vouchers))
	}
	if s.Extra > 0 {
		p.say(slipText, w.Text("doc.slip.extra", "Amount", w.ShortMoney(s.Extra)))
	}
	p.y += 7
	p.say(heading, w.Text("doc.slip.hindered"))
	p.y++
	p.say(slipText, w.Text("doc.slip.cancel", "Day", w.Day(s.CancelUntil), "Time", w.Clock(s.CancelUntil)))
	p.say(slipText, w.Text("doc.slip.how"))
	if s.Costs > 0 {
		p.say(slipText, counted(w, "doc.slip.costs", s.Costs))
	}
	if s.HelpPhone != "" {
		p.say(slipText, w.Text("doc.slip.help", "Phone", s.HelpPhone))
	}
}
