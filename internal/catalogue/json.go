package catalogue

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

// element is one object of a JSON file, its values as a sheet's cells would be.
type element struct {
	line   int // where it begins, from 1
	values map[string]string
	nested []string // names of values that are neither text, number nor a list of them
	object bool     // false: something else stood there
}

// namesMost is how many names the objects of a file may have between them: what is not one of
// the standard's 32 is only told.
const namesMost = 300

// readJSON reads a list of places, in an array or under any one name; or the structures and
// services of data·inclusion v1, under these names.
func readJSON(text string) ([]PlaceRecord, []RowProblem, error) {
	lists, err := readLists(text)
	if err != nil {
		return nil, nil, err
	}
	structures, some := lists["structures"]
	if services, both := lists["services"]; some && both {
		return readInclusion(structures, services)
	}
	if len(lists) != 1 {
		return nil, nil, fault.New(fault.Malformed, "import_json_form")
	}
	for _, elements := range lists {
		return readElements(elements)
	}
	return nil, nil, nil
}

// readElements reads objects whose names are the standard's as a sheet with these columns.
func readElements(elements []element) ([]PlaceRecord, []RowProblem, error) {
	header, seen := row{line: 1, sound: true}, map[string]bool{}
	for _, e := range elements {
		for name := range e.values {
			if !seen[name] {
				seen[name], header.cells = true, append(header.cells, name)
			}
		}
		if len(seen) > namesMost {
			return nil, nil, fault.New(fault.Malformed, "import_json_form")
		}
	}
	slices.Sort(header.cells)
	var problems []RowProblem
	at := 0
	places, told, err := readRows(header, func() (row, bool) {
		for at < len(elements) {
			e := elements[at]
			at++
			if !e.object {
				problems = append(problems, newProblem(e.line, "", "row_unreadable", ""))
				continue
			}
			for _, name := range e.nested {
				problems = append(problems, newProblem(e.line, name, "value_nested", ""))
			}
			r := row{line: e.line, sound: true, cells: make([]string, len(header.cells))}
			for i, name := range header.cells {
				r.cells[i] = e.values[name]
			}
			return r, true
		}
		return row{}, false
	})
	return places, append(told, problems...), err
}

// readLists finds the arrays of objects of a JSON text: itself, under the name "", or the
// members of the object that it is.
func readLists(text string) (map[string][]element, error) {
	d := &lined{text: text, Decoder: json.NewDecoder(strings.NewReader(text)), line: 1}
	d.UseNumber()
	lists := map[string][]element{}
	first, err := d.Token()
	switch {
	case err != nil:
		return nil, d.broken(err)
	case first == json.Delim('['):
		lists[""], err = d.elements()
		return lists, err
	case first != json.Delim('{'):
		return nil, fault.New(fault.Malformed, "import_json_form")
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, d.broken(err)
		}
		var raw json.RawMessage
		before := d.InputOffset()
		if err := d.Decode(&raw); err != nil {
			return nil, d.broken(err)
		}
		if len(raw) == 0 || raw[0] != '[' {
			continue // a version, a date
		}
		inner := &lined{text: text, Decoder: json.NewDecoder(strings.NewReader(text[before:])), line: 1, start: before}
		inner.UseNumber()
		if err := inner.skipTo('['); err != nil {
			return nil, err
		}
		if lists[fmt.Sprint(name)], err = inner.elements(); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, d.broken(err)
	}
	return lists, nil
}

// lined is a decoder that knows its line.
type lined struct {
	*json.Decoder
	text          string
	start, passed int64 // bytes of text before the decoder's, and those whose lines are counted
	line          int
}

// here is the line of what comes next.
func (d *lined) here() int {
	at := d.start + d.InputOffset()
	for at < int64(len(d.text)) && strings.IndexByte(" \n\t,:", d.text[at]) >= 0 {
		at++
	}
	d.line += strings.Count(d.text[d.passed:at], "\n")
	d.passed = at
	return d.line
}

func (d *lined) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fault.New(fault.Malformed, "import_json_broken", "line", 1+strings.Count(d.text, "\n"))
	}
	at := d.start + d.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = d.start + syntax.Offset
	}
	return fault.New(fault.Malformed, "import_json_broken", "line", 1+strings.Count(d.text[:min(at, int64(len(d.text)))], "\n"))
}

// skipTo takes the colon before a member's value, which belongs to the outer decoder, off.
func (d *lined) skipTo(open byte) error {
	at := strings.IndexByte(d.text[d.start:], open)
	d.start += int64(at)
	d.Decoder = json.NewDecoder(strings.NewReader(d.text[d.start:]))
	d.UseNumber()
	_, err := d.Token()
	return err
}

// elements reads an array whose bracket was taken.
func (d *lined) elements() ([]element, error) {
	all := []element{}
	for d.More() {
		e := element{line: d.here(), values: map[string]string{}}
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, d.broken(err)
		}
		members, object := value.(map[string]any)
		e.object = object
		for name, member := range members {
			text, flat := cellOf(member)
			if !flat {
				e.nested = append(e.nested, name)
			}
			e.values[name] = text
		}
		slices.Sort(e.nested)
		all = append(all, e)
	}
	if _, err := d.Token(); err != nil {
		return nil, d.broken(err)
	}
	return all, nil
}

// cellOf writes a value as a cell; false where a cell cannot hold it.
func cellOf(value any) (string, bool) {
	switch v := value.(type) {
	case nil:
		return "", true
	case string:
		return strings.TrimSpace(v), true
	case json.Number, bool:
		return fmt.Sprint(v), true
	case []any:
		parts := make([]string, len(v))
		for i, item := range v {
			if _, list := item.([]any); list {
				return "", false
			}
			text, flat := cellOf(item)
			if !flat {
				return "", false
			}
			parts[i] = text
		}
		return strings.Join(parts, "|"), true
	}
	return "", false
}
