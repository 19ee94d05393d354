package documents

// table is a list on paper: its head comes back on each page and a row is never cut
// between two.
type table struct {
	p       *paper
	columns []column
	size    float64 // of the type, in points
}

type column struct {
	title string
	width float64 // millimetres
	right bool    // figures line up on the right
}

const (
	cellPad  = 1.5
	rowLines = 3 // lines of one cell at most
)

// head draws the columns' titles. As the paper's onPage it does so on each page to come.
func (t table) head() {
	p := t.p
	p.panel(box{x: margin, y: p.y, w: printed}, t.size/millimetre*lineHeight+2*cellPad, 1.5, sunSoft)
	x := margin
	for _, c := range t.columns {
		t.cell(c, x, style{size: t.size, bold: true, color: ink}, []string{c.title})
		x += c.width
	}
	p.y += t.size/millimetre*lineHeight + 2*cellPad
}

// row draws one row, on a new page where this one is full. Cells follow the columns.
func (t table) row(cells []string) {
	look := style{size: t.size, color: ink}
	lines := make([][]string, len(cells))
	most := 1
	for i, c := range t.columns {
		lines[i] = t.p.wrap(cells[i], look, box{w: c.width - 2*cellPad, lines: rowLines})
		most = max(most, len(lines[i]))
	}
	high := float64(most)*look.height() + 2*cellPad
	t.p.room(high)
	x := margin
	for i, c := range t.columns {
		t.cell(c, x, look, lines[i])
		x += c.width
	}
	t.p.y += high
	t.p.pen(rule, 0.2)
	t.p.line(margin, t.p.y, margin+printed, t.p.y)
}

func (t table) cell(c column, x float64, s style, lines []string) {
	y := t.p.y + cellPad
	for _, line := range lines {
		if c.right {
			t.p.writeRight(x+c.width-cellPad, y, s, line)
		} else {
			t.p.write(x+cellPad, y, s, line)
		}
		y += s.height()
	}
}

// total draws a line of sum under the table: words on the left, money on the right.
func (t table) total(text, amount string) {
	p := t.p
	strong := style{size: t.size + 2, bold: true, color: ink}
	p.y += 2
	p.write(margin+cellPad, p.y, strong, text)
	p.writeRight(margin+printed-cellPad, p.y, strong, amount)
	p.y += strong.height() + 1
}

// subtotal draws a step towards the total.
func (t table) subtotal(text, amount string) {
	p := t.p
	look := style{size: t.size, color: ink}
	p.y += 1.5
	p.write(margin+cellPad, p.y, look, text)
	p.writeRight(margin+printed-cellPad, p.y, look, amount)
	p.y += look.height()
}
