package httpd

import (
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/vouchers"
)

// paperWords says to package documents what pages say.
type paperWords struct{ *i18n.Words }

func (p paperWords) Number(n int) string                { return p.Words.Number(int64(n)) }
func (p paperWords) ShortMoney(c vouchers.Cents) string { return p.Euros(c) }
func (p paperWords) Distance(km float64) string         { return p.Km(km) }
