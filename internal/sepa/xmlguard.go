package sepa

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

const (
	maxStatementBytes = 128 << 20 // about 100,000 detailed transactions
	maxDepth          = 40        // the schemas need less than half of it
)

// guard hands on the tokens of a statement and refuses what no bank sends and an
// attacker would: document type declarations (and with them every entity), endless
// nesting, endless files.
type guard struct {
	source  *boundedReader
	decoder *xml.Decoder
	depth   int
}

func newGuard(r io.Reader, limit int64) *guard {
	source := &boundedReader{r: r, limit: limit, left: limit}
	d := xml.NewDecoder(source)
	d.CharsetReader = charsetReader
	return &guard{source: source, decoder: d}
}

// Token implements xml.TokenReader.
func (g *guard) Token() (xml.Token, error) {
	t, err := g.decoder.Token()
	if err != nil {
		return t, g.explain(err)
	}
	switch t.(type) {
	case xml.Directive:
		return nil, fault.New(fault.Malformed, "statement_forbidden_markup", "line", g.line())
	case xml.StartElement:
		g.depth++
	case xml.EndElement:
		g.depth--
	}
	if g.depth > maxDepth {
		return nil, fault.New(fault.Malformed, "statement_too_deep", "line", g.line())
	}
	return t, nil
}

func (g *guard) line() int {
	line, _ := g.decoder.InputPos()
	return line
}

// explain tells a file that is no XML (a fault) from a source that failed (wrapped).
func (g *guard) explain(err error) error {
	switch {
	case err == io.EOF || fault.Code(err) != "":
		return err
	case g.source.err != nil:
		return fmt.Errorf("read statement: %w", g.source.err)
	}
	return fault.New(fault.Malformed, "statement_malformed", "line", g.line())
}

// charsetReader reads the one character set beside UTF-8 that bank files still use.
func charsetReader(charset string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "us-ascii":
		return r, nil
	case "iso-8859-1", "latin1":
		return &latin1Reader{r: r}, nil
	}
	return nil, fmt.Errorf("unknown character set %q", charset)
}

// latin1Reader turns ISO 8859-1, whose bytes are the first 256 code points, into UTF-8.
type latin1Reader struct {
	r    io.Reader
	rest []byte
}

func (l *latin1Reader) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		var chunk [4096]byte
		n, err := l.r.Read(chunk[:])
		for _, b := range chunk[:n] {
			l.rest = append(l.rest, string(rune(b))...)
		}
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// boundedReader fails with statement_too_large where io.LimitReader would pretend that
// the file ends, and remembers what went wrong with its source.
type boundedReader struct {
	r           io.Reader
	limit, left int64
	err         error
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fault.New(fault.TooLarge, "statement_too_large", "megabytes", b.limit>>20)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && err != io.EOF {
		b.err = err
	}
	return n, err
}
