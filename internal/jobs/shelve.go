package jobs

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
)

// Shelve ends work that another program had left to do, where this one took its rows over:
// nobody knows what the other has done since. Kinds in goOn have no effect outside and go on;
// periodic work is planned anew. What a unique key was used for is known ever after, so that
// nothing that was said is said twice. It returns how much was ended.
func Shelve(ctx context.Context, tx *db.Tx, goOn ...string) (int64, error) {
	if err := deletePeriodic(ctx, tx); err != nil {
		return 0, err
	}
	if err := release(ctx, tx, goOn); err != nil {
		return 0, err
	}
	return endOthers(ctx, tx, goOn)
}
