package documents

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/passerelle/passerelle/vouchers"
)

// WriteCSV writes a sheet as a spreadsheet in French opens it on a double click: UTF-8
// with a byte order mark, semicolons, CRLF, decimal commas, ISO 8601 dates. Text that a
// spreadsheet would run as a formula gets an apostrophe in front; numbers do not.
func WriteCSV(out io.Writer, s Sheet) error {
	file, err := NewCSV(out, s.Columns)
	if err != nil {
		return err
	}
	for i, row := range s.Rows {
		if err := file.Row(row); err != nil {
			return fmt.Errorf("sheet %q, row %d: %w", s.Name, i+1, err)
		}
	}
	return file.Flush()
}

// CSV is such a file on its way, row by row, for what is too long to be held.
type CSV struct {
	to      *csv.Writer
	columns []Column
	record  []string
}

// NewCSV begins a file with its columns' titles.
func NewCSV(out io.Writer, columns []Column) (*CSV, error) {
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return nil, fmt.Errorf("write the CSV: %w", err)
	}
	file := &CSV{csv.NewWriter(out), columns, make([]string, len(columns))}
	file.to.Comma, file.to.UseCRLF = ';', true
	for i, c := range columns {
		file.record[i] = guarded(c.Header)
	}
	return file, file.write()
}

// Row adds a row, whose cells follow the columns.
func (f *CSV) Row(cells []Cell) error {
	if err := checkRow(f.columns, cells); err != nil {
		return err
	}
	for i, cell := range cells {
		f.record[i] = cell.csv()
	}
	return f.write()
}

// Flush ends the file.
func (f *CSV) Flush() error {
	if f.to.Flush(); f.to.Error() != nil {
		return fmt.Errorf("write the CSV: %w", f.to.Error())
	}
	return nil
}

func (f *CSV) write() error {
	if err := f.to.Write(f.record); err != nil {
		return fmt.Errorf("write the CSV: %w", err)
	}
	return nil
}

func (c Cell) csv() string {
	switch c.kind {
	case Integer:
		return strconv.FormatInt(c.number, 10)
	case Money:
		return strings.Replace(vouchers.Cents(c.number).String(), ".", ",", 1)
	case Date:
		return c.at.Format("2006-01-02")
	case Moment:
		return c.at.Format("2006-01-02 15:04")
	default:
		return guarded(c.text)
	}
}

// guarded puts an apostrophe before text that a spreadsheet could take for a formula
// (OWASP, "CSV Injection"), also behind spaces and invisible characters, which some
// programs skip, and with full-width signs, which some take for plain ones.
func guarded(text string) string {
	text = strings.ToValidUTF8(text, "\ufffd")
	visible := strings.TrimLeftFunc(text, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Cf, r)
	})
	if strings.IndexAny(visible, "=+-@＝＋－＠") == 0 || strings.IndexAny(text, "\t\r\n\x00") == 0 {
		return "'" + text
	}
	return text
}
