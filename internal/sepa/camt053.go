package sepa

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"

	"github.com/passerelle/passerelle/internal/fault"
)

const camt053Namespace = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"

// formats are the messages that ReadStatements understands, by their namespace. Their
// entries have the same structure; the two versions differ in wrappers only.
var formats = map[string]Kind{
	"urn:iso:std:iso:20022:tech:xsd:camt.053.001.02": KindStatement,
	camt053Namespace: KindStatement,
	"urn:iso:std:iso:20022:tech:xsd:camt.054.001.02": KindNotification,
	"urn:iso:std:iso:20022:tech:xsd:camt.054.001.08": KindNotification,
}

// ReadStatements reads a camt.053 or camt.054 file, version 02 or 08. The XML is
// streamed: one entry at a time is held beside the result.
//
// The file is data from outside: no entity is ever resolved, and markup, depth and
// size that no bank sends are refused. Faults of the file as a whole:
// statement_malformed, statement_forbidden_markup, statement_too_deep (each with
// its line), statement_too_large, statement_format_unknown. Faults of its content name
// the statement and the entry: statement_account, statement_date, statement_amount,
// statement_currency, statement_direction, statement_sum_mismatch. After a fault nothing
// of the file is returned.
//
// Balances are not checked here, because a page of a long statement need not balance:
// call Statement.CheckBalances.
func ReadStatements(r io.Reader) ([]Statement, error) {
	return readStatements(r, maxStatementBytes)
}

func readStatements(r io.Reader, limit int64) ([]Statement, error) {
	g := newGuard(r, limit)
	reader := statementReader{decoder: xml.NewTokenDecoder(g)}
	statements, err := reader.document()
	if err == nil && len(statements) == 0 {
		err = fault.New(fault.Malformed, "statement_malformed", "line", g.line())
	}
	if err != nil {
		return nil, g.explain(err)
	}
	return statements, nil
}

type statementReader struct {
	decoder *xml.Decoder
	kind    Kind // "" until the root element is read
}

func (r *statementReader) document() ([]Statement, error) {
	var statements []Statement
	for {
		t, err := r.decoder.Token()
		if err == io.EOF {
			return statements, nil
		}
		if err != nil {
			return nil, err
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch {
		case r.kind == "":
			err = r.root(start.Name)
		case start.Name.Local == "BkToCstmrStmt" || start.Name.Local == "BkToCstmrDbtCdtNtfctn":
			// the message: its statements come as further tokens
		case start.Name.Local == "Stmt" || start.Name.Local == "Ntfctn":
			var s Statement
			s, err = r.statement()
			statements = append(statements, s)
		default:
			err = r.decoder.Skip()
		}
		if err != nil {
			return nil, err
		}
	}
}

func (r *statementReader) root(name xml.Name) error {
	r.kind = formats[name.Space]
	if r.kind == "" || name.Local != "Document" {
		return fault.New(fault.Malformed, "statement_format_unknown", "format", name.Space)
	}
	return nil
}

// statement reads up to the end of the element that has just been opened.
func (r *statementReader) statement() (Statement, error) {
	s := Statement{Kind: r.kind}
	entries := 0
	for {
		t, err := r.decoder.Token()
		if err != nil {
			return s, err
		}
		switch t := t.(type) {
		case xml.EndElement:
			if s.Account == "" {
				err = place{s.ID, "Acct"}.fault("statement_account")
			}
			return s, err
		case xml.StartElement:
			if t.Name.Local == "Ntry" {
				entries++
				err = r.entry(&s, &t, entries)
			} else {
				err = r.header(&s, &t)
			}
		}
		if err != nil {
			return s, err
		}
	}
}

// header reads what a statement says of itself.
func (r *statementReader) header(s *Statement, start *xml.StartElement) error {
	where := place{s.ID, start.Name.Local}
	switch start.Name.Local {
	case "Id":
		err := r.decoder.DecodeElement(&s.ID, start)
		s.ID = strings.TrimSpace(s.ID)
		return err
	case "CreDtTm":
		var text string
		if err := r.decoder.DecodeElement(&text, start); err != nil {
			return err
		}
		return where.moment(&s.CreatedAt, text)
	case "FrToDt":
		var period struct{ FrDtTm, ToDtTm string }
		if err := r.decoder.DecodeElement(&period, start); err != nil {
			return err
		}
		if err := where.moment(&s.From, period.FrDtTm); err != nil {
			return err
		}
		return where.moment(&s.To, period.ToDtTm)
	case "Acct":
		return r.account(s, start)
	case "Bal":
		return r.balance(s, start)
	}
	return r.decoder.Skip()
}

func (r *statementReader) account(s *Statement, start *xml.StartElement) error {
	var raw rawAccount
	if err := r.decoder.DecodeElement(&raw, start); err != nil {
		return err
	}
	var err error
	if s.Account, err = ParseIBAN(raw.IBAN); err != nil {
		return place{s.ID, "Acct"}.fault("statement_account")
	}
	return nil
}

// balance keeps the booked balances: OPBD (or PRCD, the day before's closing) and CLBD.
func (r *statementReader) balance(s *Statement, start *xml.StartElement) error {
	var raw rawBalance
	if err := r.decoder.DecodeElement(&raw, start); err != nil {
		return err
	}
	b, err := raw.balance(place{s.ID, "Bal"})
	switch code := strings.TrimSpace(raw.Code); {
	case err != nil:
		return err
	case code == "OPBD", code == "PRCD" && s.Opening == nil:
		s.Opening = &b
	case code == "CLBD":
		s.Closing = &b
	}
	return nil
}

func (r *statementReader) entry(s *Statement, start *xml.StartElement, number int) error {
	var raw rawEntry
	if err := r.decoder.DecodeElement(&raw, start); err != nil {
		return err
	}
	where := place{s.ID, firstOf(raw.NtryRef, raw.AcctSvcrRef, "#"+strconv.Itoa(number))}
	e, err := raw.entry(where, s.Account)
	if err != nil {
		return err
	}
	if e.Status == "BOOK" {
		s.Entries = append(s.Entries, e)
	} else {
		s.Pending = append(s.Pending, e)
	}
	return nil
}
