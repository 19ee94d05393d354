package app

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/mattn/go-isatty"

	"github.com/passerelle/passerelle/internal/app/demo"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/i18n"
	"github.com/passerelle/passerelle/vouchers"
	"github.com/passerelle/passerelle/web"
)

// screen tells a person at a terminal what the demonstration does, in French.
type screen struct {
	out    io.Writer
	words  *i18n.Words
	live   bool // one line can be written over
	stage  string
	wide   int // of the line before
	shown  time.Time
	begins time.Time
}

func newScreen(out io.Writer) (*screen, error) {
	words, err := i18n.Load(web.Files)
	if err != nil {
		return nil, err
	}
	f, isFile := out.(interface{ Fd() uintptr })
	return &screen{out: out, words: words.For("fr"), live: isFile && isatty.IsTerminal(f.Fd()), begins: time.Now()}, nil
}

// progress draws a bar of days on a terminal, and elsewhere a line now and then.
func (s *screen) progress(stage string, day, of int) {
	text := s.words.Text("demo.progress", "stage", s.words.Text(stage), "day", day, "of", of)
	if !s.live {
		if time.Since(s.shown) > 5*time.Second {
			s.shown = time.Now()
			fmt.Fprintln(s.out, text)
		}
		return
	}
	if time.Since(s.shown) < 50*time.Millisecond && day < of {
		return
	}
	s.shown = time.Now()
	const width = 30
	bar := strings.Repeat("█", width*day/of) + strings.Repeat("░", width-width*day/of)
	line := bar + " " + text
	fmt.Fprintf(s.out, "\r%s%s", line, strings.Repeat(" ", max(0, s.wide-len([]rune(line)))))
	s.wide = len([]rune(line))
}

func (s *screen) found() { fmt.Fprintln(s.out, s.words.Text("demo.found")) }

// result prints the summary and the accounts.
func (s *screen) result(r demo.Result, cfg Config) {
	if s.live {
		fmt.Fprintln(s.out)
	}
	fmt.Fprintln(s.out, "\n"+s.words.Text("demo.summary", "wait", time.Since(s.begins).Round(time.Second).String()))
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	row := func(key string, value any) {
		fmt.Fprintf(table, "  %s\t%s\n", s.words.Text(key), s.words.Format(value))
	}
	row("demo.figure.places", r.Places)
	row("demo.figure.campaigns", r.Campaigns)
	row("demo.figure.ordered", r.OrderedCents)
	row("demo.figure.received", r.ReceivedCents)
	row("demo.figure.handed_over", r.HandedOver)
	row("demo.figure.redeemed", r.Redeemed)
	row("demo.figure.redeemed_cents", r.RedeemedCents)
	row("demo.figure.settled", r.SettledCents)
	row("demo.figure.live", r.LiveCents)
	row("demo.figure.expired", r.ExpiredCents)
	row("demo.figure.invoices", r.Invoices)
	row("demo.figure.fees", r.FeesCents)
	row("demo.figure.online", r.PaidOnline)
	row("demo.figure.credit_notes", r.CreditNotes)
	row("demo.figure.refunded", r.RefundedCents)
	row("demo.figure.fec", s.yes(r.FECBalanced))
	row("demo.figure.cover", s.yes(r.CoverOK))
	row("demo.figure.invariants", s.yes(allTrue(r.Invariants)))
	table.Flush()
	fmt.Fprintln(s.out, "\n"+s.words.Text("demo.look.operator", "address", cfg.PublicURL))
	fmt.Fprintln(s.out, s.words.Text("demo.look.funder", "address", cfg.PublicURL, "campaign", int(r.Closed)))
	s.accounts(r)
	if len(r.Files) > 0 {
		fmt.Fprintln(s.out, "\n"+s.words.Text("demo.files", "count", len(r.Files), "folder", folderOf(r.Files[0])))
		fmt.Fprintln(s.out, s.words.Text("demo.trustee", "folder", exportOfDemo, "key", privateOfDemo))
	}
}

// accounts prints one account of each kind and role, and where the others are.
func (s *screen) accounts(r demo.Result) {
	fmt.Fprintln(s.out, "\n"+s.words.Text("demo.accounts"))
	table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	seen := map[string]bool{}
	for _, a := range r.Accounts {
		what := string(a.Kind) + "." + string(a.Role)
		if seen[what] {
			continue
		}
		seen[what] = true
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", s.words.Text("demo.kind."+string(a.Kind)), s.words.Text("demo.role."+string(a.Role)), a.Email, a.Password)
	}
	table.Flush()
	fmt.Fprintln(s.out, s.words.Text("demo.accounts.all", "count", len(r.Accounts)))
	if len(r.LiveCodes) > 0 {
		fmt.Fprintln(s.out, s.words.Text("demo.code", "code", r.LiveCodes[0].Typed, "count", r.LiveCodes[0].Left))
	}
}

func (s *screen) serving(address string) {
	fmt.Fprintln(s.out, "\n"+s.words.Text("demo.serving", "address", address))
}

func (s *screen) yes(ok bool) string {
	if ok {
		return s.words.Text("demo.yes")
	}
	return s.words.Text("demo.no")
}

func allTrue(all map[string]bool) bool {
	return len(all) > 0 && !slices.Contains(slices.Collect(maps.Values(all)), false)
}

// logged tells the log, for a service that nobody watches.
type logged struct{ log *slog.Logger }

func (l logged) progress(string, int, int) {}
func (l logged) found()                    { l.log.Info("the database already holds the demonstration") }
func (l logged) serving(address string)    { l.log.Info("serving", "public_url", address) }

func (l logged) result(r demo.Result, cfg Config) {
	l.log.Info("demonstration", "places", r.Places, "handed_over", r.HandedOver, "live", vouchers.Cents(r.LiveCents).String(),
		"holds", r.Holds(), "accounts", cfg.Data+"/"+demoFile)
}

func isNotFound(err error) bool { return fault.Code(err) == "not_found" }

func folderOf(file string) string { return file[:strings.LastIndexAny(file, `/\`)+1] }
