package sepa

import (
	"bufio"
	"encoding/xml"
	"io"

	"github.com/passerelle/passerelle/vouchers"
)

// xmlWriter writes an XML document piece by piece and remembers the first error, so
// that a file's length costs no memory and the code reads as the file does.
type xmlWriter struct {
	buffer  *bufio.Writer
	encoder *xml.Encoder
	err     error
}

func newXMLWriter(w io.Writer) *xmlWriter {
	buffer := bufio.NewWriterSize(w, 32<<10)
	_, err := buffer.WriteString(xml.Header)
	// The encoder flushes after every element; hiding the buffer's type keeps these
	// flushes out of w.
	encoder := xml.NewEncoder(struct{ io.Writer }{buffer})
	encoder.Indent("", " ")
	return &xmlWriter{buffer: buffer, encoder: encoder, err: err}
}

// document opens the root element in an ISO 20022 namespace.
func (x *xmlWriter) document(namespace string) {
	x.token(xml.StartElement{
		Name: xml.Name{Local: "Document"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}},
	})
}

func (x *xmlWriter) open(name string)  { x.token(xml.StartElement{Name: xml.Name{Local: name}}) }
func (x *xmlWriter) close(name string) { x.token(xml.EndElement{Name: xml.Name{Local: name}}) }

func (x *xmlWriter) token(t xml.Token) {
	if x.err == nil {
		x.err = x.encoder.EncodeToken(t)
	}
}

// element writes value, a string or one of the xml… structs, under name.
func (x *xmlWriter) element(name string, value any) {
	if x.err == nil {
		x.err = x.encoder.EncodeElement(value, xml.StartElement{Name: xml.Name{Local: name}})
	}
}

// text writes an optional element: nothing where value is empty.
func (x *xmlWriter) text(name, value string) {
	if value != "" {
		x.element(name, value)
	}
}

// finish ends the document and hands every byte over.
func (x *xmlWriter) finish() error {
	x.close("Document")
	if x.err == nil {
		x.err = x.encoder.Close()
	}
	if x.err == nil {
		x.err = x.buffer.WriteByte('\n')
	}
	if x.err == nil {
		x.err = x.buffer.Flush()
	}
	return x.err
}

// The elements that several messages share.

type xmlCode struct {
	Code string `xml:"Cd"`
}

type xmlAmount struct {
	Currency string `xml:"Ccy,attr"`
	Value    string `xml:",chardata"`
}

type xmlAccount struct {
	IBAN string `xml:"Id>IBAN"`
}

func euros(c vouchers.Cents) xmlAmount { return xmlAmount{Currency: "EUR", Value: c.String()} }
