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
	if _, err := io.WriteString(out, "\ufeff"); err != nil {
		return fmt.Errorf("write the CSV: %w", err)
	}
	w := csv.NewWriter(out)
	w.Comma, w.UseCRLF = ';', true
	record := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		record[i] = guarded(c.Header)
	}
	if err := w.Write(record); err != nil {
		return fmt.Errorf("write the CSV: %w", err)
	}
	for i, row := range s.Rows {
		if err := s.check(i); err != nil {
			return err
		}
		for j, cell := range row {
			record[j] = cell.csv()
		}
		if err := w.Write(record); err != nil {
			return fmt.Errorf("write the CSV: %w", err)
		}
	}
	if w.Flush(); w.Error() != nil {
		return fmt.Errorf("write the CSV: %w", w.Error())
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
