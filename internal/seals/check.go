package seals

import (
	"context"
	"fmt"

	"github.com/passerelle/passerelle/internal/db"
	"github.com/passerelle/passerelle/internal/identity"
	"github.com/passerelle/passerelle/vouchers"
)

// Broken names the seals, most of them, that do not follow the one before, are not signed,
// or whose lines are no longer those that were sealed. It reads every line there is.
func Broken(ctx context.Context, tx *db.Tx, most int) ([]string, error) {
	var rows []sealRow
	if err := tx.Select(ctx, &rows, selectSeals+`ORDER BY number`); err != nil {
		return nil, err
	}
	var found []string
	var last vouchers.LedgerSeal // the one before, nothing at first
	var previous vouchers.Digest
	for _, r := range rows {
		seal := r.seal()
		broken := func(format string, args ...any) {
			found = append(found, fmt.Sprintf("seal:%d ", seal.Number)+fmt.Sprintf(format, args...))
		}
		if seal.Number != last.Number+1 || seal.From != last.To+1 || seal.Previous != previous {
			broken("after=seal:%d from=%d last_to=%d previous=%s last_sha256=%s", last.Number, seal.From, last.To, seal.Previous, previous)
		}
		if seal.CheckSignature() != nil {
			broken("signature key=%d not_signed", seal.Key)
		}
		lines, err := read(ctx, tx, seal.From, seal.To, int(seal.Count)+1, r.Secret, identity.Actor{})
		if err != nil {
			return nil, err
		}
		if root := treeOf(lines).Root(); int64(len(lines)) != seal.Count || root != seal.Root {
			broken("sealed=%d lines=%d sealed_root=%s root=%s", seal.Count, len(lines), seal.Root, root)
		}
		if len(found) >= most {
			break
		}
		last, previous = seal, seal.Digest()
	}
	return found, nil
}
