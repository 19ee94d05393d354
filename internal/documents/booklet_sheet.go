package documents

// The rest of a booklet's sheet, in easy-to-read French (FALC): where to go, what to
// do, and the small print for whoever receives it.

const (
	placesTop = 117.0
	stepsTop  = 191.0
	smallTop  = 245.0
)

var heading = style{size: 17, bold: true, color: bridge}

// whereToGo names the three nearest places side by side.
func (p *paper) whereToGo(places []NearbyPlace) {
	p.write(margin, placesTop, heading, p.words.Text("doc.booklet.where"))
	top := placesTop + 9
	if len(places) == 0 {
		p.block(box{x: margin, y: top, w: printed, lines: 3}, style{size: 13, color: ink}, p.words.Text("doc.booklet.no_place"))
		return
	}
	const gap = 7.0
	shown := places[:min(3, len(places))]
	wide := (printed - 2*gap) / 3
	for i, place := range shown {
		at := box{x: margin + float64(i)*(wide+gap), y: top, w: wide}
		if i > 0 {
			p.pen(rule, 0.3)
			p.line(at.x-gap/2, top+1, at.x-gap/2, stepsTop-4)
		}
		p.nearby(at, place)
	}
}

func (p *paper) nearby(at box, place NearbyPlace) {
	w := p.words
	plain, strong := style{size: 11, color: ink}, style{size: 12, bold: true, color: ink}
	at.lines = 2
	at.y = p.block(at, strong, orUnknown(w, place.Name))
	at.lines = 1
	away := w.Text("doc.booklet.distance_unknown")
	if place.DistanceKm >= 0 {
		away = w.Text("doc.booklet.distance", "Distance", w.Distance(place.DistanceKm))
	}
	at.y = p.block(at, style{size: 11, color: muted}, away) + 1

	at.lines = 4
	at.y = p.blocks(at, style{size: 10.5, color: ink}, known(w, place.Address)) + 1
	label := w.Text("doc.booklet.phone")
	p.write(at.x, at.y, plain, label)
	shift := p.width(plain, label) + 1.5
	phone := p.clip(orUnknown(w, place.Phone), strong, at.w-shift)
	p.write(at.x+shift, at.y-0.3, strong, phone)
	at.y += strong.height() + 1

	at.lines = 1
	at.y = p.block(at, style{size: 10.5, bold: true, color: ink}, w.Text("doc.booklet.hours"))
	small := style{size: 10.5, color: ink}
	at.lines = int((stepsTop - 4 - at.y) / small.height())
	p.blocks(at, small, known(w, place.Hours))
}

// known is what is known, or one line that says it is not.
func known(words Words, lines []string) []string {
	if len(lines) == 0 {
		return []string{words.Text("doc.unknown")}
	}
	return lines
}

// howTo says in three steps what to do, one idea a sentence.
func (p *paper) howTo() {
	p.write(margin, stepsTop, heading, p.words.Text("doc.booklet.how"))
	y := stepsTop + 11
	for i, key := range []string{"doc.booklet.step_choose", "doc.booklet.step_go", "doc.booklet.step_show"} {
		p.fill(bridge)
		p.pdf.Circle(margin+4.5, y+4.5, 4.5, "F")
		digit := style{size: 14, bold: true, color: white}
		p.writeCentred(margin+4.5, y+4.5-digit.height()/2+0.1, digit, p.words.Number(i+1))
		end := p.block(box{x: margin + 14, y: y + 1.2, w: printed - 14, lines: 2}, style{size: 14, color: ink}, p.words.Text(key))
		y = max(end, y+10) + 2.5
	}
}

// smallPrint is for the counter and the telephone.
func (p *paper) smallPrint(b Booklet) {
	w := p.words
	p.pen(rule, 0.3)
	p.line(margin, smallTop, margin+printed, smallTop)
	lost := w.Text("doc.booklet.lost", "Phone", b.HelpPhone, "Reference", shorten(b.Reference))
	if clean(b.HelpPhone) == "" {
		lost = w.Text("doc.booklet.lost_return", "Reference", shorten(b.Reference))
	}
	pays := w.Text("doc.booklet.who_pays", "Day", w.Day(b.Until.Time()),
		"Funder", orUnknown(w, shorten(b.Funder)), "Campaign", orUnknown(w, shorten(b.Campaign)))
	handed := w.Text("doc.booklet.handed_over", "Reference", shorten(b.Reference), "Day", w.Day(b.HandedOverAt))
	small := style{size: 9.5, color: muted}
	at := box{x: margin, y: smallTop + 3, w: printed}
	for _, part := range []struct {
		lines int
		text  string
	}{{2, lost}, {3, pays}, {2, w.Text("doc.booklet.signed")}, {1, handed}} {
		at.lines = part.lines
		at.y = p.block(at, small, part.text) + 1.2
	}
}

// shorten keeps a name that stands inside a sentence from pushing the rest of the
// sentence off the paper.
func shorten(name string) string {
	const most = 90
	runes := []rune(clean(name))
	if len(runes) <= most {
		return string(runes)
	}
	return string(runes[:most]) + "…"
}
