package httpd

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/vouchers"
)

// SealsBody is what seals/list.html shows.
type SealsBody struct {
	Rows     []sealRow
	Next     string // address of the page that follows, "" on the last
	Key      string // that signs now, in base 64
	MayProve bool   // the reader has lines in the ledger
}

// sealRow is one seal on a page.
type sealRow struct {
	Number   int64
	At       time.Time
	From, To int64
	Count    int64
	Root     string
}

func sealRows(all []vouchers.LedgerSeal) []sealRow {
	rows := make([]sealRow, len(all))
	for i, s := range all {
		rows[i] = sealRow{s.Number, time.Time(s.SealedAt), s.From, s.To, s.Count, s.Root.String()}
	}
	return rows
}

func (w sealsWindow) page(c *fiber.Ctx) error {
	answer, err := w.listed(c)
	if err != nil {
		return err
	}
	return page(c, "seals/list", SealsBody{Rows: sealRows(answer.Items), Next: answer.nextURL("/seals"),
		Key: base64.StdEncoding.EncodeToString(answer.Key.Ed25519), MayProve: slices.Contains(provers, actor(c).Kind)})
}
