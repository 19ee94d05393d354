package issuing

import (
	"context"

	"github.com/passerelle/passerelle/internal/db"
)

// KeysInUse lists the ids of the keys that booklets were made with, lowest first.
func KeysInUse(ctx context.Context, tx *db.Tx) ([]uint8, error) {
	var ids []uint8
	err := tx.Select(ctx, &ids, `SELECT DISTINCT key_id FROM booklets ORDER BY key_id`)
	return ids, err
}
