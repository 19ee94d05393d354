package catalogue

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"github.com/passerelle/passerelle/internal/fault"
)

const (
	maxFile   = 32 << 20 // bytes: 50 times the region's file of 687 places
	maxRecord = 64 << 10 // bytes of one row; beyond it a quote has been left open
)

// sheet reads rows of separated cells as spreadsheets and people write them: any of three
// separators, quotes where they should not be, rows over several lines. One bad row never
// takes the next ones with it.
type sheet struct {
	rest      string
	separator byte
	line      int // of the next row, from 1
	width     int // cells of the header; 0 until it is known
	spare     int // bytes that may still be read twice because of quotes left open
}

// readText reads and decodes the whole file. It refuses a file that is too large (fault
// import_file_too_large), empty (import_file_empty) or a workbook (import_not_csv).
func readText(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	switch {
	case err != nil:
		return "", err
	case len(raw) > maxFile:
		return "", fault.New(fault.TooLarge, "import_file_too_large", "megabytes", maxFile>>20)
	case bytes.HasPrefix(raw, []byte("PK\x03\x04")), bytes.HasPrefix(raw, []byte("\xd0\xcf\x11\xe0")):
		return "", fault.New(fault.Malformed, "import_not_csv")
	}
	text := strings.ReplaceAll(decode(raw), "\r\n", "\n")
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	if strings.TrimSpace(text) == "" {
		return "", fault.New(fault.Malformed, "import_file_empty")
	}
	return text, nil
}

// openSheet reads rows of cells out of a text; fault import_file_empty where there is none.
func openSheet(text string) (*sheet, error) {
	s := &sheet{rest: text, line: 1, spare: 16*len(text) + maxRecord}
	s.separator = s.sniff()
	if strings.TrimSpace(s.rest) == "" {
		return nil, fault.New(fault.Malformed, "import_file_empty")
	}
	return s, nil
}

// decode gives UTF-8. Bytes that are not valid UTF-8 are read as Windows-1252, one by one:
// French text in that encoding almost never looks like UTF-8, so a file in either encoding,
// or one glued together from both, comes out right.
func decode(raw []byte) string {
	switch {
	case bytes.HasPrefix(raw, []byte("\xff\xfe")):
		return decodeUTF16(raw[2:], binary.LittleEndian)
	case bytes.HasPrefix(raw, []byte("\xfe\xff")):
		return decodeUTF16(raw[2:], binary.BigEndian)
	}
	raw = bytes.TrimPrefix(raw, []byte("\ufeff"))
	if utf8.Valid(raw) {
		return string(raw)
	}
	var b strings.Builder
	b.Grow(len(raw) + len(raw)/8)
	for len(raw) > 0 {
		r, size := utf8.DecodeRune(raw)
		if r == utf8.RuneError && size == 1 {
			r = charmap.Windows1252.DecodeByte(raw[0])
		}
		b.WriteRune(r)
		raw = raw[size:]
	}
	return b.String()
}

func decodeUTF16(raw []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = order.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

// sniff finds the separator that is most used in the first line that holds something, and
// obeys the line "sep=;" that spreadsheets write.
func (s *sheet) sniff() byte {
	for s.rest != "" {
		line, rest, _ := strings.Cut(s.rest, "\n")
		if declared, ok := strings.CutPrefix(strings.TrimSpace(line), "sep="); ok && len(declared) == 1 {
			s.rest, s.line = rest, s.line+1
			return declared[0]
		}
		if strings.TrimSpace(line) != "" {
			return mostUsed(line, ",;\t")
		}
		s.rest, s.line = rest, s.line+1
	}
	return ','
}

func mostUsed(line, separators string) byte {
	best := separators[0]
	for i := range len(separators) {
		if strings.Count(line, separators[i:i+1]) > strings.Count(line, string(best)) {
			best = separators[i]
		}
	}
	return best
}

// row is one row that holds something. Sound is false where quotes are out of place so that
// the cells had to be guessed.
type row struct {
	cells []string
	line  int
	sound bool
}

// next gives the next row that is not empty; false at the end.
func (s *sheet) next() (row, bool) {
	for s.rest != "" {
		r := s.record()
		for _, cell := range r.cells {
			if cell != "" {
				return r, true
			}
		}
	}
	return row{}, false
}

// record reads one row. Where a quote was left open, its first line is read alone, quotes
// as letters.
func (s *sheet) record() row {
	r := row{line: s.line, sound: true}
	window := s.window()
	cells, used, closed := scan(window, s.separator)
	lines := max(1, strings.Count(window[:used], "\n"))
	if closed && (lines == 1 || !s.leftOpen(cells, window[:used])) {
		r.cells, s.rest, s.line = cells, s.rest[used:], s.line+lines
		return r
	}
	s.spare -= used
	line, rest, _ := strings.Cut(s.rest, "\n")
	r.sound = !strings.Contains(line, `"`)
	for cell := range strings.SplitSeq(line, string(rune(s.separator))) {
		r.cells = append(r.cells, strings.Trim(strings.TrimSpace(cell), `"`))
	}
	s.rest, s.line = rest, s.line+1
	return r
}

// window is as much of the rest as one record may take: once too many quotes were left open,
// a single line, so that a hostile file costs no more than a few readings.
func (s *sheet) window() string {
	if s.spare > 0 {
		return s.rest[:min(len(s.rest), maxRecord)]
	}
	if end := strings.IndexByte(s.rest, '\n'); end >= 0 {
		return s.rest[:end+1]
	}
	return s.rest
}

// leftOpen tells a quote that was never closed from a text over several lines: the record has
// not the header's number of cells, or one of the lines it took is a whole row by itself.
func (s *sheet) leftOpen(cells []string, record string) bool {
	if s.width == 0 || len(cells) != s.width {
		return s.width > 0
	}
	_, later, _ := strings.Cut(record, "\n")
	for line := range strings.Lines(later) {
		alone, _, _ := scan(line, s.separator)
		if len(alone) == s.width && !strings.Contains(cells[0], "\n") {
			return true
		}
	}
	return false
}

// scan reads one record from the start of text. It tells how many bytes it used, its line
// end included, and whether every quote was closed before the text ended.
func scan(text string, separator byte) (cells []string, used int, closed bool) {
	for i := 0; ; i++ {
		cell, end, ok := scanCell(text[i:], separator)
		cells = append(cells, strings.TrimSpace(cell))
		i += end
		switch {
		case !ok:
			return cells, len(text), false
		case i >= len(text):
			return cells, len(text), true
		case text[i] == '\n':
			return cells, i + 1, true
		}
	}
}

// scanCell reads one cell and tells where it ends: at a separator, a line end or the end. A
// quote inside a quoted cell that is neither doubled nor last is a letter.
func scanCell(text string, separator byte) (cell string, end int, closed bool) {
	start := len(text) - len(strings.TrimLeft(text, " "))
	if start == len(text) || text[start] != '"' {
		end = strings.IndexAny(text, string(rune(separator))+"\n")
		if end < 0 {
			end = len(text)
		}
		return text[:end], end, true
	}
	var b strings.Builder
	for i := start + 1; i < len(text); i++ {
		if text[i] != '"' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		after := i + 1
		for after < len(text) && text[after] == ' ' && separator != ' ' {
			after++
		}
		if after == len(text) || text[after] == separator || text[after] == '\n' {
			return b.String(), after, true
		}
		b.WriteByte('"')
	}
	return b.String(), len(text), false
}
