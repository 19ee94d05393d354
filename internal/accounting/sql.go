package accounting

import (
	"context"
	"errors"
	"time"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/ledger"
	"github.com/passerelle/passerelle/vouchers"
)

// firstDay is the day of the first transfer there is.
func firstDay(ctx context.Context, tx *db.Tx) (day vouchers.Day, some bool, err error) {
	var at time.Time
	err = tx.Get(ctx, &at, `SELECT at FROM transfers ORDER BY id LIMIT 1`)
	if errors.Is(err, db.ErrNoRows) {
		return 0, false, nil
	}
	return vouchers.DayOf(at), err == nil, err
}

// eachMoved visits the transfers from a day to another, entry by entry. An entry's
// transfers are together even where another transaction has drawn numbers between theirs.
func eachMoved(ctx context.Context, tx *db.Tx, from, to vouchers.Day, visit func(moved) error) error {
	return db.Each(ctx, tx, visit, `
		SELECT t.first, t.on_day, t.event, t.cause, t.debit, t.credit, t.amount, t.campaign_id,
			COALESCE(i.number, COALESCE(NULLIF(s.reference, ''), 'releve-' || s.id) || '/' || l.id) AS piece, COALESCE(i.issued_on, l.booked_on) AS piece_on
		FROM (SELECT id, event, cause, debit, credit, amount, campaign_id, (at AT TIME ZONE 'Europe/Paris')::date AS on_day,
				min(id) OVER (PARTITION BY event, cause, campaign_id, at) AS first
			FROM transfers WHERE at >= $1 AND at < $2) AS t
		LEFT JOIN invoices i ON i.id = t.cause AND t.event = ANY ($3)
		LEFT JOIN statement_lines l ON l.id = t.cause AND t.event = ANY ($4)
		LEFT JOIN statements s ON s.id = l.statement_id
		ORDER BY t.on_day, t.first, t.id`,
		from.Time(), to.AddDays(1).Time(), db.Array(provenBy(invoice)), db.Array(provenBy(line)))
}

// sumsBefore are the sums of all accounts before a moment, over all campaigns.
func sumsBefore(ctx context.Context, tx *db.Tx, before time.Time) ([]ledger.Sum, error) {
	var sums []ledger.Sum
	err := tx.Select(ctx, &sums, `
		SELECT account, sum(debited)::bigint AS debited, sum(credited)::bigint AS credited
		FROM (SELECT debit AS account, amount AS debited, 0 AS credited FROM transfers WHERE at < $1
		      UNION ALL SELECT credit, 0, amount FROM transfers WHERE at < $1) AS legs
		GROUP BY account`, before)
	return sums, err
}

// names are those of third parties, by the letter and number of their accounts.
type names map[third]map[int64]string

func (n names) of(p place) string { return n[p.third][p.party] }

func namesOf(ctx context.Context, tx *db.Tx) (names, error) {
	all := names{campaign: {}, funder: {}, structure: {}}
	var rows []struct {
		Third third  `db:"third"`
		ID    int64  `db:"id"`
		Name  string `db:"name"`
	}
	err := tx.Select(ctx, &rows, `
		SELECT $1::int AS third, id, name FROM campaigns
		UNION ALL SELECT CASE kind WHEN 'funder' THEN $2::int ELSE $3::int END, id, name FROM organisations WHERE kind IN ('funder', 'structure')`,
		int(campaign), int(funder), int(structure))
	for _, r := range rows {
		all[r.Third][r.ID] = r.Name
	}
	return all, err
}
