package throttle

import (
	"context"
	"time"

	"github.com/passerelle/passerelle/internal/db"
)

// counts reads the tries of the window before and of the current one.
func counts(ctx context.Context, tx *db.Tx, key string, start, startBefore time.Time) (before, current int, err error) {
	var row struct {
		Before  int `db:"before"`
		Current int `db:"current"`
	}
	err = tx.Get(ctx, &row, `
		SELECT coalesce(sum(count) FILTER (WHERE window_start = $3), 0) AS before,
		       coalesce(sum(count) FILTER (WHERE window_start = $2), 0) AS current
		FROM throttle WHERE bucket = $1 AND window_start IN ($2, $3)`, key, start, startBefore)
	return row.Before, row.Current, err
}

// count adds one try to the window unless it holds room tries already. The row's lock
// makes tries that come together wait for each other.
func count(ctx context.Context, tx *db.Tx, key string, start time.Time, room int) (bool, error) {
	if room < 1 {
		return false, nil
	}
	rows, err := tx.Exec(ctx, `
		INSERT INTO throttle AS t (bucket, window_start, count) VALUES ($1, $2, 1)
		ON CONFLICT ON CONSTRAINT throttle_pkey DO UPDATE SET count = t.count + 1 WHERE t.count < $3`, key, start, room)
	return rows == 1, err
}

func deleteBefore(ctx context.Context, tx *db.Tx, before time.Time) (int64, error) {
	return tx.Exec(ctx, `DELETE FROM throttle WHERE window_start < $1`, before)
}
