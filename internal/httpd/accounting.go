package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/passerelle/passerelle/internal/accounting"
	"github.com/passerelle/passerelle/internal/documents"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// accountingWindow is the API and the page of the books for accountants.
type accountingWindow struct{ room *accounting.Service }

// AccountingRoutes are the routes of package accounting.
func AccountingRoutes(room *accounting.Service) []Route {
	w := accountingWindow{room}
	finance := For(identity.Operator, identity.Finance)
	return []Route{
		{Method: "GET", Path: "/api/v1/accounting/fec/:year", Handler: w.fec, Access: finance,
			Doc: "a year's file of entries for the tax administration (LPF art. A47 A-1)"},
		{Method: "GET", Path: "/api/v1/accounting/journal", Handler: w.journal, Access: finance,
			Doc: "the journal from ?from= to ?to=, within one year, as CSV"},
		{Method: "GET", Path: "/accounting", Handler: w.page, Access: finance, Doc: "files for the accountant, year by year",
			Nav: Nav{Key: "accounting.title", Icon: "download", Desk: true}},
	}
}

func (w accountingWindow) fec(c *fiber.Ctx) error {
	year, err := strconv.Atoi(c.Params("year"))
	if err != nil {
		return fault.New(fault.NotFound, "not_found")
	}
	err = sendFile(c, func(ctx context.Context, out io.Writer) error { return w.room.FEC(ctx, actor(c), year, out) })
	if err != nil {
		return err
	}
	c.Attachment(w.room.FileName(year))
	c.Set(fiber.HeaderContentType, "text/plain; charset=iso-8859-15")
	return nil
}

func (w accountingWindow) journal(c *fiber.Ctx) error {
	p, err := w.period(c)
	if err != nil {
		return err
	}
	said := words(c)
	err = sendFile(c, func(ctx context.Context, out io.Writer) error {
		file, err := documents.NewCSV(out, journalColumns(said))
		if err != nil {
			return err
		}
		err = w.room.Journal(ctx, actor(c), p, func(l accounting.Line) error { return file.Row(journalRow(l)) })
		return errors.Join(err, file.Flush())
	})
	if err != nil {
		return err
	}
	c.Attachment(fmt.Sprintf("journal-%s-%s.csv", p.From, p.To))
	c.Set(fiber.HeaderContentType, "text/csv; charset=utf-8")
	return nil
}

// period is what the query asks for; this year up to today without one.
func (w accountingWindow) period(c *fiber.Ctx) (accounting.Period, error) {
	p := accounting.Period{To: vouchers.DayOf(of(c).server.options.Now())}
	if text := c.Query("to"); text != "" && p.To.UnmarshalText([]byte(text)) != nil {
		return p, invalid("to")
	}
	p.From = accounting.NewYear(p.To.Time().Year())
	if text := c.Query("from"); text != "" && p.From.UnmarshalText([]byte(text)) != nil {
		return p, invalid("from")
	}
	return p, nil
}

func journalColumns(w *i18n.Words) []documents.Column {
	var all []documents.Column
	for _, c := range []struct {
		key  string
		kind documents.Kind
	}{{"entry", documents.Integer}, {"day", documents.Date}, {"journal", documents.Text}, {"account", documents.Text}, {"label", documents.Text},
		{"party", documents.Text}, {"name", documents.Text}, {"piece", documents.Text}, {"piece-day", documents.Date}, {"words", documents.Text},
		{"debit", documents.Money}, {"credit", documents.Money}} {
		all = append(all, documents.Column{Header: w.Text("accounting.column." + c.key), Kind: c.kind})
	}
	return all
}

func journalRow(l accounting.Line) []documents.Cell {
	text := documents.TextCell
	return []documents.Cell{documents.IntegerCell(int64(l.Entry)), documents.DateCell(l.On), text(l.JournalName()), text(l.Account), text(l.Label),
		text(l.Party), text(l.Name), text(l.Piece), documents.DateCell(l.PieceOn), text(l.Words), documents.MoneyCell(l.Debit), documents.MoneyCell(l.Credit)}
}

// fileWithin is how long a file may take to be written, which may be far more than a page.
const fileWithin = 10 * time.Minute

// sendFile answers with what write writes, however much it is: into a temporary file
// first, so that a file that cannot be finished is an error and never half a file.
func sendFile(c *fiber.Ctx, write func(context.Context, io.Writer) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.UserContext()), fileWithin)
	defer cancel()
	file, err := os.CreateTemp("", "passerelle-")
	if err != nil {
		return err
	}
	passing := passingFile{file}
	err = write(ctx, file)
	size, sizeErr := file.Seek(0, io.SeekCurrent)
	_, backErr := file.Seek(0, io.SeekStart)
	if err := errors.Join(err, sizeErr, backErr); err != nil {
		return errors.Join(err, passing.Close())
	}
	return c.SendStream(passing, int(size))
}

// passingFile goes when it is closed, which the server does once it is sent.
type passingFile struct{ *os.File }

func (f passingFile) Close() error { return errors.Join(f.File.Close(), os.Remove(f.Name())) }

// AccountingBody is what accounting/accounting.html shows.
type AccountingBody struct {
	Years             []accountingYear
	accounting.Period // that the form for the journal shows at first
}

type accountingYear struct {
	accounting.Year
	File string
}

func (w accountingWindow) page(c *fiber.Ctx) error {
	years, err := w.room.Years(c.UserContext(), actor(c))
	if err != nil {
		return err
	}
	p, err := w.period(c)
	if err != nil {
		return err
	}
	body := AccountingBody{Period: p}
	for _, y := range years {
		body.Years = append(body.Years, accountingYear{y, w.room.FileName(y.Year)})
	}
	return page(c, "accounting/accounting", body)
}
