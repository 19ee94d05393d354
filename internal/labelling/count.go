package labelling

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/vouchers"
)

// Counts is how many places are known, and how many take vouchers today.
type Counts struct {
	Known    int `db:"known"`
	Labelled int `db:"labelled"`
}

// Count counts the places.
func Count(ctx context.Context, tx *db.Tx) (Counts, error) {
	var c Counts
	err := tx.Get(ctx, &c, `
		SELECT (SELECT count(*) FROM places WHERE listed) AS known,
			(SELECT count(DISTINCT place_id) FROM labels WHERE ended_at IS NULL AND suspended_at IS NULL AND $1 BETWEEN starts_on AND ends_on) AS labelled`,
		vouchers.DayOf(tx.Now))
	return c, err
}
