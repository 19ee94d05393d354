package documents

import (
	"errors"

	"github.com/passerelle/passerelle/internal/einvoice"
	"github.com/passerelle/passerelle/vouchers"
)

// What the letters to a buyer have in common: the head, the parties, where to pay, what
// happens next.

// errAmount means an amount that is not positive or does not fit: the caller's mistake.
var errAmount = errors.New("no such amount")

var (
	plain = style{size: 11, color: ink}
	label = style{size: 10, color: muted}
	small = style{size: 9, color: muted}

	subheading = style{size: 14, bold: true, color: bridge}
)

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

// parties draws who writes on the left and to whom on the right.
func (p *paper) parties(from, to Party) {
	const half = printed/2 - 5
	left := p.party(box{x: margin, y: p.y, w: half}, p.words.Text("doc.letter.from"), from)
	right := p.party(box{x: margin + half + 10, y: p.y, w: half}, p.words.Text("doc.letter.to"), to)
	p.y = max(left, right) + 8
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
	at.y = p.block(at, label, w.Text("doc.letter.siret", "SIRET", orUnknown(w, siret(party.SIRET))))
	if party.VATID != "" {
		at.y = p.block(at, label, w.Text("doc.letter.vat_id", "Number", party.VATID))
	}
	return at.y
}

// siret groups a SIRET's digits as INSEE does: 123 456 789 00012.
func siret(digits string) string {
	if len(digits) != 14 {
		return digits
	}
	const space = "\u00a0"
	return digits[:3] + space + digits[3:6] + space + digits[6:9] + space + digits[9:]
}

// partyOf is a party of an electronic invoice as a letter names it.
func partyOf(e einvoice.Party) Party {
	return Party{Name: e.Name, Address: []string{e.Street, e.Postcode + " " + e.Town}, SIRET: e.SIRET.Digits(), VATID: e.VATID}
}

// payment is a request for money: how much, where to, until when.
type payment struct {
	amount      vouchers.Cents
	due         string // in words; may be empty
	beneficiary string
	iban, bic   string
	reference   string
}

// paymentPanel draws the one thing the buyer's accountant copies from.
func (p *paper) paymentPanel(pay payment) {
	w := p.words
	facts := [][2]string{{w.Text("doc.pay.amount"), w.Money(pay.amount)}}
	if pay.due != "" {
		facts = append(facts, [2]string{w.Text("doc.pay.due"), pay.due})
	}
	facts = append(facts,
		[2]string{w.Text("doc.pay.beneficiary"), orUnknown(w, pay.beneficiary)},
		[2]string{w.Text("doc.pay.iban"), orUnknown(w, grouped(pay.iban))},
		[2]string{w.Text("doc.pay.bic"), orUnknown(w, pay.bic)},
	)
	const line = 6.2
	high := 37 + line*float64(len(facts))
	p.room(high + 5)
	p.panel(box{x: margin, y: p.y, w: printed}, high, 4, sunSoft)
	inside := box{x: margin + 7, y: p.y + 5, w: printed - 14, lines: 1}
	p.write(inside.x, inside.y, subheading, w.Text("doc.pay.how"))
	p.write(inside.x, inside.y+8, plain, w.Text("doc.pay.transfer"))
	big := p.fit(pay.reference, style{size: 28, bold: true, color: ink}, inside.w)
	p.write(inside.x, inside.y+14, big, p.clip(pay.reference, big, inside.w))
	y := inside.y + 29
	for _, fact := range facts {
		strong := style{size: 12, bold: true, color: ink}
		p.write(inside.x, y+0.3, plain, fact[0])
		p.write(inside.x+30, y, strong, p.clip(fact[1], strong, inside.w-30))
		y += line
	}
	p.y += high + 8
}

// next says in numbered steps what happens after the letter.
func (p *paper) next(keys ...string) {
	w := p.words
	p.room(12 + 10*float64(len(keys)))
	p.write(margin, p.y, subheading, w.Text("doc.letter.next"))
	p.y += 8
	for i, key := range keys {
		p.write(margin, p.y, style{size: 11, bold: true, color: bridge}, w.Number(i+1))
		p.y = p.block(box{x: margin + 7, y: p.y, w: printed - 7, lines: 2}, plain, w.Text(key)) + 1.5
	}
}
