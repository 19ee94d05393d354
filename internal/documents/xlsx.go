package documents

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// How a spreadsheet shows each kind, and how wide, in characters. The codes are written
// the American way, as the file format asks (ECMA-376-1 §18.8.30); a spreadsheet in
// French shows 1 250,00 € and 03/03/2027.
var kinds = map[Kind]struct {
	format string
	width  float64
}{
	Text:    {"@", 34},
	Integer: {"#,##0", 12},
	Money:   {`#,##0.00\ "€"`, 16},
	Date:    {"dd/mm/yyyy", 13},
	Moment:  {"dd/mm/yyyy hh:mm", 18},
}

// A spreadsheet keeps 15 significant digits and 32,767 UTF-16 units a cell: beyond, it
// would change what it is given without a word.
const (
	mostDigits     = 999_999_999_999_999
	mostCharacters = excelize.TotalCellChars
)

// ErrTooLong means a number or a text that a spreadsheet cannot hold unchanged.
var ErrTooLong = errors.New("too long for a spreadsheet's cell")

// WriteXLSX writes sheets as one workbook dated made, row by row, so that a long export
// stays small in memory. It fails with ErrEmpty without sheets, and with ErrShape or
// ErrTooLong on what no cell can hold.
func WriteXLSX(out io.Writer, made time.Time, sheets []Sheet) error {
	if len(sheets) == 0 {
		return ErrEmpty
	}
	book := excelize.NewFile()
	defer book.Close()
	if err := book.SetDocProps(&excelize.DocProperties{Creator: "Passerelle", Created: made.UTC().Format(time.RFC3339)}); err != nil {
		return fmt.Errorf("date the workbook: %w", err)
	}
	styles, err := addStyles(book)
	if err != nil {
		return err
	}
	const blank = "Sheet1" // what a new workbook begins with
	for i, s := range sheets {
		if i == 0 {
			err = book.SetSheetName(blank, s.Name)
		} else if at, missing := book.GetSheetIndex(s.Name); missing == nil && at >= 0 {
			err = errors.New("two sheets of that name")
		} else {
			_, err = book.NewSheet(s.Name)
		}
		if err != nil {
			return fmt.Errorf("begin sheet %q: %w", s.Name, err)
		}
		if err := styles.write(book, s); err != nil {
			return fmt.Errorf("sheet %q: %w", s.Name, err)
		}
	}
	if err := book.Write(out); err != nil {
		return fmt.Errorf("write the workbook: %w", err)
	}
	return nil
}

// sheetStyles are the numbers under which a workbook knows its styles.
type sheetStyles struct {
	head int
	kind map[Kind]int
}

func addStyles(book *excelize.File) (sheetStyles, error) {
	s := sheetStyles{kind: make(map[Kind]int)}
	var err error
	s.head, err = book.NewStyle(&excelize.Style{
		Font:      &excelize.Font{Bold: true},
		Fill:      excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"FDF1D3"}},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"},
	})
	for kind := Text; kind <= Moment && err == nil; kind++ {
		format := kinds[kind].format
		look := &excelize.Style{CustomNumFmt: &format}
		if kind == Text {
			look.Alignment = &excelize.Alignment{WrapText: true, Vertical: "top"}
		}
		s.kind[kind], err = book.NewStyle(look)
	}
	if err != nil {
		return s, fmt.Errorf("style the workbook: %w", err)
	}
	return s, nil
}

func (styles sheetStyles) write(book *excelize.File, s Sheet) error {
	w, err := book.NewStreamWriter(s.Name)
	if err != nil {
		return err
	}
	head := make([]any, len(s.Columns))
	for i, c := range s.Columns {
		head[i] = excelize.Cell{StyleID: styles.head, Value: c.Header}
		if err := w.SetColWidth(i+1, i+1, kinds[c.Kind].width); err != nil {
			return err
		}
	}
	// The head stays in sight while the rows scroll.
	if err := w.SetPanes(&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"}); err != nil {
		return err
	}
	if err := w.SetRow("A1", head); err != nil {
		return err
	}
	for i, row := range s.Rows {
		if err := s.check(i); err != nil {
			return err
		}
		cells := make([]any, len(row))
		for j, c := range row {
			value, err := c.xlsx()
			if err != nil {
				return fmt.Errorf("row %d, column %d: %w", i+1, j+1, err)
			}
			cells[j] = excelize.Cell{StyleID: styles.kind[c.kind], Value: value}
		}
		if err := w.SetRow(fmt.Sprintf("A%d", i+2), cells); err != nil {
			return err
		}
	}
	return w.Flush()
}

// xlsx is the value as the workbook stores it. Dates are calendar readings without zone.
func (c Cell) xlsx() (any, error) {
	switch c.kind {
	case Integer, Money:
		if c.number > mostDigits || c.number < -mostDigits {
			return nil, ErrTooLong
		}
		if c.kind == Integer {
			return c.number, nil
		}
		return euros(vouchers.Cents(c.number)), nil
	case Date, Moment:
		y, m, d := c.at.Date()
		return time.Date(y, m, d, c.at.Hour(), c.at.Minute(), 0, 0, time.UTC), nil
	default:
		text := strings.ToValidUTF8(c.text, "\ufffd")
		if len(utf16.Encode([]rune(text))) > mostCharacters {
			return nil, ErrTooLong
		}
		return text, nil
	}
}

// euros is the one floating-point amount of the program, because a spreadsheet knows no
// other number. Below 10^15 cents its shortest decimal form, which is what the file
// holds, is the exact amount.
func euros(c vouchers.Cents) float64 { return float64(c) / 100 }
