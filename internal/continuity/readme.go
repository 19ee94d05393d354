package continuity

import (
	"context"
	_ "embed"
	"encoding/base64"
	"io"
	"strings"
	"text/template"

	"github.com/passerelle/passerelle/internal/settlement"
	"github.com/passerelle/passerelle/vouchers"
)

// readmeText is for a trustee who has never seen this software.
//
//go:embed readme.md
var readmeText string

var readmeTemplate = template.Must(template.New("readme").Funcs(template.FuncMap{
	"euros": euros,
}).Parse(readmeText))

// euros writes an amount as French people read it, with narrow spaces that do not break.
func euros(c vouchers.Cents) string {
	whole, cents, _ := strings.Cut(c.String(), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "\u202f" + whole[i:]
	}
	return whole + "," + cents + "\u00a0€"
}

// readme writes the first file that a trustee opens.
func (w *snapshot) readme(context.Context) error {
	return w.f.create("README.md", func(out io.Writer) error {
		return readmeTemplate.Execute(out, struct {
			Manifest
			Debtor settlement.Debtor
			Day    string
			Key64  string
			Most   int
		}{w.m, w.o.Debtor, vouchers.DayOf(w.m.At).Time().Format("02/01/2006"), base64.StdEncoding.EncodeToString(w.o.Keys.SealKey().Ed25519), w.proven})
	})
}
