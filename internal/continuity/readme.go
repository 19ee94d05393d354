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
	"euros": func(c vouchers.Cents) string { return strings.Replace(c.String(), ".", ",", 1) + " €" },
}).Parse(readmeText))

// readme writes the first file that a trustee opens.
func (w *snapshot) readme(context.Context) error {
	return w.f.create("README.md", func(out io.Writer) error {
		return readmeTemplate.Execute(out, struct {
			Manifest
			Debtor settlement.Debtor
			Day    vouchers.Day
			Key64  string
			Most   int
		}{w.m, w.o.Debtor, vouchers.DayOf(w.m.At), base64.StdEncoding.EncodeToString(w.o.Keys.SealKey().Ed25519), provenMost})
	})
}
