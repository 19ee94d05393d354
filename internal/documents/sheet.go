package documents

import (
	"errors"
	"fmt"
	"time"

	"github.com/passerelle/passerelle/vouchers"
)

// Kind is what a column holds, and so how a spreadsheet shows and adds it up.
type Kind uint8

const (
	Text    Kind = iota
	Integer      // a count
	Money        // euros with cents
	Date         // a day
	Moment       // a day and a time, in the service's time zone
)

// Sheet is a table for a spreadsheet. Each row has one cell per column, of the
// column's kind or text ("inconnu").
type Sheet struct {
	Name    string // at most 31 UTF-16 units, without : \ / ? * [ ] nor ' at either end
	Columns []Column
	Rows    [][]Cell
}

// Column is one column's title and kind.
type Column struct {
	Header string
	Kind   Kind
}

// Cell is one typed value: a number stays a number that can be added up, a text is
// never taken for a formula.
type Cell struct {
	kind   Kind
	text   string
	number int64
	at     time.Time
}

// TextCell holds text, also where a value is unknown.
func TextCell(text string) Cell { return Cell{kind: Text, text: text} }

// IntegerCell holds a count.
func IntegerCell(n int64) Cell { return Cell{kind: Integer, number: n} }

// MoneyCell holds an amount.
func MoneyCell(c vouchers.Cents) Cell { return Cell{kind: Money, number: int64(c)} }

// DateCell holds a day.
func DateCell(d vouchers.Day) Cell { return Cell{kind: Date, at: d.Time()} }

// MomentCell holds a day and a time, to the minute.
func MomentCell(t time.Time) Cell { return Cell{kind: Moment, at: t.In(zone)} }

var zone = vouchers.Day(0).Time().Location()

// Definition says what a word of a report means and how it was counted.
type Definition struct{ Term, Meaning string }

// Definitions is the sheet that travels with a report, so that its figures can be read
// without us.
func Definitions(words Words, of []Definition) Sheet {
	s := Sheet{
		Name:    words.Text("doc.sheet.definitions"),
		Columns: []Column{{Header: words.Text("doc.sheet.term")}, {Header: words.Text("doc.sheet.meaning")}},
	}
	for _, d := range of {
		s.Rows = append(s.Rows, []Cell{TextCell(d.Term), TextCell(d.Meaning)})
	}
	return s
}

// ErrShape means that a row does not follow its sheet's columns: the caller's mistake.
var ErrShape = errors.New("a row does not follow the columns")

// check refuses a row of another length or with a value of another kind.
func (s Sheet) check(row int) error {
	if err := checkRow(s.Columns, s.Rows[row]); err != nil {
		return fmt.Errorf("sheet %q, row %d: %w", s.Name, row+1, err)
	}
	return nil
}

func checkRow(columns []Column, cells []Cell) error {
	if len(cells) != len(columns) {
		return fmt.Errorf("%w: %d cells for %d columns", ErrShape, len(cells), len(columns))
	}
	for i, cell := range cells {
		if cell.kind != Text && cell.kind != columns[i].Kind {
			return fmt.Errorf("%w: column %d is of another kind", ErrShape, i+1)
		}
	}
	return nil
}
