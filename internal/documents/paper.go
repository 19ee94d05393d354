package documents

import (
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// A4 in millimetres, upright, with the same margin all around.
const (
	paperWidth  = 210.0
	paperHeight = 297.0
	margin      = 15.0
	printed     = paperWidth - 2*margin
	lowest      = paperHeight - 20 // below it there is only the foot of the page
	lineHeight  = 1.32             // of the size of the type
	millimetre  = 72 / 25.4        // in points
)

type colour struct{ r, g, b int }

// The light theme's tokens, as in the pages.
var (
	white   = colour{0xFF, 0xFF, 0xFF}
	ink     = colour{0x17, 0x30, 0x2F}
	muted   = colour{0x4C, 0x62, 0x61}
	bridge  = colour{0x0B, 0x5C, 0x5A}
	sun     = colour{0xF2, 0xB6, 0x32}
	sunSoft = colour{0xFD, 0xF1, 0xD3}
	sunMark = colour{0xFA, 0xE4, 0xAE} // the watermark: sun on sun-soft, faint
	rule    = colour{0xD9, 0xD2, 0xC3}
	black   = colour{}
)

// style is how a piece of text looks; size is in points.
type style struct {
	size  float64
	bold  bool
	color colour
}

func (s style) height() float64 { return s.size / millimetre * lineHeight }

// box is where a piece of text may stand, in millimetres from the top left corner.
// lines bounds its height; what does not fit ends with an ellipsis.
type box struct {
	x, y, w float64
	lines   int
}

// paper is a document being drawn. The first error stops all drawing and comes out
// of output.
type paper struct {
	pdf    *fpdf.Fpdf
	words  Words
	y      float64 // where the next block begins
	pages  int     // how many pages there will be; 0 while they are being counted
	onPage func()  // draws the head of each new page
	foot   string  // stands at the left of each page's foot
}

// about is what a reader's program shows of the document. made is the document's one
// date: nothing reads the clock, so that the same document has the same bytes.
type about struct {
	title, subject string
	made           time.Time
}

func newPaper(words Words, of about) *paper {
	pdf := fpdf.New("P", "mm", "A4", "")
	pdf.SetCatalogSort(true)
	pdf.SetCreationDate(of.made.UTC())
	pdf.SetModificationDate(of.made.UTC())
	pdf.SetTitle(clean(of.title), true)
	pdf.SetSubject(clean(of.subject), true)
	pdf.SetCreator("Passerelle", true)
	pdf.SetProducer("Passerelle", true)
	pdf.SetLang(words.Lang())
	pdf.AddUTF8FontFromBytes("text", "", font("Regular"))
	pdf.AddUTF8FontFromBytes("text", "B", font("Bold"))
	pdf.SetMargins(margin, margin, margin)
	pdf.SetAutoPageBreak(false, 0)
	return &paper{pdf: pdf, words: words}
}

// inTwoPasses draws a document twice: once to count its pages, once to number them.
func inTwoPasses(words Words, of about, draw func(*paper)) *paper {
	first := newPaper(words, of)
	draw(first)
	second := newPaper(words, of)
	second.pages = first.pdf.PageCount()
	draw(second)
	return second
}

func (p *paper) output(out io.Writer) error {
	if err := p.pdf.Output(out); err != nil {
		return fmt.Errorf("write the PDF: %w", err)
	}
	return nil
}

// page begins a new page with its head and its foot.
func (p *paper) page() {
	p.pdf.AddPage()
	small := style{size: 8.5, color: muted}
	if p.foot != "" {
		p.write(margin, paperHeight-13, small, p.clip(p.foot, small, printed-40))
		number := p.words.Text("doc.page", "Page", p.pdf.PageNo(), "Pages", p.pages)
		p.writeRight(paperWidth-margin, paperHeight-13, small, number)
	}
	p.y = margin
	if p.onPage != nil {
		p.onPage()
	}
}

// room begins a new page when less than height millimetres are left on this one.
func (p *paper) room(height float64) {
	if p.y+height > lowest {
		p.page()
	}
}

func (p *paper) use(s style) {
	weight := ""
	if s.bold {
		weight = "B"
	}
	p.pdf.SetFont("text", weight, s.size)
	p.pdf.SetTextColor(s.color.r, s.color.g, s.color.b)
}

func (p *paper) width(s style, text string) float64 {
	p.use(s)
	return p.pdf.GetStringWidth(clean(text))
}

// write draws one line whose top is at y.
func (p *paper) write(x, y float64, s style, text string) {
	p.use(s)
	p.pdf.Text(x, y+s.size/millimetre*0.98, clean(text))
}

// writeRight draws one line that ends at x.
func (p *paper) writeRight(x, y float64, s style, text string) {
	p.write(x-p.width(s, text), y, s, text)
}

// writeCentred draws one line around x.
func (p *paper) writeCentred(x, y float64, s style, text string) {
	p.write(x-p.width(s, text)/2, y, s, text)
}

// block draws text in b, broken into lines, and tells where it ends.
func (p *paper) block(b box, s style, text string) (bottom float64) {
	for _, line := range p.wrap(text, s, b) {
		p.write(b.x, b.y, s, line)
		b.y += s.height()
	}
	return b.y
}

// blocks draws texts one under the other, b.lines lines in all.
func (p *paper) blocks(b box, s style, texts []string) (bottom float64) {
	for i, text := range texts {
		lines := p.wrap(text, s, b)
		if b.lines -= len(lines); b.lines == 0 && i < len(texts)-1 {
			lines[len(lines)-1] = p.ellipsis(lines[len(lines)-1], b.w)
		}
		for _, line := range lines {
			p.write(b.x, b.y, s, line)
			b.y += s.height()
		}
		if b.lines == 0 {
			break
		}
	}
	return b.y
}

// wrap breaks text at spaces, and inside a word that is wider than the box.
func (p *paper) wrap(text string, s style, b box) []string {
	p.use(s)
	var lines []string
	line := ""
	for _, word := range strings.Split(clean(text), " ") {
		joined := strings.TrimPrefix(line+" "+word, " ")
		if p.pdf.GetStringWidth(joined) <= b.w {
			line = joined
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for p.pdf.GetStringWidth(word) > b.w {
			cut := p.cut(word, b.w)
			lines, word = append(lines, word[:cut]), word[cut:]
		}
		line = word
	}
	lines = append(lines, line)
	if len(lines) > b.lines {
		lines = lines[:b.lines]
		lines[b.lines-1] = p.ellipsis(lines[b.lines-1], b.w)
	}
	return lines
}

// cut is the length in bytes of the longest beginning of word that fits width: at
// least one character, so that wrap ends.
func (p *paper) cut(word string, width float64) int {
	last := 0
	for at := range word {
		if at > 0 && p.pdf.GetStringWidth(word[:at]) > width {
			break
		}
		last = at
	}
	if last == 0 {
		return len(string([]rune(word)[:1]))
	}
	return last
}

func (p *paper) ellipsis(line string, width float64) string {
	runes := []rune(line)
	for len(runes) > 1 && p.pdf.GetStringWidth(string(runes)+"…") > width {
		runes = runes[:len(runes)-1]
	}
	return strings.TrimSpace(string(runes)) + "…"
}

// clip shortens text to one line of the given width.
func (p *paper) clip(text string, s style, width float64) string {
	return p.wrap(text, s, box{w: width, lines: 1})[0]
}

// fit is s, smaller where the text would be wider than width.
func (p *paper) fit(text string, s style, width float64) style {
	for s.size > 7 && p.width(s, text) > width {
		s.size -= 0.5
	}
	return s
}

func (p *paper) fill(c colour) { p.pdf.SetFillColor(c.r, c.g, c.b) }

func (p *paper) pen(c colour, width float64) {
	p.pdf.SetDrawColor(c.r, c.g, c.b)
	p.pdf.SetLineWidth(width)
}

// panel draws a rectangle with round corners.
func (p *paper) panel(b box, height, radius float64, c colour) {
	p.fill(c)
	p.pdf.RoundedRect(b.x, b.y, b.w, height, radius, "1234", "F")
}

func (p *paper) line(x1, y1, x2, y2 float64) { p.pdf.Line(x1, y1, x2, y2) }

// arch draws the sign of the house, an arc on two piers over a line, w wide, with its
// top left corner at x, y.
func (p *paper) arch(x, y, w float64, c colour) {
	base := y + w*16/28
	p.span(x, base, w, c)
	p.pdf.SetLineCapStyle("round")
	p.line(x, base, x+w, base)
	p.pdf.SetLineCapStyle("butt")
}

// span draws the arc and its piers on a base line that is already there: logo.svg, whose
// line is 28 units long.
func (p *paper) span(x, base, w float64, c colour) {
	unit := w / 28
	p.pen(c, 2.5*unit)
	p.pdf.SetLineCapStyle("round")
	p.pdf.Arc(x+14*unit, base-2.36*unit, 13.5*unit, 13.5*unit, 0, 15.6, 164.4, "D")
	p.line(x+7*unit, base-13.6*unit, x+7*unit, base)
	p.line(x+21*unit, base-13.6*unit, x+21*unit, base)
	p.pdf.SetLineCapStyle("butt")
}
