// Package accounting writes the ledger as a French accountant keeps books: entries in
// journals, on a chart of accounts, and the file that a tax officer asks for. It reads
// what others have written and writes nothing.
package accounting

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/fault"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Scope is what an API token needs to read the books.
const Scope = "reports"

// Service is the use cases of accounting.
type Service struct {
	db    *db.DB
	siren string
}

// New makes the service. siret is the operator's, "" where nobody has said it.
func New(d *db.DB, siret string) *Service {
	return &Service{db: d, siren: siret[:min(9, len(siret))]}
}

// mayRead is for those who keep the operator's books.
func mayRead(actor identity.Actor) error {
	if err := actor.Needs(identity.Operator, identity.Finance); err != nil {
		return err
	}
	return actor.NeedsScope(Scope)
}

// Year is a year that has entries, from the first of January to the last of December.
type Year struct {
	Year  int
	Ended bool // nothing is added to it any more
}

// Years lists the years of the books, the latest first.
func (s *Service) Years(ctx context.Context, actor identity.Actor) ([]Year, error) {
	if err := mayRead(actor); err != nil {
		return nil, err
	}
	var all []Year
	err := s.db.Read(ctx, func(tx *db.Tx) (err error) {
		all, err = years(ctx, tx)
		return err
	})
	return all, err
}

// FileName is the name that the law gives to the file of a year (LPF art. A47 A-1, IX).
func (s *Service) FileName(year int) string { return fmt.Sprintf("%sFEC%d1231.txt", s.siren, year) }

// FEC writes the file of a year's entries (fichier des écritures comptables): one
// snapshot, always the same bytes for a year that has ended, whatever its size.
func (s *Service) FEC(ctx context.Context, actor identity.Actor, year int, w io.Writer) error {
	if err := mayRead(actor); err != nil {
		return err
	}
	if s.siren == "" {
		return fault.New(fault.Conflict, "operator_siret_unknown")
	}
	out := bufio.NewWriter(w)
	err := s.db.Read(ctx, func(tx *db.Tx) error {
		if err := known(ctx, tx, year); err != nil {
			return err
		}
		if err := writeHeader(out); err != nil {
			return err
		}
		return entries(ctx, tx, year, lastDay(year), func(l Line) error { return l.writeFEC(out) })
	})
	if err != nil {
		return err
	}
	return out.Flush()
}

// Period is a time with its first and its last day.
type Period struct{ From, To vouchers.Day }

// Journal visits the lines of the entries of a period, which lies within one year.
// Entries have the numbers that they have in the year's file.
func (s *Service) Journal(ctx context.Context, actor identity.Actor, p Period, visit func(Line) error) error {
	if err := mayRead(actor); err != nil {
		return err
	}
	year := p.From.Time().Year()
	if p.To < p.From || p.To.Time().Year() != year {
		return fault.New(fault.Invalid, "journal_period")
	}
	return s.db.Read(ctx, func(tx *db.Tx) error {
		if err := known(ctx, tx, year); err != nil {
			return err
		}
		return entries(ctx, tx, year, p.To, func(l Line) error {
			if l.On < p.From {
				return nil
			}
			return visit(l)
		})
	})
}

// known refuses a year of which there are no books.
func known(ctx context.Context, tx *db.Tx, year int) error {
	all, err := years(ctx, tx)
	if err != nil {
		return err
	}
	for _, y := range all {
		if y.Year == year {
			return nil
		}
	}
	return fault.New(fault.NotFound, "year_without_entries", "year", year)
}

func years(ctx context.Context, tx *db.Tx) ([]Year, error) {
	first, some, err := firstDay(ctx, tx)
	if err != nil || !some {
		return []Year{}, err
	}
	now := vouchers.DayOf(tx.Now).Time().Year()
	all := []Year{}
	for year := now; year >= first.Time().Year(); year-- {
		all = append(all, Year{year, year < now})
	}
	return all, nil
}

func lastDay(year int) vouchers.Day { return NewYear(year + 1).AddDays(-1) }
