package accounting

import (
	"io"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/text/encoding/charmap"

	"github.com/passerelle/passerelle/internal/sepa"
	"github.com/passerelle/passerelle/vouchers"
)

// The file of entries of LPF art. A47 A-1: VII says the fields, IX the name, XII the
// characters; BOI-CF-IOR-60-40-20 comments them. Fields are separated by tabulations,
// records by CR LF, and the characters are those of ISO 8859-15.

// fields are the names of the 18 fields (A47 A-1, VII).
var fields = [18]string{"JournalCode", "JournalLib", "EcritureNum", "EcritureDate", "CompteNum", "CompteLib", "CompAuxNum", "CompAuxLib",
	"PieceRef", "PieceDate", "EcritureLib", "Debit", "Credit", "EcritureLet", "DateLet", "ValidDate", "Montantdevise", "Idevise"}

func writeHeader(w io.Writer) error { return writeRecord(w, fields) }

// writeFEC writes the line as a record. A transfer is never changed, so it is validated on
// the day when it is made. Nothing is matched by letters, and all is in euros.
func (l Line) writeFEC(w io.Writer) error {
	return writeRecord(w, [18]string{l.Journal, l.JournalName(), strconv.Itoa(l.Entry), dateFEC(l.On), l.Account, l.Label, l.Party, l.Name,
		l.Piece, dateFEC(l.PieceOn), l.Words, amountFEC(l.Debit), amountFEC(l.Credit), "", "", dateFEC(l.On), "", ""})
}

func writeRecord(w io.Writer, record [18]string) error {
	bytes := make([]byte, 0, 256)
	for i, text := range record {
		if i > 0 {
			bytes = append(bytes, '\t')
		}
		bytes = appendLatin9(bytes, text)
	}
	_, err := w.Write(append(bytes, '\r', '\n'))
	return err
}

func dateFEC(d vouchers.Day) string { return strings.ReplaceAll(d.String(), "-", "") }

func amountFEC(c vouchers.Cents) string { return strings.Replace(c.String(), ".", ",", 1) }

// appendLatin9 adds text in ISO 8859-15. What separates or cannot be seen becomes a space;
// letters of other scripts are spelled out.
func appendLatin9(bytes []byte, text string) []byte {
	for _, r := range text {
		if r < ' ' || unicode.IsControl(r) || unicode.IsSpace(r) {
			bytes = append(bytes, ' ')
		} else if b, there := charmap.ISO8859_15.EncodeRune(r); there {
			bytes = append(bytes, b)
		} else {
			bytes = append(bytes, sepa.Latin(string(r), 8)...)
		}
	}
	return bytes
}
