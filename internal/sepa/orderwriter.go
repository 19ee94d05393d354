package sepa

import (
	"bufio"
	"encoding/xml"
	"io"

	"github.com/passerelle/passerelle/vouchers"
)

// orderWriter writes an order to a bank, element by element: a file's length costs no
// memory, and ten thousand transfers take no reflection. bufio remembers the first error.
type orderWriter struct {
	*bufio.Writer
	version Version
	depth   int
}

func newOrderWriter(w io.Writer, v Version) *orderWriter {
	x := &orderWriter{Writer: bufio.NewWriterSize(w, 32<<10), version: v}
	x.WriteString(xml.Header)
	x.WriteString(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.001.001.` + string(v) + `">`)
	x.depth = 1
	return x
}

func (x *orderWriter) line() {
	x.WriteByte('\n')
	for range x.depth {
		x.WriteByte(' ')
	}
}

func (x *orderWriter) open(name string) {
	x.line()
	x.tag("<", name)
	x.depth++
}

func (x *orderWriter) close(name string) {
	x.depth--
	x.line()
	x.tag("</", name)
}

func (x *orderWriter) tag(start, name string) {
	x.WriteString(start)
	x.WriteString(name)
	x.WriteByte('>')
}

// leaf writes an element that holds text.
func (x *orderWriter) leaf(name, text string) {
	x.line()
	x.tag("<", name)
	x.content(name, text)
}

func (x *orderWriter) content(name, text string) {
	_ = xml.EscapeText(x.Writer, []byte(text)) // Flush tells of it
	x.tag("</", name)
}

// text writes an optional element: nothing where there is no text.
func (x *orderWriter) text(name, text string) {
	if text != "" {
		x.leaf(name, text)
	}
}

func (x *orderWriter) code(name, code string) {
	x.open(name)
	x.leaf("Cd", code)
	x.close(name)
}

func (x *orderWriter) account(name string, iban IBAN) {
	x.open(name)
	x.open("Id")
	x.leaf("IBAN", iban.Full())
	x.close("Id")
	x.close(name)
}

func (x *orderWriter) amount(name string, c vouchers.Cents) {
	x.line()
	x.tag("<", name+` Ccy="EUR"`)
	x.content(name, c.String())
}

// finish ends the document and hands every byte over.
func (x *orderWriter) finish() error {
	x.WriteString("\n</Document>\n")
	return x.Flush()
}
