package accounting

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// Line is one line of an entry: an account that is debited or credited.
type Line struct {
	Entry          int // its number: 1, 2, 3… within the year
	Journal        string
	On             vouchers.Day
	Account, Label string
	Party, Name    string // the subsidiary account; "" for none
	Piece          string // what proves it
	PieceOn        vouchers.Day
	Words          string
	Debit, Credit  vouchers.Cents // one of them is 0
}

// JournalName names the journal of the line.
func (l Line) JournalName() string { return journals[l.Journal] }

// moved is a transfer with what proves it. First is the first transfer of its entry: those
// of one event, cause, campaign and moment.
type moved struct {
	First    int64               `db:"first"`
	On       vouchers.Day        `db:"on_day"`
	Event    ledger.Event        `db:"event"`
	Cause    int64               `db:"cause"`
	Debit    ledger.Account      `db:"debit"`
	Credit   ledger.Account      `db:"credit"`
	Amount   vouchers.Cents      `db:"amount"`
	Campaign vouchers.CampaignID `db:"campaign_id"`
	Piece    *string             `db:"piece"`
	PieceOn  *vouchers.Day       `db:"piece_on"`
}

// entries visits the lines of a year's entries up to a day: what the year takes over, then
// its transfers in the order of their days, and of the ledger within a day.
func entries(ctx context.Context, tx *db.Tx, year int, until vouchers.Day, visit func(Line) error) error {
	names, err := namesOf(ctx, tx)
	if err != nil {
		return err
	}
	number := 0
	taken, err := opening(ctx, tx, year, names)
	if err != nil {
		return err
	}
	for _, l := range taken {
		number = 1
		if err := visit(l); err != nil {
			return err
		}
	}
	first := int64(0)
	return eachMoved(ctx, tx, NewYear(year), until, func(m moved) error {
		if m.First != first {
			first, number = m.First, number+1
		}
		lines, err := linesOf(m, number, names)
		if err != nil {
			return err
		}
		for _, l := range lines {
			if err := visit(l); err != nil {
				return err
			}
		}
		return nil
	})
}

// linesOf makes the two lines of a transfer.
func linesOf(m moved, number int, names names) ([]Line, error) {
	k, there := kinds[m.Event]
	if !there {
		return nil, fmt.Errorf("event %s has no journal", m.Event)
	}
	l := Line{Entry: number, Journal: k.journal, On: m.On, Words: k.words, Piece: fmt.Sprintf("%s:%d", m.Event, m.Cause), PieceOn: m.On}
	if m.Piece != nil {
		l.Piece = *m.Piece
	}
	if m.PieceOn != nil {
		l.PieceOn = *m.PieceOn
	}
	debit, err := placeOf(m.Debit)
	if err != nil {
		return nil, err
	}
	credit, err := placeOf(m.Credit)
	if err != nil {
		return nil, err
	}
	return []Line{l.at(debit, names, m.Amount), l.at(credit, names, -m.Amount)}, nil
}

// at is the line on an account; amount is below zero for a credit.
func (l Line) at(p place, names names, amount vouchers.Cents) Line {
	l.Account, l.Label, l.Party, l.Name = p.number, p.label, p.code(), names.of(p)
	l.Debit, l.Credit = max(amount, 0), max(-amount, 0)
	return l
}

// opening is the entry by which a year takes over the balances of those before it: of all
// accounts but those of charges and products, whose sum is the result. None: no lines.
func opening(ctx context.Context, tx *db.Tx, year int, names names) ([]Line, error) {
	first := NewYear(year)
	sums, err := sumsBefore(ctx, tx, first.Time())
	if err != nil {
		return nil, err
	}
	entry := Line{Entry: 1, Journal: openings, On: first, Piece: fmt.Sprintf("AN%d", year), PieceOn: first,
		Words: fmt.Sprintf("Reprise des soldes au 1er janvier %d", year)}
	var lines []Line
	var result vouchers.Cents
	for _, s := range sums {
		p, err := placeOf(s.Account)
		switch {
		case err != nil:
			return nil, err
		case p.ofResult():
			result += s.Held()
		case s.Held() != 0:
			lines = append(lines, entry.at(p, names, s.Held()))
		}
	}
	switch {
	case result < 0:
		lines = append(lines, entry.at(place{account: earned}, names, result))
	case result > 0:
		lines = append(lines, entry.at(place{account: lost}, names, result))
	}
	slices.SortFunc(lines, func(a, b Line) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(a.Party, b.Party))
	})
	return lines, nil
}

// NewYear is the first of January.
func NewYear(year int) vouchers.Day {
	return vouchers.DayOf(time.Date(year, time.January, 1, 12, 0, 0, 0, time.UTC))
}
